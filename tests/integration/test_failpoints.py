"""Kill -9 at each named point of a batch: what was decided stands, what was not never was."""

import os
from pathlib import Path

import pytest

from orchestrator.adapters.kafka.settings import Cluster
from tests.integration.failpoints import POINTS
from tests.integration.processes import Member, wait_until
from tests.integration.test_host import assert_exactly_once, folded, write

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DEATHS = int(os.environ.get("ORCHESTRATOR_TEST_DEATHS", "1"))
"""At each point."""
BETWEEN = 400
"""Records written for each life."""


@pytest.mark.timeout(120 + 120 * DEATHS)
def test_a_process_that_ends_anywhere_in_a_batch_is_exactly_once(
    cluster: Cluster, prefix: str, topics: int, tmp_path: Path
) -> None:
    """Each point at least once, in one life after the other, on the same state."""
    written = 0
    member = Member(cluster, prefix, "a", tmp_path / "log")
    for death in range(DEATHS):
        for point in POINTS:
            with member.start(f"{point}:{death % 3 + 1}"):
                write(cluster, prefix, written, BETWEEN, rate=4 * BETWEEN)
                written += BETWEEN
                wait_until(member.has_died, f"death at {point}\n{member.says()}")
    with member:
        wait_until(member.is_settled, f"the last start\n{member.says()}")
        wait_until(
            lambda: folded(cluster, prefix, topics) >= written, f"{written} folded\n{member.says()}"
        )
        assert member.terminate() == 0, member.says()
    assert_exactly_once(cluster, prefix, topics)
