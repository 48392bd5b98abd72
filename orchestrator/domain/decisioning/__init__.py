"""Which one thing to do for a shopper now, or nothing: policies, gates, scores, the draw."""

from orchestrator.domain.decisioning.arbitration import choose, inverse_gap
from orchestrator.domain.decisioning.content import content
from orchestrator.domain.decisioning.decide import DO_NOTHING, Decision, decide
from orchestrator.domain.decisioning.flip import Flip, flip
from orchestrator.domain.decisioning.policy_set import (
    PolicySet,
    content_hash,
    load,
    shipped,
    signal_names,
)
from orchestrator.domain.decisioning.situation import (
    CHANNELS,
    CONCERNS,
    FACTS,
    STAGES,
    Contact,
    Situation,
)

__all__ = [
    "CHANNELS",
    "CONCERNS",
    "DO_NOTHING",
    "FACTS",
    "STAGES",
    "Contact",
    "Decision",
    "Flip",
    "PolicySet",
    "Situation",
    "choose",
    "content",
    "content_hash",
    "decide",
    "flip",
    "inverse_gap",
    "load",
    "shipped",
    "signal_names",
]
