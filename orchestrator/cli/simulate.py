"""`orchestrator simulate`: shoppers with known truth meet the policies in force."""

from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli import options
from orchestrator.cli.options import connection
from orchestrator.cli.output import err, guarded, json_line, summary_tables
from orchestrator.types import Payload

START_MS = 1_790_000_000_000
"""2026-09-21T14:13:20Z: in process a world always begins then, so that it repeats."""
LOOK_EVERY_MS = 5_000


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Simulated shoppers, in process or on a broker; tells the true effect.")(
        simulate
    )


@guarded
def simulate(
    sessions: Annotated[int, typer.Option("--sessions", min=1)] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other shoppers.")] = 7,
    broker: options.Broker = "",
    extra: options.Extra = None,
    policies: options.Policies = None,
    signal: Annotated[
        float, typer.Option("--signal", min=0.01, help="Clarity of signals; 2: a clear world.")
    ] = 1.0,
    heterogeneity: Annotated[
        float, typer.Option("--heterogeneity", min=0, help="Scale of all effects; 0: a sham.")
    ] = 1.0,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="Write each session's latent truth, as JSONL.")
    ] = None,
    topic_prefix: options.TopicPrefix = "",
    as_json: options.Json = False,
) -> None:
    """Without a broker the fast lane runs in this process, with the model that ships."""
    from contextlib import ExitStack  # noqa: PLC0415 (beside its use)

    import orjson  # noqa: PLC0415

    from orchestrator.simulator import Dials, Simulation, World  # noqa: PLC0415

    with ExitStack() as stack:
        log: Any = stack.enter_context(truth.open("wb")) if truth is not None else None

        def write_truth(row: Payload) -> None:
            log.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

        start_ms = START_MS
        if broker:
            from orchestrator.adapters.clock import SystemClock  # noqa: PLC0415

            start_ms = SystemClock().now_ms() - sessions * 1000 - 3_600_000
        world = World(
            seed,
            sessions,
            start_ms,
            dials=Dials(signal=signal, heterogeneity=heterogeneity),
            truth=write_truth if log is not None else None,
        )
        simulation = Simulation(world)
        if broker:
            published = _on_broker(simulation, broker, extra, topic_prefix)
        else:
            published = _in_process(simulation, policies)
    summary = {"type": "simulation_summary", "seed": seed, **simulation.summary(), **published}
    if as_json:
        json_line(summary)
        return
    summary_tables("Simulation", summary)


def _in_process(simulation: Any, policies: Path | None) -> dict[str, Any]:
    """Fold each record at once; shoppers see a command as soon as it is published."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the product)
    from orchestrator.cli.dry import Summary  # noqa: PLC0415

    fold = wiring.fold(wiring.journey(policies), 12)
    counts = Summary()
    inputs = set(fold.processor.inputs)
    for emission in simulation.run_sessions():
        if emission.topic not in inputs:
            continue
        value = wiring.encoded(emission.value)
        for emit in fold.feed(emission.topic, emission.key, value):
            counts.take(emit)
            if emit.topic.startswith("interventions.") and emit.value is not None:
                simulation.on_command(emit.value)
    return {
        "decisions": dict(sorted(counts.decisions.items())),
        "dead_letters": dict(sorted(counts.dead_letters.items())),
    }


def _on_broker(
    simulation: Any, broker: str, extra: list[str] | None, topic_prefix: str
) -> dict[str, Any]:
    """Write as fast as the broker takes it; commands are read in between."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.cli.stage import WATCHED, Shop  # noqa: PLC0415
    from orchestrator.messages.topics import TOPICS  # noqa: PLC0415 (slow to import)

    place = connection(broker, extra, topic_prefix=topic_prefix)
    # a producer would wait long for a topic that is missing
    written = [topic.name for topic in TOPICS.values() if topic.is_input]
    wiring.admin(place).partitions(wiring.names([*written, *WATCHED], topic_prefix))
    shop = Shop(place, simulation)
    commands = 0
    try:
        now_ms = simulation.world.start_ms
        while not simulation.world.are_shoppers_gone:
            now_ms += LOOK_EVERY_MS
            shop.write_until(now_ms)
            for topic, _ in shop.look():
                commands += topic.startswith("interventions.")
        shop.flush()
    finally:
        shop.close()
    err.print(f"{shop.written} records written")
    return {"records": shop.written, "commands_seen": commands}
