"""What would have flipped a decision: the smallest single change, found and verified by deciding.

The draw plays no part: a flip is about the candidate with the best score, and about what refused
the best of the refused. Every flip told was checked by making the decision anew.
"""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from orchestrator.domain.decisioning.conditions import ORDERED, Leaf, leaves
from orchestrator.domain.decisioning.decide import Decision, decide, order_of
from orchestrator.domain.decisioning.plan import Plan
from orchestrator.domain.decisioning.policy_set import PolicySet
from orchestrator.domain.decisioning.situation import FactValue, Situation
from orchestrator.domain.decisioning.validation import trees

Diagnosis: TypeAlias = Callable[[dict[str, float]], dict[str, float]]
"""Tells the concern from signals, so that a changed signal also changes the concern."""
Kind: TypeAlias = Literal["risk", "signal", "fact", "consent", "wait"]
FACTORS = (1.25, 1.5, 2.0, 4.0, 8.0)
RISKS = tuple(share / 50 for share in range(1, 50))
BISECTIONS = 10
REFUSED_MAX = 5
DIGITS = 4
HOUR_MS = 3_600_000
WAITS_MS = (60_000, 600_000, HOUR_MS, *(hours * HOUR_MS for hours in (3, 6, 9, 12, 24, 168, 1440)))
_FIXED = frozenset({"stage", "trigger", "follow_up", "risk"})


class Flip(NamedTuple):
    """One change that would have made a difference."""

    kind: Kind
    name: str
    """Of the signal or fact; the channel of a consent; `risk`; `now_ms`."""
    before: FactValue
    after: FactValue
    effect: Literal["best", "allowed"]
    """`best`: another candidate scores best; `allowed`: a refused action passes its gates."""
    action: str
    """The candidate that is then best, or passes."""
    size: float
    """How large the change is, [0, 1]: of risk and shares the difference, else relative."""


class _Change(NamedTuple):
    kind: Kind
    name: str
    before: FactValue
    after: FactValue


def flip(
    policies: PolicySet,
    situation: Situation,
    decision: Decision,
    concern: Diagnosis | None = None,
) -> tuple[Flip, ...]:
    """The smallest single changes that would have flipped a decision.

    Args:
        policies: Policies it was made with.
        situation: What it saw.
        decision: What was decided.
        concern: Diagnosis to repeat when a signal changes; None: the concern stays.

    Returns:
        At most two: one that makes another candidate the best, one that lifts the refusal of the
        best refused action; none in the holdout, where nothing would.
    """
    if decision.holdout:
        return ()
    search = _Search(policies, situation, decision, concern)
    found = (search.other_best(), search.lifted())
    return tuple(one for one in found if one is not None)


class _Search:
    def __init__(
        self,
        policies: PolicySet,
        situation: Situation,
        decision: Decision,
        concern: Diagnosis | None,
    ) -> None:
        self.policies = policies
        self.situation = situation
        self.decision = decision
        self.concern = concern
        self.leaves = [
            leaf
            for document in policies.typed
            for _, tree in trees(document)
            for leaf in leaves(tree)
        ]

    def other_best(self) -> Flip | None:
        """The smallest change after which another candidate scores best."""
        best = self.decision.best
        flips = []
        for change in (*self._thresholds(self.leaves), *self._scaled(), *self._risks()):
            after = self._decide(change).best
            if after != best:
                flips.append(self._flip(self._tightened(change), "best"))
        return min(flips, key=_rank, default=None)

    def lifted(self) -> Flip | None:
        """The smallest change that lifts the refusal of the best refused action it can lift."""
        for plan in self._refused():
            own = [leaf for _, tree in trees(plan.action) for leaf in leaves(tree)]
            engagement = self.policies.engagement.eligible
            changes = (
                *self._thresholds([*own, *leaves(engagement)]),
                *self._waits(),
                _Change("consent", plan.action.channel, before=False, after=True),
            )
            flips = [
                Flip(*change, "allowed", plan.name, _size(change))
                for change in changes
                if _allowed(self._decide(change), plan.name)
            ]
            if flips:
                return min(flips, key=_rank)
        return None

    def _refused(self) -> list[Plan]:
        """Refused actions by the score they would have, those of no use left out."""
        terms = self.policies.terms
        order_cents, margin_cents = order_of(self.situation, terms)
        scored = []
        for plan, candidate in zip(self.policies.plans, self.decision.candidates, strict=False):
            if candidate["allowed"]:
                continue
            exposure = plan.exposure_cents(self.situation)
            score, _, _ = plan.estimate(self.situation, order_cents, margin_cents, exposure, terms)
            if score > 0.0:
                scored.append((-score, plan.name, plan))
        return [plan for _, _, plan in sorted(scored)[:REFUSED_MAX]]

    # -- changes to try

    def _thresholds(self, asked: list[Leaf]) -> Iterator[_Change]:
        """Values on both sides of every threshold."""
        for leaf in asked:
            name = leaf.signal or leaf.fact or ""
            if leaf.fact == "risk":
                yield from self._values("risk", "risk", self.situation.risk, leaf)
            elif leaf.signal is not None:
                before = self.situation.signals.get(name, 0.0)
                yield from self._values("signal", name, before, leaf)
            elif name not in _FIXED and not name.startswith("concern."):
                yield from self._values("fact", name, self.situation.facts.get(name), leaf)

    def _values(self, kind: Kind, name: str, before: FactValue, leaf: Leaf) -> Iterator[_Change]:
        bounds = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        for bound in bounds:
            if isinstance(bound, bool):
                values: tuple[FactValue, ...] = (True, False)
            elif isinstance(bound, int | float) and leaf.op in ORDERED | {"equals", "differs"}:
                step = _step(name)
                values = (bound, round(bound + step, DIGITS), round(bound - step, DIGITS))
            else:
                values = (bound,)
            for value in values:
                if value is not None and value != before and not _negative(value):
                    yield _Change(kind, name, before, value)

    def _scaled(self) -> Iterator[_Change]:
        """Every number that is there, larger and smaller."""
        numbers: list[tuple[Kind, str, float]] = [
            ("signal", name, value) for name, value in self.situation.signals.items() if value
        ]
        cart = self.situation.facts.get("cart_value_cents")
        if isinstance(cart, int | float) and cart:
            numbers.append(("fact", "cart_value_cents", cart))
        for kind, name, value in numbers:
            for factor in FACTORS:
                for after in (value * factor, value / factor):
                    rounded = _rounded(name, after)
                    if rounded != value:
                        yield _Change(kind, name, value, rounded)

    def _risks(self) -> Iterator[_Change]:
        for risk in RISKS:
            if risk != self.situation.risk:
                yield _Change("risk", "risk", self.situation.risk, risk)

    def _waits(self) -> Iterator[_Change]:
        now = self.situation.now_ms
        for wait in WAITS_MS:
            yield _Change("wait", "now_ms", now, now + wait)

    # -- deciding anew

    def _decide(self, change: _Change) -> Decision:
        return decide(self.policies, self._changed(change), self.decision.decision_id)

    def _changed(self, change: _Change) -> Situation:
        situation = self.situation
        name, after = change.name, change.after
        if change.kind == "risk":
            return situation.replace(risk=after)
        if change.kind == "wait":
            return situation.replace(now_ms=after)
        if change.kind == "consent":
            return situation.replace(consent={**situation.consent, name: after})
        if change.kind == "fact":
            return situation.replace(facts={**situation.facts, name: after})
        signals = {**situation.signals, name: float(after or 0)}
        told = self.concern(signals) if self.concern is not None else situation.concern
        return situation.replace(signals=signals, concern=told)

    def _flip(self, change: _Change, effect: Literal["best"]) -> Flip:
        return Flip(*change, effect, self._decide(change).best, _size(change))

    def _tightened(self, change: _Change) -> _Change:
        """The same change made as small as it can be, by bisection; numbers only."""
        before, after = change.before, change.after
        if isinstance(before, bool | str) or isinstance(after, bool | str) or before is None:
            return change
        if after is None:
            return change
        near, far = float(before), float(after)
        for _ in range(BISECTIONS):
            middle = change._replace(after=_rounded(change.name, (near + far) / 2))
            if middle.after in (change.after, change.before):
                break
            if self._decide(middle).best != self.decision.best:
                change, far = middle, float(middle.after or 0)
            else:
                near = float(middle.after or 0)
        return change


def _allowed(decision: Decision, action: str) -> bool:
    return any(row["action"] == action and row["allowed"] for row in decision.candidates)


def _step(name: str) -> float:
    return 0.01 if name == "risk" or name.endswith(("_share", "_ratio")) else 1


def _rounded(name: str, value: float) -> float:
    return round(value, DIGITS) if _step(name) < 1 else round(value)


def _negative(value: FactValue) -> bool:
    return isinstance(value, int | float) and value < 0


def _size(change: _Change) -> float:
    before, after = change.before, change.after
    if change.kind == "wait" and isinstance(before, int) and isinstance(after, int):
        return min(1.0, (after - before) / WAITS_MS[-1])
    if isinstance(before, bool | str) or isinstance(after, bool | str):
        return 1.0
    gap = abs(float(after or 0) - float(before or 0))
    if _step(change.name) < 1 and change.name != "price_range_ratio":
        return min(1.0, gap)
    return gap / max(abs(float(after or 0)), abs(float(before or 0)), 1.0)


def _rank(one: Flip) -> tuple[float, str, str]:
    return one.size, one.name, one.action
