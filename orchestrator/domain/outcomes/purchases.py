"""One order as its events tell it: the same whatever their order, and however often they come."""

from typing import Any

MAX_EVENTS = 24
"""Events of one order that are told apart; a further one of an order is ignored."""
PLACING = frozenset(
    (
        "order_placed",
        "order_paid",
        "order_packed",
        "order_shipped",
        "order_delivered",
        "order_delayed",
    )
)
"""Types that show an order exists; what `order_placed` tells of it goes before the others."""
BACK = frozenset(("order_returned", "order_refunded"))


Told = tuple[int, int, str, int]
"""A value with the rank, time and id of the event that told it; of several the least counts."""


class Purchase:
    """What is known of one order.

    Attributes:
        session_id: The session it was placed in, where somebody said so; else empty.
        returned_cents: Value that came back as goods.
        refunded_cents: Money that went back.
    """

    __slots__ = (
        "_margin",
        "_placed",
        "_total",
        "cancelled",
        "events",
        "order_id",
        "refunded_cents",
        "returned_cents",
        "session_id",
    )

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        self.session_id = ""
        self._placed: Told | None = None
        self._total: Told | None = None
        self._margin: Told | None = None
        self.returned_cents = 0
        self.refunded_cents = 0
        self.cancelled = False
        self.events: list[str] = []
        """Event ids taken in, so that a second copy of a refund is no second refund."""

    @property
    def placed_ms(self) -> int:
        """When it was placed, or the earliest sign of it; 0: only its name is known."""
        return self._placed[3] if self._placed else 0

    @property
    def total_cents(self) -> int | None:
        """What was charged; None until an event tells it."""
        return self._total[3] if self._total else None

    @property
    def margin_cents(self) -> int | None:
        """What the order system says it earns; None: estimate it from the total."""
        return self._margin[3] if self._margin else None

    def take(
        self,
        event_type: str,
        event_id: str,
        time_ms: int,
        *,
        total_cents: int | None = None,
        margin_cents: int | None = None,
    ) -> bool:
        """Take one order event in; False if it was known or says nothing here.

        A return or refund without an amount is one of everything.
        """
        if event_id in self.events or len(self.events) >= MAX_EVENTS:
            return False
        if event_type in PLACING:
            source = (0 if event_type == "order_placed" else 1, time_ms, event_id)
            self._placed = _least(self._placed, source, time_ms)
            self._total = _least(self._total, source, total_cents or None)
            self._margin = _least(self._margin, source, margin_cents)
        elif event_type in BACK:
            self._give_back(event_type, total_cents)
        elif event_type == "order_cancelled":
            self.cancelled = True
        else:
            return False
        self.events.append(event_id)
        return True

    def kept_share(self) -> float:
        """Share of the order that was neither cancelled, returned nor refunded, in [0, 1]."""
        if self.cancelled:
            return 0.0
        lost = max(self.returned_cents, self.refunded_cents)  # a return is refunded: one loss
        if not lost:
            return 1.0
        if lost >= _EVERYTHING or not self.total_cents:
            return 0.0
        return max(0.0, 1.0 - lost / self.total_cents)

    def gross_margin_cents(self, default_margin_share: float, fallback_total_cents: int) -> int:
        """Margin before anything came back.

        Args:
            default_margin_share: Margin of an order whose margin nobody told, share of its total.
            fallback_total_cents: Stands for the total of an order known by name only.
        """
        if self.margin_cents is not None:
            return self.margin_cents
        total = fallback_total_cents if self.total_cents is None else self.total_cents
        return round(total * default_margin_share)

    def dump(self) -> list[Any]:
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def load(cls, row: list[Any]) -> "Purchase":
        purchase = cls("")
        for name, value in zip(cls.__slots__, row, strict=True):
            setattr(purchase, name, value)
        for name in ("_margin", "_placed", "_total"):
            told = getattr(purchase, name)
            setattr(purchase, name, tuple(told) if told else None)
        return purchase

    def _give_back(self, event_type: str, amount_cents: int | None) -> None:
        amount = amount_cents or _EVERYTHING
        if event_type == "order_returned":
            self.returned_cents = min(self.returned_cents + amount, _EVERYTHING)
        else:
            self.refunded_cents = min(self.refunded_cents + amount, _EVERYTHING)


_EVERYTHING = 2**53
"""Stands for the amount of a return or refund that named none."""


def _least(known: Told | None, source: tuple[int, int, str], value: int | None) -> Told | None:
    if value is None:
        return known
    told = (*source, value)
    return told if known is None or told < known else known
