"""Every topic: who writes, who reads, under which key, for how long."""

from dataclasses import dataclass
from typing import Literal

from orchestrator.messages import clickstream, orders, people
from orchestrator.messages.family import Family

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Topic:
    """One topic of the contract."""

    name: str
    """Logical name; an installation may put a prefix before it."""
    key: str
    """The value's field that is the record's key."""
    family: Family | None = None
    """Models of its values; None: opaque, nobody else reads it."""
    max_value_bytes: int = MIB
    cleanup: Literal["delete", "compact"] = "delete"


TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic(
            "clickstream",
            "profile_id",
            Family(
                clickstream.COMMERCE + clickstream.MICRO_SIGNALS + clickstream.MARKERS,
                other=clickstream.UnknownClick,
            ),
            max_value_bytes=64 * KIB,
        ),
        Topic("feedback", "profile_id", Family((people.Feedback,))),
        Topic("profiles", "profile_id", Family((people.ProfileUpdated,))),
        Topic("identities", "profile_id", Family((people.Identified,))),
        Topic("orders", "profile_id", Family((orders.OrderEvent,))),
    )
}
