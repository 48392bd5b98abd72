"""Drive a `SessionSet` as a host does: events as they arrive, the watermark after each."""

from collections.abc import Iterable
from typing import Any

import orjson

from orchestrator.domain.sessions import Session, SessionSet, SessionSettings
from orchestrator.domain.signals import values
from orchestrator.types import Payload
from tests.builders import decoded

SHORT = SessionSettings(gap_ms=120_000, lateness_ms=60_000)
"""Gaps and bridges come about by chance."""

Arrival = tuple[Payload, int, int | None]
"""An event, its delay, and the delay of its second delivery, milliseconds."""


def arrive(arrivals: Iterable[Arrival]) -> list[Payload]:
    """Events in the order they come in, none later than its delay, duplicates included."""
    deliveries: list[tuple[int, int, Payload]] = []
    for index, (event, delay_ms, again_ms) in enumerate(arrivals):
        deliveries.append((event["time_ms"] + delay_ms, index, event))
        if again_ms is not None:
            deliveries.append((event["time_ms"] + again_ms, index, event))
    return [event for _, _, event in sorted(deliveries, key=lambda entry: entry[:2])]


def through_json(held: SessionSet) -> SessionSet:
    """The set after a restart."""
    return SessionSet.load(orjson.loads(orjson.dumps(held.dump())), held.settings)


def fold(
    events: Iterable[Payload],
    settings: SessionSettings = SHORT,
    *,
    restart_every: int = 0,
) -> tuple[list[Any], list[str]]:
    """What the ended sessions tell, all ended at last, and the verdicts on the events."""
    held = SessionSet(settings)
    ended: list[Session] = []
    verdicts: list[str] = []
    latest_ms = 0
    for count, event in enumerate(events, start=1):
        verdicts.append(held.route(decoded(event))[1])
        latest_ms = max(latest_ms, event["time_ms"])
        if restart_every and count % restart_every == 0:
            held = through_json(held)
        ended += held.due(latest_ms - settings.lateness_ms)
    ended += held.due(latest_ms + settings.gap_ms)
    return [tell(session) for session in ended], verdicts


def tell(session: Session) -> Any:
    """All that can be known of a session, now and a moment later; a restart changes nothing."""
    restored = Session.load(orjson.loads(orjson.dumps(session.dump())), session.settings)
    assert values(restored, session.last_ms) == values(session, session.last_ms)
    return (
        session.session_id,
        session.closed_ms,
        session.dump(),
        values(session, session.last_ms),
        values(session, session.last_ms + 30_000),
        session.outcome,
        session.viewed_product_ids,
        session.cart_product_ids,
    )


def session_of(*events: Payload, settings: SessionSettings | None = None) -> Session:
    """The one session that the events make."""
    held = SessionSet(settings or SessionSettings())
    for event in events:
        held.route(decoded(event))
    (session,) = held.open
    return session
