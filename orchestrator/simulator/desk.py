"""The channels: commands come in, some are shown, shoppers answer, and feedback goes out."""

from collections.abc import Mapping
from typing import Any

from orchestrator.simulator.draws import Draws, exponential
from orchestrator.simulator.latent import Latent, Setting
from orchestrator.simulator.people import History, profile_record
from orchestrator.simulator.reactions import FATIGUE, Received, logistic
from orchestrator.simulator.session import Live
from orchestrator.simulator.shop import Shop
from orchestrator.simulator.tally import Tally
from orchestrator.simulator.timeline import Emission, Handler, Timeline
from orchestrator.types import Payload

PRESENT = frozenset({"onsite", "chat"})
"""Channels that reach only who is there."""
_CHAT_MS = 90_000
_ANSWERS_NPS_SHARE = 0.3
_ARRIVES_MS = {"onsite": 300.0, "chat": 1_500.0, "push": 4_000.0, "email": 40_000.0}
_READ_AFTER_MS = {"push": 4 * 60_000.0, "email": 40 * 60_000.0}
_READING = {"push": -0.3, "email": 0.1}
"""Logit of a message being read at all."""


class Command:
    """One command on its way."""

    __slots__ = (
        "action",
        "channel",
        "expires_ms",
        "id",
        "is_revoked",
        "is_shown",
        "luck",
        "offer",
        "profile_id",
        "session_id",
    )

    def __init__(self, payload: Mapping[str, Any], seed: int) -> None:
        self.id: str = payload["id"]
        self.action: str = payload["action"]
        self.channel: str = payload["channel"]
        self.profile_id: str = payload["profile_id"]
        self.session_id: str | None = payload.get("session_id")
        self.offer: Payload | None = payload.get("offer")
        self.expires_ms: int = payload["expires_at_ms"]
        self.luck = Draws(seed, "command", self.id).block(0)
        self.is_revoked = False
        self.is_shown = False

    def holds(self, time_ms: int) -> bool:
        """Whether it may still be carried out."""
        return not self.is_revoked and time_ms < self.expires_ms


class Desk:
    """All channels of the shop.

    Args:
        timeline: What lies ahead.
        setting: What all sessions share.
        shop: Where the shoppers are.
        tally: Where reactions are counted.
        histories: What happened to persons, by number.
    """

    def __init__(
        self,
        timeline: Timeline,
        setting: Setting,
        shop: Shop,
        tally: Tally,
        histories: dict[int, History],
    ) -> None:
        self._timeline = timeline
        self._setting = setting
        self._shop = shop
        self._tally = tally
        self._histories = histories
        self._commands: dict[str, Command] = {}

    def __len__(self) -> int:
        """Commands not yet expired."""
        return len(self._commands)

    def take(self, payload: Mapping[str, Any]) -> None:
        """A value from a topic `interventions.*`; repeats change nothing."""
        known = self._commands.get(payload["id"])
        if payload["type"] == "intervention_revoked":
            if known is not None and not known.is_revoked:
                known.is_revoked = True
                self._tally.count(known.action, "revoked")
            return
        if known is not None or payload["type"] != "intervention_issued":
            return
        command = Command(payload, self._setting.seed)
        replaced = self._commands.get(payload.get("supersedes") or "")
        if replaced is not None:
            replaced.is_revoked = True
        self._tally.count(command.action, "issued")
        self._commands[command.id] = command
        sent_ms = max(self._timeline.now_ms, payload["time_ms"])
        mean_ms = _ARRIVES_MS.get(command.channel, 1_000.0) * self._setting.dials.delay
        arrives_ms = sent_ms + 50 + int(exponential(command.luck[0], mean_ms))
        self._timeline.plan(arrives_ms, self._deliver, command)
        self._timeline.plan(max(sent_ms, command.expires_ms), self._expire, command)

    # -- from the channel to the eye

    def _deliver(self, time_ms: int, command: Command) -> Emission | None:
        if not command.holds(time_ms):
            return None
        live = self._shop.live(command.session_id, command.profile_id)
        if command.channel in PRESENT:
            if live is None:
                return None
            latent = live.latent
            seen_ms = time_ms + 100 + int(500 * command.luck[1])
            seen: tuple[Handler, Any] = (self._show, (command, live))
        else:
            absent = self._shop.absent(command.session_id, command.profile_id)
            if absent is not None:
                latent = absent.plan.latent
            elif live is not None:
                latent = live.latent
            else:
                # Nobody left a cart behind: the message lies in a box and is never answered.
                return self._feedback(time_ms, command, "delivered")
            mean_ms = _READ_AFTER_MS.get(command.channel, 600_000.0) * self._setting.dials.delay
            seen_ms = time_ms + 5_000 + int(exponential(command.luck[1], mean_ms))
            seen = (self._read, command)
        if not self._allows(latent, command.channel):
            self._tally.count(command.action, "refused")
            return None
        self._timeline.plan(seen_ms, *seen)
        self._tally.count(command.action, "delivered")
        return self._feedback(time_ms, command, "delivered")

    def _show(self, time_ms: int, pair: tuple[Command, Live]) -> Emission | None:
        command, live = pair
        if live.is_gone or not command.holds(time_ms):
            return None
        command.is_shown = True
        self._tally.count(command.action, "shown")
        received = live.plan.receive(
            command.action,
            time_ms,
            offer=command.offer,
            before=live.received,
            command_id=command.id,
        )
        # A millisecond before it works, so that it never works on what has been settled already.
        self._timeline.plan(received.effective_ms - 1, self._answer, (command, live, received))
        return self._feedback(time_ms, command, "shown")

    def _answer(self, time_ms: int, reply: tuple[Command, Live, Received]) -> Emission | None:
        command, live, received = reply
        self._history(live.latent).tire(FATIGUE[received.kind], time_ms)
        if live.is_gone or command.is_revoked:
            return None
        self._shop.react(live, received)
        if received.kind == "ignored":
            return None
        if received.kind == "dismissed":
            self._tally.count(command.action, "dismissed")
        else:
            self._tally.count(command.action, "accepted")
            if command.channel == "chat":
                self._timeline.plan(time_ms + _CHAT_MS, self._after_chat, command)
        return self._feedback(time_ms, command, received.kind)

    def _after_chat(self, time_ms: int, command: Command) -> Emission:
        if command.luck[4] < _ANSWERS_NPS_SHARE:
            score = {"score": int(11 * command.luck[5] ** 0.5)}
            self._timeline.plan(time_ms + 5_000, self._scored, (command, score))
        return self._feedback(time_ms, command, "chat_completed")

    def _scored(self, time_ms: int, answer: tuple[Command, Payload]) -> Emission:
        return self._feedback(time_ms, answer[0], "nps_answered", answer[1])

    # -- messages to who has left

    def _read(self, time_ms: int, command: Command) -> Emission | None:
        absent = self._shop.absent(command.session_id, command.profile_id)
        if absent is None or not command.holds(time_ms):
            return None
        latent = absent.plan.latent
        history = self._history(latent)
        weary = history.fatigue_at(time_ms)
        reading = _READING.get(command.channel, 0.0) + 0.5 * latent.openness - 0.4 * weary
        if command.luck[2] >= logistic(reading):
            return None
        command.is_shown = True
        self._tally.count(command.action, "shown")
        history.tire(FATIGUE["ignored"], time_ms)
        if self._shop.remind(absent, command.action, time_ms):
            self._tally.count(command.action, "accepted")
            self._timeline.plan(time_ms + 8_000, self._clicked, command)
        elif command.luck[3] < 0.03 + 0.08 * weary:
            self._unsubscribe(time_ms, command, latent, history)
        kind = "email_opened" if command.channel == "email" else "shown"
        return self._feedback(time_ms, command, kind)

    def _clicked(self, time_ms: int, command: Command) -> Emission:
        return self._feedback(time_ms, command, "clicked")

    def _unsubscribe(
        self, time_ms: int, command: Command, latent: Latent, history: History
    ) -> None:
        self._tally.count(command.action, "unsubscribed")
        history.refused += (command.channel,)
        value = self._payload(time_ms + 12_000, command, "unsubscribed", None)
        self._timeline.emit(time_ms + 12_000, "feedback", command.profile_id, value)
        if latent.who.customer_id is not None:
            told_ms = time_ms + 60_000
            record = profile_record(latent.who, history, told_ms)
            self._timeline.emit(told_ms, "profiles", latent.who.profile_id, record)

    # -- the rest

    def _expire(self, time_ms: int, command: Command) -> Emission | None:
        del self._commands[command.id]
        if command.is_shown or command.is_revoked:
            return None
        self._tally.count(command.action, "expired")
        return self._feedback(time_ms, command, "expired")

    def _history(self, latent: Latent) -> History:
        return self._histories.setdefault(latent.who.number, History())

    def _allows(self, latent: Latent, channel: str) -> bool:
        history = self._histories.get(latent.who.number)
        return latent.allows(channel) and not (history and channel in history.refused)

    def _feedback(
        self, time_ms: int, command: Command, kind: str, properties: Payload | None = None
    ) -> Emission:
        value = self._payload(time_ms, command, kind, properties)
        return Emission(time_ms, "feedback", command.profile_id, value)

    def _payload(
        self, time_ms: int, command: Command, kind: str, properties: Payload | None
    ) -> Payload:
        return {
            "id": f"{command.id}-{kind}",
            "type": kind,
            "time_ms": time_ms,
            "profile_id": command.profile_id,
            "command_id": command.id,
            "channel": command.channel,
            "properties": properties or {},
        }
