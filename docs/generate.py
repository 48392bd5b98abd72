"""Write the generated parts of the docs anew: `make docs`, or `python -m docs.generate`.

Whole pages come from the code they describe. In the hand-written ones three kinds of block are
filled: `<!-- output: COMMAND -->` with what the command prints, `<!-- file: PATH -->` with the
file, and `<!-- figures -->` with what stands in `benchmarks/results`.
"""

import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from orchestrator.domain import signals
from orchestrator.messages import topics
from orchestrator.runtimes.worker.metrics import METRICS
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

ROOT = Path(__file__).parents[1]
EXAMPLE = "docs/examples/hesitation.jsonl"
PICTURE_COLUMNS = 104
_OUTPUT = re.compile(r"(<!-- output: (?P<command>[^\n]+) -->\n```text\n).*?(?=```)", re.DOTALL)
_FILE = re.compile(r"(<!-- file: (?P<path>[^\n]+) -->\n```\w+\n).*?(?=```)", re.DOTALL)
_FIGURES = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)
_FOREIGN = re.compile(r"@font-face \{\{.*?\}\}\s*|<!--.*?-->\s*", re.DOTALL)


def orchestrator(*arguments: str, folder: Path = ROOT) -> str:
    """What a command of ours prints, as with `COLUMNS=200`."""
    command = [sys.executable, "-m", "orchestrator", *arguments]
    done = subprocess.run(  # noqa: S603 - our own program
        command, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def filled(text: str) -> str:
    """A hand-written page with its blocks filled."""
    text = _OUTPUT.sub(
        lambda found: found[1] + orchestrator(*shlex.split(found["command"])[1:]), text
    )
    text = _FILE.sub(lambda found: found[1] + (ROOT / found["path"]).read_text(), text)
    return _FIGURES.sub(lambda _: figures(), text)


def metrics_page() -> str:
    """docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "Generated from `orchestrator/runtimes/worker/metrics.py`; do not edit.",
        "",
        "Served as Prometheus text on `/metrics` of the port that `--metrics-port` names, by",
        "worker and learner. Every metric has the label `group` (the consumer group). Counters of",
        "records grow when a batch is *committed*: what an aborted batch did is not counted.",
        "What to do about them: [runbook](runbook.md).",
        "",
        "| metric | kind | labels beside `group` | meaning |",
        "|---|---|---|---|",
    ]
    for name, (kind, text, labels) in METRICS.items():
        suffix = "_total" if kind == "counter" else ""
        named = ", ".join(f"`{label}`" for label in labels) or "-"
        lines.append(f"| `orchestrator_{name}{suffix}` | {kind} | {named} | {text} |")
    return "\n".join([*lines, ""])


def figures() -> str:
    """The table of figures: only what stands in a file of `benchmarks/results`."""
    rows: list[tuple[str, str, str]] = []
    for name, told in (("speed.json", _speed), ("quality.json", _quality)):
        path = ROOT / "benchmarks" / "results" / name
        if path.exists():
            rows += told(json.loads(path.read_bytes()))
    lines = ["| what | figure | command |", "|---|---|---|"]
    lines += [f"| {what} | {figure} | `{command}` |" for what, figure, command in rows]
    return "\n".join([*lines, ""])


def _speed(results: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Goals that were measured; those of a run that failed are left out."""
    rows = []
    failed = {name for name, engine in results["engines"].items() if engine["failures"]}
    for goal in results["goals"]:
        ratio = goal["measured"]
        if ratio is not None and goal["engine"] not in failed:
            figure = f"{_spread(ratio)}; goal at most {goal['at_most']:g}"
            rows.append((goal["goal"], figure, "make bench"))
    wide = results.get("latency_many_partitions")
    if wide and wide["p99_ratio"]:
        rows.append(
            (
                f"the same with {wide['partitions']} partitions",
                _spread(wide["p99_ratio"]),
                "make bench",
            )
        )
    return rows


def _spread(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"


def _quality(results: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    rows = []
    shoppers = results.get("uci_shoppers")
    if shoppers:
        command = "make bench-quality ARGS='--data DIR'"
        named = {"all features": shoppers, "without `PageValues`": shoppers["without_page_values"]}
        for which, scores in named.items():
            auc, loss, ece = (scores[name]["mean"] for name in ("auc", "log_loss", "ece"))
            count = f"{shoppers['sessions']:,} sessions"
            what = f"UCI Online Shoppers, {count}, predict then learn, {which}"
            figure = f"AUC {auc:.3f}, log loss {loss:.3f}, calibration error {ece:.3f}"
            rows.append((what, figure, command))
    return rows


def explained() -> tuple[str, str]:
    """The command line and the output of `explain` on the example's concern decision."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger.jsonl"
        orchestrator("replay", EXAMPLE, "--dry", "--ledger", str(ledger))
        entries = [json.loads(line) for line in ledger.read_bytes().splitlines()]
        entry = next(one for one in entries if one["reason"].startswith("concern."))
        told = orchestrator("explain", entry["id"], "--ledger", str(ledger))
    return f"orchestrator explain {entry['id']} --ledger ledger.jsonl", told


def picture() -> str:
    """The terminal as an SVG, without fonts from elsewhere."""
    command, told = explained()
    console = Console(
        record=True, width=PICTURE_COLUMNS, file=StringIO(), highlight=False, force_terminal=True
    )
    console.print(f"$ {command}", markup=False, style="bold")
    console.print(told.rstrip(), markup=False)
    form = _FOREIGN.sub("", CONSOLE_SVG_FORMAT).replace("<svg ", '<svg xml:space="preserve" ', 1)
    return console.export_svg(
        title="orchestrator explain", theme=DIMMED_MONOKAI, code_format=form, unique_id="explain"
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/topics.md": topics.markdown,
    "docs/signals.md": signals.markdown,
    "docs/metrics.md": metrics_page,
    "docs/images/explain.svg": picture,
}
"""Whole files, by path."""


def hand_written() -> list[Path]:
    """README and the pages of docs/ that are not generated."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in pages if str(page.relative_to(ROOT)) not in PAGES]


def main() -> None:
    """Write what differs."""
    texts = {ROOT / path: write() for path, write in PAGES.items()}
    texts |= {page: filled(page.read_text()) for page in hand_written()}
    for path, text in texts.items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"written {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
