"""The exactly-once host on a broker, judged by a reader that applies the control markers."""

import random
import time
from collections import defaultdict
from pathlib import Path

import orjson
import pytest

from orchestrator.adapters.kafka.producer import InputProducer
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.adapters.kafka.tools import read_topic
from tests.counting import body
from tests.integration.log_reader import LogReader, Verdict
from tests.integration.processes import Member, wait_until

pytestmark = pytest.mark.integration

START_MS = 1_700_000_000_000


def write(cluster: Cluster, prefix: str, first: int, total: int, rate: float = 0) -> None:
    """Clicks and orders of a hundred keys; `rate` records a second, 0: at once."""
    producer = InputProducer(cluster)
    for number in range(first, first + total):
        topic = "orders" if number % 5 == 0 else "clickstream"
        key = f"k{number % 100}".encode()
        producer.send(f"{prefix}{topic}", key, body(START_MS + number))
        if rate and number % 20 == 0:
            producer.flush()
            time.sleep(20 / rate)
    producer.flush()


def inputs(cluster: Cluster, prefix: str) -> set[str]:
    return {
        f"{str(row.topic()).removeprefix(prefix)}/{row.partition()}/{row.offset()}"
        for row in read_topic(cluster, [f"{prefix}clickstream", f"{prefix}orders"])
    }


def judge(cluster: Cluster, prefix: str, partitions: int) -> Verdict:
    with LogReader(cluster.address) as reader:
        return reader.judge(f"{prefix}counts", partitions)


def assert_exactly_once(cluster: Cluster, prefix: str, partitions: int) -> Verdict:
    """Every input gave one committed message, and each key's counts have no gap, no repeat."""
    verdict = judge(cluster, prefix, partitions)
    told = [orjson.loads(row.value or b"") for row in verdict.committed]
    ids = [row["id"] for row in told if row["type"] == "counted"]
    assert len(ids) == len(set(ids)), "some records were folded twice"
    assert set(ids) == inputs(cluster, prefix), "some records were not folded"
    counts = defaultdict(list)
    for record, row in zip(verdict.committed, told, strict=True):
        if row["type"] == "counted":
            counts[record.key].append(row["n"])
    for key, found in counts.items():
        assert found == list(range(1, len(found) + 1)), f"{key!r} counted {found}"
    assert not verdict.open
    if not cluster.embedded:  # that one shows aborted records to such readers
        plain = {
            (row.partition(), row.offset()) for row in read_topic(cluster, [f"{prefix}counts"])
        }
        assert plain == {(row.partition, row.offset) for row in verdict.committed}
    return verdict


def folded(cluster: Cluster, prefix: str, partitions: int) -> int:
    rows = judge(cluster, prefix, partitions).committed
    return sum(b'"counted"' in (row.value or b"") for row in rows)


def test_kill_nine_loses_and_repeats_nothing(
    cluster: Cluster, prefix: str, topics: int, tmp_path: Path
) -> None:
    """Five kills at random moments under load: the committed set is exact."""
    dice = random.Random(7)
    total = 6_000
    member = Member(cluster, prefix, "a", tmp_path / "log")
    with member:
        for kill in range(5):
            write(cluster, prefix, kill * 1_000, 1_000, rate=1_500)
            time.sleep(dice.random())
            member.kill()
            write(cluster, prefix, 5_000 + kill * 200, 200)
            member.start()
        wait_until(
            lambda: folded(cluster, prefix, topics) >= total, f"{total} folded\n{member.says()}"
        )
        assert member.terminate() == 0, member.says()
    assert_exactly_once(cluster, prefix, topics)


def test_two_members_share_and_hand_over(
    cluster: Cluster, prefix: str, topics: int, tmp_path: Path
) -> None:
    """A second member joins under load, then leaves: nothing is lost or repeated."""
    with Member(cluster, prefix, "a", tmp_path / "a") as first:
        write(cluster, prefix, 0, 1_000)
        with Member(cluster, prefix, "b", tmp_path / "b") as second:
            wait_until(lambda: "partitions_restored" in second.says(), "the second to join")
            write(cluster, prefix, 1_000, 1_000, rate=2_000)
            wait_until(lambda: folded(cluster, prefix, topics) >= 2_000, second.says())
            assert second.terminate() == 0, second.says()
        write(cluster, prefix, 2_000, 1_000)
        wait_until(lambda: folded(cluster, prefix, topics) >= 3_000, first.says())
        assert first.terminate() == 0, first.says()
    assert_exactly_once(cluster, prefix, topics)


def test_sigterm_drains(cluster: Cluster, prefix: str, topics: int, tmp_path: Path) -> None:
    """A stop in the middle of a backlog finishes its batch, leaves the group, ends with 0."""
    total = 20_000
    write(cluster, prefix, 0, total)
    with Member(cluster, prefix, "a", tmp_path / "a") as member:
        wait_until(lambda: "partitions_restored" in member.says(), "the start")
        began = time.monotonic()
        assert member.terminate() == 0, member.says()
        assert time.monotonic() - began < 10
    verdict = judge(cluster, prefix, topics)
    assert not verdict.open
    assert not verdict.aborted
    with Member(cluster, prefix, "a", tmp_path / "b") as member:
        wait_until(lambda: folded(cluster, prefix, topics) >= total, member.says())
        assert member.terminate() == 0, member.says()
    assert_exactly_once(cluster, prefix, topics)
