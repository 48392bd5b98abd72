"""The sessions of one profile: which one an event belongs to, and when they end."""

from typing import Any, Final, NamedTuple

from orchestrator.domain.sessions.hashing import event_hash
from orchestrator.domain.sessions.intake import ClickEvent
from orchestrator.domain.sessions.session import Session, Verdict
from orchestrator.domain.sessions.settings import SessionSettings

Routed = tuple[Session | None, Verdict]
"""The session an event was added to, or is a duplicate in (None where it is late), and how."""


class Horizon(NamedTuple):
    """The end of a session: events of its id before that are late."""

    base_id: str
    closed_ms: int
    generation: int


_LATE: Final[Routed] = (None, "late")


class SessionSet:
    """Sessions of one profile, open and just ended.

    Args:
        settings: When a session ends and how much is kept.
    """

    __slots__ = ("_ended", "_floor_ms", "_horizons", "open", "settings")

    def __init__(self, settings: SessionSettings) -> None:
        self.settings = settings
        self.open: list[Session] = []
        """Sessions that may still take events, the one opened last first."""
        self._ended: list[Session] = []
        self._horizons: list[Horizon] = []
        """The latest last."""
        self._floor_ms: int = 0

    def route(self, event: ClickEvent) -> Routed:
        """Add an event to its session, opening one where needed.

        Sessions that end by it (too many open) are handed out by the next `due`.
        """
        base_id = event.session_id or event.profile_id
        time_ms = event.time_ms
        event_id_hash = event_hash(event.id)
        for session in self.open:
            if session.base_id == base_id:
                break
        else:
            return self._open_first(base_id, event, event_id_hash)
        if time_ms < session.opened_ms:
            return self._extend_back(session, event, event_id_hash)
        if time_ms >= session.last_ms + self.settings.gap_ms:
            return self._open_next(session, event, event_id_hash)
        verdict = session.add(event, event_id_hash)
        return _LATE if verdict == "late" else (session, verdict)

    def due(self, watermark_ms: int) -> list[Session]:
        """Hand out the sessions that have ended, in the order of their ends; once each.

        Args:
            watermark_ms: No event before it is still to come: the present less the lateness.
        """
        gap_ms = self.settings.gap_ms
        for session in self.open:
            if self._passes_ms(session) <= watermark_ms:
                break
        else:
            if not self._ended:
                return []
        for session in [held for held in self.open if self._passes_ms(held) <= watermark_ms]:
            self._end(session, session.last_ms + gap_ms)
        ended = sorted(self._ended, key=_order)
        self._ended = []
        return ended

    def next_close_ms(self) -> int:
        """The watermark at which `due` has something to hand out; 0: never, nothing is open.

        By the present that is later by the lateness. It may lie in the past.
        """
        next_ms = 0
        for session in self.open:
            passes_ms = self._passes_ms(session)
            if not next_ms or passes_ms < next_ms:
                next_ms = passes_ms
        for session in self._ended:
            closes_ms = session.closed_ms + session.behind_ms
            if not next_ms or closes_ms < next_ms:
                next_ms = closes_ms
        return next_ms

    def _passes_ms(self, session: Session) -> int:
        """The partition's time at which an open session has been silent for the gap."""
        return session.last_ms + self.settings.gap_ms + session.behind_ms

    def knows(self, session_id: str) -> bool:
        """Whether a session of this id, or of its first generation's, is open or ended of late."""
        names = (session_id, session_id.rpartition("~")[0])
        held = any(session.base_id in names for session in (*self.open, *self._ended))
        return held or any(horizon.base_id in names for horizon in self._horizons)

    # -- opening and ending

    def _open_first(self, base_id: str, event: ClickEvent, event_id_hash: int) -> Routed:
        horizon = self._horizon(base_id)
        if event.time_ms < (horizon.closed_ms if horizon else self._floor_ms):
            return _LATE
        self._make_room(event.time_ms)
        generation = horizon.generation + 1 if horizon else 1
        return self._open(base_id, generation, event, event_id_hash)

    def _open_next(self, before: Session, event: ClickEvent, event_id_hash: int) -> Routed:
        """The id comes back after a gap; `before` may turn out to be the same session yet."""
        base_id = before.base_id
        for session in [held for held in self.open if held.base_id == base_id]:
            if session is not before:
                self._end(session, session.last_ms + self.settings.gap_ms)
        self._make_room(event.time_ms)
        return self._open(base_id, before.generation + 1, event, event_id_hash)

    def _open(self, base_id: str, generation: int, event: ClickEvent, event_id_hash: int) -> Routed:
        session = Session(base_id, generation, event.time_ms, self.settings)
        session.add(event, event_id_hash)
        self.open.append(session)
        self.open.sort(key=_age, reverse=True)
        return (session, "added")

    def _extend_back(self, session: Session, event: ClickEvent, event_id_hash: int) -> Routed:
        """An event before the session's first, which may bridge the gap to the one before."""
        horizon = self._horizon(session.base_id)
        if horizon and event.time_ms < horizon.closed_ms:
            return _LATE
        verdict = session.add(event, event_id_hash)
        if verdict != "added":
            return _LATE if verdict == "late" else (session, verdict)
        for before in self.open:
            if (
                before is not session
                and before.base_id == session.base_id
                and event.time_ms < before.last_ms + self.settings.gap_ms
            ):
                before.merge(session)
                self.open.remove(session)
                return (before, "added")
        self.open.sort(key=_age, reverse=True)
        return (session, "added")

    def _make_room(self, time_ms: int) -> None:
        """End the oldest session where as many are open, at that time, as may be."""
        gap_ms = self.settings.gap_ms
        latest: dict[str, Session] = {}
        for session in self.open:
            latest.setdefault(session.base_id, session)
        active = [held for held in latest.values() if held.last_ms + gap_ms > time_ms]
        while len(active) >= self.settings.open_max:
            oldest = min(active, key=_age)
            active.remove(oldest)
            for session in [held for held in self.open if held.base_id == oldest.base_id]:
                self._end(session, session.last_ms + (1 if session is oldest else gap_ms))

    def _end(self, session: Session, closed_ms: int) -> None:
        session.closed_ms = closed_ms
        self.open.remove(session)
        self._ended.append(session)
        horizons = [held for held in self._horizons if held.base_id != session.base_id]
        known = self._horizon(session.base_id)
        horizon = Horizon(session.base_id, closed_ms, session.generation)
        horizons.append(max(known, horizon) if known else horizon)
        horizons.sort(key=_closed)
        while len(horizons) > self.settings.horizons_max:
            self._floor_ms = max(self._floor_ms, horizons.pop(0).closed_ms)
        self._horizons = horizons

    def _horizon(self, base_id: str) -> Horizon | None:
        for horizon in self._horizons:
            if horizon.base_id == base_id:
                return horizon
        return None

    # -- stored form

    def dump(self) -> list[Any]:
        """Plain JSON values; the same for the same events."""
        return [
            [session.dump() for session in self.open],
            self._dump_ended() if self._ended else [],
            [entry for horizon in self._horizons for entry in horizon],
            self._floor_ms,
        ]

    def _dump_ended(self) -> list[Any]:
        return [[held.closed_ms, held.dump()] for held in sorted(self._ended, key=_order)]

    @classmethod
    def load(cls, row: list[Any], settings: SessionSettings) -> "SessionSet":
        """The inverse of `dump`."""
        held = cls(settings)
        opened, ended, horizons, held._floor_ms = row
        held.open = [Session.load(session, settings) for session in opened]
        for closed_ms, session_row in ended:
            session = Session.load(session_row, settings)
            session.closed_ms = closed_ms
            held._ended.append(session)
        held._horizons = [Horizon(*horizons[at : at + 3]) for at in range(0, len(horizons), 3)]
        return held


def _age(session: Session) -> tuple[int, str]:
    return (session.opened_ms, session.session_id)


def _order(session: Session) -> tuple[int, int, str]:
    return (session.closed_ms, session.opened_ms, session.session_id)


def _closed(horizon: Horizon) -> tuple[int, str]:
    return (horizon.closed_ms, horizon.base_id)
