"""What a single document must not say, and what several must not say together."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.decisioning import load, shipped
from orchestrator.domain.decisioning.texts import day
from orchestrator.errors import InvalidPolicy
from tests.unit.domain.decisioning.situations import policies

HELP = shipped().documents["Action/payment_help"]
TREATMENT = HELP["treatments"][0]
MAIL = shipped().documents["Action/cart_reminder"]
LEAF = {"fact": "risk", "op": "at_least", "value": 0.5, "reason": "risk"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"treatments": [{**TREATMENT, "content": {"de": {"body": "Hallo"}}}]}, "needs `en`"),
        ({"treatments": [TREATMENT, TREATMENT]}, "two treatments share a name"),
        ({"treatments": [{**TREATMENT, "when": LEAF}]}, "must have no `when`"),
        ({"acceptance": {"payment": 0.2}}, "needs a `default`"),
        ({"triggers": ["follow_up"]}, "nobody is on the site"),
        (
            {"offer": {"kind": "x", "amount_cents": 1, "share": 0.1, "expires_after_ms": 1}},
            "not both",
        ),
        ({"offer": {"kind": "x", "share": 0.1, "expires_after_ms": 1}}, "needs `max_cents`"),
        ({"concerns": {}}, "at least 1"),
        ({"concerns": {"weather": 1.0}}, "input should be"),
        ({"priority": 0}, "greater than 0"),
        ({"channel": "fax"}, "input should be"),
        ({"eligible": {"all": [{"any": [{"all": [{"any": [{"all": [LEAF, LEAF]}]}]}]}]}}, None),
        (
            {"eligible": {"all": [{"any": [{"all": [{"any": [{"all": [{"any": [LEAF]}]}]}]}]}]}},
            "nested deeper than 6",
        ),
    ],
)
def test_an_action_that_makes_no_sense_is_refused(fields: dict[str, Any], told: str | None) -> None:
    """Each with the reason; what is merely odd passes."""
    if told is None:
        assert policies(payment_help=fields).version != shipped().version
        return
    with pytest.raises(InvalidPolicy, match=told.replace("(", r"\(")):
        policies(payment_help=fields)


def test_messages_heed_a_withdrawn_consent() -> None:
    """An e-mail that a withdrawn consent would not stop can't be written down."""
    with pytest.raises(InvalidPolicy, match="needs `consent_withdrawn`"):
        policies(cart_reminder={"cancel_on": ["order_completed"]})


def test_doing_nothing_takes_no_document() -> None:
    """It is always a candidate, and comes last."""
    with pytest.raises(InvalidPolicy, match="takes no document"):
        shipped().overridden({"Action/do_nothing": {**HELP, "name": "do_nothing"}})
    with pytest.raises(InvalidPolicy, match="leave it out"):
        policies(EngagementPolicy={"actions": ["payment_help", "do_nothing"]})
    with pytest.raises(InvalidPolicy, match="names one twice"):
        policies(EngagementPolicy={"actions": ["payment_help", "payment_help"]})


@pytest.mark.parametrize(
    ("arms", "told"),
    [
        ([{"name": "a", "share": 0.7}, {"name": "b", "share": 0.4}], "add up to more than 1"),
        ([{"name": "a", "share": 0.2}, {"name": "a", "share": 0.4}], "share a name"),
        (
            [{"name": "a", "share": 0.2, "without": ["x"]}, {"name": "b", "share": 0.4}],
            "no action is called `x`",
        ),
        (
            [
                {"name": "a", "share": 0.2, "treatments": {"payment_help": "x"}},
                {"name": "b", "share": 0.4},
            ],
            "no treatment of `payment_help` is called `x`",
        ),
    ],
)
def test_an_experiment_that_makes_no_sense_is_refused(
    arms: list[dict[str, Any]], told: str
) -> None:
    """Shares, names, actions and treatments of its arms."""
    experiment = {"kind": "Experiment", "name": "e", "salt": "s", "arms": arms}
    with pytest.raises(InvalidPolicy, match=told):
        shipped().overridden({"Experiment/e": experiment})


def test_two_of_a_kind_that_is_one_are_refused() -> None:
    """Nobody guesses which of two arbitrations is meant."""
    documents = [*shipped().documents.values(), {"kind": "Arbitration", "name": "another"}]
    with pytest.raises(InvalidPolicy, match="a second Arbitration"):
        load(documents)


def test_what_is_left_out_has_a_default() -> None:
    """Arbitration and Reward may be missing; the documented defaults hold then."""
    documents = [
        row
        for key, row in shipped().documents.items()
        if not key.startswith(("Arbitration/", "Reward/", "Journey/"))
    ]
    slim = load(documents)
    assert slim.terms.floor_share == 0.002
    assert slim.reward.margin_share == 0.35
    assert slim.follow_ups("abandoned") == ()


@pytest.mark.parametrize("value", [{1, 2}, b"x", float, {"a": object()}])
def test_a_document_of_other_values_is_refused(value: object) -> None:
    """Only what JSON can say is a policy."""
    with pytest.raises(InvalidPolicy):
        load([{**HELP, "description": value}])


def test_a_place_without_policies_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder without policies, bytes that are no text: the way out is told."""
    with pytest.raises(InvalidPolicy, match="can't be read"):
        load([tmp_path / "gone.yaml"])
    with pytest.raises(InvalidPolicy, match="no policy files"):
        load([tmp_path])
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidPolicy, match="can't be read"):
        load([tmp_path])


def test_an_amount_off_is_at_most_the_cart() -> None:
    """An offer by amount; and what it costs the shop where that is another sum."""
    offer = {"kind": "discount", "amount_cents": 1_000, "expires_after_ms": 60_000}
    found = policies(payment_help={"offer": offer}).plan("payment_help").offer
    assert found is not None
    assert [found.discount_cents(cart) for cart in (0, 300, 5_000)] == [1_000, 300, 1_000]
    found = policies(payment_help={"offer": {**offer, "cost_cents": 70}}).plan("payment_help").offer
    assert found is not None
    assert found.exposure_cents(5_000) == 70


def test_a_date_that_is_none_stays_as_it_is() -> None:
    """A shop may say `tomorrow`."""
    assert day("tomorrow", "en", "") == "tomorrow"
