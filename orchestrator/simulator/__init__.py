"""A seeded world of shoppers: events out, commands in, truth on the side."""

from orchestrator.simulator.dials import Dials
from orchestrator.simulator.plan import Outcome, Plan
from orchestrator.simulator.reactions import ACTIONS, DO_NOTHING
from orchestrator.simulator.simulation import Simulation
from orchestrator.simulator.timeline import Emission
from orchestrator.simulator.world import World

__all__ = [
    "ACTIONS",
    "DO_NOTHING",
    "Dials",
    "Emission",
    "Outcome",
    "Plan",
    "Simulation",
    "World",
]
