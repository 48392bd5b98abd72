"""One session: a function of the set of its events, whatever order they came in."""

from typing import Any, Final, Literal

from mypy_extensions import i64

from orchestrator.domain.sessions.course import Course
from orchestrator.domain.sessions.intake import INTAKES, ClickEvent, take_unknown
from orchestrator.domain.sessions.items import HESITATION, REFRESH, Item, read_items, write_items
from orchestrator.domain.sessions.settings import SessionSettings
from orchestrator.domain.sessions.stages import CART, CHECKOUT, CONTACT, REVIEW, STAGES
from orchestrator.domain.sessions.tally import TEXT_MAX, Tally

Verdict = Literal["added", "duplicate", "late"]

DECISIONS_MAX: Final = 32
_PLAIN_ROW: Final = 10
"""Length of a stored session of less than a minute, without decisions."""
_BIT_MASK: Final = 63
_BYTE_LESS_DIGIT: Final = 6
_TRIM_AT: Final = 32
"""So few recent events are not looked through for old ones at each event."""


class Session(Tally):
    """What is known of one session, bounded in every part.

    Sums, extremes and latest words are tallied as events come. What depends on order is a `Course`
    over all events older than the lateness, which are final, and over the recent ones, which are
    held one by one, in order; an event that comes late is put in its place and the recent ones are
    followed again.

    Args:
        base_id: The frontend's session id, or the profile's where there is none.
        generation: 1, 2 ...: an id that comes back after its session ended opens the next one.
        opened_ms: Event time of the first event.
        settings: When a session ends and how much is kept.
    """

    __slots__ = (
        "_final",
        "_floor_hash",
        "_floor_ms",
        "_hashes",
        "_items",
        "_seen",
        "_times",
        "base_id",
        "behind_ms",
        "closed_ms",
        "course",
        "decision_ids",
        "events_count",
        "generation",
        "last_decision_ms",
        "last_ms",
        "opened_ms",
        "risk_last",
        "session_id",
        "settings",
    )

    def __init__(
        self, base_id: str, generation: int, opened_ms: int, settings: SessionSettings
    ) -> None:
        super().__init__()
        self.settings = settings
        self.base_id: str = base_id
        self.generation: int = generation
        self.session_id: str = base_id if generation == 1 else f"{base_id}~{generation}"
        self.opened_ms: int = opened_ms
        self.last_ms: int = opened_ms - 1
        self.closed_ms: int = 0
        """When the session ended; 0: it is open."""
        self.behind_ms: int = 0
        """The caller's: by how much the partition's time is ahead of this session's own clock."""
        self.events_count: int = 0
        self.course: Course = Course()
        """The way of all events so far."""
        self.decision_ids: list[str] = []
        """The caller's: decisions made in the session, the latest at the end."""
        self.last_decision_ms: int = 0
        """The caller's: 0: none."""
        self.risk_last: float | None = None
        """The caller's: the risk scored last."""
        self._final: Course | None = None
        self._floor_ms: int = 0
        self._floor_hash: int = 0
        self._times: list[int] = []
        self._hashes: list[int] = []
        self._seen: i64 = 0
        """A bit for each recent event, by its hash: most that are new need no look at the list."""
        self._items: list[Item] = []

    # -- events

    def add(self, event: ClickEvent, event_id_hash: int) -> Verdict:
        """Add an event, unless it was added before or comes too late to tell.

        Returns:
            `added`; `duplicate`: an event of this id was added, within the lateness; `late`: its
            place is among those that are final.
        """
        time_ms = event.time_ms
        hashes = self._hashes
        last_ms = self.last_ms
        if time_ms <= last_ms and self._is_final(time_ms, event_id_hash):
            return "late"
        bit = _bit(event_id_hash)
        if self._seen & bit and event_id_hash in hashes and self._knows(event_id_hash):
            return "duplicate"
        self._seen |= bit
        intake = INTAKES.get(event.type)
        item = intake(self, event.properties, time_ms) if intake is not None else take_unknown(self)
        self.events_count += 1
        context = event.context
        if time_ms <= last_ms:
            self._add_between(time_ms, event_id_hash, item, context)
            return "added"
        self.last_ms = time_ms
        self._times.append(time_ms)
        hashes.append(event_id_hash)
        self._items.append(item)
        self.course.follow(time_ms, item)
        device: str | None = context.device
        if device:
            self.device_ms = time_ms
            if device != self.device_last:
                self.device_last = device[:TEXT_MAX]
        locale: str | None = context.locale
        if locale:
            self.locale_ms = time_ms
            self.locale_last = locale
        if len(hashes) > _TRIM_AT:
            self._trim()
        return "added"

    def _is_final(self, time_ms: int, event_id_hash: int) -> bool:
        if time_ms < self.last_ms - self.settings.lateness_ms:
            return True
        floor_ms = self._floor_ms
        return time_ms <= floor_ms and (time_ms, event_id_hash) <= (floor_ms, self._floor_hash)

    def _knows(self, event_id_hash: int) -> bool:
        since_ms = self.last_ms - self.settings.lateness_ms
        return any(
            known == event_id_hash and time_ms >= since_ms
            for known, time_ms in zip(self._hashes, self._times, strict=True)
        )

    def _add_between(self, time_ms: int, event_id_hash: int, item: Item, context: Any) -> None:
        """Put an event in its place among the recent ones, and follow them again."""
        self.opened_ms = min(self.opened_ms, time_ms)
        if context.device:
            self.see_device(context.device, time_ms)
        if context.locale:
            self.see_locale(context.locale, time_ms)
        times, hashes = self._times, self._hashes
        at = len(times)
        while at and (times[at - 1], hashes[at - 1]) > (time_ms, event_id_hash):
            at -= 1
        times.insert(at, time_ms)
        hashes.insert(at, event_id_hash)
        self._items.insert(at, item)
        if at == len(times) - 1:
            self.course.follow(time_ms, item)
        else:
            self._follow_again()
        if len(times) > _TRIM_AT:
            self._trim()

    def merge(self, other: "Session") -> None:
        """Take in a later session of the same id that turned out to be the same one.

        Raises:
            ValueError: The other does not lie wholly after this one, or is in part final already.
        """
        if other._final is not None or other.opened_ms < self.last_ms:  # noqa: SLF001 - own class
            raise ValueError("only a session that is later and recent as a whole can be merged")
        self.absorb(other)
        self.events_count += other.events_count
        self.last_ms = max(self.last_ms, other.last_ms)
        self._times += other._times  # noqa: SLF001
        self._hashes += other._hashes  # noqa: SLF001
        self._seen |= other._seen  # noqa: SLF001
        self._items += other._items  # noqa: SLF001
        for time_ms, item in zip(other._times, other._items, strict=True):  # noqa: SLF001
            self.course.follow(time_ms, item)
        self._trim()
        self.decision_ids = (self.decision_ids + other.decision_ids)[-DECISIONS_MAX:]
        if other.last_decision_ms:
            self.last_decision_ms = other.last_decision_ms
            self.risk_last = other.risk_last

    def decided(self, decision_id: str, now_ms: int, risk: float | None) -> None:
        """Note a decision made in this session."""
        self.decision_ids.append(decision_id)
        del self.decision_ids[:-DECISIONS_MAX]
        self.last_decision_ms = now_ms
        self.risk_last = risk

    def _see_again(self) -> None:
        seen: i64 = 0
        for event_id_hash in self._hashes:
            seen |= _bit(event_id_hash)
        self._seen = seen

    def _follow_again(self) -> None:
        course = self._final.copy() if self._final is not None else Course()
        for time_ms, item in zip(self._times, self._items, strict=True):
            course.follow(time_ms, item)
        self.course = course

    def _trim(self) -> None:
        """Take events as final that nothing can precede any more, or that are too many to hold."""
        times, items = self._times, self._items
        since_ms = self.last_ms - self.settings.recent_ms
        final = 0
        while times[final] < since_ms:
            final += 1
        excess = len(times) - self.settings.recent_max
        if excess > final:
            final = excess
            self._floor_ms, self._floor_hash = times[final - 1], self._hashes[final - 1]
        if not final:
            return
        course = self._final
        if course is None:
            course = self._final = Course()
        for at in range(final):
            course.follow(times[at], items[at])
        del times[:final]
        del self._hashes[:final]
        self._see_again()
        del items[:final]

    # -- what it tells

    @property
    def stage_index(self) -> int:
        """Of the stage the shopper is at."""
        return self.course.stage

    @property
    def stage(self) -> str:
        """The stage the shopper is at."""
        return STAGES[self.course.stage]

    @property
    def step(self) -> str | None:
        """The step of the checkout the shopper is at."""
        return STAGES[self.course.stage] if CONTACT <= self.course.stage <= REVIEW else None

    @property
    def is_in_checkout(self) -> bool:
        return CHECKOUT <= self.course.stage <= REVIEW

    @property
    def stage_reached(self) -> str:
        """The furthest stage reached."""
        return STAGES[self.reached]

    @property
    def outcome(self) -> str:
        """purchased, abandoned (a cart was reached and no order followed) or browsed."""
        if self.course.order_ids:
            return "purchased"
        return "abandoned" if self.reached >= CART else "browsed"

    @property
    def cart_value_cents(self) -> int:
        return self.course.cart_value_cents

    @property
    def items_count(self) -> int:
        """Pieces in the cart, as far as known."""
        return self.course.items_count

    @property
    def cart_emptied(self) -> bool:
        """There was a cart, and its last piece was taken out, not bought."""
        return bool(self.course.cart_emptied)

    @property
    def cart_product_ids(self) -> list[str]:
        """Products in the cart, at most 16."""
        return list(self.course.cart)

    @property
    def viewed_product_ids(self) -> list[str]:
        """Products seen last, the latest at the end, at most 8."""
        return self.course.viewed

    @property
    def currency(self) -> str | None:
        """Of the cart or the order, as told last."""
        return self.currency_last or None

    @property
    def device(self) -> str | None:
        """The device last seen."""
        return self.device_last or None

    @property
    def locale(self) -> str | None:
        """The locale last seen."""
        return self.locale_last or None

    @property
    def order_ids(self) -> list[str]:
        """Orders completed, the latest at the end, at most 8."""
        return self.course.order_ids

    @property
    def coupon(self) -> str | None:
        """The coupon last typed in, taken or refused."""
        return self.course.coupon or None

    @property
    def payment_method(self) -> str | None:
        """The way of paying last chosen."""
        return self.course.payment_method or None

    def recent(self, since_ms: int) -> tuple[int, int, int]:
        """Events, page refreshes and micro-signals of doubt after a time within the last minute."""
        times, items = self._times, self._items
        count = len(times)
        at = count
        refreshes = hesitations = 0
        while at and times[at - 1] > since_ms:
            at -= 1
            kind = items[at].kind
            if kind == REFRESH:
                refreshes += 1
            elif kind == HESITATION:
                hesitations += 1
        return count - at, refreshes, hesitations

    # -- stored form

    def dump(self) -> list[Any]:
        """Plain JSON values, small; the same for the same events and decisions."""
        if self._times:
            self._trim()
        last_ms = self.last_ms
        row: list[Any] = [
            self.base_id,
            self.generation,
            last_ms,
            last_ms - self.opened_ms,
            self.events_count,
            self.dump_tally(last_ms),
            [last_ms - time_ms for time_ms in self._times],
            self._hashes[:],
            write_items(self._items),
            self.behind_ms,
        ]
        # a course that met nothing but heartbeats is none, before and after a restart
        final = self._final.dump(self.opened_ms) if self._final is not None else []
        if final or self._floor_ms or self.last_decision_ms:
            row.append(final)
        if self._floor_ms or self.last_decision_ms:
            row.extend((self.decision_ids[:], self.last_decision_ms, self.risk_last))
            row.extend((self._floor_ms, self._floor_hash))
        return row

    @classmethod
    def load(cls, row: list[Any], settings: SessionSettings) -> "Session":
        """The inverse of `dump`."""
        base_id, generation, last_ms, span_ms, events_count, tally, *recent, behind_ms = row[
            :_PLAIN_ROW
        ]
        times, hashes, items = recent
        opened_ms = last_ms - span_ms
        session = cls(base_id, generation, opened_ms, settings)
        session.last_ms = last_ms
        session.behind_ms = behind_ms
        session.events_count = events_count
        session.load_tally(tally, last_ms)
        session._times = [last_ms - before_ms for before_ms in times]
        session._hashes = hashes[:]
        session._see_again()
        session._items = read_items(items)
        if len(row) > _PLAIN_ROW:
            session._load_more(row[_PLAIN_ROW:])
        session._follow_again()
        return session

    def _load_more(self, more: list[Any]) -> None:
        if more[0]:
            self._final = Course.load(more[0], self.opened_ms)
        if len(more) > 1:
            _, ids, self.last_decision_ms, self.risk_last, self._floor_ms, self._floor_hash = more
            self.decision_ids = list(ids)


def _bit(event_id_hash: int) -> i64:
    """One of 64, by the last two bytes of the id: counters spread over all."""
    mixed: i64 = event_id_hash
    return i64(1) << ((mixed ^ mixed >> _BYTE_LESS_DIGIT) & _BIT_MASK)
