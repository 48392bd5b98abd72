"""Risk: rows and labels that aim at doing nothing, and quality on stored predictions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.risk import Quality, Risk, Scored, examples
from orchestrator.domain.risk.examples import WEIGHT_CAP
from orchestrator.domain.signals import FEATURES
from orchestrator.online.scorer import log_loss
from orchestrator.online.snapshots import Snapshot, shipped


def scored(
    time_ms: int, *, risk: float = 0.6, p_none: float = 0.5, treated: bool = False
) -> Scored:
    return Scored(time_ms, "cart", [float(time_ms)], risk, p_none, treated)


def test_an_untreated_session_gives_every_row_its_outcome() -> None:
    """Nothing was done: each snapshot is a row, weighted by how often nothing would be done."""
    rows = examples([scored(1, p_none=0.5), scored(2, p_none=1.0)], abandoned=True)
    assert [(row.row, row.label, row.weight) for row in rows] == [
        ([1.0], 1.0, 2.0),
        ([2.0], 1.0, 1.0),
    ]
    assert [row.label for row in examples([scored(1)], abandoned=False)] == [0.0]


def test_a_treatment_censors_what_came_before_and_ends_the_rows() -> None:
    """Rows before it are labelled with the risk stored there; from it on there are none."""
    session = [scored(3, risk=0.9), scored(2, risk=0.7, treated=True), scored(1)]
    rows = examples(session, abandoned=False)
    assert [(row.row, row.label) for row in rows] == [([1.0], 0.7)]


@given(p_none=st.floats(0.0, 1.0))
def test_weights_are_bounded(p_none: float) -> None:
    """A row never counts for more than the cap, and never for less than one."""
    (row,) = examples([scored(1, p_none=p_none)], abandoned=True)
    assert 1.0 <= row.weight <= WEIGHT_CAP


def test_rows_are_scored_in_the_callers_order() -> None:
    """By name or by any order of names: one score; what one side lacks is 0."""
    state = {
        "format": 1,
        "examples": 0,
        "steps": 0,
        "intercept": 0.5,
        "counts": [1, 1],
        "means": [0.0, 0.0],
        "variances": [1.0, 1.0],
        "weights": [1.0, 2.0],
        "gradients": [0.0, 0.0],
    }
    snapshot = Snapshot("risk", 3, 0, ("dwell", "pages"), state)
    risk, turned = Risk(snapshot), Risk(snapshot, names=("pages", "new", "dwell"))
    assert risk.version == "risk@3"
    assert risk.row({"dwell": 0.5, "other": 9.0}) == [0.5, 0.0]
    assert risk.score({"dwell": 0.5}) == risk.score_row([0.5, 0.0]) > risk.score({})
    assert turned.score_row([0.25, 7.0, 0.5]) == risk.score({"dwell": 0.5, "pages": 0.25})
    assert turned.features == ("pages", "new", "dwell")


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), max_size=60))
def test_quality_survives_json_and_goes_on_alike(stream: list[tuple[float, bool]]) -> None:
    """Half of a stream, a round trip, the other half: the same figures as in one go."""
    calm, broken = Quality(), Quality()
    for index, (risk, label) in enumerate(stream):
        if index == len(stream) // 2:
            broken = Quality.load(json.loads(json.dumps(broken.dump())))
        calm.observe(risk, float(label), "cart")
        broken.observe(risk, float(label), "cart")
    assert broken.metrics() == calm.metrics()
    assert broken.dump() == calm.dump()


def test_quality_tells_the_loss_the_calibration_and_the_base_rate() -> None:
    """A forecast of .75, true in three of four: calibrated, and no better than a constant."""
    quality = Quality()
    for step in range(4000):
        quality.observe(0.75, float(step % 4 != 0), "cart")
    metrics = quality.metrics()
    assert metrics["rows"] == 4000
    assert metrics["calibration_error"] == pytest.approx(0.0, abs=0.002)
    assert metrics["base_rate_cart"] == pytest.approx(0.75, abs=0.002)
    expected = 0.75 * log_loss(0.75, 1.0) + 0.25 * log_loss(0.75, 0.0)
    assert metrics["log_loss"] == pytest.approx(expected, abs=0.002)
    assert metrics["log_loss_constant"] == pytest.approx(expected, abs=0.002)


def test_quality_forgets() -> None:
    """With a half-life of 800 rows, 8,000 good ones leave nothing of a bad beginning."""
    quality = Quality()
    for _ in range(800):
        quality.observe(0.99, 0.0, "cart")
    bad = quality.log_loss()
    for _ in range(8000):
        quality.observe(0.99, 1.0, "cart")
    assert quality.log_loss() < 0.02 < bad


def test_the_shipped_model_knows_the_signals() -> None:
    """Version 0 reads what sessions have; nearer to the order is less risk, trouble is more."""
    snapshot = shipped("risk")
    assert snapshot.features == FEATURES
    risk = Risk(snapshot, FEATURES)
    funnel = [risk.score({name: 1.0}) for name in ("stage_product", "stage_cart", "stage_review")]
    assert funnel == sorted(funnel, reverse=True)
    assert risk.score({"stage_payment": 1.0, "payment_trouble_log": 1.0}) > risk.score(
        {"stage_payment": 1.0}
    )
