"""What the learner keeps of one profile: decisions without their outcome yet. Bounded, expiring."""

from typing import Any

from orchestrator.domain.outcomes import Claim, Purchase, Visit
from orchestrator.domain.risk import Scored
from orchestrator.types import Keyed

MAX_VISITS = 8
MAX_CLAIMS = 96
"""Decisions of one session, fifteen seconds apart: 24 minutes without a pause."""
MAX_PURCHASES = 32
MAX_EARLY = 32
"""Acknowledgements kept for commands whose decision was not read yet."""


class Followed:
    """One session that was decided upon: its decisions' claims, and its rows until learnt.

    Decisions and the session's end come by two topics, so either may be read first. The end names
    its decisions: once it and they are there the session is whole, whatever was read before what.
    """

    __slots__ = ("is_ended", "is_learnt", "missing", "purchased", "rows", "visit")

    def __init__(self, session_id: str) -> None:
        self.visit = Visit(session_id, [])
        self.rows: list[Scored] = []
        """Snapshots not learnt yet; empty afterwards."""
        self.missing: list[str] = []
        """Decisions that the session's end names and that were not read yet."""
        self.purchased = False
        self.is_ended = False
        """Its end was read; until then `visit.closed_ms` is assumed."""
        self.is_learnt = False
        """Its rows were learnt or given up: a further one comes too late."""

    def knows(self, decision_id: str) -> bool:
        return any(claim.decision_id == decision_id for claim in self.visit.claims)

    def last_ms(self) -> int:
        """Time of its latest decision; of its end where none was read."""
        return max((claim.time_ms for claim in self.visit.claims), default=self.visit.closed_ms)

    def is_whole(self) -> bool:
        """Whether its end and every decision that it names were read."""
        return self.is_ended and not self.missing

    def waits(self) -> bool:
        """Whether rows wait to be learnt, or the session for decisions that bring rows."""
        return not self.is_learnt and bool(self.rows or self.missing)

    def inside_ms(self) -> int:
        """Time of the latest decision made while it was open; 0: none was read."""
        return max(
            (claim.time_ms for claim in self.visit.claims if not claim.follows_up), default=0
        )

    def dump(self) -> list[Any]:
        visit = self.visit
        return [
            visit.session_id,
            [claim.dump() for claim in visit.claims],
            visit.closed_ms,
            visit.cart_value_cents,
            [list(scored) for scored in self.rows],
            self.missing[:],
            self.purchased,
            self.is_ended,
            self.is_learnt,
        ]

    @classmethod
    def load(cls, row: list[Any]) -> "Followed":
        followed = cls(row[0])
        followed.visit.claims = [Claim.load(claim) for claim in row[1]]
        followed.visit.closed_ms, followed.visit.cart_value_cents = row[2:4]
        followed.rows = [Scored(*scored) for scored in row[4]]
        followed.missing = list(row[5])
        followed.purchased, followed.is_ended, followed.is_learnt = row[6:9]
        return followed


class Awaiting(Keyed):
    """State of one profile in the learner."""

    __slots__ = (
        "early",
        "followed",
        "loose_ms",
        "profile_id",
        "purchases",
    )

    def __init__(self, profile_id: str) -> None:
        super().__init__()
        self.profile_id = profile_id
        self.followed: list[Followed] = []
        """Most recent last."""
        self.purchases: list[Purchase] = []
        self.early: list[tuple[str, str]] = []
        """Acknowledgements read before their decision: command and type."""
        self.loose_ms = 0
        """Time of the latest record about an order, or of such an acknowledgement."""

    def find(self, session_id: str) -> Followed | None:
        for followed in self.followed:
            if followed.visit.session_id == session_id:
                return followed
        return None

    def knows(self, decision_id: str) -> bool:
        return any(followed.knows(decision_id) for followed in self.followed)

    def arrived(self, decision_id: str) -> None:
        """A decision was read: no session misses it any more."""
        for followed in self.followed:
            if decision_id in followed.missing:
                followed.missing.remove(decision_id)

    def victim(self) -> Followed:
        """The session to give up for a new one: the oldest without rows to learn, if there is."""
        return next((held for held in self.followed if not held.waits()), self.followed[0])

    def remember(self, command_id: str, kind: str, time_ms: int) -> None:
        """Keep an acknowledgement until its decision is read."""
        if (command_id, kind) not in self.early:
            self.early.append((command_id, kind))
            del self.early[:-MAX_EARLY]
        self.loose_ms = max(self.loose_ms, time_ms)

    def take_early(self, claim: Claim) -> None:
        """Hand a new claim the acknowledgements that came before it."""
        if claim.command_id and self.early:
            for command_id, kind in self.early:
                if command_id == claim.command_id:
                    claim.engage(kind)
            self.early = [held for held in self.early if held[0] != claim.command_id]

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
            [list(held) for held in self.early],
            self.loose_ms,
            self.wake_at_ms,
        ]

    @classmethod
    def load(cls, row: list[Any]) -> "Awaiting":
        state = cls(row[0])
        state.followed = [Followed.load(held) for held in row[1]]
        state.purchases = [Purchase.load(held) for held in row[2]]
        state.early = [(command_id, kind) for command_id, kind in row[3]]
        state.loose_ms, state.wake_at_ms = row[4:6]
        return state
