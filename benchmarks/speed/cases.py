"""The engines that are compared, and one run of one of them."""

import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.speed import broker as kafka
from benchmarks.speed import peers
from benchmarks.speed.engines.job import Job
from benchmarks.speed.process import RunFailed, Running, Usage
from benchmarks.speed.stream import Event

PRODUCT = "product"
COMPILED = "product-compiled"
COMPILED_PATH = Path(__file__).parents[2] / "build" / "compiled"
"""Where `make compiled` puts it."""
BASELINE = "quix"
SLOWEST = "faust"
ENGINE_CORE = 1
BROKER_CORE = 0


@dataclass(frozen=True)
class Case:
    """One engine with its settings."""

    name: str
    label: str
    guarantee: str
    module: str
    """The engine's module; empty: the product's own `orchestrator worker`."""
    is_peer: bool = True
    share: float = 1.0
    """Part of the backlog it gets: a slow engine needs fewer events for the same precision."""
    options: dict[str, str] = field(default_factory=dict)


CASES = (
    Case("host", "our host, reference job", "exactly once", "host", is_peer=False),
    Case(PRODUCT, "whole product (orchestrator worker)", "exactly once", "", is_peer=False),
    Case(COMPILED, "whole product, hot path compiled", "exactly once", "", is_peer=False),
    Case(BASELINE, "Quix Streams", "at least once", "quix"),
    Case("quix-eos", "Quix Streams", "exactly once", "quix", options={"guarantee": "exactly-once"}),
    Case("bytewax", "bytewax, recovery 1 s", "at least once", "flow"),
    Case(SLOWEST, "Faust, tuned", "at least once", "faust_agent", share=0.25),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What all runs share."""

    broker: str
    """HOST:PORT; empty: a fresh embedded one for each run."""
    pinned: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run."""

    events: int
    usage: Usage
    written: dict[str, int]
    """Records found in the output topics afterwards."""


class _Place(NamedTuple):
    address: str
    prefix: str
    folder: Path
    core: int | None


def run(
    case: Case, events: Sequence[Event], setting: Setting, prefix: str, commands: int | None
) -> Outcome:
    """Run an engine over a backlog of its own and check what it wrote.

    Args:
        case: The engine.
        events: The backlog.
        setting: Broker and cores.
        prefix: Of the topics, unique on a broker that outlives the run.
        commands: How many commands the reference job gives on these events; None: not checked.

    Raises:
        RunFailed: it did not finish, or wrote something else.
    """
    prefix = prefix if setting.broker else ""
    with (
        tempfile.TemporaryDirectory(prefix="speed-") as scratch,
        kafka.fresh(setting.broker, BROKER_CORE if setting.pinned else None) as address,
    ):
        at = _Place(address, prefix, Path(scratch), ENGINE_CORE if setting.pinned else None)
        if case.module:
            outcome = _run_reference(case, events, at)
            found = outcome.written[prefix + kafka.OUTPUT]
            if commands is not None and found != commands:
                raise RunFailed(f"{found} commands written, {commands} expected")
            return outcome
        return _run_product(case, events, at)


def _run_reference(case: Case, events: Sequence[Event], at: _Place) -> Outcome:
    address, prefix, folder, core = at
    names = [kafka.INPUT, kafka.OUTPUT, kafka.CHANGELOG, kafka.DEAD_LETTERS]
    kafka.create_topics(address, {prefix + name: kafka.PARTITIONS for name in names})
    kafka.preload(address, events, prefix + kafka.INPUT)
    state = folder / "state"
    state.mkdir()
    job = Job(
        broker=address,
        prefix=prefix,
        topic=prefix + kafka.INPUT,
        output=prefix + kafka.OUTPUT,
        partitions=kafka.PARTITIONS,
        events=len(events),
        scratch=str(state),
        options=case.options,
    )
    python = str(peers.PYTHON) if case.is_peer else sys.executable
    module = f"benchmarks.speed.engines.{case.module}"
    command = [python, "-m", module, json.dumps(asdict(job))]
    with Running(command, folder / "log", core) as process:
        usage = process.wait(time_limit_s(len(events)))
    written = kafka.count_records(address, [job.output, prefix + kafka.DEAD_LETTERS])
    return Outcome(len(events), usage, written)


def orchestrator(*arguments: str) -> list[str]:
    """A command line of the product: the package that is installed, or on PYTHONPATH."""
    return [sys.executable, "-P", "-m", "orchestrator", *arguments]


def is_compiled() -> bool:
    """Whether there is a compiled build to measure."""
    return any(COMPILED_PATH.glob("orchestrator/processors/*.so"))


def prepare_product(
    address: str, prefix: str, folder: Path, partitions: int = kafka.PARTITIONS
) -> list[str]:
    """Create the product's topics; return the options that name this installation."""
    names = ["--broker", address]
    if prefix:
        names += ["--topic-prefix", prefix]
    create = orchestrator("topics", "create", *names, "--partitions", str(partitions))
    with Running(create, folder / "topics.log") as process:
        process.wait(60)
    return [*names, "--group-prefix", prefix + "orchestrator"] if prefix else names


def _run_product(case: Case, events: Sequence[Event], at: _Place) -> Outcome:
    address, prefix, folder, core = at
    names = prepare_product(address, prefix, folder)
    kafka.preload(address, events, prefix + kafka.INPUT)
    group = f"{prefix}orchestrator-worker"
    progress = kafka.Progress(address, group, prefix + kafka.INPUT)
    command = orchestrator("worker", *names, "--clock", "event", "--slot", "speed")
    package = COMPILED_PATH if case.name == COMPILED else None
    with Running(command, folder / "log", core, package) as process:
        process.wait_until(lambda: progress.committed() >= len(events), time_limit_s(len(events)))
        progress.close()
        usage = process.stop()
    topics = ["decisions", "sessions", "interventions.onsite", "interventions.chat",
              "interventions.email", "interventions.push", kafka.DEAD_LETTERS]  # fmt: skip
    written = kafka.count_records(address, [prefix + topic for topic in topics])
    bare = {topic.removeprefix(prefix): count for topic, count in written.items()}
    if bare[kafka.DEAD_LETTERS] or not bare["decisions"]:
        raise RunFailed(f"unexpected output of the product: {bare}")
    return Outcome(len(events), usage, bare)


def time_limit_s(events: int) -> float:
    """Longest a run may take: generous, for a machine that does other work too."""
    return 120 + events * 0.002


def part_of(events: Sequence[Event], share: float) -> Sequence[Event]:
    """The first part of a stream."""
    return events[: int(len(events) * share)]


def expected_commands(events: Iterable[Event], counts: Sequence[int]) -> dict[int, int]:
    """Commands that the reference job gives on the first n events, for each n asked for."""
    from benchmarks.speed.reference import Session, decode, fold  # noqa: PLC0415 - not at import

    sessions: dict[str, Session | None] = {}
    found: dict[int, int] = {}
    commands = 0
    for number, event in enumerate(islice(events, max(counts)), 1):
        click = decode(event.value)
        session, command = fold(sessions.get(click.profile_id), click)
        sessions[click.profile_id] = session
        commands += command is not None
        if number in counts:
            found[number] = commands
    return found


def describe(case: Case) -> dict[str, Any]:
    """The case as it stands in the results."""
    return {"label": case.label, "guarantee": case.guarantee, "share_of_backlog": case.share}
