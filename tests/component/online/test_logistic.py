"""The learner of record is River's, its state is JSON, and its scorer is the same model."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, optim, preprocessing

from orchestrator.errors import InvalidPolicy
from orchestrator.online.logistic import OnlineLogistic
from orchestrator.online.scorer import LinearScorer

NAMES = ("dwell", "pages", "stage_cart")

Stream = list[tuple[tuple[float, ...], bool, float]]

rows = st.tuples(
    st.floats(-20, 20, allow_subnormal=False),
    st.integers(0, 50).map(float),
    st.sampled_from((0.0, 1.0)),
)
examples = st.lists(st.tuples(rows, st.booleans(), st.floats(0.1, 10.0)), min_size=1, max_size=40)


def learnt(stream: Stream) -> OnlineLogistic:
    model = OnlineLogistic(NAMES)
    for x, y, weight in stream:
        model.learn(x, float(y), weight)
    return model


@given(stream=examples, x=rows)
@settings(max_examples=50)
def test_equals_rivers_own_pipeline(stream: Stream, x: tuple[float, ...]) -> None:
    """Wrapping changes nothing: same predictions as `StandardScaler | LogisticRegression`."""
    river = preprocessing.StandardScaler() | linear_model.LogisticRegression(
        optim.AdaGrad(0.05), l2=1e-4, intercept_lr=0.02
    )
    for row, y, weight in stream:
        river.learn_one(dict(zip(NAMES, row, strict=True)), y, w=weight)
    expected = river.predict_proba_one(dict(zip(NAMES, x, strict=True)))[True]
    assert learnt(stream).predict(x) == expected


@given(stream=examples, more=examples, x=rows)
@settings(max_examples=50)
def test_a_round_trip_through_json_changes_no_bit(
    stream: Stream, more: Stream, x: tuple[float, ...]
) -> None:
    """Dumped, encoded, decoded and loaded, it predicts and goes on learning exactly alike."""
    calm = learnt(stream)
    restored = OnlineLogistic.restore(NAMES, json.loads(json.dumps(calm.state())))
    assert restored.predict(x) == calm.predict(x)
    for row, y, weight in more:
        calm.learn(row, float(y), weight)
        restored.learn(row, float(y), weight)
    assert restored.predict(x) == calm.predict(x)
    assert restored.state() == calm.state()


@given(stream=examples, x=rows)
@settings(max_examples=50)
def test_the_scorer_is_the_same_model(stream: Stream, x: tuple[float, ...]) -> None:
    """Weights with the scaler folded in give River's probability within 1e-9."""
    model = learnt(stream)
    assert model.folded().score(x) == pytest.approx(model.predict(x), abs=1e-9)


def test_the_state_holds_all_that_river_keeps() -> None:
    """River's attributes are where this reads them: if one moves, this is what fails."""
    model = OnlineLogistic(NAMES)
    for x, y in (((1.0, 2.0, 0.0), 1.0), ((3.0, 5.0, 1.0), 0.0), ((2.0, 9.0, 1.0), 1.0)):
        model.learn(x, y)
    state = model.state()
    assert state["examples"] == state["steps"] == 3
    assert state["counts"] == [3, 3, 3]
    assert state["means"] == pytest.approx([2.0, 16 / 3, 2 / 3])
    assert state["variances"] == pytest.approx([2 / 3, 74 / 9, 2 / 9])
    assert all(state["weights"])
    assert all(value > 0 for value in state["gradients"])
    assert state["intercept"] != 0.0
    inner = model._model  # noqa: SLF001 - the point of this test
    assert set(vars(inner)) == {
        "optimizer", "loss", "l2", "l1", "intercept_init", "intercept", "intercept_lr",
        "clip_gradient", "initializer", "_weights", "_y_name",
    }  # fmt: skip
    assert set(vars(inner.optimizer)) == {"lr", "n_iterations", "eps", "g2"}
    assert set(vars(model._scaler)) == {"with_std", "window_size", "counts", "means", "vars"}  # noqa: SLF001


@given(share=st.floats(0.01, 0.99), x=rows)
def test_a_label_between_pulls_between(share: float, x: tuple[float, ...]) -> None:
    """A soft label's step lies between those of 0 and 1, and is none where it is the forecast."""
    bias = {}
    for label in (0.0, share, 1.0):
        model = OnlineLogistic(NAMES)
        model.learn(x, label)
        bias[label] = model.state()["intercept"]
    assert bias[0.0] < bias[share] < bias[1.0]
    certain = OnlineLogistic(NAMES)
    certain.learn(x, certain.predict(x))
    assert certain.state()["intercept"] == pytest.approx(0.0, abs=1e-15)


def test_learning_beats_a_constant() -> None:
    """On a stream with a signal the model learns it within a few hundred rows."""
    model = OnlineLogistic(("x",))
    hits = 0
    for step in range(600):
        x = float((step * 7919) % 101) / 100.0
        y = float(x > 0.5)
        if step >= 300:
            hits += (model.predict((x,)) > 0.5) == bool(y)
        model.learn((x,), y)
    assert hits > 285


def test_a_state_that_does_not_fit_is_refused() -> None:
    """Another length, a missing column or a number that is none never becomes a model."""
    state = OnlineLogistic(NAMES).state()
    for broken in (
        {**state, "weights": [0.0]},
        {**state, "means": [0.0, float("nan"), 0.0]},
        {**state, "variances": [0.0, -1.0, 0.0]},
        {**state, "intercept": None},
        {key: value for key, value in state.items() if key != "counts"},
    ):
        with pytest.raises(InvalidPolicy):
            OnlineLogistic.restore(NAMES, broken)


def test_scorer_takes_names_it_does_not_know_and_misses_some() -> None:
    """What the snapshot lists and the session lacks is 0; what it does not list has no say."""
    scorer = LinearScorer(("a", "b"), (2.0, -1.0), 0.5)
    assert scorer.row({"b": 3.0, "c": 9.0}) == [0.0, 3.0]
    assert scorer.score_named({"b": 3.0, "c": 9.0}) == scorer.score((0.0, 3.0))
    assert scorer.contributions({"a": 1.0, "b": 3.0}) == [("b", -3.0), ("a", 2.0)]
    assert 0.0 < scorer.score((-1e9, 0.0)) < scorer.score((1e9, 0.0)) < 1.0
