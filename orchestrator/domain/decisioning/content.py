"""What the shopper reads: the texts of the policy, filled from the offer and approved facts."""

from collections.abc import Mapping
from typing import Any

from orchestrator.domain.decisioning.policy_set import PolicySet
from orchestrator.domain.decisioning.situation import FactValue
from orchestrator.domain.decisioning.texts import language_of
from orchestrator.domain.decisioning.validation import offer_values


def content(
    policies: PolicySet,
    action: str,
    treatment: str,
    locale: str | None,
    facts: Mapping[str, FactValue],
    offer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`content` of a command: headline, body, cta, locale, and the facts it stands on.

    Args:
        policies: Policies the decision was made with.
        action: The chosen action.
        treatment: Its treatment, as the decision names it.
        locale: The shopper's; languages without texts read English.
        facts: Facts of the situation, the same the treatment was chosen by.
        offer: The decision's offer, where there is one.

    Raises:
        KeyError: No such action or treatment, or a fact that the treatment needs is missing.
    """
    plan = policies.plan(action)
    texts = plan.treating(treatment).texts
    language, told = language_of(locale, texts)
    offered = offer_values(plan.action)
    if offer is not None:
        offered["offer_amount"] = offer["amount_cents"]
    return texts[language].content(language, told, facts, offered)
