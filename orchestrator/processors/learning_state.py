"""What the learner keeps of one profile: decisions without their outcome yet. Bounded, expiring."""

from typing import Any

from orchestrator.domain.outcomes import Claim, Purchase, Visit
from orchestrator.domain.risk import Scored

MAX_VISITS = 8
MAX_CLAIMS = 96
"""Decisions of one session, fifteen seconds apart: 24 minutes without a pause."""
MAX_PURCHASES = 32


class Followed:
    """One session that was decided upon: its decisions' claims, and its rows until learnt."""

    __slots__ = ("learn_ms", "purchased", "rows", "visit")

    def __init__(self, session_id: str) -> None:
        self.visit = Visit(session_id, [])
        self.rows: list[Scored] = []
        """Snapshots not learnt yet; empty afterwards."""
        self.purchased = False
        self.learn_ms = 0
        """When its rows may be learnt; 0: it is open, or they were."""

    def knows(self, decision_id: str) -> bool:
        return any(claim.decision_id == decision_id for claim in self.visit.claims)

    def last_ms(self) -> int:
        """Time of its latest decision; of its end where it has none."""
        return max((claim.time_ms for claim in self.visit.claims), default=self.visit.closed_ms)

    def dump(self) -> list[Any]:
        visit = self.visit
        return [
            visit.session_id,
            [claim.dump() for claim in visit.claims],
            visit.closed_ms,
            visit.cart_value_cents,
            [list(scored) for scored in self.rows],
            self.purchased,
            self.learn_ms,
        ]

    @classmethod
    def load(cls, row: list[Any]) -> "Followed":
        followed = cls(row[0])
        followed.visit.claims = [Claim.load(claim) for claim in row[1]]
        followed.visit.closed_ms, followed.visit.cart_value_cents = row[2:4]
        followed.rows = [Scored(*scored) for scored in row[4]]
        followed.purchased, followed.learn_ms = row[5:7]
        return followed


class Awaiting:
    """State of one profile in the learner (`ports.Keyed`)."""

    __slots__ = (
        "followed",
        "last_order_ms",
        "profile_id",
        "purchases",
        "scheduled_ms",
        "wake_at_ms",
    )

    def __init__(self, profile_id: str) -> None:
        self.profile_id = profile_id
        self.followed: list[Followed] = []
        """Most recent last."""
        self.purchases: list[Purchase] = []
        self.last_order_ms = 0
        """Time of the latest record about an order."""
        self.wake_at_ms = 0
        self.scheduled_ms = 0

    def find(self, session_id: str) -> Followed | None:
        for followed in self.followed:
            if followed.visit.session_id == session_id:
                return followed
        return None

    def purchase(self, order_id: str) -> Purchase:
        """The order of that name, a new one if need be; the oldest makes room."""
        for purchase in self.purchases:
            if purchase.order_id == order_id:
                return purchase
        purchase = Purchase(order_id)
        self.purchases.append(purchase)
        del self.purchases[:-MAX_PURCHASES]
        return purchase

    def dump(self) -> list[Any]:
        return [
            self.profile_id,
            [followed.dump() for followed in self.followed],
            [purchase.dump() for purchase in self.purchases],
            self.last_order_ms,
            self.wake_at_ms,
        ]

    @classmethod
    def load(cls, row: list[Any]) -> "Awaiting":
        state = cls(row[0])
        state.followed = [Followed.load(held) for held in row[1]]
        state.purchases = [Purchase.load(held) for held in row[2]]
        state.last_order_ms, state.wake_at_ms = row[3:5]
        return state
