"""What an engine process is told: one JSON object as its only argument."""

import json
import sys
from dataclasses import dataclass, field


@dataclass(slots=True)
class Job:
    """One run of one engine: it ends by itself once the backlog is done and committed."""

    broker: str
    prefix: str
    """Before the names of all topics; part of `topic` and `output` already."""
    topic: str
    output: str
    partitions: int
    events: int
    """Size of the backlog."""
    scratch: str
    """An empty folder for the engine's own state."""
    options: dict[str, str] = field(default_factory=dict)


def from_command_line() -> Job:
    """Read the job from the first argument."""
    return Job(**json.loads(sys.argv[1]))
