"""Abandonment risk: p(abandon | nothing is done), its training rows and its quality."""

from orchestrator.domain.risk.examples import Example, Scored, examples
from orchestrator.domain.risk.quality import Quality
from orchestrator.domain.risk.scoring import Risk

__all__ = ["Example", "Quality", "Risk", "Scored", "examples"]
