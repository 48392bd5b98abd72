"""Purchase risk on real sessions: predict, then learn, in the order of the file.

Data: Online Shoppers Purchasing Intention (Sakar et al., 2018), `online_shoppers_intention.csv.gz`
in the original columns, from a directory you name:

    make bench-quality ARGS='--data DIR'     (or ORCHESTRATOR_DATA=DIR)

The rows are finished sessions, so this measures the learner, not how early it knows: `PageValues`
holds what Google Analytics knew of the purchase afterwards, and is left out in a second run.
Transforms are fixed (log1p, indicators), chosen once; nothing is fitted but by the model itself.
"""

import argparse
import csv
import gzip
import os
import sys
from collections.abc import Mapping, Sequence
from math import log1p
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.figures import MEASURES, Figure, Floats, bootstrap, figure, merge
from orchestrator.online.logistic import LearningRates, OnlineLogistic

FILE = "online_shoppers_intention.csv.gz"
RATES = LearningRates(step=0.1, intercept=0.1)
"""Faster than in the shop, where a session brings several rows that share their outcome: here it
brings one, and its base rate moves from 0 % in February to 25 % in November."""
BOOTSTRAP_RUNS = 200
SHUFFLED_RUNS = 5
MONTHS = ("Feb", "Mar", "May", "June", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
VISITORS = ("New_Visitor", "Returning_Visitor", "Other")
SHARE_SCALE = 100.0
"""Rates are shares of a per cent or so: per cents before the logarithm."""


def features(row: Mapping[str, str], *, page_values: bool) -> dict[str, float]:
    """One session as named numbers, by fixed transforms."""
    x = {}
    for kind in ("Administrative", "Informational", "ProductRelated"):
        x[f"log_{kind}_pages"] = log1p(float(row[kind]))
        x[f"log_{kind}_seconds"] = log1p(float(row[f"{kind}_Duration"]))
    pages = max(float(row["ProductRelated"]), 1.0)
    x["log_seconds_per_product"] = log1p(float(row["ProductRelated_Duration"]) / pages)
    for rate in ("BounceRates", "ExitRates"):
        x[rate] = float(row[rate])
        x[f"log_{rate}"] = log1p(SHARE_SCALE * float(row[rate]))
    if page_values:
        value = log1p(float(row["PageValues"]))
        x |= {"has_value": float(value > 0), "log_value": value, "log_value_squared": value**2}
    x["special_day"] = float(row["SpecialDay"])
    x["weekend"] = float(row["Weekend"] == "True")
    x |= {f"month_{month}": float(row["Month"] == month) for month in MONTHS}
    x |= {f"visitor_{kind}": float(row["VisitorType"] == kind) for kind in VISITORS}
    return x


def predict_then_learn(
    rows: Sequence[Mapping[str, str]], order: Sequence[int], *, page_values: bool
) -> tuple[Floats, Floats]:
    """Predictions made before each label was seen, and the labels, both in the order given."""
    model = OnlineLogistic(list(features(rows[0], page_values=page_values)), RATES)
    risk, label = [], []
    for index in order:
        x = list(features(rows[index], page_values=page_values).values())
        bought = float(rows[index]["Revenue"] == "True")
        risk.append(model.predict(x))
        label.append(bought)
        model.learn(x, bought)
    return np.array(risk), np.array(label)


def shuffled(rows: Sequence[Mapping[str, str]], *, page_values: bool) -> dict[str, Figure]:
    """The same over other orders of the rows: how much hangs on the order of the file."""
    values: dict[str, list[float]] = {name: [] for name in MEASURES}
    for seed in range(SHUFFLED_RUNS):
        order = np.random.default_rng(seed).permutation(len(rows)).tolist()
        risk, label = predict_then_learn(rows, order, page_values=page_values)
        for name, measure in MEASURES.items():
            values[name].append(measure(risk, label))
    return {name: figure(spread) for name, spread in values.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures with their spread, and merge them into the results file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("ORCHESTRATOR_DATA"))
    options = parser.parse_args(arguments)
    if options.data is None:
        parser.error("name the directory that holds the file: --data DIR or ORCHESTRATOR_DATA")
    path = next(iter(sorted(Path(options.data).rglob(FILE))), None)
    if path is None:
        sys.exit(f"no {FILE} under {options.data}")
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    results: dict[str, Any] = {}
    for name, page_values in (("", True), ("without_page_values", False)):
        risk, label = predict_then_learn(rows, range(len(rows)), page_values=page_values)
        figures = bootstrap(risk, label, runs=BOOTSTRAP_RUNS, seed=0)
        other = shuffled(rows, page_values=page_values)
        print(f"{len(rows)} sessions, {'with' if page_values else 'without'} PageValues")
        for measure in MEASURES:
            print(f"  {measure:9} {_spread(figures[measure])}   shuffled {_spread(other[measure])}")
        block = {**figures, "shuffled": other}
        results |= {name: block} if name else block
    merge("uci_shoppers", {**results, "sessions": len(rows)})


def _spread(value: Figure) -> str:
    return f"{value['mean']:.4f} [{value['low']:.4f}, {value['high']:.4f}]"


if __name__ == "__main__":
    main()
