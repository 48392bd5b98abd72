"""The table a person reads, and the JSON that stays."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.speed.cases import BASELINE, COMPILED, PRODUCT, SLOWEST, describe
from benchmarks.speed.latency import PARTITIONS
from benchmarks.speed.rounds import Series, Spread, paired, spread

GOALS = (
    ("our host / Quix Streams", "host", BASELINE, 0.5),
    ("our host / tuned Faust", "host", SLOWEST, 0.1),
    ("whole product / Quix Streams' reference job", PRODUCT, BASELINE, 1.0),
    ("whole product, compiled / Quix Streams' reference job", COMPILED, BASELINE, 1.0),
)
LATENCY_GOAL = (
    f"p99 event to command / p99 of the broker alone, {PARTITIONS} partitions",
    3.0,
)


def to_json(series: Mapping[str, Series]) -> dict[str, Any]:
    """Engines with their figures, and all ratios to the two reference engines."""
    return {name: _engine(one, series) for name, one in series.items()}


def _engine(one: Series, series: Mapping[str, Series]) -> dict[str, Any]:
    costs = one.us_per_event()
    last = next(reversed(one.runs.values()), None)
    cost = spread(list(costs.values()))
    return {
        **describe(one.case),
        "us_per_event": cost.as_json() if cost else None,
        "us_per_event_by_round": {number + 1: round(us, 3) for number, us in costs.items()},
        "start_and_stop_cpu_s": [round(each.usage.cpu_s, 3) for each in one.small],
        "events": last.events if last else 0,
        "peak_mb": round(max((run.usage.peak_mb for run in one.runs.values()), default=0.0), 1),
        "written": last.written if last else {},
        "ratios": {
            other: ratio.as_json()
            for other in (BASELINE, SLOWEST)
            if other in series and (ratio := paired(one, series[other]))
        },
        "failures": one.failures,
    }


def goals(series: Mapping[str, Series], latency: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Each goal with what was measured; `met` is None where it could not be."""
    rows = []
    for name, ours, theirs, limit in GOALS:
        ratio: Spread | None = None
        if ours in series and theirs in series:
            ratio = paired(series[ours], series[theirs])
        rows.append(
            {
                "goal": name,
                "engine": ours,
                "at_most": limit,
                "measured": ratio.as_json() if ratio else None,
                "met": ratio.median <= limit if ratio else None,
            }
        )
    name, limit = LATENCY_GOAL
    compiled = latency is not None and latency["hot_path"] == "compiled"
    engine = COMPILED if compiled else PRODUCT
    ratio_json = latency.get("p99_ratio") if latency else None
    met = ratio_json["median"] <= limit if ratio_json else None
    rows.append(
        {"goal": name, "engine": engine, "at_most": limit, "measured": ratio_json, "met": met}
    )
    return rows


def show(console: Console, results: Mapping[str, Any]) -> None:
    """Print the tables."""
    table = Table(title="CPU per event, same stream and broker (median, least..most)")
    for heading in ("engine", "guarantee", "us/event", "of Quix", "of Faust", "peak MB", "runs"):
        table.add_column(heading, justify="left" if heading in {"engine", "guarantee"} else "right")
    for engine in results["engines"].values():
        ratios = engine["ratios"]
        cost = engine["us_per_event"]
        table.add_row(
            engine["label"],
            engine["guarantee"],
            _cell(cost, 1),
            _cell(ratios.get(BASELINE), 2),
            _cell(ratios.get(SLOWEST), 3),
            f"{engine['peak_mb']:.0f}",
            f"{cost['rounds'] if cost else 0}" + (" !" if engine["failures"] else ""),
        )
    console.print(table)
    for engine in results["engines"].values():
        for failure in engine["failures"]:
            console.print(f"! {engine['label']}: {failure}", markup=False)
    for latency in (results.get("latency"), results.get("latency_many_partitions")):
        if latency:
            _show_latency(console, latency)
    _show_goals(console, results["goals"])


def _show_latency(console: Console, latency: Mapping[str, Any]) -> None:
    size = f"{latency['rate_per_s']} events/s, {latency['partitions']} partitions"
    table = Table(title=f"Latency at {size}, ms (median, least..most)")
    for heading in ("", "p50", "p99"):
        table.add_column(heading, justify="right" if heading else "left")
    for key, label in (("floor", "broker alone"), ("product", "event to command")):
        if latency.get(key):
            table.add_row(label, _cell(latency[key]["p50_ms"], 1), _cell(latency[key]["p99_ms"], 1))
    ratios = [_cell(latency.get(key), 2) for key in ("p50_ratio", "p99_ratio")]
    table.add_row("ratio", *ratios)
    console.print(table)
    for failure in latency.get("failures", ()):
        console.print(f"! latency: {failure}", markup=False)


def _show_goals(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table(title="Goals")
    for heading in ("goal", "at most", "measured", "met"):
        table.add_column(heading, justify="left" if heading == "goal" else "right")
    words = {True: "yes", False: "NO", None: "not measured"}
    for row in rows:
        table.add_row(
            row["goal"], f"{row['at_most']:g}", _cell(row["measured"], 3), words[row["met"]]
        )
    console.print(table)


def _cell(figure: Mapping[str, Any] | None, digits: int) -> str:
    if not figure:
        return "-"
    return f"{figure['median']:.{digits}f} ({figure['min']:.{digits}f}..{figure['max']:.{digits}f})"
