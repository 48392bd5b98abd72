"""Which rows teach risk under doing nothing, when a policy treats the shoppers at risk?

A small world with known truth: shoppers with a hidden intent take up to eight steps, leave at any
of them, and leave less once treated. The policy treats whom the model finds at risk, at most once a
session, and leaves 5 % of the shoppers alone; so sessions are selected on the very score. Each way
of making rows learns online from those sessions; all are then judged on shoppers nobody treats.

    pip install -c constraints.txt -e '.[bench]'
    python -m benchmarks.quality.risk_labels
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.quality.figures import (
    Figure,
    Floats,
    auc,
    calibration_error,
    figure,
    mean_log_loss,
    merge,
)
from orchestrator.domain.risk import Example, Scored, examples
from orchestrator.domain.risk.examples import weight
from orchestrator.online.logistic import LearningRates, OnlineLogistic
from orchestrator.online.scorer import LinearScorer, sigmoid
from orchestrator.processors.learning_model import SESSION_RATES

STEPS = 8
STAGES = 4
FEATURES = (*(f"stage_{k}" for k in range(STAGES)), "hesitation", "hesitation_mean", "noise")
HOLDOUT_SHARE = 0.05
TREATMENT_LOGITS = 0.9
"""Taken off the log odds of leaving at each later step."""
SESSIONS = 12_000
WARM_UP = 4_000
"""Sessions before the first version that is judged."""
JUDGED = 1_500
"""Shoppers left alone, the same for every version."""
SEEDS = 3
REFRESH = 200
"""Sessions between two versions of the scorer that decides."""

Rows = Callable[[Sequence[Scored], bool], list[Example]]


def pooled(session: Sequence[Scored], abandoned: bool) -> list[Example]:  # noqa: FBT001
    """Every row with the session's outcome, treated or not."""
    return [Example(row.row, float(abandoned), 1.0, row) for row in session]


def untreated_sessions(session: Sequence[Scored], abandoned: bool) -> list[Example]:  # noqa: FBT001
    """Sessions that were never treated, as if they had been picked by chance."""
    return [] if any(row.treated for row in session) else pooled(session, abandoned)


def nothing_now(session: Sequence[Scored], abandoned: bool) -> list[Example]:  # noqa: FBT001
    """Rows at which nothing was done, weighted, with the outcome of whatever came later."""
    return [
        Example(row.row, float(abandoned), weight(row.p_none), row)
        for row in session
        if not row.treated
    ]


def nothing_from_here(session: Sequence[Scored], abandoned: bool) -> list[Example]:  # noqa: FBT001
    """Rows from which on nothing was done, weighted by the product of the propensities."""
    rows, p_none = [], 1.0
    for row in reversed(session):
        if row.treated:
            break
        p_none *= row.p_none
        rows.append(Example(row.row, float(abandoned), weight(p_none), row))
    return rows[::-1]


def censored(session: Sequence[Scored], abandoned: bool) -> list[Example]:  # noqa: FBT001
    """The product's own: a treatment censors the rows before it at the risk stored there."""
    return examples(session, abandoned=abandoned)


WAYS: dict[str, Rows] = {
    way.__name__: way
    for way in (pooled, untreated_sessions, nothing_now, nothing_from_here, censored)
}


def session(
    draw: np.random.Generator, scorer: LinearScorer, *, alone: bool
) -> tuple[list[Scored], bool]:
    """One shopper's decisions and whether they abandoned.

    Args:
        draw: The world's randomness.
        scorer: Scores each step; the policy treats by it.
        alone: Nobody may be treated.
    """
    intent = draw.normal()
    treated = False
    hesitations: list[float] = []
    decisions: list[Scored] = []
    for step in range(STEPS):
        hesitations.append(float(np.exp(0.5 * draw.normal() - 0.4 * intent)))
        stage = step * STAGES // STEPS
        row = [float(stage == k) for k in range(STAGES)]
        row += [hesitations[-1], float(np.mean(hesitations)), draw.normal()]
        risk = scorer.score(row)
        p_none = 1.0 if alone or treated else (0.25 if risk > 0.6 else 0.8)
        act = bool(draw.random() >= p_none)
        decisions.append(Scored(step, f"stage_{stage}", row, risk, p_none, act))
        treated = treated or act
        leave = sigmoid(-1.9 - 0.9 * intent + 0.5 * hesitations[-1] - TREATMENT_LOGITS * treated)
        if draw.random() < leave:
            return decisions, True
    return decisions, False


def judge(way: Rows, seed: int, rates: LearningRates) -> dict[str, float]:
    """Learn online from treated traffic; forecast shoppers left alone, at several versions."""
    draw = np.random.default_rng(seed)
    model = OnlineLogistic(FEATURES, rates)
    scorer = model.folded()
    rows, label = left_alone(1_000_000 + seed)
    measured = []
    for index in range(SESSIONS):
        if index % REFRESH == 0:
            scorer = model.folded()
            if index >= WARM_UP:
                measured.append(measure(np.array([scorer.score(row) for row in rows]), label))
        decisions, abandoned = session(draw, scorer, alone=bool(draw.random() < HOLDOUT_SHARE))
        for example in way(decisions, abandoned):
            model.learn(example.row, example.label, example.weight)
    return {name: float(np.mean([each[name] for each in measured])) for name in measured[0]}


def left_alone(seed: int) -> tuple[list[list[float]], Floats]:
    """Decisions of shoppers nobody treats, and whether each abandoned."""
    draw = np.random.default_rng(seed)
    scorer = LinearScorer(FEATURES, [0.0] * len(FEATURES), 0.0)
    rows, label = [], []
    for _ in range(JUDGED):
        decisions, abandoned = session(draw, scorer, alone=True)
        rows += [decision.row for decision in decisions]
        label += [float(abandoned)] * len(decisions)
    return rows, np.array(label)


def measure(risk: Floats, label: Floats) -> dict[str, float]:
    """Losses of one version; `bias` is predicted less true, `bias_high` that of the top quarter."""
    high = risk >= np.quantile(risk, 0.75)
    return {
        "log_loss": mean_log_loss(risk, label),
        "ece": calibration_error(risk, label),
        "auc": auc(risk, label),
        "bias": float((risk - label).mean()),
        "bias_high": float((risk - label)[high].mean()),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line a way of making rows, and merge the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--step", type=float, default=SESSION_RATES.step)
    parser.add_argument("--intercept", type=float, default=SESSION_RATES.intercept)
    options = parser.parse_args(arguments)
    rates = LearningRates(step=options.step, intercept=options.intercept)
    results: dict[str, dict[str, Figure]] = {}
    for name, way in WAYS.items():
        runs = [judge(way, seed, rates) for seed in range(options.seeds)]
        results[name] = {key: figure([run[key] for run in runs]) for key in runs[0]}
        means = "  ".join(f"{key} {value['mean']:+.4f}" for key, value in results[name].items())
        print(f"{name:20} {means}", flush=True)
    if rates == SESSION_RATES:
        merge("risk_labels", results)


if __name__ == "__main__":
    main()
