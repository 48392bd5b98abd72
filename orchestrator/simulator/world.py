"""The world: who comes when, and everything that follows from it. No clock, no input, no output."""

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.simulator.catalogue import Catalogue
from orchestrator.simulator.desk import Desk
from orchestrator.simulator.dials import Dials
from orchestrator.simulator.draws import Draws, exponential
from orchestrator.simulator.latent import Latent, Setting
from orchestrator.simulator.people import History, person, profile_record
from orchestrator.simulator.plan import Plan
from orchestrator.simulator.shop import Shop
from orchestrator.simulator.tally import Tally
from orchestrator.simulator.timeline import Emission, Timeline
from orchestrator.types import Payload

SESSIONS_PER_PERSON = 2.5
MAX_POPULATION = 50_000
"""Whatever the number of sessions: what is remembered of persons has a bound."""
OPENING_MS = 1_000
"""The catalogue is told before the first shopper comes."""


class World:
    """A shop full of shoppers, as a source of records in order of arrival.

    The same arguments and commands give the same records, byte for byte.

    Args:
        seed: Everything else follows from it; it also marks the ids.
        sessions: How many come by themselves; returns to a cart left behind come on top.
        start_ms: Unix epoch, UTC, milliseconds.
        dials: How strong, clear, late and dirty.
        truth: Called with the latent truth of each session when it ends.
        population: How many persons there are; left out: 2.5 sessions a person.

    Raises:
        ValueError: Less than one session or person.
    """

    def __init__(
        self,
        seed: int,
        sessions: int,
        start_ms: int,
        *,
        dials: Dials | None = None,
        truth: Callable[[Payload], None] | None = None,
        population: int | None = None,
    ) -> None:
        if population is None:
            population = max(20, min(MAX_POPULATION, int(sessions / SESSIONS_PER_PERSON)))
        if sessions < 1 or population < 1:
            raise ValueError("a world needs a session and a person at least")
        self.seed = seed
        self.sessions = sessions
        self.start_ms = start_ms
        self.population = population
        self.dials = dials or Dials()
        self._setting = Setting(seed, self.dials, Catalogue(seed))
        self._timeline = Timeline(start_ms)
        self._tally = Tally(truth)
        self._histories: dict[int, History] = {}
        self._shop = Shop(self._timeline, self._setting, self._tally, self._histories)
        self._desk = Desk(self._timeline, self._setting, self._shop, self._tally, self._histories)
        self._arrived = 0
        for topic, key, value in self._setting.catalogue.records(seed, start_ms):
            self._timeline.emit(start_ms, topic, key, value)
        self._timeline.plan(start_ms + OPENING_MS, self._arrive, 0)

    @property
    def now_ms(self) -> int:
        """How far the world has gone."""
        return self._timeline.now_ms

    @property
    def is_over(self) -> bool:
        """Whether nothing lies ahead any more."""
        return not self._timeline

    @property
    def are_shoppers_gone(self) -> bool:
        """Whether all have come and nobody is there; parcels, messages and returns may follow."""
        return self._arrived >= self.sessions and not self._shop.sizes()["live"]

    def next(self, until_ms: int | None = None) -> Emission | None:
        """The next record to arrive at the log; None: there is none, or none up to that time."""
        return self._timeline.next(until_ms)

    def react(self, command: Mapping[str, Any]) -> None:
        """Take a value from a topic `interventions.*`: it may change what lies ahead.

        Args:
            command: `intervention_issued` or `intervention_revoked`; repeats change nothing.
        """
        self._desk.take(command)

    def plan(self, number: int, start_ms: int | None = None) -> Plan:
        """The session of a number as it would be for somebody without history in this world.

        Args:
            number: From 0, in order of arrival.
            start_ms: When it begins; no outcome depends on it.
        """
        who = person(self.seed, self._who(number), self.dials)
        start = self.start_ms if start_ms is None else start_ms
        return Plan(Latent(self._setting, number, who, None, start))

    def summary(self) -> Payload:
        """What happened so far, and what would have without any action: a JSON object."""
        return {"seed": self.seed, **self._tally.summary()}

    def sizes(self) -> Mapping[str, int]:
        """How many things are kept: in progress, and remembered of persons."""
        return {
            **self._shop.sizes(),
            "commands": len(self._desk),
            "planned": len(self._timeline),
            "persons": len(self._histories),
        }

    def _arrive(self, time_ms: int, number: int) -> None:
        self._arrived = number + 1
        who = person(self.seed, self._who(number), self.dials)
        history = self._histories.get(who.number)
        if who.customer_id is not None and (history is None or not history.told):
            history = self._histories.setdefault(who.number, History())
            history.told = True
            value = profile_record(who, history, time_ms)
            self._timeline.emit(time_ms, "profiles", who.profile_id, value)
        self._shop.enter(Plan(Latent(self._setting, number, who, history, time_ms)))
        if number + 1 < self.sessions:
            gap = exponential(Draws(self.seed, "gap").one(number), self.dials.arrival_gap_ms)
            self._timeline.plan(time_ms + int(gap), self._arrive, number + 1)

    def _who(self, number: int) -> int:
        """Some come often, most rarely."""
        return int(self.population * Draws(self.seed, "who").one(number) ** 1.4)
