"""Texts: every one fills, in both languages, from approved facts and the offer only."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import dictionaries, integers, none, one_of, sampled_from, text

from orchestrator.domain.decisioning import FACTS, content, decide, shipped
from orchestrator.domain.decisioning.texts import PLACEHOLDERS, Template, plain
from orchestrator.messages.interventions import Content, Offer
from tests.unit.domain.decisioning.situations import EVERYTHING, REGULAR, situation

KNOWN: dict[str, Any] = {
    "cart_value_cents": 123_456,
    "currency": "EUR",
    "shipping_cost_cents": 490,
    "product_name": "Walking boots",
    "product_purchases_count": 1_234,
    "product_stars": 4.6,
    "bundle_product_name": "Wool socks",
    "delivery_date": "2026-11-26",
    "order_cutoff": "16:00",
    "returns_days": 30,
}
OFFER = {
    "kind": "discount",
    "amount_cents": 899,
    "currency": "EUR",
    "share": 0.1,
    "code": None,
    "expires_at_ms": 1,
}


def _treatments() -> Iterator[tuple[str, str]]:
    for plan in shipped().plans:
        for treatment in plan.action.treatments:
            yield plan.name, treatment.name


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
@pytest.mark.parametrize(("action", "treatment"), list(_treatments()))
def test_every_text_fills(action: str, treatment: str, locale: str) -> None:
    """With all facts known no placeholder is left, and the command's model takes the text."""
    told = content(shipped(), action, treatment, locale, KNOWN, OFFER)
    written = " ".join(str(told[part]) for part in ("headline", "body", "cta"))
    assert "$" not in written
    assert "{" not in written
    assert told["locale"] == locale
    assert set(told["facts"]) <= set(KNOWN)
    Content.model_validate(told, strict=True)


def test_both_languages_say_something_else() -> None:
    """Every treatment has German texts of its own."""
    for action, treatment in _treatments():
        english = content(shipped(), action, treatment, "en", KNOWN, OFFER)
        german = content(shipped(), action, treatment, "de", KNOWN, OFFER)
        assert english["body"] != german["body"]


@given(
    facts=dictionaries(sampled_from(sorted(KNOWN)), none()).map(lambda gone: {**KNOWN, **gone}),
    locale=one_of(none(), sampled_from(["de-DE", "de_AT", "en", "fr-FR", "", "x" * 50])),
    number=integers(0, 10_000),
)
def test_the_chosen_treatment_always_fills(
    facts: dict[str, Any], locale: str | None, number: int
) -> None:
    """Whatever is unknown: the treatment of a decision names known facts only."""
    facts = {**REGULAR, "orders_count": number % 4, **facts}
    for stage in ("browse", "product", "cart", "payment"):
        seen = situation(EVERYTHING, facts, stage=stage)
        decision = decide(shipped(), seen, f"dec-{number}")
        for row in decision.candidates[:-1]:
            if row["allowed"]:
                told = content(
                    shipped(), row["action"], row["treatment"], locale, seen.facts, OFFER
                )
                assert all(seen.facts[fact] is not None for fact in told["facts"])
        if decision.offer is not None:
            Offer.model_validate(decision.offer, strict=True)


def test_facts_that_are_known_are_told() -> None:
    """A promise by date where the shop can keep one; money and dates as people write them."""
    english = content(shipped(), "delivery_date_promise", "date_promise", "en-GB", KNOWN)
    assert english["headline"] == "With you on 26 November"
    assert english["facts"] == ["delivery_date", "order_cutoff"]
    german = content(shipped(), "cart_reminder", "amount", "de-DE", KNOWN)
    assert "1.234,56\xa0€" in german["body"]
    english = content(shipped(), "loyalty_discount", "thank_you", "en", {}, OFFER)
    assert english["headline"] == "10% off as a thank-you"
    assert "60 minutes" in english["body"]


def test_languages_without_texts_read_english() -> None:
    """The locale told is the one the text is in."""
    told = content(shipped(), "payment_help", "other_method", "fr-FR", {})
    assert told["locale"] == "en"
    assert "payment" in told["headline"]


def test_what_does_not_exist_is_a_key_error() -> None:
    """An action or treatment of another policy, or a missing fact, is the caller's bug."""
    for action, treatment in (("nothing", "x"), ("payment_help", "x")):
        with pytest.raises(KeyError):
            content(shipped(), action, treatment, "en", {})
    with pytest.raises(KeyError):
        content(shipped(), "delivery_date_promise", "date_promise", "en", {})


@pytest.mark.parametrize(
    "written",
    ["$name", "${name}", "$offer.amount", "$ 5", "5 $", "$__class__", "${offer_amount", "$0"],
)
def test_only_placeholders_of_the_list_may_stand_in_a_text(written: str) -> None:
    """No attribute, no index, no formatting: a wrong name is found when policies are read."""
    with pytest.raises(ValueError, match="is no placeholder"):
        Template(written)


def test_a_dollar_sign_is_written_twice() -> None:
    """`$$` is a dollar sign; braces mean nothing by themselves."""
    assert Template("$$5 {x} %s $${y}").fill({}) == "$5 {x} %s ${y}"
    assert Template("a ${product_name}b").fill({"product_name": "$x"}) == "a $xb"


@given(name=text())
def test_text_of_a_catalogue_is_one_short_line_without_markup(name: str) -> None:
    """Names come from elsewhere: no markup, no control characters, no novel."""
    written = plain(name, "en", "EUR")
    assert len(written) <= 80
    assert not set(written) & set("<>\n\r\t\x00")


def test_placeholders_stand_for_facts_that_exist() -> None:
    """Each names a fact of the table, or comes from the offer."""
    for name, placeholder in PLACEHOLDERS.items():
        assert set(placeholder.needs) <= set(FACTS)
        assert (placeholder.fact is None) == name.startswith("offer_")
