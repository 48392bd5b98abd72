"""Rounds of runs, interleaved and shuffled, and the figure of merit out of them.

CPU per event of one run = (CPU of the process over its whole life - CPU of the same process over a
small backlog) / (events - events of the small backlog). What an engine spends to start and stop
cancels; threads of its client library, the last commit and everything else count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import fmean, median
from typing import Any

from benchmarks.speed.cases import Case, Outcome, Setting, expected_commands, part_of, run
from benchmarks.speed.process import RunFailed
from benchmarks.speed.stream import Event

SMALL = 2_000
START_RUNS = 2
"""How many rounds also measure the small backlog."""

Tell = Callable[[str], None]


@dataclass
class Series:
    """All runs of one engine."""

    case: Case
    small: list[Outcome] = field(default_factory=list)
    runs: dict[int, Outcome] = field(default_factory=dict)
    """By round."""
    failures: list[str] = field(default_factory=list)

    def us_per_event(self) -> dict[int, float]:
        """Microseconds of CPU per event, by round."""
        if not self.small:
            return {}
        start_s = fmean(each.usage.cpu_s for each in self.small)
        start_events = fmean(each.events for each in self.small)
        return {
            number: (each.usage.cpu_s - start_s) / (each.events - start_events) * 1e6
            for number, each in self.runs.items()
        }


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range over rounds."""

    median: float
    least: float
    most: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.least:.2f}..{self.most:.2f}]"

    def as_json(self) -> dict[str, Any]:
        return {
            "median": round(self.median, 4),
            "min": round(self.least, 4),
            "max": round(self.most, 4),
            "rounds": self.rounds,
        }


def spread(values: Sequence[float]) -> Spread | None:
    """Median and range; None of nothing."""
    if not values:
        return None
    return Spread(median(values), min(values), max(values), len(values))


def paired(ours: Series, theirs: Series) -> Spread | None:
    """CPU per event of one engine over that of another, paired by round."""
    return spread(paired_values(ours.us_per_event(), theirs.us_per_event()))


def paired_values(ours: dict[int, float], theirs: dict[int, float]) -> list[float]:
    """One figure over another, for each round that has both."""
    return [ours[number] / theirs[number] for number in ours if theirs.get(number)]


def measure(
    cases: Sequence[Case],
    events: Sequence[Event],
    rounds: int,
    setting: Setting,
    tell: Tell,
) -> dict[str, Series]:
    """Run all engines for some rounds, in an order shuffled anew each round."""
    rng = Random(rounds)
    series = {case.name: Series(case) for case in cases}
    counts = sorted({SMALL, *(len(part_of(events, case.share)) for case in cases)})
    tell("computing the expected commands ...")
    expected = expected_commands(events, counts)
    for number in range(rounds):
        order = list(cases)
        rng.shuffle(order)
        for case in order:
            one = series[case.name]
            if number < START_RUNS:
                outcome = _run(one, events[:SMALL], setting, f"s{number}", expected)
                if outcome is not None:
                    one.small.append(outcome)
            outcome = _run(one, part_of(events, case.share), setting, f"r{number}", expected)
            if outcome is not None:
                one.runs[number] = outcome
            tell(_line(number, rounds, one, outcome))
    return series


def _run(
    one: Series, events: Sequence[Event], setting: Setting, tag: str, expected: dict[int, int]
) -> Outcome | None:
    try:
        prefix = f"speed-{tag}-{one.case.name}-"
        return run(one.case, events, setting, prefix, expected[len(events)])
    except RunFailed as failure:
        one.failures.append(f"{tag}: {failure}")
        return None


def _line(number: int, rounds: int, one: Series, outcome: Outcome | None) -> str:
    name = f"round {number + 1}/{rounds}  {one.case.label}, {one.case.guarantee}"
    if outcome is None:
        return f"{name}: FAILED {one.failures[-1]}"
    cost = one.us_per_event().get(number)
    shown = "?" if cost is None else f"{cost:.1f}"
    return f"{name}: {shown} us/event, {outcome.usage.peak_mb:.0f} MB"
