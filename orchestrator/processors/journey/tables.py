"""What every worker reads whole: policies, models and product statistics, with their versions."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from orchestrator.domain.decisioning import PolicySet
from orchestrator.domain.decisioning.policy_set import check_published
from orchestrator.domain.risk import Risk
from orchestrator.domain.signals import NAMES, parts_of
from orchestrator.errors import InvalidPolicy
from orchestrator.online.snapshots import read

MAX_PARTNERS: Final = 3
"""Partners kept of a product: a hint shows one, and leaves out what is in the cart."""


class Tables:
    """The versions in force; each change comes between batches.

    What does not fit is refused; what was in force stays.
    """

    def __init__(self, policies: PolicySet, risk: Risk) -> None:
        self.risk = risk
        self.partners: dict[str, tuple[str, ...]] = {}
        """Products bought with a product, the strongest first."""
        self.pinned_partners: Mapping[str, str | None] | None = None
        """By session, where a ledger is followed: see `pin`."""
        self.statistics_version = "bundles@0"
        self.versions: dict[str, str] = {}
        """As the ledger pins them; never changed, but replaced."""
        self._pin()
        self._shipped = policies
        self._published: dict[str, bytes] = {}
        self._put_in_force(policies)

    def stopped_by(self, reason: str) -> frozenset[str]:
        """Names of the follow-ups that a reason (a word of `cancel_on`) stops."""
        return frozenset(
            follow_up.name
            for journey in self.policies.journeys
            if reason in journey.stop_on
            for follow_up in journey.follow_ups
        )

    def pin(self, risk: Risk, statistics_version: str, partners: Mapping[str, str | None]) -> None:
        """Put in force what a ledger entry names.

        Args:
            risk: Its model.
            statistics_version: Of the products' statistics; what they said is not in the log.
            partners: By session, the product they gave; None: no one.
        """
        self.risk = risk
        self.statistics_version = statistics_version
        self.pinned_partners = partners
        self._pin()

    def take(self, topic: str, key: str, value: bytes | None) -> None:
        """Take one broadcast record in.

        Raises:
            InvalidPolicy: It is refused, and why.
        """
        if topic == "models":
            self._model(key, value)
        elif topic == "policies":
            self._policy(key, value)
        else:
            self._product(key, value)

    def _model(self, key: str, value: bytes | None) -> None:
        if key == "risk" and value is not None:
            self.risk = Risk(read(value))
            self._pin()

    def _policy(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._published.pop(key, None)
        else:
            check_published(key, value)
            # kept also where it does not fit: documents that only fit together come one by one
            self._published[key] = value
        self._put_in_force(self._shipped.overridden(self._published, NAMES))

    def _put_in_force(self, policies: PolicySet) -> None:
        self.policies = policies
        self.asked_parts = {event: parts_of(names) for event, names in policies.due.asked.items()}
        """Parts of the signals that say whether an event makes a decision due, by its type."""

    def _product(self, key: str, value: bytes | None) -> None:
        if value is None:
            self.partners.pop(key, None)
            return
        try:
            row = orjson.loads(value)
            partners = tuple(partner["product_id"] for partner in row["bought_with"][:MAX_PARTNERS])
            time_ms = row["time_ms"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise _no_statistics() from error
        if not isinstance(time_ms, int) or not all(isinstance(each, str) for each in partners):
            raise _no_statistics()
        self.partners[key] = partners
        self.statistics_version = f"bundles@{max(time_ms, self._statistics_ms)}"
        self._pin()

    def _pin(self) -> None:
        self.versions = {"risk": self.risk.version, "bundles": self.statistics_version}

    @property
    def _statistics_ms(self) -> int:
        return int(self.statistics_version.partition("@")[2])

    def partner(self, products: Sequence[str]) -> str | None:
        """A product to suggest beside these, the most recent of them first; None without one."""
        for product_id in products:
            for partner in self.partners.get(product_id, ()):
                if partner not in products:
                    return partner
        return None


def _no_statistics() -> InvalidPolicy:
    return InvalidPolicy(
        "The statistics of a product were refused: no partners and time can be read from them.",
        way_out="The agents publish them; look for another writer of the topic.",
    )
