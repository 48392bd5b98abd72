"""A snapshot is data from a topic: what fits is read back whole, what does not is refused."""

import json
from typing import Any

import pytest

from orchestrator.errors import InvalidPolicy
from orchestrator.messages.outcomes import ModelSnapshot
from orchestrator.online.snapshots import MAX_BYTES, Snapshot, aligned, parse, read, shipped

FEATURES = ("a", "b")
STATE = {
    "examples": 20,
    "steps": 20,
    "intercept": -0.25,
    "counts": [20, 20],
    "means": [0.95, 2.0],
    "variances": [0.65, 2.0],
    "weights": [0.02, 0.01],
    "gradients": [4.4, 5.1],
}
"""As `OnlineLogistic` tells it."""


def snapshot() -> Snapshot:
    return Snapshot(
        model_id="risk",
        version=41,
        time_ms=1_795_368_706_298,
        features=FEATURES,
        state=STATE,
        offsets={"decisions": {"0": 17}},
        examples=20,
        metrics={"log_loss": 0.5},
    )


def test_a_snapshot_survives_its_topic() -> None:
    """Payload, bytes and back: the same scores, offsets and label; and the contract's model."""
    held = snapshot()
    again = read(json.dumps(held.payload()).encode())
    assert again.payload() == held.payload()
    assert again.label == "risk@41"
    assert again.scorer().score((1.0, 2.0)) == held.scorer().score((1.0, 2.0))
    ModelSnapshot.model_validate(held.payload(), extra="forbid")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "pickle"},
        {"features": []},
        {"features": ["a", "a"]},
        {"features": ["a", "x" * 200]},
        {"features": ["a"]},
        {"version": -1},
        {"version": True},
        {"model_id": ""},
        {"state": None},
        {"offsets": {"decisions": {"0": "1"}}},
        {"metrics": {"log_loss": "low"}},
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    """One wrong field, and the version in force stays."""
    with pytest.raises(InvalidPolicy):
        parse({**snapshot().payload(), **change})


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b" " * (MAX_BYTES + 1),
        b'{"version":' + b"9" * 5000 + b"}",
        b"\xff\xfe",
    ],
)
def test_no_bytes_get_past(value: bytes) -> None:
    """Whatever the bytes, the answer is a refusal, not another error."""
    with pytest.raises(InvalidPolicy):
        read(value)


def test_numbers_without_end_are_refused() -> None:
    """NaN, infinities and numbers beyond any use do not become weights."""
    for number in ("NaN", "Infinity", "1e999", "1" + "0" * 400):
        value = json.dumps(snapshot().payload()).replace(
            '"intercept": ', f'"intercept": {number}, "x": '
        )
        with pytest.raises(InvalidPolicy):
            read(value.encode())


def test_a_newer_package_keeps_what_was_learnt() -> None:
    """Features that both know keep their weight; new ones start as shipped, old ones go."""
    held = snapshot()
    start = Snapshot(
        model_id="risk",
        version=0,
        time_ms=0,
        features=("b", "c"),
        state={
            "examples": 0,
            "steps": 0,
            "intercept": 0.0,
            "counts": [0, 0],
            "means": [0.0, 0.0],
            "variances": [1.0, 1.0],
            "weights": [9.0, 7.0],
            "gradients": [0.0, 0.0],
        },
    )
    new = aligned(held.payload(), start)
    assert new.features == ("b", "c")
    assert new.state["weights"] == [held.state["weights"][1], 7.0]
    assert new.version == 41


def test_version_0_ships() -> None:
    """A worker without a learner scores with the package's own model."""
    start = shipped("risk")
    assert start.label == "risk@0"
    assert 0.0 < start.scorer().score_named({}) < 1.0


def test_no_other_model_ships() -> None:
    """A name that does not ship is refused by name."""
    with pytest.raises(InvalidPolicy, match="nothing"):
        shipped("nothing")
