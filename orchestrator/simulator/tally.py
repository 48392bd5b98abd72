"""What the world did, and would have done without any action: sums, and one truth a session."""

from collections.abc import Callable
from typing import Any

from orchestrator.simulator.people import CONCERNS
from orchestrator.simulator.plan import Outcome, Plan
from orchestrator.simulator.reactions import Received
from orchestrator.simulator.session import Live
from orchestrator.types import Payload

_PER = 1_000


class Sums:
    """Sums over sessions, with and without actions."""

    __slots__ = ("with_actions", "without")

    def __init__(self) -> None:
        self.with_actions = [0] * 5
        """Sessions, carts, orders, revenue, profit."""
        self.without = [0] * 5

    def add(self, outcome: Outcome, *, without: bool = False) -> None:
        """Count one session."""
        sums = self.without if without else self.with_actions
        sums[0] += 1
        sums[1] += outcome.carted
        sums[2] += outcome.purchased
        sums[3] += outcome.revenue_cents
        sums[4] += outcome.profit_cents

    def summary(self) -> Payload:
        sessions, carts, orders, revenue_cents, profit_cents = self.with_actions
        return {
            "sessions": sessions,
            "carts": carts,
            "purchases": orders,
            "abandonment_share": _share(carts - orders, carts),
            "revenue_cents": revenue_cents,
            "profit_cents": profit_cents,
            "without_actions": {
                "sessions": self.without[0],
                "carts": self.without[1],
                "purchases": self.without[2],
                "abandonment_share": _share(self.without[1] - self.without[2], self.without[1]),
                "revenue_cents": self.without[3],
                "profit_cents": self.without[4],
            },
        }


class Tally:
    """All that is counted.

    Args:
        truth: Called with the truth of each session when it ends; None: nobody asks.
    """

    def __init__(self, truth: Callable[[Payload], None] | None = None) -> None:
        self._truth = truth
        self._total = Sums()
        self._types: dict[str, Sums] = {}
        self._actions: dict[str, dict[str, int]] = {}
        self.events = 0
        """Clickstream events, each counted once."""
        self.live_peak = 0

    def count(self, action: str, what: str, amount: int = 1) -> None:
        """Count something about an action."""
        row = self._actions.get(action)
        if row is None:
            row = self._actions[action] = dict.fromkeys(_COUNTS, 0)
        row[what] += amount

    def close(self, live: Live) -> None:
        """A session ended."""
        plan = live.plan
        here = plan.settle(live.course, live.received)
        base = plan.result(()) if live.received else here
        kind = str(live.latent.who.shopper_type)
        for sums in (self._total, self._types.setdefault(kind, Sums())):
            sums.add(here)
        if live.latent.parent_id is None:
            self._without(plan, base, kind)
        for one in live.received:
            self._caused(plan, live.received, one)
        if self._truth is not None:
            self._truth(_true(live, here, base))

    def reminded(self, action: str, with_it: Outcome, without_it: Outcome) -> None:
        """A reminder was read; both outcomes are those of the return to the shop."""
        self.count(action, "caused_orders", with_it.purchased - without_it.purchased)
        self.count(action, "caused_profit_cents", with_it.profit_cents - without_it.profit_cents)

    def summary(self) -> Payload:
        """Everything counted, as JSON."""
        total = self._total.summary()
        sessions = max(1, self._total.with_actions[0])
        profit_cents = self._total.with_actions[4]
        gained_cents = profit_cents - self._total.without[4]
        return {
            "type": "simulation_summary",
            "events": self.events,
            "events_per_session": round(self.events / sessions, 2),
            "live_sessions_peak": self.live_peak,
            **total,
            "profit_cents_per_1000_sessions": round(_PER * profit_cents / sessions),
            "gained_cents_per_1000_sessions": round(_PER * gained_cents / sessions),
            "by_type": {kind: self._types[kind].summary() for kind in sorted(self._types)},
            "by_action": {name: dict(self._actions[name]) for name in sorted(self._actions)},
        }

    def _without(self, plan: Plan, base: Outcome, kind: str) -> None:
        """The session without any action, and the return to it that would then have been."""
        outcomes = [base]
        course = plan.baseline
        if not course.bought and course.cart:
            back_ms = plan.returning_ms()
            if back_ms is not None:
                outcomes.append(plan.back(course.end_ms + back_ms, course.cart).result(()))
        for outcome in outcomes:
            self._total.add(outcome, without=True)
            self._types[kind].add(outcome, without=True)

    def _caused(self, plan: Plan, received: list[Received], one: Received) -> None:
        """What would have been had just this one action not come."""
        others = [other for other in received if other is not one]
        with_it, without_it = plan.journey(received), plan.journey(others)
        self.reminded(one.action, with_it, without_it)


_COUNTS = (
    "issued",
    "delivered",
    "shown",
    "accepted",
    "dismissed",
    "expired",
    "revoked",
    "refused",
    "unsubscribed",
    "caused_orders",
    "caused_profit_cents",
)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _true(live: Live, here: Outcome, base: Outcome) -> Payload:
    latent = live.latent
    actions: list[dict[str, Any]] = [
        {
            "action": one.action,
            "command_id": one.command_id,
            "response": one.kind,
            "effective_ms": one.effective_ms,
        }
        for one in live.received
    ]
    return {
        "session_id": latent.session_id,
        "parent_id": latent.parent_id,
        "profile_id": latent.profile_id,
        "customer": latent.who.number,
        "start_ms": latent.start_ms,
        "end_ms": here.end_ms,
        "events": live.sent,
        "shopper_type": str(latent.who.shopper_type),
        "concern": latent.main_concern,
        "concerns": {
            name: round(value, 4) for name, value in zip(CONCERNS, latent.concerns, strict=True)
        },
        "intent": round(latent.intent, 4),
        "openness": round(latent.openness, 4),
        "fatigue": round(latent.fatigue, 4),
        "lifetime_value_cents": latent.who.lifetime_value_cents,
        "carted": here.carted,
        "purchased": here.purchased,
        "profit_cents": here.profit_cents,
        "stage": here.stage,
        "purchased_without": base.purchased,
        "profit_without_cents": base.profit_cents,
        "actions": actions,
    }
