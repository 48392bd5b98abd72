"""Drive a world step by step, in process or beside a log."""

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.simulator.timeline import Emission
from orchestrator.simulator.world import World
from orchestrator.types import Payload


class Simulation:
    """A world and how far it has been driven.

    Beside a log the caller maps its own clock to world time, publishes what `step_until` yields
    and hands every record of `interventions.*` to `on_command`.

    Args:
        world: What is driven.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    def step_until(self, time_ms: int) -> Iterator[Emission]:
        """Records that arrive up to and including a time, in order.

        Commands given between two of them take effect.
        """
        following = self.world.next
        while (emission := following(time_ms)) is not None:
            yield emission

    def run(self) -> Iterator[Emission]:
        """All records, in order, until nothing lies ahead: last the parcels that come back."""
        following = self.world.next
        while (emission := following()) is not None:
            yield emission

    def run_sessions(self) -> Iterator[Emission]:
        """Records in order until the last shopper who comes by himself has left.

        Parcels, reminders and returns that would follow later are left out.
        """
        following = self.world.next
        while not self.world.are_shoppers_gone and (emission := following()) is not None:
            yield emission

    def on_command(self, payload: Mapping[str, Any]) -> None:
        """A value from a topic `interventions.*`; it works from now on."""
        self.world.react(payload)

    def summary(self) -> Payload:
        """What happened so far: a JSON object."""
        return self.world.summary()
