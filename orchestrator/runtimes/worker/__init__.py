"""The exactly-once host: worker, learner and measure are processors in it."""

from orchestrator.runtimes.worker.host import ExactlyOnceHost
from orchestrator.runtimes.worker.run import run_host
from orchestrator.runtimes.worker.settings import (
    HostSettings,
    Own,
    own_all_with_first,
    own_assigned,
)

__all__ = [
    "ExactlyOnceHost",
    "HostSettings",
    "Own",
    "own_all_with_first",
    "own_assigned",
    "run_host",
]
