"""Worlds played to the end, with and without somebody who sends commands."""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from orchestrator.simulator import ACTIONS, DO_NOTHING, Dials, Emission, World
from orchestrator.types import Payload

START_MS = 1_795_000_000_000
CLEAN = Dials(duplicates_share=0.0, out_of_order_share=0.0)
"""Every click once and in time."""
SHIPPED = tuple(name for name in ACTIONS if name != DO_NOTHING)
Player = Callable[[World, Emission], Iterable[Payload]]


def command(action: str, after: Emission, name: str, **fields: Any) -> Payload:
    """A command that the event gave rise to."""
    channel = ACTIONS[action].channel
    ttl_ms = 900_000 if channel in {"onsite", "chat"} else 86_400_000
    return {
        "id": f"cmd-{name}",
        "decision_id": f"dec-{name}",
        "type": "intervention_issued",
        "time_ms": after.time_ms,
        "profile_id": after.key,
        "session_id": after.value["session_id"],
        "channel": channel,
        "placement": "banner",
        "action": action,
        "treatment": "plain",
        "offer": None,
        "content": {"headline": None, "body": "-", "cta": None, "locale": "en", "facts": []},
        "expires_at_ms": after.time_ms + ttl_ms,
        "supersedes": None,
        "cancel_on": ["order_completed"],
        "policy": "test",
        "experiment": None,
    } | fields


def revocation(of: Payload, time_ms: int) -> Payload:
    """The revocation of a command."""
    return {
        "id": of["id"],
        "type": "intervention_revoked",
        "time_ms": time_ms,
        "profile_id": of["profile_id"],
        "decision_id": of["decision_id"],
        "channel": of["channel"],
        "reason": "order_completed",
    }


def play(world: World, player: Player | None = None) -> list[Emission]:
    """All records of a world; the player answers events of the clickstream with commands."""
    found: list[Emission] = []
    while (emission := world.next()) is not None:
        found.append(emission)
        if player is not None and emission.topic == "clickstream":
            for payload in player(world, emission):
                world.react(payload)
    return found


class OnceEach:
    """One command a session, at its first event of a type, the actions in turn."""

    def __init__(self, actions: Iterable[str] = SHIPPED, on: str = "cart_viewed") -> None:
        self._actions = tuple(actions)
        self._on = on
        self.sent: dict[str, Payload] = {}
        """Command by session."""

    def __call__(self, world: World, emission: Emission) -> list[Payload]:
        session = emission.value["session_id"]
        if emission.value["type"] != self._on or session in self.sent:
            return []
        action = self._actions[len(self.sent) % len(self._actions)]
        self.sent[session] = command(action, emission, str(len(self.sent)))
        return [self.sent[session]]


def bytes_of(emissions: Iterable[Emission]) -> bytes:
    """What would go over the wire."""
    return b"\n".join(orjson.dumps(tuple(emission)) for emission in emissions)


def of_type(emissions: Iterable[Emission], topic: str, kind: str) -> list[Payload]:
    """Values of one topic and type."""
    return [
        emission.value
        for emission in emissions
        if emission.topic == topic and emission.value["type"] == kind
    ]
