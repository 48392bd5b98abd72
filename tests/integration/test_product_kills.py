"""Kill -9 of the roles under load: nothing is lost, nothing is there twice.

`ORCHESTRATOR_TEST_KILLS=20` makes more of it; `--log-cli-level=INFO` tells how much was
compared.
"""

import logging
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest

from orchestrator import wiring
from orchestrator.adapters.kafka.settings import Cluster
from orchestrator.online.snapshots import shipped
from orchestrator.types import Payload
from tests.integration.processes import wait_until
from tests.integration.product import (
    COMMANDS,
    INPUTS,
    OUTPUTS,
    PARTITIONS,
    SETTLE_S,
    Letter,
    Product,
    Role,
    at,
    by_topic,
    calm,
    calm_as_pinned,
    of_json,
    published,
    rows,
    run,
    traffic,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KILLS = int(os.environ.get("ORCHESTRATOR_TEST_KILLS", "4"))
SHOPPERS = 150
"""Of each kill."""
WRITING_S = 2.0
"""About how long their records take to be written."""
LEARNER_INPUTS = ("decisions", "feedback", "orders", "sessions")

log = logging.getLogger(__name__)


WRITES = {
    "worker": "orchestrator.state",
    "learner": "orchestrator.learner-state",
    "agents": "merchandising.shoppers",
}
"""What tells that a role is at work."""
FIRST = 100
"""Records written before a kill, for the role to be at work."""


def storm(product: Product, roles: list[Role], seed: int) -> None:
    """Write traffic in pieces; in the midst of it a role of the list is killed, at any moment."""
    dice = random.Random(seed)
    stood = {role.name: product.end(WRITES[role.name]) for role in roles}
    for kill in range(KILLS):
        letters = traffic(kill * SHOPPERS, SHOPPERS)
        victim = roles[kill % len(roles)]
        topic = WRITES[victim.name]
        product.write(letters[:FIRST])
        # further than by the markers that end what it had left open
        wanted = stood[victim.name] + PARTITIONS
        wait_until(partial(has_grown, product, topic, wanted), f"{victim.name} at work", 60)
        writer = Thread(target=product.write, args=(letters[FIRST:], WRITING_S))
        writer.start()
        time.sleep(dice.random() * WRITING_S)
        victim.kill()
        stood[victim.name] = product.end(topic)
        victim.start()
        writer.join()


def has_grown(product: Product, topic: str, wanted: int) -> bool:
    return product.end(topic) > wanted


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
    verified(product)
    tell(product)


@pytest.mark.timeout(180 + 40 * KILLS)
def test_no_role_that_is_killed_loses_or_repeats_anything(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """All that a calm worker writes under the same models; each reward and each example once."""
    product = Product(cluster, prefix, tmp_path)
    with (
        product.role("worker") as worker,
        product.role("learner") as learner,
        product.role("agents") as agents,
    ):
        storm(product, [worker, learner, agents], seed=12)
        product.tell_time(SETTLE_S)
        product.wait_folded(worker, timeout_s=60 + 15 * KILLS)
        product.wait_folded(learner, *LEARNER_INPUTS, changelog="orchestrator.learner-state")
        assert agents.is_running, agents.says()
        assert learner.stop() == 0, learner.says()
        assert worker.stop() == 0, worker.says()
    judge_learner(product)
    if len(product.shown("models")) == len(product.committed("models")):
        judge_worker(product)
        verified(product)
    else:  # which model a ledger entry names is then not known
        log.warning("the broker showed models that were never committed")
    tell(product)


@pytest.mark.timeout(180)
def test_a_live_ledger_is_made_anew_to_the_byte(
    cluster: Cluster, prefix: str, tmp_path: Path
) -> None:
    """By the wall clock, with simulated shoppers, a model, other policies, and a worker killed."""
    product = Product(cluster, prefix, tmp_path)
    quick = tmp_path / "policies"
    shutil.copytree(wiring.SHIPPED_POLICIES, quick)
    journeys = quick / "journeys.yaml"
    journeys.write_text(journeys.read_text().replace("3_600_000", "600_000"))
    with product.role("worker", "--clock", "wall") as worker:
        for turn in (1, 2):
            snapshot = replace(shipped("risk"), version=turn).payload()
            product.write([Letter("models", b"risk", orjson.dumps(snapshot))])
            simulating = Thread(target=simulate, args=(product, turn))
            simulating.start()
            wait_until(partial(has_grown, product, "orchestrator.state", 200), "at work", 60)
            worker.kill()
            wiring.publish_policies(product.place, wiring.policies(quick).documents)
            worker.start()
            simulating.join()
        product.wait_folded(worker)
        assert worker.stop() == 0, worker.says()
    verified(product, wall=True)
    entries = product.values("decisions")
    assert len({entry["policy"] for entry in entries}) == 2
    assert {entry["models"]["risk"] for entry in entries} >= {"risk@1", "risk@2"}
    assert {entry["trigger"]["kind"] for entry in entries} == {"event", "timer"}


def simulate(product: Product, seed: int) -> None:
    run("simulate", "--sessions", "150", "--seed", str(seed), *at(product))


def verified(product: Product, *, wall: bool = False) -> None:
    """`replay --verify` finds the ledger as the log makes it."""
    group = ("--group-prefix", product.place.group_prefix)
    clock = ("--clock", "wall" if wall else "event")
    (summary,) = rows("replay", "--verify", *at(product), *group, *clock)
    assert summary["different"] == 0
    assert summary["entries"] == len(product.values("decisions"))


def tell(product: Product) -> None:
    """How much there was to compare, and how much of it the kills had left uncommitted."""
    verdicts = {topic: product.judged(topic) for topic in (*OUTPUTS, "rewards")}
    commands = Counter(value["type"] for topic in COMMANDS for value in product.values(topic))
    undone = sum(len(each.aborted) + len(each.open) for each in verdicts.values())
    counts = {
        topic: len(verdicts[topic].committed) for topic in ("decisions", "sessions", "rewards")
    }
    log.info(
        "%d kills; committed: %s, %s, %d examples; records not committed: %d",
        KILLS,
        counts,
        dict(commands),
        learnt(product),
        undone,
    )


def judge_worker(product: Product) -> None:
    """Everything it published is what a calm one publishes that is given the models in time.

    When the agents' statistics arrive is pinned too, but changes nothing here: no order names its
    products.
    """
    wanted = by_topic(calm_as_pinned(product))
    found = published(product)
    for topic in OUTPUTS:
        for partition, values in wanted[topic].items():
            there = found[topic].get(partition, [])
            assert len(there) == len(values), f"{topic} {partition}"
            assert without_bundles(there) == without_bundles(of_json(values)), (
                f"{topic} {partition}"
            )
        assert found[topic].keys() == wanted[topic].keys()


def without_bundles(values: list[Payload]) -> list[Payload]:
    for value in values:
        value.get("models", {}).pop("bundles", None)
    return values


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
    assert differences(last_rewards(rewards), last_rewards(wanted)) == []
    # rows after a treatment are no examples: fewer than decisions, by the learner's own rule
    assert learnt(product) == processor.learner.examples > 10 * KILLS
    versions = [snapshot["version"] for snapshot in product.values("models")]
    assert versions == sorted(set(versions))


def last_rewards(rewards: Iterable[Payload]) -> dict[str, Payload]:
    """What was last said of each decision; how often it was corrected depends on the merge."""
    lasting = ("action", "reward_cents", "converted", "matured", "parts")
    return {row["decision_id"]: {name: row[name] for name in lasting} for row in rewards}


def differences(found: dict[str, Payload], wanted: dict[str, Payload]) -> list[Any]:
    """The first few decisions on which both disagree, with what each says of them."""
    names = sorted(found.keys() | wanted.keys())
    each = [(name, found.get(name), wanted.get(name)) for name in names]
    return [row for row in each if row[1] != row[2]][:3]


def learnt(product: Product) -> int:
    """Examples in the learner's committed model."""
    found = 0
    for row in product.committed("orchestrator.learner-state"):
        state = orjson.loads(row.value or b"{}").get("s")
        if isinstance(state, dict) and "snapshot" in state:
            found = state["snapshot"]["examples"]
    return found
