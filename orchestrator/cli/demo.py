"""`orchestrator demo`: the main job on the embedded broker, and it ends by itself."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli import options
from orchestrator.cli.options import connection
from orchestrator.cli.output import err, guarded, json_line, out
from orchestrator.cli.processes import look_after, raised_on_signals
from orchestrator.types import Payload

PARTITIONS = 4
LINES_PER_SECOND = 2.0
LATEST_WAIT_S = 20.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Shoppers hesitate, risk rises, interventions fire and are revoked.")(demo)


@guarded
@raised_on_signals(KeyboardInterrupt)
def demo(
    seconds: Annotated[int, typer.Option("--seconds", min=5, help="How long shoppers come.")] = 60,
    speed: Annotated[float, typer.Option("--speed", min=1, help="Shop time per real time.")] = 30.0,
    sessions_per_min: Annotated[
        float, typer.Option("--sessions-per-min", min=1, help="Sessions a minute of shop time.")
    ] = 12.0,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other shoppers.")] = 7,
    broker: options.Broker = options.EMBEDDED,
    extra: options.Extra = None,
    as_json: options.Json = False,
) -> None:
    """Run broker, worker, learner and agents; send simulated shoppers; tell what happens."""
    with ExitStack() as stack:
        address, included = broker, None
        err.print("starting ...")
        if broker == options.EMBEDDED:
            from orchestrator.adapters.embedded import EmbeddedBroker  # noqa: PLC0415

            included = stack.enter_context(EmbeddedBroker())
            address = included.address
        from orchestrator import wiring  # noqa: PLC0415 (loads the product)
        from orchestrator.adapters.clock import SystemClock  # noqa: PLC0415
        from orchestrator.cli import stage  # noqa: PLC0415
        from orchestrator.simulator import Dials, Simulation, World  # noqa: PLC0415

        place = connection(address, extra)
        wiring.create_topics(place, PARTITIONS)
        logs = stack.enter_context(folder_for_logs())
        roles = stage.start_demo_roles(stack, place, logs)

        def look() -> None:
            look_after(roles, included, logs)

        stack.enter_context(traced_back(look))
        # simulated time ends at the present: no event lies in the future of its writing
        start_ms = SystemClock().now_ms() - round(seconds * speed * 1000) - 60_000
        sessions = max(1, round(sessions_per_min * speed * seconds / 60))
        dials = Dials(sessions_per_minute=sessions_per_min)
        simulation = Simulation(World(seed, sessions, start_ms, dials=dials))
        shop = stage.Shop(place, simulation)
        stack.callback(shop.close)
        story = Story(as_json=as_json)
        stage.wait_for_worker(logs, look)
        err.print(f"broker {address}, worker, learner and agents are up; shoppers come for")
        err.print(
            f"{seconds} s, a second is {speed:g} s in the shop; a few lines a second are shown"
        )
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds:
            look()
            shop.write_until(start_ms + round(elapsed * speed * 1000))
            for topic, payload in shop.look():
                story.tell(topic, payload)
        _settle(shop, story, start_ms + round(seconds * speed * 1000), look)
        story.summary(shop.written, simulation.summary())


@contextmanager
def folder_for_logs() -> Iterator[Path]:
    """A temporary folder; it stays where the error that ends its use names a log in it."""
    from orchestrator.wiring import RoleFailed  # noqa: PLC0415 (loads the product)

    folder = Path(tempfile.mkdtemp(prefix="orchestrator-demo-"))
    keep = False
    try:
        yield folder
    except RoleFailed:
        keep = True
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def traced_back(look: Callable[[], None]) -> Iterator[None]:
    """Where something ended, that is the error, and not what followed from it."""
    try:
        yield
    except Exception:
        look()
        raise


def _settle(shop: Any, story: "Story", end_ms: int, look: Callable[[], None]) -> None:
    """Let time pass until every session has ended, and take in what follows from that."""
    from orchestrator.cli.dry import SETTLE_MS  # noqa: PLC0415
    from orchestrator.cli.replaying import clock_marker  # noqa: PLC0415

    for partition in range(PARTITIONS):
        key, value = clock_marker(partition, PARTITIONS, end_ms + SETTLE_MS)
        shop.write("clickstream", key, value, partition)
    shop.flush()
    quiet_at = time.monotonic() + 2.0
    until = time.monotonic() + LATEST_WAIT_S
    while time.monotonic() < min(quiet_at, until):
        look()
        for topic, payload in shop.look():
            story.tell(topic, payload)
            quiet_at = time.monotonic() + 1.0


class Story:
    """Tells what happens, a few lines a second, and counts all of it."""

    def __init__(self, *, as_json: bool) -> None:
        from orchestrator.cli.dry import Summary  # noqa: PLC0415 (loads the product)

        self._as_json = as_json
        self._counts = Summary()
        self._entries: dict[str, Payload] = {}
        self._shown: dict[str, tuple[str, str]] = {}
        """Session and action of each command told of, by its id."""
        self._allowance = LINES_PER_SECOND
        self._last = time.monotonic()
        self._rewards = 0
        self._models = 0
        self.example = ""

    def tell(self, topic: str, payload: Payload) -> None:
        """Take one message in; print it where there is room for a line."""
        from orchestrator.types import Emit  # noqa: PLC0415

        self._counts.take(Emit(topic, "", payload))
        kind = payload.get("type")
        if topic == "decisions" and payload["command_id"]:
            self._entries[payload["command_id"]] = payload
        elif kind == "intervention_issued":
            entry = self._entries.pop(payload["id"], None)
            if entry is not None and self._has_room():
                self._issued(payload, entry)
        elif kind == "intervention_revoked" and payload["id"] in self._shown:
            self._revoked(payload)
        elif topic == "rewards":
            self._rewards += 1
        elif topic == "models":
            self._models += 1

    def _issued(self, payload: Payload, entry: Payload) -> None:
        from orchestrator.cli.explaining import headline  # noqa: PLC0415

        self._shown[payload["id"]] = payload["session_id"], payload["action"].replace("_", " ")
        self.example = entry["id"]
        if self._as_json:
            json_line({"type": "demo_intervention", "decision": entry, "command": payload})
            return
        out.print(f"[cyan]{headline(entry)}[/]")
        told = payload["content"].get("headline") or (payload["placement"] or "").replace("_", " ")
        out.print(f"    [dim]{payload['channel']}:[/] {told}")

    def _revoked(self, payload: Payload) -> None:
        session_id, action = self._shown.pop(payload["id"])
        if self._as_json:
            json_line({"type": "demo_revocation", "revocation": payload})
            return
        reason = payload["reason"].replace("_", " ")
        out.print(f"[green]    {session_id}: {reason} -> revoked: {action}[/]")

    def _has_room(self) -> bool:
        now = time.monotonic()
        self._allowance = min(
            LINES_PER_SECOND * 2, self._allowance + (now - self._last) * LINES_PER_SECOND
        )
        self._last = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def summary(self, records: int, truth: dict[str, Any]) -> None:
        """The last words."""
        from orchestrator.cli.output import table  # noqa: PLC0415

        counts = self._counts.payload() | {
            "type": "demo_summary",
            "records": records,
            "rewards": self._rewards,
            "models": self._models,
            "simulator": truth,
        }
        if self._as_json:
            json_line(counts)
            return
        out.print()
        names = ("records", "sessions", "purchases", "commands", "revocations", "rewards", "models")
        table("What happened", ("", ""), [(name, counts[name]) for name in names])
        out.print()
        table("Decisions", ("action", "times"), counts["decisions"].items())
        out.print()
        table(
            "Risk by stage",
            ("stage", "decisions", "mean risk"),
            (
                (name, row["decisions"], row["mean"])
                for name, row in counts["risk_by_stage"].items()
            ),
        )
        out.print()
        out.print("Try next:  orchestrator run   (a broker that stays; then replay, tail, explain)")
