"""Every topic: who writes, who reads, under which key, how many partitions, for how long."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from orchestrator.messages import (
    clickstream,
    commerce,
    decisions,
    interventions,
    operations,
    orders,
    outcomes,
    people,
    products,
)
from orchestrator.messages.aliases import GA4
from orchestrator.messages.family import Family

KIB = 1024
MIB = 1024 * KIB
DAY_MS = 24 * 3_600_000
TOMBSTONES_MS = 7 * DAY_MS
"""How long a compacted topic keeps its tombstones: longer than any reader may be away."""


class Cleanup(StrEnum):
    """What the broker does with old records."""

    DELETE = "delete"
    COMPACT = "compact"


class Partitions(StrEnum):
    """How many partitions a topic has."""

    SHARED = "shared"
    """The one count that all person-keyed topics share: one worker owns all about a profile."""
    ONE = "one"
    """Every member reads it whole."""


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic of the contract."""

    name: str
    """Logical name; an installation may put a prefix before it."""
    title: str
    """What it carries, in a sentence."""
    key_fields: tuple[str, ...]
    """Fields of the value that make the record's key, joined by `/`; none: see `key`."""
    key_words: str = ""
    """The key in words, where no field of the value is it."""
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    family: Family | None = None
    """Models of its values; None: opaque, nobody but its writer reads it."""
    cleanup: Cleanup = Cleanup.DELETE
    partitions: Partitions = Partitions.SHARED
    retention_ms: int = 90 * DAY_MS
    """How long records stay; of no account where compacted."""
    max_value_bytes: int = MIB
    """A larger value is refused before it is parsed."""
    max_message_bytes: int | None = None
    """Largest batch the broker takes; None: the broker's default, about 1 MiB."""
    is_input: bool = False
    """Whether others than this product write it."""

    @property
    def key(self) -> str:
        """The key as people write it: a field's name, or words."""
        return "/".join(self.key_fields) or self.key_words

    def key_of(self, payload: Mapping[str, Any]) -> str:
        """The record key that belongs to a value.

        Raises:
            KeyError: The key is no part of this topic's values.
        """
        if not self.key_fields:
            raise KeyError(self.name)
        return "/".join(str(payload[field]) for field in self.key_fields)


_PROFILE = ("profile_id",)
_PRODUCT = ("product_id",)
_CHANNEL = Family((interventions.InterventionIssued, interventions.InterventionRevoked))


def _commands(channel: str, what: str) -> Topic:
    return Topic(
        name=f"interventions.{channel}",
        title=f"Commands to {what}, and their revocations.",
        key_fields=_PROFILE,
        writers=("worker",),
        readers=(f"{channel} systems", "gateway"),
        family=_CHANNEL,
        retention_ms=7 * DAY_MS,
    )


_INPUTS = (
    Topic(
        name="clickstream",
        title="What shoppers do: commerce events and micro-signals.",
        key_fields=_PROFILE,
        writers=("frontends", "gateway", "replay", "simulate"),
        readers=("worker", "agents"),
        family=Family(
            clickstream.COMMERCE + clickstream.MICRO_SIGNALS + clickstream.MARKERS,
            other=clickstream.UnknownClick,
            aliases=GA4,
        ),
        retention_ms=14 * DAY_MS,
        max_value_bytes=64 * KIB,
        is_input=True,
    ),
    Topic(
        name="feedback",
        title="What became of commands: acknowledgements and engagement.",
        key_fields=_PROFILE,
        writers=("channel systems", "simulate"),
        readers=("worker", "learner"),
        family=Family((people.Feedback,)),
        is_input=True,
    ),
    Topic(
        name="profiles",
        title="What the customer system knows of a person: consent, time zone, history.",
        key_fields=_PROFILE,
        writers=("customer system",),
        readers=("worker",),
        family=Family((people.ProfileUpdated,)),
        cleanup=Cleanup.COMPACT,
        is_input=True,
    ),
    Topic(
        name="identities",
        title="Logins and merges: an anonymous id is a known one.",
        key_fields=_PROFILE,
        writers=("login", "gateway"),
        readers=("worker",),
        family=Family((people.Identified,)),
        is_input=True,
    ),
    Topic(
        name="orders",
        title="Orders through their life, as the order system knows it.",
        key_fields=_PROFILE,
        writers=("order system",),
        readers=("worker", "learner", "agents"),
        family=Family((orders.OrderEvent,)),
        is_input=True,
    ),
    Topic(
        name="catalog",
        title="Products: price, cost, category, attributes, facts, image features, returns.",
        key_fields=_PRODUCT,
        writers=("product information system",),
        readers=("agents",),
        family=Family((products.ProductDescribed,)),
        cleanup=Cleanup.COMPACT,
        partitions=Partitions.ONE,
        is_input=True,
    ),
    Topic(
        name="inventory",
        title="Stock of products by location.",
        key_fields=_PRODUCT,
        writers=("warehouse system",),
        readers=("worker", "agents"),
        family=Family((products.StockCounted,)),
        cleanup=Cleanup.COMPACT,
        partitions=Partitions.ONE,
        is_input=True,
    ),
    Topic(
        name="policies",
        title="Policies in force, a document each.",
        key_fields=("kind", "name"),
        writers=("orchestrator policy publish",),
        readers=("worker", "learner", "measure"),
        family=Family((operations.PolicyPublished,)),
        cleanup=Cleanup.COMPACT,
        partitions=Partitions.ONE,
        is_input=True,
    ),
)

_OUTPUTS = (
    _commands("onsite", "the shop's pages"),
    _commands("chat", "chat systems"),
    _commands("email", "mail systems"),
    _commands("push", "push services"),
    Topic(
        name="decisions",
        title="The ledger: every decision, and every decision not to act, with its reasons.",
        key_fields=_PROFILE,
        writers=("worker",),
        readers=("learner", "measure", "gateway", "orchestrator explain"),
        family=Family((decisions.DecisionMade,)),
    ),
    Topic(
        name="sessions",
        title="Closed sessions: signals and outcome.",
        key_fields=_PROFILE,
        writers=("worker",),
        readers=("learner", "analysts"),
        family=Family((outcomes.SessionClosed,)),
    ),
    Topic(
        name="rewards",
        title="What decisions earned; later corrections are further records.",
        key_fields=_PROFILE,
        writers=("learner",),
        readers=("measure", "analysts"),
        family=Family((outcomes.RewardSettled, outcomes.RewardCorrected)),
    ),
    Topic(
        name="models",
        title="Model snapshots, the newest of each.",
        key_fields=("model_id",),
        writers=("learner",),
        readers=("worker",),
        family=Family((outcomes.ModelSnapshot,)),
        cleanup=Cleanup.COMPACT,
        partitions=Partitions.ONE,
    ),
    Topic(
        name="merchandising.products",
        title="Statistics of products: views, purchases, trend, what goes with what.",
        key_fields=_PRODUCT,
        writers=("agents",),
        readers=("worker", "gateway"),
        family=Family((products.ProductStatistics,)),
        cleanup=Cleanup.COMPACT,
        partitions=Partitions.ONE,
    ),
    Topic(
        name="rankings",
        title="Orders of products for one profile.",
        key_fields=_PROFILE,
        writers=("worker",),
        readers=("shop",),
        family=Family((commerce.RankingComputed,)),
        retention_ms=7 * DAY_MS,
    ),
    Topic(
        name="bundles",
        title="Products offered together to one profile.",
        key_fields=_PROFILE,
        writers=("worker",),
        readers=("shop",),
        family=Family((commerce.BundleOffered,)),
        retention_ms=7 * DAY_MS,
    ),
    Topic(
        name="fulfilment.plans",
        title="How orders are to be shipped.",
        key_fields=_PROFILE,
        writers=("agents",),
        readers=("order system",),
        family=Family((commerce.FulfilmentPlanned,)),
        retention_ms=30 * DAY_MS,
    ),
    Topic(
        name="dead-letters",
        title="Records that could not be processed, whole, with the reason.",
        key_fields=(),
        key_words="the original key",
        writers=("worker", "learner", "measure", "agents"),
        readers=("orchestrator dead-letters",),
        family=Family((operations.DeadLetter,)),
        retention_ms=30 * DAY_MS,
        max_value_bytes=4 * MIB,
        max_message_bytes=4 * MIB,
    ),
    Topic(
        name="orchestrator.state",
        title="Changelog of the worker's state; nobody else reads it.",
        key_fields=(),
        key_words="the store's key",
        writers=("worker",),
        readers=("worker",),
        cleanup=Cleanup.COMPACT,
    ),
    Topic(
        name="orchestrator.learner-state",
        title="Changelog of the learner's state; nobody else reads it.",
        key_fields=(),
        key_words="the store's key",
        writers=("learner",),
        readers=("learner",),
        cleanup=Cleanup.COMPACT,
    ),
)

TOPICS: Mapping[str, Topic] = {topic.name: topic for topic in _INPUTS + _OUTPUTS}
"""Every topic by logical name, inputs first."""


def partition_count(topic: str, shared: int) -> int:
    """How many partitions a topic has where person-keyed ones have `shared`."""
    return shared if TOPICS[topic].partitions is Partitions.SHARED else 1


def topic_config(topic: str) -> dict[str, str]:
    """Creation settings of a topic, as Kafka's AdminClient takes them."""
    entry = TOPICS[topic]
    config = {"cleanup.policy": str(entry.cleanup)}
    if entry.cleanup is Cleanup.COMPACT:
        config["delete.retention.ms"] = str(TOMBSTONES_MS)
    else:
        config["retention.ms"] = str(entry.retention_ms)
    if entry.max_message_bytes is not None:
        config["max.message.bytes"] = str(entry.max_message_bytes)
    return config


def prefixed(topic: str, prefix: str = "") -> str:
    """The topic's name on the cluster: `--topic-prefix` is put before it as it stands."""
    return f"{prefix}{topic}"


def logical(name: str, prefix: str = "") -> str | None:
    """The logical name of a topic on the cluster; None where it is none of this installation's."""
    if not name.startswith(prefix):
        return None
    topic = name[len(prefix) :]
    return topic if topic in TOPICS else None


def markdown() -> str:
    """The page docs/topics.md."""
    lines = [
        "# Topics",
        "",
        "Generated from `orchestrator/messages/topics.py`; do not edit.",
        "",
        "All person-keyed topics share one partition count and the partitioner murmur2",
        "(librdkafka: `partitioner=murmur2_random`), so one worker owns all about a profile.",
        "",
        "| topic | carries | key | written by | read by | partitions | cleanup | kept |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for topic in TOPICS.values():
        kept = (
            "newest of each key"
            if topic.cleanup is Cleanup.COMPACT
            else f"{topic.retention_ms // DAY_MS} days"
        )
        key = f"`{topic.key}`" if topic.key_fields else topic.key
        cells = (
            f"`{topic.name}`",
            topic.title,
            key,
            ", ".join(topic.writers),
            ", ".join(topic.readers),
            str(topic.partitions),
            str(topic.cleanup),
            kept,
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "Values: [JSON Schemas](../schemas/json/), [AsyncAPI](../schemas/asyncapi.yaml),",
        "[examples](../schemas/examples/).",
        "",
    ]
    return "\n".join(lines)
