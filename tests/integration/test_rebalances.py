"""Members come and go under load: each record counts once, whoever has it.

`ORCHESTRATOR_TEST_REBALANCES=50` makes more of it.
"""

import os
import random
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from orchestrator.adapters.kafka.settings import Cluster
from tests.integration.processes import Member, wait_until
from tests.integration.test_host import assert_exactly_once, folded, write

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CHANGES = int(os.environ.get("ORCHESTRATOR_TEST_REBALANCES", "4"))
EVERY_S = 4.0
RATE = 250
"""Records a second."""
PROTOCOLS = {
    "classic": {},
    "consumer": {"group.protocol": "consumer"},
}


@pytest.fixture(params=PROTOCOLS)
def group(request: pytest.FixtureRequest, cluster: Cluster) -> Cluster:
    """The cluster, with each way in which a group shares its partitions out."""
    if request.param == "consumer" and cluster.embedded:
        pytest.skip("the embedded broker does not assign partitions (KIP-848)")
    return replace(cluster, overrides=PROTOCOLS[request.param])


@pytest.mark.timeout(150 + 20 * CHANGES)
def test_members_come_and_go(group: Cluster, prefix: str, topics: int, tmp_path: Path) -> None:
    """One stays; two others join, leave, or are killed and started again, every few seconds."""
    dice = random.Random(3)
    total = int(RATE * EVERY_S * CHANGES)
    stays, *others = [Member(group, prefix, slot, tmp_path / slot) for slot in "abc"]
    with stays, ExitStack() as ending:
        for other in others:
            ending.push(other)
        writer = Thread(target=write, args=(group, prefix, 0, total, RATE))
        writer.start()
        for change in range(CHANGES):
            other = others[change // 2 % 2]
            if other.is_running and dice.random() < 0.5:
                assert other.terminate() == 0, other.says()
            else:
                if other.is_running:
                    other.kill()
                other.start()
                wait_until(other.is_settled, f"a start\n{other.says()}")
            time.sleep(EVERY_S)
        writer.join()
        wait_until(lambda: folded(group, prefix, topics) >= total, f"{total}\n{stays.says()}")
        for member in (stays, *others):
            if member.is_running:
                assert member.terminate() == 0, member.says()
    assert_exactly_once(group, prefix, topics)


def test_a_member_with_a_name_comes_back_unnoticed(
    cluster: Cluster, prefix: str, topics: int, tmp_path: Path
) -> None:
    """Static membership: a restart within the session moves no partition of the others."""
    if cluster.embedded:
        pytest.skip("the embedded broker leaves partitions of a named member without an owner")
    named = [
        Member(
            replace(cluster, overrides={"group.instance.id": slot}), prefix, slot, tmp_path / slot
        )
        for slot in "ab"
    ]
    first, second = named
    with first, second:
        wait_until(lambda: all(member.is_settled() for member in named), "both at work")
        write(cluster, prefix, 0, 1_000)
        wait_until(lambda: folded(cluster, prefix, topics) >= 1_000, first.says())
        before = first.says().count("partitions_assigned")
        second.kill()
        second.start()
        wait_until(second.is_settled, second.says())
        write(cluster, prefix, 1_000, 1_000, rate=500)
        wait_until(lambda: folded(cluster, prefix, topics) >= 2_000, second.says())
        assert first.says().count("partitions_assigned") == before
        assert first.terminate() == 0, first.says()
        assert second.terminate() == 0, second.says()
    assert_exactly_once(cluster, prefix, topics)
