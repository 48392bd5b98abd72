"""The embedded broker as a process, the tools that read, and an address where nobody answers."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.adapters.embedded import EmbeddedBroker
from orchestrator.adapters.kafka.admin import Admin, TopicSpec
from orchestrator.adapters.kafka.producer import InputProducer
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.adapters.kafka.tools import read_topic, tail_topics
from orchestrator.adapters.kafka.transport import KafkaTransport
from orchestrator.errors import BrokerUnreachable, Fenced, TopicsNotReady
from tests.integration.log_reader import LogReader
from tests.integration.processes import ROOT, wait_until

pytestmark = pytest.mark.integration


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def test_the_embedded_broker_ends_with_its_context() -> None:
    """It answers while it is open, and its process is gone afterwards."""
    with EmbeddedBroker() as broker:
        Admin(Cluster(broker.address, embedded=True)).wait_ready(5)
        pid = broker.pid
        assert pid is not None
        assert is_running(pid)
    assert not is_running(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_the_embedded_broker_ends_with_its_parent() -> None:
    """Also when the parent is killed and can clean nothing up."""
    script = (
        "import time; from orchestrator.adapters.embedded import EmbeddedBroker\n"
        "print(EmbeddedBroker().start().pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
    wait_until(lambda: not is_running(pid), "the broker to end", 5)


def test_nobody_answers() -> None:
    """The error names the address and the way out, within the time given."""
    cluster = Cluster("127.0.0.1:1")
    began = time.monotonic()
    with pytest.raises(BrokerUnreachable, match=r"127\.0\.0\.1:1 does not answer") as raised:
        Admin(cluster).wait_ready(2)
    assert time.monotonic() - began < 5
    assert raised.value.exit_status == 4
    assert "--broker embedded" in str(raised.value)


def test_missing_and_unequal_topics_are_named(cluster: Cluster, prefix: str) -> None:
    """Creating them again changes nothing."""
    admin = Admin(cluster)
    specs = [TopicSpec(f"{prefix}a", 2), TopicSpec(f"{prefix}b", 3)]
    assert admin.create(specs) == [f"{prefix}a", f"{prefix}b"]
    assert admin.create(specs) == []
    assert admin.partitions([f"{prefix}b"]) == {f"{prefix}b": 3}
    with pytest.raises(TopicsNotReady, match="does not exist"):
        admin.partitions([f"{prefix}c"])
    with pytest.raises(TopicsNotReady, match="one partition count"):
        admin.co_partitioned([f"{prefix}a", f"{prefix}b"])


def test_keys_go_where_murmur2_says(cluster: Cluster, prefix: str) -> None:
    """What the producer does and what the host computes agree."""
    topic = f"{prefix}keys"
    Admin(cluster).create([TopicSpec(topic, 7)])
    producer = InputProducer(cluster)
    for number in range(500):
        producer.send(topic, f"k-{number}".encode(), b"x")
    producer.flush()
    transport = KafkaTransport(cluster)
    rows = list(read_topic(cluster, [topic]))
    assert len(rows) == 500
    assert all(transport.partition_for(row.key(), 7) == row.partition() for row in rows)


def test_a_tail_without_the_past_shows_only_what_comes(cluster: Cluster, prefix: str) -> None:
    """The real end, not what the broker says is the latest offset."""
    topic = f"{prefix}tail"
    Admin(cluster).create([TopicSpec(topic, 2)])
    producer = InputProducer(cluster)
    for number in range(10):
        producer.send(topic, b"k", b"old %d" % number)
    producer.flush()
    seen: list[bytes] = []
    pauses = 0
    for row in tail_topics(cluster, [topic], stop=lambda: len(seen) >= 3):
        if row is not None:
            seen.append(row.value())
        elif pauses < 20:
            pauses += 1
        elif pauses == 20:
            pauses += 1
            for number in range(3):
                producer.send(topic, b"k", b"new %d" % number)
            producer.flush()
    assert seen == [b"new 0", b"new 1", b"new 2"]


def test_the_judge_tells_committed_from_aborted(cluster: Cluster, prefix: str) -> None:
    """It reads control batches itself; records outside a transaction are committed."""
    topic = f"{prefix}judge"
    Admin(cluster).create([TopicSpec(topic, 1)])
    plain = InputProducer(cluster)
    plain.send(topic, b"k", b"plain", partition=0)
    plain.flush()
    producer = KafkaTransport(cluster).producer(f"{prefix}slot")
    producer.init()
    for value, commits in ((b"yes", True), (b"no", False), (b"again", True)):
        producer.begin()
        producer.send(topic, 0, b"k", value)
        producer.flush()
        if commits:
            producer.commit()
        else:
            producer.abort()
    producer.begin()
    producer.send(topic, 0, b"k", b"pending")
    producer.flush()
    with LogReader(cluster.address) as reader:
        verdict = reader.judge(topic, 1)
    producer.abort()
    assert [row.value for row in verdict.committed] == [b"plain", b"yes", b"again"]
    assert [row.value for row in verdict.aborted] == [b"no"]
    assert [row.value for row in verdict.open] == [b"pending"]


def test_a_second_producer_of_the_slot_fences_the_first(cluster: Cluster, prefix: str) -> None:
    """The first says what happened, also where delivery reports run on top of the fatal error."""
    topic = f"{prefix}fenced"
    Admin(cluster).create([TopicSpec(topic, 1, {})])
    transport = KafkaTransport(cluster)
    first = transport.producer(f"{prefix}slot")
    first.init()
    second = transport.producer(f"{prefix}slot")
    second.init()
    first.begin()
    first.send(topic, 0, b"k", b"v", on_offset=lambda _: None)
    with pytest.raises(Fenced):
        first.flush()
    second.close()
