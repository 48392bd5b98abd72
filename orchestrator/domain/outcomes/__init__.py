"""Outcomes: which orders a decision may claim, and what they are worth after returns."""

from orchestrator.domain.outcomes.purchases import Purchase
from orchestrator.domain.outcomes.rewards import (
    Claim,
    Reward,
    RewardRule,
    Visit,
    says_something,
    settle,
)

__all__ = ["Claim", "Purchase", "Reward", "RewardRule", "Visit", "says_something", "settle"]
