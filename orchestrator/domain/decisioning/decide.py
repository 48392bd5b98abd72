"""One decision: gates, scores, propensities, the draw. A pure function of its arguments."""

from functools import lru_cache
from typing import Any, Final, TypeAlias

from orchestrator.domain.decisioning.arbitration import Terms, best_of, choose, greedy, inverse_gap
from orchestrator.domain.decisioning.kinds import Arm
from orchestrator.domain.decisioning.plan import Candidate, Plan, SharedLine, cart_of
from orchestrator.domain.decisioning.policy_set import PolicySet
from orchestrator.domain.decisioning.situation import Situation
from orchestrator.online.rng import uniform

DO_NOTHING: Final = "do_nothing"
BUCKETS_MAX: Final = 16_384
"""People whose draw is kept between their decisions."""
Row: TypeAlias = dict[str, Any]


class Decision:
    """What was decided, in the words of the ledger."""

    __slots__ = (
        "best",
        "candidates",
        "decision_id",
        "draw",
        "experiment",
        "floor_share",
        "holdout",
        "index",
        "lines",
        "plan",
        "policy",
        "reason",
        "rule",
        "situation",
    )

    def __init__(
        self,
        decision_id: str,
        policies: PolicySet,
        situation: Situation,
        candidates: list[Candidate],
        lines: list[SharedLine | None],
    ) -> None:
        self.decision_id = decision_id
        self.policy = policies.version
        self.situation = situation
        self.candidates = candidates
        """One for each action in force, in file order, and `do_nothing` last. Read only."""
        self.lines = lines
        """For each candidate the line that decisions share; None: it is of this decision alone."""
        self.index = len(candidates) - 1
        """Place of the chosen candidate."""
        self.best = DO_NOTHING
        """Action with the best score among the allowed."""
        self.plan: Plan | None = None
        """The chosen action; None: do nothing."""
        self.reason = ""
        """Why this one: `concern.<name>`, `value`, `exploration`, `best`, `holdout`, or the gate
        that refused every action."""
        self.rule = policies.terms.rule
        self.floor_share = policies.terms.floor_share
        self.draw = 0.0
        """`uniform(decision_id)`: anybody can recompute it."""
        self.holdout = False
        self.experiment: Row | None = None
        """`{"name", "arm"}` where the person is in the experiment in force."""

    @property
    def action(self) -> str:
        """Name of the chosen action."""
        return str(self.candidates[self.index]["action"])

    @property
    def treatment(self) -> str | None:
        """Treatment of the chosen action."""
        return self.candidates[self.index].get("treatment")

    @property
    def sends(self) -> bool:
        """Whether a command follows."""
        return self.plan is not None

    @property
    def group(self) -> str:
        """Cooldown group of the chosen action; empty where nothing is done."""
        return self.plan.group if self.plan is not None else ""

    @property
    def exploration(self) -> Row:
        """`exploration` of the ledger entry."""
        return {"rule": self.rule, "floor_share": self.floor_share, "draw": self.draw}

    @property
    def chosen(self) -> Row:
        """`chosen` of the ledger entry."""
        candidate = self.candidates[self.index]
        if candidate is _NOTHING.row:
            return _NOTHING_CHOSEN
        plan = self.plan
        return {
            "action": candidate["action"],
            "treatment": candidate.get("treatment"),
            "channel": candidate.get("channel"),
            "placement": None if plan is None else plan.placement,
            "propensity": candidate["propensity"],
            "offer_cents": 0 if plan is None else plan.exposure_cents(self.situation),
        }

    @property
    def offer(self) -> Row | None:
        """`offer` of the command; None where nothing is given away. Codes are the shop's."""
        plan = self.plan
        if plan is None or plan.offer is None:
            return None
        offer = plan.offer
        currency = self.situation.facts.get("currency")
        return {
            "kind": offer.document.kind,
            "amount_cents": offer.discount_cents(cart_of(self.situation)),
            "currency": currency if isinstance(currency, str) else None,
            "share": offer.document.share,
            "code": None,
            "expires_at_ms": self.situation.now_ms + offer.document.expires_after_ms,
        }

    @property
    def spends(self) -> tuple[str, int] | None:
        """Budget and cents to charge to it at once; None where no budget pays."""
        plan = self.plan
        if plan is None or plan.offer is None or plan.offer.budget is None:
            return None
        return plan.offer.budget, plan.exposure_cents(self.situation)

    @property
    def expires_at_ms(self) -> int:
        """When the command expires; 0: there is none."""
        return self.situation.now_ms + self.plan.ttl_ms if self.plan is not None else 0


def decide(policies: PolicySet, situation: Situation, decision_id: str) -> Decision:
    """Choose one action, or to do nothing.

    The gates are asked in the order eligible, applicable, suitable, consent, suppression, caps,
    cooldowns, quiet hours, budget, experiment, holdout; each refusal carries the first reason.
    What passes is scored; propensities come from the scores, and the draw is made from exactly
    the vector that is logged.

    Args:
        policies: Policies in force.
        situation: The shopper and the moment.
        decision_id: Names the decision; the draw is a keyed hash of it.
    """
    person = situation.customer_id or situation.profile_id
    holdout = _bucket(person, policies.holdout_salt) < policies.holdout_share
    arm = _arm(policies, person)
    candidates, lines, allowed, common = _candidates(policies, situation, arm, holdout=holdout)
    nothing = _NOTHING if not allowed else None
    candidates.append(_do_nothing() if nothing is None else nothing.row)
    lines.append(nothing)
    decision = Decision(decision_id, policies, situation, candidates, lines)
    decision.draw = uniform(decision_id)
    decision.holdout = holdout
    if arm is not None and policies.experiment is not None:
        decision.experiment = {"name": policies.experiment.name, "arm": arm.name}
    if not allowed:
        decision.reason = "holdout" if holdout else common or "none_allowed"
        return decision
    _draw(policies, decision, allowed)
    return decision


def _candidates(
    policies: PolicySet, situation: Situation, arm: Arm | None, *, holdout: bool
) -> tuple[list[Candidate], list[SharedLine | None], list[tuple[int, Plan]], str | None]:
    """Candidates, and what refused ones share; plans to choose from, placed; what refused all."""
    refused = policies.common.refusal(situation) if policies.common is not None else None
    if refused is not None:
        shared = [plan.refused(refused) for plan in policies.plans]
        return [line.row for line in shared], [*shared], [], refused
    guard = policies.guard
    moment = guard.moment(situation)
    order = order_of(situation, policies.terms)
    agenda = policies.agenda(situation)
    candidates = list(agenda.rows)
    lines: list[SharedLine | None] = list(agenda.lines)
    allowed: list[tuple[int, Plan]] = []
    for index, plan in agenda.in_question:
        exposure = 0
        code = plan.gate(situation)
        if code is None:
            exposure = plan.exposure_cents(situation) if plan.offer is not None else 0
            code = guard.refusal(plan.protection, situation, moment, exposure)
            if code is None and arm is not None and plan.name in arm.without:
                code = f"experiment.{arm.name}"
            if code is None and holdout:
                code = "holdout"
        if code is not None:
            line = plan.refused(code)
            candidates[index] = line.row
            lines[index] = line
            continue
        lines[index] = None
        candidates[index] = _allowed(
            policies.terms, plan, situation, arm, order=order, exposure_cents=exposure
        )
        allowed.append((index, plan))
    return candidates, lines, allowed, None


def _allowed(
    terms: Terms,
    plan: Plan,
    situation: Situation,
    arm: Arm | None,
    *,
    order: tuple[float, float],
    exposure_cents: int,
) -> Candidate:
    """The ledger's line of an action that may be chosen; its propensity is filled in later."""
    order_cents, margin_cents = order
    score, value_cents, cost_cents = plan.estimate(
        situation, order_cents, margin_cents, exposure_cents, terms
    )
    wanted = arm.treatments.get(plan.name) if arm is not None else None
    return {
        "action": plan.name,
        "treatment": plan.treatment(situation, wanted),
        "channel": plan.channel,
        "allowed": True,
        "refused_by": None,
        "score": score,
        "value_cents": value_cents,
        "cost_cents": cost_cents,
        "propensity": 0.0,
    }


def order_of(situation: Situation, terms: Terms) -> tuple[float, float]:
    """Value and margin of the order at stake, cents."""
    facts = situation.facts
    order_cents = float(facts.get("cart_value_cents") or terms.order_value_cents)
    share = facts.get("margin_share")
    return order_cents, order_cents * (terms.margin_share if share is None else float(share))


def _draw(policies: PolicySet, decision: Decision, allowed: list[tuple[int, Plan]]) -> None:
    """Fill the propensities in and draw; at least one action is allowed."""
    candidates = decision.candidates
    nothing = len(candidates) - 1
    scores = [candidates[index]["score"] for index, _ in allowed]
    scores.append(0.0)
    terms = policies.terms
    shares = (
        inverse_gap(scores, terms.gamma, terms.floor_share)
        if terms.rule == "inverse_gap"
        else greedy(scores, terms.floor_share)
    )
    for at, (index, _) in enumerate(allowed):
        candidates[index]["propensity"] = shares[at]
    candidates[nothing]["propensity"] = shares[-1]
    best = best_of(scores)
    picked = choose(shares, decision.draw)
    if best < len(allowed):
        decision.best = allowed[best][1].name
    if picked == len(allowed):
        decision.reason = "best" if best == picked else "exploration"
        return
    decision.index, decision.plan = allowed[picked]
    if best != picked:
        decision.reason = "exploration"
        return
    concern = decision.plan.answers(decision.situation.concern)
    decision.reason = f"concern.{concern}" if concern else "value"


def _do_nothing() -> Candidate:
    return {
        "action": DO_NOTHING,
        "allowed": True,
        "refused_by": None,
        "score": 0.0,
        "value_cents": 0,
        "cost_cents": 0,
        "propensity": 1.0,
    }


_NOTHING: Final = SharedLine(None, _do_nothing())
"""The line of doing nothing where nothing else is allowed."""
_NOTHING_CHOSEN: Final[Row] = {
    "action": DO_NOTHING,
    "treatment": None,
    "channel": None,
    "placement": None,
    "propensity": 1.0,
    "offer_cents": 0,
}
"""`chosen` of such a decision: never change it."""
_bucket: Final = lru_cache(maxsize=BUCKETS_MAX)(uniform)
"""A person's draw, asked for at each of their decisions."""


def _arm(policies: PolicySet, person: str) -> Arm | None:
    """The arm a person keeps, by a keyed hash."""
    experiment = policies.experiment
    if experiment is None:
        return None
    draw = _bucket(person, experiment.salt)
    reached = 0.0
    for arm in experiment.arms:
        reached += arm.share
        if draw < reached:
            return arm
    return None
