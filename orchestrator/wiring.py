"""Composition root: from options to objects. The only module that knows both sides."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.kafka.admin import Admin, TopicSpec
from orchestrator.adapters.kafka.producer import InputProducer
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.adapters.kafka.transport import KafkaTransport
from orchestrator.adapters.memory.murmur2 import murmur2
from orchestrator.adapters.store import MemoryTable, SpillTable
from orchestrator.config import Connection
from orchestrator.domain.decisioning import PolicySet, content_hash, load
from orchestrator.domain.outcomes import RewardRule
from orchestrator.domain.risk import Risk
from orchestrator.domain.sessions import SessionSettings
from orchestrator.domain.signals import NAMES
from orchestrator.errors import InvalidPolicy, OrchestratorError
from orchestrator.messages.topics import TOPICS, partition_count, prefixed, topic_config
from orchestrator.online.snapshots import shipped
from orchestrator.ports import Processor
from orchestrator.processors.fold import Fold
from orchestrator.processors.journey.processor import JourneyProcessor
from orchestrator.runtimes.worker.run import run_host
from orchestrator.runtimes.worker.settings import HostSettings, own_all_with_first, own_assigned
from orchestrator.types import Keyed

if TYPE_CHECKING:  # River is slow to import, and only the learner needs it
    from orchestrator.processors.learning import LearningProcessor

S = TypeVar("S", bound=Keyed)


class RoleFailed(OrchestratorError):
    """A role started as a process ended by itself."""

    code = "E208"


SESSION_GAP_MS = 1_800_000
SHIPPED_POLICIES = Path(__file__).parent / "policies"


def cluster(place: Connection) -> Cluster:
    """How to reach the broker; one of the embedded kind is recognised wherever it runs.

    Raises:
        BrokerUnreachable: nobody answers.
    """
    plain = Cluster(place.broker, place.extra)
    return replace(plain, embedded=Admin(plain).is_embedded())


def admin(place: Connection) -> Admin:
    """Administration of the broker."""
    return Admin(cluster(place))


def create_topics(place: Connection, partitions: int, replication: int = -1) -> list[str]:
    """Create every topic of the contract and of the agents that is missing."""
    from orchestrator.runtimes.agents.settings import topics  # noqa: PLC0415 (faust: slow)

    specs = [
        TopicSpec(
            prefixed(name, place.topic_prefix),
            partition_count(name, partitions),
            topic_config(name),
            replication,
        )
        for name in TOPICS
    ]
    specs += [
        TopicSpec(
            prefixed(topic.name, place.topic_prefix), topic.partitions, topic.config, replication
        )
        for topic in topics(partitions)
    ]
    return admin(place).create(specs)


def policies(folder: Path | None = None) -> PolicySet:
    """The policies in a folder; the shipped ones without it.

    Raises:
        InvalidPolicy: with file, field, value and the way out.
    """
    return _of_folder(folder) if folder else _shipped_policies()


@cache
def _shipped_policies() -> PolicySet:
    return _of_folder(SHIPPED_POLICIES)


def _of_folder(folder: Path) -> PolicySet:
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InvalidPolicy(
            f"no policy files (*.yaml) in {folder}.",
            way_out="Copy the shipped ones from the package's folder policies/ and change them.",
        )
    return load(files, NAMES)


def journey(folder: Path | None = None, gap_ms: int = SESSION_GAP_MS) -> JourneyProcessor:
    """The fast lane's processor with the shipped model."""
    sessions = SessionSettings(gap_ms=gap_ms)
    return JourneyProcessor(policies(folder), Risk(shipped("risk")), sessions)


def learning(folder: Path | None = None) -> "LearningProcessor":
    """The learner's processor, beginning from the shipped model, rewarding by the policies."""
    from orchestrator.processors.learning import LearningProcessor  # noqa: PLC0415 (River: slow)
    from orchestrator.processors.learning_model import RiskLearner  # noqa: PLC0415

    reward = policies(folder).reward
    rule = RewardRule(
        default_margin_share=reward.margin_share,
        onsite_window_ms=reward.onsite_window_ms,
        message_window_ms=reward.message_window_ms,
        returns_window_ms=reward.returns_window_ms,
    )
    return LearningProcessor(RiskLearner(shipped("risk")), rule)


def run_worker(
    place: Connection,
    settings: HostSettings,
    folder: Path | None = None,
    gap_ms: int = SESSION_GAP_MS,
) -> int:
    """Run the fast lane until stopped; return the exit status."""
    processor = journey(folder, gap_ms)
    return run_host(
        processor,
        KafkaTransport(cluster(place)),
        settings,
        SystemClock(),
        table=_tables(settings, processor),
        own=own_assigned,
    )


def run_learner(place: Connection, settings: HostSettings, folder: Path | None = None) -> int:
    """Run the learner until stopped: one owner, others stand by."""
    processor = learning(folder)
    return run_host(
        processor,
        KafkaTransport(cluster(place)),
        settings,
        SystemClock(),
        table=_tables(settings, processor),
        own=own_all_with_first,
    )


def _tables(settings: HostSettings, processor: Any) -> Callable[[int], Any]:
    if settings.state_dir is None:
        return lambda _: MemoryTable()
    folder = settings.state_dir / settings.transactional_id
    return lambda partition: SpillTable(
        folder / str(partition), processor.load, settings.hot_states
    )


def fold(processor: Processor[S], partitions: int) -> Fold[S]:
    """The in-process host, with the partitioner of the topics' writers."""
    return Fold(processor, MemoryTable, murmur2, partitions)


def encoded(value: Mapping[str, Any]) -> bytes:
    """A message as it travels."""
    return orjson.dumps(value)


def names(topics: Iterable[str], prefix: str) -> list[str]:
    """Topics' names on the broker."""
    return [prefixed(topic, prefix) for topic in topics]


def publish_policies(place: Connection, documents: Mapping[str, Any]) -> list[str]:
    """Write policy documents to the topic `policies`, each under `kind/name`.

    Args:
        place: Where.
        documents: By `kind/name`; None withdraws one.

    Returns:
        Keys written.
    """
    producer = InputProducer(cluster(place))
    topic = prefixed("policies", place.topic_prefix)
    now_ms = SystemClock().now_ms()
    for key, document in documents.items():
        kind, _, name = key.partition("/")
        value = None
        if document is not None:
            version = content_hash({key: document})
            value = orjson.dumps(
                {
                    "id": f"{key}@{version}",
                    "type": "policy_published",
                    "time_ms": now_ms,
                    "kind": kind,
                    "name": name,
                    "version": version,
                    "document": document,
                }
            )
        producer.send(topic, key.encode(), value)
    producer.flush()
    producer.close()
    return list(documents)
