"""`python -m benchmarks.speed`: run the peers and ourselves, print ratios, keep a JSON."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.speed import latency, machine, peers, report
from benchmarks.speed.cases import BASELINE, CASES, COMPILED, SLOWEST, Setting, is_compiled
from benchmarks.speed.rounds import SMALL, measure
from benchmarks.speed.stream import Plan, records

RESULTS = Path(__file__).parent.parent / "results" / "speed.json"
FULL = Plan(events=1_000_000, live_sessions=50_000)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    names = [case.name for case in CASES]
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="rounds of all engines (default %(default)s)")
    add("--events", type=int, default=Plan().events, help="size of the backlog")
    add("--live-sessions", type=int, default=Plan().live_sessions, help="sessions live at once")
    add("--full", action="store_true", help="a million events, 50,000 live sessions (an hour)")
    add("--engines", default=",".join(names), help=f"comma list of {', '.join(names)}")
    add("--broker", default="", metavar="HOST:PORT", help="a Kafka instead of embedded brokers")
    add("--no-latency", action="store_true", help="leave the latency part out")
    add("--latency-only", action="store_true", help="nothing but the latency part")
    add("--no-pinning", action="store_true", help="do not hold broker and engine on cores")
    add("--out", type=Path, default=RESULTS, help="the JSON (default %(default)s)")
    add("--check", action="store_true", help="exit 1 where a goal is not met")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    args = _arguments(argv)
    # Unwind on a polite kill too: engines and brokers end with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=110)
    started = time.monotonic()

    def tell(text: str) -> None:
        print(f"[{time.monotonic() - started:5.0f} s] {text}", file=sys.stderr, flush=True)

    wanted = set() if args.latency_only else set(args.engines.split(","))
    unknown = wanted - {case.name for case in CASES}
    if unknown:
        print(f"Unknown engine: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    if COMPILED in wanted and not is_compiled():
        tell("there is no compiled build: left out (make compiled)")
        wanted.remove(COMPILED)
    cases = [case for case in CASES if case.name in wanted]
    plan = FULL if args.full else Plan(args.events, args.live_sessions)
    if plan.events * min((case.share for case in cases), default=1) <= 2 * SMALL:
        print(f"--events {plan.events} is too few: {SMALL} go into the start-up", file=sys.stderr)
        return 2
    peers.ensure()
    setting = Setting(args.broker, pinned=not args.no_pinning and (machine.cores() or 1) > 1)
    results: dict[str, Any] = {
        "what": "CPU per event of one reference job, and latency: see benchmarks/README.md",
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.describe(),
        "broker": args.broker or "embedded, a fresh one for each run",
        "plan": {**plan._asdict(), "rounds": args.rounds, "pinned": setting.pinned},
        "compared_with": {"quix": BASELINE, "faust": SLOWEST},
    }
    series = {}
    if cases:
        tell(f"writing {plan.events} events in memory ...")
        series = measure(cases, list(records(plan)), args.rounds, setting, tell)
    if not args.no_latency:
        results["latency"] = latency.measure(setting, tell)
        results["latency_many_partitions"] = latency.measure(setting, tell, latency.MANY_PARTITIONS)
    results["engines"] = report.to_json(series)
    results["goals"] = report.goals(series, results.get("latency"))
    results["seconds"] = round(time.monotonic() - started)
    report.show(console, results)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(results, indent=2) + "\n")
    console.print(f"written: {args.out}", highlight=False)
    return int(args.check and any(goal["met"] is not True for goal in results["goals"]))


if __name__ == "__main__":
    sys.exit(main())
