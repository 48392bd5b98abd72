"""Figures of quality: computed alike everywhere, merged into one JSON file."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss, roc_auc_score

Floats = npt.NDArray[np.float64]
BINS = 15
CLIP = 1e-9
RESULTS = Path(__file__).parents[1] / "results" / "quality.json"


class Figure(TypedDict):
    """One measured number with its spread."""

    mean: float
    low: float
    high: float
    runs: int


def auc(risk: Floats, label: Floats) -> float:
    """Area under the ROC curve."""
    return float(roc_auc_score(label, risk))


def mean_log_loss(risk: Floats, label: Floats) -> float:
    """Mean cross entropy in nats."""
    return float(log_loss(label, np.clip(risk, CLIP, 1 - CLIP), labels=[0, 1]))


def calibration_error(risk: Floats, label: Floats) -> float:
    """Expected calibration error over fifteen equal bins."""
    bins = np.minimum((risk * BINS).astype(int), BINS - 1)
    gaps = [abs(float((risk[bins == k] - label[bins == k]).sum())) for k in range(BINS)]
    return sum(gaps) / len(risk)


MEASURES: Mapping[str, Callable[[Floats, Floats], float]] = {
    "auc": auc,
    "log_loss": mean_log_loss,
    "ece": calibration_error,
}


def bootstrap(risk: Floats, label: Floats, *, runs: int, seed: int) -> dict[str, Figure]:
    """Each measure with its 95 % interval over resampled rows; `mean` is the whole sample's."""
    draw = np.random.default_rng(seed)
    samples = [draw.integers(0, len(risk), len(risk)) for _ in range(runs)]
    figures = {}
    for name, measure in MEASURES.items():
        spread = [measure(risk[rows], label[rows]) for rows in samples]
        figures[name] = figure(spread, centre=measure(risk, label))
    return figures


def figure(values: Sequence[float], *, centre: float | None = None) -> Figure:
    """Spread of several runs: the middle 95 % of them, and their mean unless a centre is given."""
    low, high = np.quantile(values, [0.025, 0.975])
    return Figure(
        mean=round(float(np.mean(values)) if centre is None else centre, 5),
        low=round(float(low), 5),
        high=round(float(high), 5),
        runs=len(values),
    )


def merge(key: str, figures: Mapping[str, Any], path: Path = RESULTS) -> None:
    """Put figures under a key of the results file; what else is in it stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    known[key] = {**known.get(key, {}), **figures}
    path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
