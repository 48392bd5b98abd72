"""What every worker reads whole: what fits is in force at once, what does not changes nothing."""

import orjson
import pytest

from orchestrator.domain.decisioning import shipped as shipped_policies
from orchestrator.domain.risk import Risk
from orchestrator.errors import InvalidPolicy
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
    assert tables.versions["risk"] == "risk@7"


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"null", b'{"model_id":"risk"}'])
def test_a_model_that_does_not_fit_is_refused(tables: Tables, value: bytes) -> None:
    """What was in force stays."""
    with pytest.raises(InvalidPolicy, match="model snapshot was refused"):
        tables.take("models", "risk", value)
    assert tables.versions["risk"] == "risk@0"


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("Action/x", b"x", "Action/x on the topic `policies` is not JSON"),
        ("Nope/x", b'{"kind":"Nope"}', "Nope/x on the topic `policies` holds another document"),
        ("Nope/x", b'{"kind":"Nope","name":"x"}', "does not match any of the expected"),
    ],
)
def test_what_is_no_policy_is_refused(tables: Tables, key: str, value: bytes, why: str) -> None:
    """What was in force stays, and a tombstone takes the record out of the way of others."""
    before = tables.policies.version
    with pytest.raises(InvalidPolicy, match=why):
        tables.take("policies", key, value)
    assert tables.policies.version == before
    tables.take("policies", key, None)
    document = tables.policies.documents["SignalSet/hesitation"] | {"decision_spacing_ms": 1_000}
    tables.take("policies", "SignalSet/hesitation", orjson.dumps(document))
    assert tables.policies.version != before


def test_a_policy_is_put_in_force_and_taken_back(tables: Tables) -> None:
    """Of a kind of which there is one a published one takes its place; a tombstone undoes it."""
    before = tables.policies.version
    document = tables.policies.documents["SignalSet/hesitation"] | {"decision_spacing_ms": 1_000}
    tables.take("policies", "SignalSet/hesitation", orjson.dumps(document))
    assert tables.policies.signals.decision_spacing_ms == 1_000
    assert tables.policies.version != before
    tables.take("policies", "SignalSet/hesitation", None)
    assert tables.policies.version == before


def test_a_record_that_is_no_policy_is_in_the_way_of_nothing(tables: Tables) -> None:
    """It is refused for its own fault; what was published stays, and later ones are taken."""
    document = tables.policies.documents["SignalSet/hesitation"] | {"decision_spacing_ms": 1_000}
    tables.take("policies", "SignalSet/hesitation", orjson.dumps(document))
    for key, value in (
        ("Action/x", b"x"),
        ("Nope/x", b'{"kind":"Nope","name":"x"}'),
        ("SignalSet/hesitation", orjson.dumps(document | {"decision_spacing_ms": -1})),
    ):
        with pytest.raises(InvalidPolicy, match=key.partition("/")[2]):
            tables.take("policies", key, value)
        assert tables.policies.signals.decision_spacing_ms == 1_000
    tables.take(
        "policies",
        "SignalSet/hesitation",
        orjson.dumps(document | {"decision_spacing_ms": 2_000}),
    )
    assert tables.policies.signals.decision_spacing_ms == 2_000


def test_a_policy_that_does_not_fit_waits_for_those_it_needs(tables: Tables) -> None:
    """Documents that only fit together come one by one: the first alone is refused, and kept."""
    action = tables.policies.documents["Action/social_proof"] | {"name": "praise"}
    engagement = dict(tables.policies.documents["EngagementPolicy/checkout-rescue"])
    engagement["actions"] = [*engagement["actions"], "praise"]
    before = tables.policies.version
    with pytest.raises(InvalidPolicy, match="no action is called `praise`"):
        tables.take("policies", "EngagementPolicy/checkout-rescue", orjson.dumps(engagement))
    assert tables.policies.version == before
    tables.take("policies", "Action/praise", orjson.dumps(action))
    assert tables.policies.plan("praise").name == "praise"


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
    with pytest.raises(InvalidPolicy):
        tables.take("merchandising.products", "p-1", b'{"time_ms":60}')
    assert tables.partner(["p-1"]) is None


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
    with pytest.raises(InvalidPolicy, match="statistics of a product were refused"):
        tables.take("merchandising.products", "p-1", orjson.dumps(row))
    assert tables.partner(["p-1"]) is None
    tables.take("merchandising.products", "p-1", statistics(70, "p-3"))
    assert (tables.partner(["p-1"]), tables.versions["bundles"]) == ("p-3", "bundles@70")


def test_what_stops_a_reminder_is_the_journeys_word(tables: Tables) -> None:
    """Names of the follow-ups that a reason stops."""
    assert tables.stopped_by("cart_emptied") == {"cart_reminder", "push_reminder"}
    assert tables.stopped_by("nothing_known") == frozenset()
