"""Reading for people and tools: a topic whole, or as it grows."""

from collections.abc import Callable, Iterator, Sequence

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from orchestrator.adapters.kafka import settings
from orchestrator.adapters.kafka.admin import Admin
from orchestrator.adapters.kafka.consumer import KafkaReader
from orchestrator.adapters.kafka.errors import cause
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.ports import Place, RawRecord

_BATCH = 5_000
_TIMEOUT_S = 5.0
_WAIT_MS = 50


def read_topic(
    cluster: Cluster, topics: Sequence[str], starts: dict[Place, int | None] | None = None
) -> Iterator[RawRecord]:
    """Every committed record from the beginning (or `starts`) to the real end, by partition order.

    The end is where the broker says so while reading (partition EOF); asking for the latest offset
    gives a wrong one on the embedded broker.
    """
    places = starts if starts is not None else _beginnings(cluster, topics)
    reader = KafkaReader(cluster)
    try:
        reader.assign(places)
        waiting = set(places)
        while waiting:
            polled = reader.poll(_BATCH, _WAIT_MS)
            yield from polled.rows
            waiting.difference_update((topic, partition) for topic, partition, _ in polled.ends)
    finally:
        reader.close()


def tail_topics(
    cluster: Cluster,
    topics: Sequence[str],
    *,
    from_start: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[RawRecord | None]:
    """Records as they come; None at each pause, so that the caller may look at the time.

    Without `from_start`, the embedded broker's log is read over to its end first, since its idea
    of the latest offset is wrong.
    """
    places = _beginnings(cluster, topics)
    skipping: set[Place] = set()
    if not from_start:
        if cluster.embedded:
            skipping = set(places)
        else:
            places = dict.fromkeys(places, OFFSET_END)
    reader = KafkaReader(cluster)
    try:
        reader.assign(places)
        while not stop():
            polled = reader.poll(_BATCH, _WAIT_MS)
            for row in polled.rows:
                if not skipping or (row.topic(), row.partition()) not in skipping:
                    yield row
            skipping.difference_update((topic, partition) for topic, partition, _ in polled.ends)
            yield None
    finally:
        reader.close()


def _beginnings(cluster: Cluster, topics: Sequence[str]) -> dict[Place, int | None]:
    counts = Admin(cluster).partitions(topics)
    return {(topic, number): None for topic, count in counts.items() for number in range(count)}


def committed(cluster: Cluster, group: str, places: Sequence[Place]) -> dict[Place, int]:
    """Offsets that a group has committed; a place without one, or without an answer, is left out.

    Raises:
        KafkaException: the broker refuses to tell.
    """
    client = Consumer(settings.reader(cluster) | {"group.id": group})
    try:
        found = client.committed([TopicPartition(*place) for place in places], timeout=_TIMEOUT_S)
    except KafkaException as exception:
        if cause(exception).retriable() or cause(exception).code() == KafkaError._TIMED_OUT:  # noqa: SLF001
            return {}
        raise
    finally:
        client.close()
    return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}


def group_lag(cluster: Cluster, group: str, topics: Sequence[str]) -> int | None:
    """Records of the topics that the group has not committed; None: it never committed there."""
    places = list(_beginnings(cluster, topics))
    offsets = committed(cluster, group, places)
    if not offsets:
        return None
    starts = {place: offsets.get(place) for place in places}
    return sum(1 for _ in read_topic(cluster, topics, starts))
