"""Daily budgets: each partition owns an equal share, so no two workers can spend the same cent."""

from typing import Final

from orchestrator.domain.decisioning import PolicySet
from orchestrator.types import Scope

DAY_MS: Final = 86_400_000


def budgets_left_cents(scope: Scope, policies: PolicySet, now_ms: int) -> dict[str, int]:
    """What is left today (UTC) of this partition's share, by budget."""
    spent = _today(scope, now_ms)
    left = policies.budget_shares_cents(scope.partition, scope.partitions).copy()
    for name, amount_cents in spent.items():
        if name in left:
            left[name] -= amount_cents
    return left


def spend(scope: Scope, budget: str, amount_cents: int, now_ms: int) -> None:
    """Reserve the whole offer when it is made."""
    spent = _today(scope, now_ms)
    spent[budget] = spent.get(budget, 0) + amount_cents


def _today(scope: Scope, now_ms: int) -> dict[str, int]:
    """What was spent on the latest day seen; the day never goes back, whatever a record's time."""
    values = scope.values
    day = now_ms // DAY_MS
    if day > values.get("budget_day", -1):
        values["budget_day"] = day
        values["budget_spent_cents"] = {}
    spent: dict[str, int] = values["budget_spent_cents"]
    return spent
