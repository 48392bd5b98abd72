"""What every worker reads whole: what fits is in force at once, what does not changes nothing."""

import orjson
import pytest

from orchestrator.domain.decisioning import shipped as shipped_policies
from orchestrator.domain.risk import Risk
from orchestrator.online.snapshots import shipped
from orchestrator.processors.journey.tables import Tables
from orchestrator.types import Payload


@pytest.fixture
def tables() -> Tables:
    return Tables(shipped_policies(), Risk(shipped("risk")))


def snapshot(version: int) -> bytes:
    return orjson.dumps(shipped("risk").payload() | {"id": f"risk@{version}", "version": version})


def statistics(time_ms: int, *partners: str) -> bytes:
    bought = [{"product_id": partner, "lift": 2.0} for partner in partners]
    return orjson.dumps({"time_ms": time_ms, "bought_with": bought})


def test_a_model_is_swapped_in(tables: Tables) -> None:
    """Decisions name it from now on; a tombstone and other models change nothing."""
    assert tables.versions["risk"] == "risk@0"
    tables.take("models", "risk", snapshot(7))
    assert tables.versions["risk"] == "risk@7"
    tables.take("models", "risk", None)
    tables.take("models", "uplift", b"{}")
    assert (tables.versions["risk"], tables.refused) == ("risk@7", 0)


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"null", b'{"model_id":"risk"}'])
def test_a_model_that_does_not_fit_is_refused(tables: Tables, value: bytes) -> None:
    """What was in force stays, and it is counted."""
    tables.take("models", "risk", value)
    assert (tables.versions["risk"], tables.refused) == ("risk@0", 1)


def test_a_policy_is_put_in_force_and_taken_back(tables: Tables) -> None:
    """Of a kind of which there is one a published one takes its place; a tombstone undoes it."""
    before = tables.policies.version
    document = tables.policies.documents["SignalSet/hesitation"] | {"decision_spacing_ms": 1_000}
    tables.take("policies", "SignalSet/hesitation", orjson.dumps(document))
    assert tables.policies.signals.decision_spacing_ms == 1_000
    assert tables.policies.version != before
    tables.take("policies", "SignalSet/hesitation", None)
    assert tables.policies.version == before


def test_a_policy_that_does_not_fit_waits_for_those_it_needs(tables: Tables) -> None:
    """Documents that only fit together come one by one: the first alone is refused, and kept."""
    action = tables.policies.documents["Action/social_proof"] | {"name": "praise"}
    engagement = dict(tables.policies.documents["EngagementPolicy/checkout-rescue"])
    engagement["actions"] = [*engagement["actions"], "praise"]
    before = tables.policies.version
    tables.take("policies", "EngagementPolicy/checkout-rescue", orjson.dumps(engagement))
    assert (tables.policies.version, tables.refused) == (before, 1)
    tables.take("policies", "Action/praise", orjson.dumps(action))
    assert tables.policies.plan("praise").name == "praise"
    assert tables.refused == 1


def test_statistics_name_a_partner_that_is_not_there_yet(tables: Tables) -> None:
    """The strongest partner of the most recent product, none that the shopper holds already."""
    tables.take("merchandising.products", "p-1", statistics(50, "p-2", "p-3"))
    tables.take("merchandising.products", "p-9", statistics(40, "p-1"))
    assert tables.versions["bundles"] == "bundles@50"
    assert tables.partner(["p-1"]) == "p-2"
    assert tables.partner(["p-1", "p-2"]) == "p-3"
    assert tables.partner(["p-9", "p-1"]) == "p-2"
    assert tables.partner(["unknown"]) is None
    tables.take("merchandising.products", "p-1", None)
    assert tables.partner(["p-1"]) is None
    tables.take("merchandising.products", "p-1", b'{"time_ms":60}')
    assert (tables.partner(["p-1"]), tables.refused) == (None, 1)


@pytest.mark.parametrize(
    "row",
    [
        {"time_ms": 60, "bought_with": [{"product_id": 5}]},
        {"time_ms": 60, "bought_with": [{"product_id": None}]},
        {"time_ms": 1.5, "bought_with": [{"product_id": "p-2"}]},
        {"time_ms": "60", "bought_with": []},
    ],
)
def test_statistics_of_other_types_are_refused(tables: Tables, row: Payload) -> None:
    """What a decision would stumble over does not come in, and what comes later does."""
    tables.take("merchandising.products", "p-1", orjson.dumps(row))
    assert (tables.partner(["p-1"]), tables.refused) == (None, 1)
    tables.take("merchandising.products", "p-1", statistics(70, "p-3"))
    assert (tables.partner(["p-1"]), tables.versions["bundles"]) == ("p-3", "bundles@70")


def test_what_stops_a_reminder_is_the_journeys_word(tables: Tables) -> None:
    """Names of the follow-ups that a reason stops."""
    assert tables.stopped_by("cart_emptied") == {"cart_reminder", "push_reminder"}
    assert tables.stopped_by("nothing_known") == frozenset()
