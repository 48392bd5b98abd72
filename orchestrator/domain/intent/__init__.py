"""What worries the shopper, told from micro-signals."""

from orchestrator.domain.intent.concern import CONCERNS, EVIDENCE, Evidence, concern

__all__ = ["CONCERNS", "EVIDENCE", "Evidence", "concern"]
