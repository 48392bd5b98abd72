"""What a session keeps of its events: carts, stages, products, bounds, stored form."""

import orjson
import pytest

from orchestrator.domain.sessions import STAGES, Session, SessionSet, SessionSettings, event_hash
from orchestrator.domain.sessions.course import NUMBERS as COURSE_NUMBERS
from orchestrator.domain.sessions.course import Course
from orchestrator.domain.sessions.stages import STEPS
from orchestrator.domain.sessions.tally import NUMBERS, Tally
from orchestrator.messages.base import MAX_WHOLE
from orchestrator.messages.clickstream import COMMERCE, MICRO_SIGNALS
from orchestrator.messages.family import type_of
from orchestrator.types import Payload
from tests.builders import T0_MS, at_ms, click, decoded
from tests.unit.domain.sessions.rig import session_of, through_json

VIEWED = click("product_viewed", at=1, price_cents=4990)
ADDED = click("product_added", at=2, product_id="p-1", cart_value_cents=4990)
CHECKOUT = click("checkout_started", at=3)


def step(name: str, at: float) -> Payload:
    return click("checkout_step_viewed", at=at, step=name)


def test_every_type_of_the_contract_is_taken_in() -> None:
    """None of them counts as unknown; one of a newer frontend does, and nothing else."""
    types = [str(type_of(model)) for model in COMMERCE + MICRO_SIGNALS]
    session = session_of(*[click(kind, at=at) for at, kind in enumerate(types)])
    assert (session.events_count, session.unknown_events_count) == (len(types), 0)
    newer = session_of(click("hologram_rotated"), click("section_dwelled", section="aura", at=1))
    assert (newer.events_count, newer.unknown_events_count) == (2, 2)


@pytest.mark.parametrize(
    ("events", "stage", "reached"),
    [
        ([click()], "browse", "browse"),
        ([VIEWED], "product", "product"),
        ([VIEWED, click("products_searched", at=9)], "browse", "product"),
        ([VIEWED, click("page_viewed", at=9)], "product", "product"),
        ([click("wishlist_product_added")], "browse", "product"),
        ([ADDED], "cart", "cart"),
        ([click("cart_viewed")], "cart", "cart"),
        ([click("cart_viewed", items_count=0)], "browse", "browse"),
        ([CHECKOUT], "checkout", "checkout"),
        ([step("contact", 0)], "contact", "contact"),
        ([step("shipping", 0)], "shipping", "shipping"),
        ([step("gift_wrap", 0)], "checkout", "checkout"),
        ([click("shipping_option_selected")], "shipping", "shipping"),
        ([click("payment_method_selected")], "payment", "payment"),
        ([click("payment_info_entered")], "payment", "payment"),
        ([click("payment_failed")], "payment", "payment"),
        ([step("review", 0), click("payment_method_selected", at=1)], "review", "review"),
        ([step("review", 0), step("contact", 1)], "contact", "review"),
        ([step("payment", 0), click("checkout_step_completed", at=1)], "payment", "payment"),
        ([step("payment", 0), ADDED], "payment", "payment"),
        ([step("payment", 0), click("cart_viewed", at=1)], "cart", "payment"),
        ([click("order_completed")], "purchased", "purchased"),
        ([click("order_completed"), VIEWED], "product", "purchased"),
        ([click("order_completed"), ADDED], "cart", "purchased"),
    ],
)
def test_stages(events: list[Payload], stage: str, reached: str) -> None:
    """Where the shopper is now, and the furthest stage reached."""
    session = session_of(*events)
    assert (session.stage, session.stage_reached) == (stage, reached)
    assert session.stage_index == STAGES.index(stage)
    assert session.step == (stage if stage in STEPS else None)
    assert session.is_in_checkout == (stage in (*STEPS, "checkout"))


@pytest.mark.parametrize(
    ("events", "value_cents", "items", "emptied"),
    [
        ([ADDED], 4990, 1, False),
        (
            [click("product_added", cart_value_cents=None, price_cents=700, quantity=3)],
            2100,
            3,
            False,
        ),
        ([click("product_added", cart_value_cents=None, price_cents=None)], 0, 1, False),
        ([ADDED, click("cart_viewed", at=9, cart_value_cents=9980, items_count=2)], 9980, 2, False),
        ([ADDED, click("cart_viewed", at=9)], 4990, 1, False),
        ([click("cart_viewed", cart_value_cents=9980)], 9980, 1, False),
        ([click("cart_viewed", items_count=3)], 0, 3, False),
        ([ADDED, click("product_removed", at=9)], 0, 0, True),
        (
            [
                ADDED,
                click("product_added", at=3, product_id="p-2", cart_value_cents=6000),
                click("product_removed", at=9, cart_value_cents=1010),
            ],
            1010,
            1,
            False,
        ),
        (
            [
                click("product_added", cart_value_cents=None, price_cents=700, quantity=2),
                click("product_removed", at=9, cart_value_cents=None, price_cents=700),
            ],
            700,
            1,
            False,
        ),
        (
            [
                click("product_added", cart_value_cents=None, price_cents=700),
                click("product_removed", at=9, cart_value_cents=None, price_cents=700),
            ],
            0,
            0,
            True,
        ),
        ([ADDED, click("cart_viewed", at=9, cart_value_cents=0)], 0, 0, True),
        ([ADDED, click("checkout_step_completed", at=9, items_count=0)], 0, 0, True),
        ([click("cart_viewed", cart_value_cents=0)], 0, 0, False),
        ([ADDED, click("order_completed", at=9)], 0, 0, False),
        ([ADDED, click("product_removed", at=9), click("product_added", at=10)], 4990, 1, False),
    ],
)
def test_carts(events: list[Payload], value_cents: int, items: int, *, emptied: bool) -> None:
    """The cart as told, or as added up; emptied means taken out to the last piece, not bought."""
    session = session_of(*events)
    assert (session.cart_value_cents, session.items_count) == (value_cents, items)
    assert session.cart_emptied == emptied


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([VIEWED], "browsed"),
        ([click("cart_viewed", items_count=0)], "browsed"),
        ([ADDED], "abandoned"),
        ([CHECKOUT], "abandoned"),
        ([ADDED, click("product_removed", at=9)], "abandoned"),
        ([click("order_completed")], "purchased"),
        ([click("order_completed"), ADDED], "purchased"),
    ],
)
def test_outcomes(events: list[Payload], outcome: str) -> None:
    """Purchased with an order, abandoned with a cart, else browsed."""
    assert session_of(*events).outcome == outcome


def test_what_the_caller_may_read() -> None:
    """Products, coupon, method, orders and the latest words of the context."""
    session = session_of(
        click("product_viewed", at=1, product_id="a", context={"device": "mobile"}),
        click("product_viewed", at=2, product_id="b", context={"locale": "de-DE"}),
        click("product_viewed", at=3, product_id="a"),
        click("product_added", at=4, product_id="c", quantity=2, currency="EUR"),
        click("product_added", at=5, product_id="d", context={"device": "desktop"}),
        click("product_removed", at=6, product_id="d", cart_value_cents=900),
        click("coupon_denied", at=7, coupon="SPRING" * 20),
        click("payment_method_selected", at=8, method="card"),
    )
    assert session.viewed_product_ids == ["b", "a"]
    assert session.cart_product_ids == ["c"]
    assert (session.device, session.locale, session.currency) == ("desktop", "de-DE", "EUR")
    assert session.coupon == ("SPRING" * 20)[:64]
    assert session.payment_method == "card"
    assert session.order_ids == []


def test_products_are_kept_within_bounds() -> None:
    """The last 8 seen and the last 16 put into the cart, whatever the cart holds."""
    views = [click("product_viewed", at=at, product_id=f"p-{at}") for at in range(20)]
    adds = [click("product_added", at=20 + at, product_id=f"p-{at}") for at in range(20)]
    session = session_of(*views, *adds)
    assert session.viewed_product_ids == [f"p-{at}" for at in range(12, 20)]
    assert session.cart_product_ids == [f"p-{at}" for at in range(4, 20)]
    assert session.items_count == 20


def test_the_latest_currency_counts() -> None:
    """By event time, not by arrival."""
    adds = [
        click("product_added", at=at, currency=currency)
        for at, currency in ((5, "EUR"), (3, "GBP"), (4, "USD"))
    ]
    assert session_of(*adds).currency == "EUR"


def test_an_order_told_twice_is_one() -> None:
    """Two events of one order, with ids of their own."""
    session = session_of(
        click("order_completed", at=1), click("order_completed", at=2, order_id="o-1")
    )
    assert session.order_ids == ["o-1"]


def test_nothing_told_reads_as_none() -> None:
    """No device, locale, currency, coupon or method was seen."""
    session = session_of(click(context={"device": "", "locale": ""}))
    told = (session.device, session.locale, session.currency, session.coupon)
    assert (*told, session.payment_method, session.risk_last) == (None,) * 6


def test_decisions_are_kept_within_bounds() -> None:
    """The last 32, with the last time and risk; they survive a restart."""
    held = SessionSet(SessionSettings())
    held.route(decoded(click()))
    for number in range(40):
        held.open[0].decided(f"dec-{number}", at_ms(number), number / 40)
    (session,) = through_json(held).open
    assert session.decision_ids == [f"dec-{number}" for number in range(8, 40)]
    assert (session.last_decision_ms, session.risk_last) == (at_ms(39), 39 / 40)


def test_a_bot_does_not_make_a_session_grow() -> None:
    """5,000 events of every type, with words of their own, all at once: small, and counted."""
    count = 5_000
    types = [str(type_of(model)) for model in COMMERCE + MICRO_SIGNALS]
    templates = [decoded(click(kind)) for kind in types]
    session = Session("s-1", 1, T0_MS, SessionSettings())
    for number in range(count):
        event = templates[number % len(templates)]
        event.id = f"e-{number:09d}"
        event.time_ms = T0_MS + number // 3
        properties = event.properties
        for name in ("product_id", "coupon", "order_id", "method", "option"):
            if hasattr(properties, name):
                setattr(properties, name, f"{name}-{number}")
        for name in ("path_px", "visible_ms", "price_cents", "quantity", "characters"):
            if hasattr(properties, name):
                setattr(properties, name, 2**53)
        assert session.add(event, event_hash(event.id)) == "added"
    assert session.events_count == count
    row = session.dump()
    stored = orjson.dumps(row)
    assert len(stored) < 8_000
    assert max(_numbers(row)) <= MAX_WHOLE
    assert orjson.dumps(Session.load(orjson.loads(stored), session.settings).dump()) == stored


def _numbers(row: object) -> list[int]:
    if isinstance(row, list):
        return [number for part in row for number in _numbers(part)]
    return [row] if isinstance(row, int) else []


def test_beyond_the_events_held_one_by_one_the_older_are_final() -> None:
    """A 129th event within a minute makes the first final: what comes before it is late."""
    held = SessionSet(SessionSettings())
    for at in range(200):
        held.route(decoded(click(at=10 + at / 10)))
    held = through_json(held)
    assert held.route(decoded(click(at=17.05)))[1] == "late"
    assert held.route(decoded(click(at=17.25)))[1] == "added"
    assert held.route(decoded(click(at=17.15)))[1] == "late"
    assert held.open[0].events_count == 201


def test_a_typical_session_is_stored_in_few_bytes() -> None:
    """Twenty events over four minutes, ids of 26 characters: at most 350 bytes."""
    kinds = ["page_viewed", "product_list_viewed", "product_viewed", "scrolled", "product_viewed"]
    kinds += ["section_dwelled", "product_viewed", "section_dwelled", "scrolled", "product_added"]
    kinds += ["cart_viewed", "checkout_started", "checkout_step_viewed", "section_dwelled"]
    kinds += ["cursor_wandered", "scrolled", "tab_hidden", "tab_shown", "scrolled", "heartbeat"]
    context = {"device": "mobile", "locale": "de-DE"}
    session = session_of(
        *[
            click(kind, at=12 * at, session="s-000091", id=f"01J9Z3NDEK{at:016d}", context=context)
            for at, kind in enumerate(kinds)
        ]
    )
    assert len(orjson.dumps(session.dump())) <= 400


def test_only_a_later_session_can_be_merged() -> None:
    """Merging what overlaps, or is in part final, would count wrongly: it is refused."""
    first, second = session_of(click(at=0), click(at=50)), session_of(click(at=40))
    with pytest.raises(ValueError, match="later and recent"):
        first.merge(second)


@pytest.mark.parametrize(("left", "right"), [("e-0999", "e-1000"), ("01J9ZA", "01J9ZB")])
def test_ids_numbered_one_by_one_keep_their_order(left: str, right: str) -> None:
    """So that events of one millisecond, or of a file with whole seconds, read as written."""
    assert event_hash(left) < event_hash(right) < 2**53


def test_stored_numbers_stand_in_the_order_of_their_names() -> None:
    """What is written one by one is read by name."""
    tally, course = Tally(), Course()
    for number, name in enumerate(NUMBERS, 1):
        setattr(tally, name, number)
    for number, name in enumerate(COURSE_NUMBERS, 1):
        setattr(course, name, number)
    assert tally.dump_tally(0)[0] == list(range(1, len(NUMBERS) + 1))
    assert course.dump(0)[0] == list(range(1, len(COURSE_NUMBERS) + 1))
