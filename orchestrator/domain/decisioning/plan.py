"""An action, compiled: its gates as functions, its economics as numbers, its texts as templates."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from orchestrator.domain.decisioning.action import Action, Offer
from orchestrator.domain.decisioning.arbitration import Terms
from orchestrator.domain.decisioning.conditions import Leaf, Node, parts_of
from orchestrator.domain.decisioning.gates import Test, compile_tree
from orchestrator.domain.decisioning.guard import Guard, Protection
from orchestrator.domain.decisioning.situation import Situation
from orchestrator.domain.decisioning.texts import Rendered
from orchestrator.online.rng import uniform
from orchestrator.online.rounding import rounded, whole

Candidate: TypeAlias = dict[str, Any]
"""A candidate in the form of the ledger. Those of refused actions are shared: never change one."""
WITHDRAWN: Final = "consent_withdrawn"
"""A word of `cancel_on`."""
_PER_UNIT: Final = 1_000_000
"""Six digits of a score are kept: what is logged is what was used."""
OFFERED_SPAN_MS: Final = 60 * 86_400_000
"""How long a person keeps the draw of `offered_share`."""


class SharedLine:
    """A candidate's line that decisions share, such as that of an action refused for one reason."""

    __slots__ = ("code", "encoded", "row")

    def __init__(self, code: str | None, row: Candidate) -> None:
        self.code = code
        """Why it is refused; None: it is not."""
        self.row = row
        self.encoded: Any = None
        """Room for whoever writes ledgers to keep its encoded form."""


class Offering:
    """What an action gives away, compiled."""

    __slots__ = ("_amount_cents", "_cost_cents", "_max_cents", "_share", "budget", "document")

    def __init__(self, offer: Offer) -> None:
        self.document = offer
        self.budget: str | None = offer.budget
        self._amount_cents: int = offer.amount_cents or 0
        self._share: float = offer.share or 0.0
        self._max_cents: int = offer.max_cents or 0
        self._cost_cents: int | None = offer.cost_cents

    def discount_cents(self, cart_value_cents: int) -> int:
        """What the shopper pays less; at most the cart."""
        amount = self._amount_cents
        if self._share:
            amount = min(int(self._share * cart_value_cents), self._max_cents)
        return min(amount, cart_value_cents) if cart_value_cents else amount

    def exposure_cents(self, cart_value_cents: int) -> int:
        """What it costs the shop when redeemed."""
        if self._cost_cents is not None:
            return self._cost_cents
        return self.discount_cents(cart_value_cents)


class Treating(NamedTuple):
    """A treatment, compiled."""

    name: str
    when: Test | None
    needs: frozenset[str]
    """Facts without which its texts can't be written."""
    texts: Mapping[str, Rendered]


class Plan:
    """One action in force."""

    __slots__ = (
        "_acceptance",
        "_concerns",
        "_default",
        "_gates",
        "_refused",
        "_stage_gates",
        "_treatments",
        "action",
        "cancel_on",
        "channel",
        "contact_cost_cents",
        "fixed_cents",
        "follow_ups",
        "group",
        "name",
        "offer",
        "offered_share",
        "order_margin_share",
        "placement",
        "priority",
        "protection",
        "shows_product",
        "triggers",
        "ttl_ms",
    )

    def __init__(self, action: Action, guard: Guard, follow_ups: frozenset[str]) -> None:
        self.action = action
        self.name = action.name
        # read at each decision: of the document itself that takes five times as long
        self.channel: str = action.channel
        self.placement: str = action.placement
        self.group: str = action.group
        self.ttl_ms: int = action.ttl_ms
        self.shows_product: str = action.shows_product or ""
        self.triggers = frozenset(action.triggers)
        self.follow_ups = follow_ups
        """Follow-ups it competes for."""
        gates = (
            (action.eligible, "eligible"),
            (action.applicable, "applicable"),
            (action.suitable, "suitable"),
        )
        parts = [
            (part, prefix) for tree, prefix in gates if tree is not None for part in parts_of(tree)
        ]
        first = next(
            (at for at, (part, _) in enumerate(parts) if not _asks_stage(part)), len(parts)
        )
        compiled = tuple(compile_tree(part, prefix) for part, prefix in parts)
        self._stage_gates, self._gates = compiled[:first], compiled[first:]
        self.offered_share = action.offered_share
        self.protection = Protection(action, guard)
        self.offer = Offering(action.offer) if action.offer is not None else None
        # a person's no ends everything, whatever the policy says
        self.cancel_on = tuple(dict.fromkeys((*action.cancel_on, WITHDRAWN)))
        self._acceptance = {str(stage): share for stage, share in action.acceptance.items()}
        self._default = action.acceptance["default"]
        self._concerns = tuple((str(name), weight) for name, weight in action.concerns.items())
        self.priority = action.priority
        self.order_margin_share = action.worth.order_margin_share
        self.fixed_cents = action.worth.fixed_cents
        self.contact_cost_cents = action.contact_cost_cents
        self._treatments = tuple(
            Treating(
                treatment.name,
                compile_tree(treatment.when, "treatment") if treatment.when is not None else None,
                frozenset[str]().union(*(text.needs for text in texts.values())),
                texts,
            )
            for treatment in action.treatments
            for texts in [
                {
                    str(language): Rendered(text.headline, text.body, text.cta)
                    for language, text in treatment.content.items()
                }
            ]
        )
        self._refused: dict[str, SharedLine] = {}

    def outset(self, situation: Situation) -> str | None:
        """Why trigger or stage rule the action out: a function of these alone."""
        if situation.trigger not in self.triggers:
            return "eligible.trigger"
        if situation.trigger == "follow_up" and situation.follow_up not in self.follow_ups:
            return "eligible.follow_up"
        for gate in self._stage_gates:
            refused = gate.refusal(situation)
            if refused is not None:
                return refused
        return None

    def gate(self, situation: Situation) -> str | None:
        """Why the action is not eligible, applicable or suitable; after `outset` let it pass."""
        for gate in self._gates:
            refused = gate.refusal(situation)
            if refused is not None:
                return refused
        if self.offered_share < 1.0:
            person = situation.customer_id or situation.profile_id
            key = f"{person}/{situation.now_ms // OFFERED_SPAN_MS}"
            if uniform(key, self.name) >= self.offered_share:
                return "suitable.offered_share"
        return None

    def exposure_cents(self, situation: Situation) -> int:
        """What the offer would cost the shop when redeemed."""
        if self.offer is None:
            return 0
        return self.offer.exposure_cents(cart_of(situation))

    def match(self, concern: dict[str, float], floor: float) -> float:
        """How well the action answers what worries the shopper, in [floor, 1]."""
        total = 0.0
        for name, weight in self._concerns:
            share = concern.get(name)
            if share is not None:
                total += weight * share
        return floor + (1.0 - floor) * total

    def answers(self, concern: dict[str, float]) -> str | None:
        """The concern that speaks most for the action; None where none does."""
        best, most = None, 0.0
        for name, weight in self._concerns:
            answered = weight * concern.get(name, 0.0)
            if answered > most:
                best, most = name, answered
        return best

    def estimate(
        self,
        situation: Situation,
        order_cents: float,
        margin_cents: float,
        exposure_cents: int,
        terms: Terms,
    ) -> tuple[float, int, int]:
        """What the action is expected to bring; formula and reasons stand in docs/policies.md.

        Returns:
            Gain over doing nothing after cost, as a share of the order's value; margin won before
            cost, and cost of offer and contact, in cents.
        """
        risk = situation.risk
        concern = situation.concern
        match = self.match(concern, terms.match_floor) if concern else terms.match_unknown
        # A nudge moves those in two minds: p(1 - p), the slope of the logistic, 1 at risk 0.5.
        lift = self._acceptance.get(situation.stage, self._default) * match
        lift *= 4.0 * risk * (1.0 - risk)
        value = lift * (self.order_margin_share * margin_cents + self.fixed_cents)
        cost = self.contact_cost_cents
        if exposure_cents:
            # Who would have bought anyway takes the offer too.
            cost += exposure_cents * min(1.0, 1.0 - risk + lift)
        score = (self.priority * value - cost) / order_cents
        return rounded(score, _PER_UNIT), whole(value), whole(cost)

    def treatment(self, situation: Situation, wanted: str | None = None) -> str:
        """The treatment an experiment wants where it fits, else the first that fits."""
        fallback: str | None = None
        for treating in self._treatments:
            if treating.needs and not _known(treating.needs, situation):
                continue
            if treating.name == wanted:
                return wanted
            if fallback is None and (
                treating.when is None or treating.when.refusal(situation) is None
            ):
                fallback = treating.name
                if wanted is None:
                    break
        return fallback or self._treatments[-1].name

    def treating(self, name: str) -> Treating:
        """A treatment by name; raises `KeyError` where the action has none of it."""
        for treating in self._treatments:
            if treating.name == name:
                return treating
        raise KeyError(f"{self.name} has no treatment {name!r}")

    def refused(self, code: str) -> SharedLine:
        """The ledger's line of the refused action."""
        line = self._refused.get(code)
        if line is None:
            row: Candidate = {
                "action": self.name,
                "channel": self.channel,
                "allowed": False,
                "refused_by": code,
                "propensity": 0.0,
            }
            line = self._refused[code] = SharedLine(code, row)
        return line


def _known(names: Iterable[str], situation: Situation) -> bool:
    facts = situation.facts
    for name in names:  # noqa: SIM110 - a generator costs more than the loop
        if facts.get(name) is None:
            return False
    return True


def _asks_stage(node: Node) -> bool:
    return isinstance(node, Leaf) and node.fact == "stage"


def cart_of(situation: Situation) -> int:
    """Value of the cart in cents; 0 where it is not known."""
    value = situation.facts.get("cart_value_cents")
    return int(value) if isinstance(value, int | float) else 0
