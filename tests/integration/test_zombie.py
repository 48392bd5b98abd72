"""A member that stood still while the group went on: what it held must not be written."""

import signal
import time
from pathlib import Path

import pytest

from orchestrator.adapters.kafka.settings import Cluster
from tests.integration.processes import Member, wait_until
from tests.integration.test_host import assert_exactly_once, folded, write

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_a_stopped_member_comes_back_without_repeating(
    cluster: Cluster, prefix: str, topics: int, tmp_path: Path
) -> None:
    """SIGSTOP for longer than the session, under load, three times: nothing twice, nothing lost."""
    if cluster.embedded:
        pytest.skip("the embedded broker accepts a stale generation: no judge of this")
    stop_s = cluster.session_timeout_ms / 1000 + 3
    with (
        Member(cluster, prefix, "a", tmp_path / "a") as first,
        Member(cluster, prefix, "b", tmp_path / "b") as second,
    ):
        wait_until(lambda: "partitions_restored" in first.says() + second.says(), "a start")
        for turn, member in enumerate((first, second, first)):
            write(cluster, prefix, turn * 3_000, 1_500, rate=1_500)
            member.signal(signal.SIGSTOP)
            write(cluster, prefix, turn * 3_000 + 1_500, 1_500, rate=300)
            time.sleep(max(0.0, stop_s - 5))
            member.signal(signal.SIGCONT)
        wait_until(
            lambda: folded(cluster, prefix, topics) >= 9_000, f"all\n{first.says()}{second.says()}"
        )
        assert first.terminate() == 0, first.says()
        assert second.terminate() == 0, second.says()
    assert_exactly_once(cluster, prefix, topics)
