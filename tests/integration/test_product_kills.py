"""Kill -9 of the roles under load: nothing is lost, nothing is there twice.

`ORCHESTRATOR_TEST_KILLS=20` makes more of it.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest

from orchestrator import wiring
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.types import Payload
from tests.integration.product import (
    INPUTS,
    OUTPUTS,
    SETTLE_S,
    Product,
    Role,
    by_topic,
    calm,
    of_json,
    published,
    traffic,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KILLS = int(os.environ.get("ORCHESTRATOR_TEST_KILLS", "4"))
SHOPPERS = 150
"""Of each kill."""
LEARNER_INPUTS = ("decisions", "feedback", "orders", "sessions")


def storm(product: Product, roles: list[Role], seed: int) -> None:
    """Write traffic in pieces; at a random moment of each a role of the list is killed."""
    dice = random.Random(seed)
    for kill in range(KILLS):
        letters = traffic(kill * SHOPPERS, SHOPPERS)
        half = dice.randrange(len(letters))
        product.write(letters[:half])
        time.sleep(dice.random() * 2)
        victim = roles[kill % len(roles)]
        victim.kill()
        product.write(letters[half:])
        victim.start()
        time.sleep(dice.random() * 2)


@pytest.mark.timeout(120 + 30 * KILLS)
def test_a_worker_that_is_killed_writes_what_a_calm_one_would(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """Ledger, commands and sessions equal those of a calm run, to the byte and in order."""
    product = Product(cluster, prefix, tmp_path)
    with product.role("worker") as worker:
        storm(product, [worker], seed=11)
        product.tell_time(SETTLE_S)
        product.wait_folded(worker, timeout_s=60 + 15 * KILLS)
        assert worker.stop() == 0, worker.says()
    wanted = by_topic(calm(product, wiring.journey(), INPUTS))
    found = published(product)
    for topic in OUTPUTS:
        for partition, values in wanted[topic].items():
            there = found[topic].get(partition, [])
            assert len(there) == len(values), f"{topic} {partition}"
            assert there == of_json(values), f"{topic} {partition}"
        assert found[topic].keys() == wanted[topic].keys()
    assert sum(map(len, found["decisions"].values())) > SHOPPERS * KILLS


@pytest.mark.timeout(180 + 40 * KILLS)
def test_no_role_that_is_killed_loses_or_repeats_anything(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """Worker, learner and agents: same decisions as calm, each reward and each example once."""
    product = Product(cluster, prefix, tmp_path)
    with (
        product.role("worker") as worker,
        product.role("learner") as learner,
        product.role("agents") as agents,
    ):
        storm(product, [worker, learner, agents], seed=12)
        product.tell_time(SETTLE_S)
        product.wait_folded(worker, timeout_s=60 + 15 * KILLS)
        wanted_ids = {
            emit.value["id"]
            for emits in calm(product, wiring.journey(), INPUTS).values()
            for emit in emits
            if emit.topic == "decisions" and emit.value
        }
        entries = product.values("decisions")
        assert Counter(entry["id"] for entry in entries) == Counter(wanted_ids)
        commands = [
            value["id"]
            for topic in OUTPUTS[2:]
            for value in product.values(topic)
            if value["type"] == "intervention_issued"
        ]
        assert Counter(commands) == Counter(
            entry["command_id"] for entry in entries if entry["command_id"]
        )
        product.wait_folded(learner, *LEARNER_INPUTS, changelog="orchestrator.learner-state")
        assert agents.is_running, agents.says()
        assert learner.stop() == 0, learner.says()
        assert worker.stop() == 0, worker.says()
    judge_learner(product)


def judge_learner(product: Product) -> None:
    """Rewards and examples are those of a calm fold, whose merge of the topics is another one."""
    processor = wiring.learning()
    reference = calm(product, processor, LEARNER_INPUTS)
    wanted = [
        emit.value
        for emits in reference.values()
        for emit in emits
        if emit.topic == "rewards" and emit.value
    ]
    rewards = product.values("rewards")
    ids = [reward["id"] for reward in rewards]
    assert len(ids) == len(set(ids))
    settled = [row["decision_id"] for row in rewards if row["type"] == "reward_settled"]
    assert len(settled) == len(set(settled))
    assert last_rewards(rewards) == last_rewards(wanted)
    # rows after a treatment are no examples: fewer than decisions, by the learner's own rule
    assert learnt(product) == processor.learner.examples > 10 * KILLS
    versions = [snapshot["version"] for snapshot in product.values("models")]
    assert versions == sorted(set(versions))


def last_rewards(rewards: Iterable[Payload]) -> dict[str, Payload]:
    """What was last said of each decision; how often it was corrected depends on the merge."""
    lasting = ("action", "reward_cents", "converted", "matured", "parts")
    return {row["decision_id"]: {name: row[name] for name in lasting} for row in rewards}


def learnt(product: Product) -> int:
    """Examples in the learner's committed model."""
    found = 0
    for row in product.committed("orchestrator.learner-state"):
        state = orjson.loads(row.value or b"{}").get("s")
        if isinstance(state, dict) and "snapshot" in state:
            found = state["snapshot"]["examples"]
    return found
