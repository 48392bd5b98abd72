"""What one shopper looked at lately and has ordered: from clicks and orders to pair updates."""

from collections.abc import Iterable, Sequence
from typing import Any

from orchestrator.domain.merchandising.statistics import PairUpdate, token_of

SESSION_GAP_MS = 30 * 60_000
"""Silence that ends a session, milliseconds of event time."""
SESSIONS_KEPT = 4
PRODUCTS_PER_SESSION = 50
"""Distinct products of a session that count; who looks at more is hardly choosing."""
PARTNER_WINDOW = 20
"""Latest products of a session that a newly viewed one is paired with."""
PRODUCTS_PER_ORDER = 50
ORDERS_KEPT = 32


class _Visit:
    """The products of one session, in order of arrival, each once."""

    __slots__ = ("first_ms", "last_ms", "products")

    def __init__(self, first_ms: int, last_ms: int, products: Sequence[str] = ()) -> None:
        self.first_ms = first_ms
        self.last_ms = last_ms
        self.products = list(products)


class Shopper:
    """One profile's open sessions and latest orders; bounded, plain JSON when dumped.

    Events may be repeated and arrive in any order within the gap: a product counts once a session,
    an order once. What lies before the latest closed session cannot be told from a repeat and is
    left out.
    """

    __slots__ = ("closed_ms", "last_ms", "orders", "visits")

    def __init__(self) -> None:
        self.visits: dict[str, _Visit] = {}
        self.orders: list[str] = []
        self.closed_ms = 0
        """Latest event time of a session that is no longer held."""
        self.last_ms = 0
        """Latest event time of all: the row may be forgotten some time after it."""

    def view(
        self, profile_id: str, session_id: str | None, product_id: str, time_ms: int
    ) -> tuple[PairUpdate, ...]:
        """A product page was opened; empty, where the session has seen this product already."""
        self.last_ms = max(self.last_ms, time_ms)
        session = session_id or profile_id
        visit = self._visit(session, time_ms)
        if visit is None or product_id in visit.products:
            return ()
        if len(visit.products) >= PRODUCTS_PER_SESSION:
            return ()
        partners = tuple(visit.products[-PARTNER_WINDOW:])
        leads = not visit.products
        visit.products.append(product_id)
        token = token_of("view", profile_id, session, product_id, str(time_ms))
        # Both sides of a pair live with their own product, in whatever partition that is.
        return (
            PairUpdate(product_id, "view", partners, time_ms, token, leads=leads),
            *(
                PairUpdate(other, "view", (product_id,), time_ms, token, counts=False)
                for other in partners
            ),
        )

    def order(
        self, profile_id: str, order_id: str, product_ids: Iterable[str], time_ms: int
    ) -> tuple[PairUpdate, ...]:
        """An order was placed; empty, where this order has been counted already."""
        self.last_ms = max(self.last_ms, time_ms)
        if order_id in self.orders:
            return ()
        products = tuple(dict.fromkeys(product_ids))[:PRODUCTS_PER_ORDER]
        if not products:
            return ()  # not remembered: a later report of the same order may name its products
        self.orders.append(order_id)
        del self.orders[:-ORDERS_KEPT]
        token = token_of("order", order_id)
        lead = min(products)
        return tuple(
            PairUpdate(
                product,
                "purchase",
                tuple(other for other in products if other != product),
                time_ms,
                token,
                leads=product == lead,
            )
            for product in products
        )

    def _visit(self, session: str, time_ms: int) -> _Visit | None:
        """Find or open the session an event belongs to; None: too late to tell from a repeat."""
        visit = self.visits.get(session)
        if visit is not None:
            if visit.first_ms - SESSION_GAP_MS < time_ms < visit.last_ms + SESSION_GAP_MS:
                visit.first_ms = min(visit.first_ms, time_ms)
                visit.last_ms = max(visit.last_ms, time_ms)
                return visit
            if time_ms < visit.first_ms:
                return None
            self._close(session)
        elif time_ms <= self.closed_ms:
            return None
        if len(self.visits) >= SESSIONS_KEPT:
            self._close(min(self.visits, key=lambda held: (self.visits[held].last_ms, held)))
        visit = self.visits[session] = _Visit(time_ms, time_ms)
        return visit

    def _close(self, session: str) -> None:
        self.closed_ms = max(self.closed_ms, self.visits.pop(session).last_ms)

    def dump(self) -> list[Any]:
        """The state as plain JSON values; `load` is the inverse."""
        visits = {
            session: [visit.first_ms, visit.last_ms, visit.products]
            for session, visit in self.visits.items()
        }
        return [self.last_ms, self.closed_ms, visits, self.orders]

    @classmethod
    def load(cls, row: list[Any]) -> "Shopper":
        """Read a dumped state; raises ValueError or TypeError on anything else."""
        state = cls()
        state.last_ms, state.closed_ms, visits, orders = row
        state.visits = {session: _Visit(*visit) for session, visit in visits.items()}
        state.orders = list(orders)
        return state
