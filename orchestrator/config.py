"""Settings that several parts share. Each part's own stand beside it, e.g. `HostSettings`."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the broker is, and how an installation's names begin."""

    broker: str
    """HOST:PORT, several by commas."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """librdkafka settings, as from `-X key=value`."""
    group_prefix: str = "orchestrator"
    """Consumer groups are `<group_prefix>-<role>`."""
    topic_prefix: str = ""
    """Stands before every topic's name, as it is."""
