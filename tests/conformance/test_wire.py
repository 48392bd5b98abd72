"""The two validators are one: what the fast path takes is what the models take, no more, no less.

`wire.decode` reads with msgspec where it can; pydantic's models have the last word.
"""

import copy
import random
from collections import Counter
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import InvalidRecord
from orchestrator.messages import wire
from orchestrator.messages.family import Family, load_json
from orchestrator.messages.topics import TOPICS
from orchestrator.types import Payload
from tests import strategies
from tests.builders import click, encoded, order, profile

READABLE = [name for name, topic in TOPICS.items() if topic.family is not None]
slow_to_draw = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


def family_of(topic: str) -> Family:
    family = TOPICS[topic].family
    assert family is not None
    return family


def key_of(topic: str, payload: Any) -> str:
    try:
        return TOPICS[topic].key_of(payload)
    except (KeyError, TypeError):
        return "p-1"


def verdicts(topic: str, value: bytes) -> tuple[Any, Any]:
    """What the models say of a value, and what the wire says: contents or a reason."""
    key = "p-1"
    try:
        payload = load_json(value)
        key = key_of(topic, payload)
        model = family_of(topic).validate(payload)
        said: Any = model.model_dump()
    except InvalidRecord as error:
        said = error.reason
    try:
        decoded: Any = msgspec.to_builtins(wire.decode(topic, key, value))
    except InvalidRecord as error:
        decoded = error.reason
    return said, decoded


@pytest.mark.parametrize("topic", READABLE)
@slow_to_draw
@given(data=st.data())
def test_valid_messages_read_alike(topic: str, data: st.DataObject) -> None:
    """A valid value decodes, and every field holds what the model holds."""
    said, decoded = verdicts(topic, orjson.dumps(data.draw(strategies.messages(topic))))
    assert isinstance(said, dict)
    assert decoded == said


@pytest.mark.parametrize("topic", ["clickstream", "feedback", "profiles", "identities", "orders"])
@settings(parent=slow_to_draw, max_examples=250)
@given(data=st.data())
def test_mutated_messages_are_judged_alike(topic: str, data: st.DataObject) -> None:
    """Wrong types, broken bounds, missing and unknown fields: one verdict, and one reason."""
    payload = data.draw(strategies.messages(topic))
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(payload, data)
    said, decoded = verdicts(topic, orjson.dumps(payload))
    assert decoded == said


def mutate(payload: Payload, data: st.DataObject) -> None:
    """Change one place of a payload: another value, none at all, or one more."""
    places = list(containers(payload))
    place = data.draw(st.sampled_from(places))
    if isinstance(place, list):
        place.append(data.draw(strategies.json_values))
        return
    names = [*place, "unheard_of"]
    name = data.draw(st.sampled_from(names))
    if name in place and data.draw(st.booleans()):
        del place[name]
    else:
        place[name] = data.draw(odd_values(place.get(name)))


def odd_values(old: object) -> st.SearchStrategy[Any]:
    """Values that sit on bounds, and values of other types."""
    edges: list[Any] = [
        0,
        -1,
        1,
        1.0,
        1.5,
        -0.0,
        2**53,
        2**53 + 1,
        2.0**53,
        1e300,
        True,
        None,
        "",
        [],
        {},
    ]
    texts = ["\u0000", "a\nb", "\u007f", "\u0085", "ö", "x" * 257, "x" * 8193, "😀", "EUR"]
    times = [946_684_799_999, 946_684_800_000, 4_102_444_800_000, 4_102_444_800_001]
    near = [old + step for step in (-1, 1)] if isinstance(old, int | float) else []
    return st.sampled_from([*edges, *texts, *times, *near]) | strategies.json_values


def containers(value: Any) -> Any:
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


@slow_to_draw
@given(payload=strategies.messages("clickstream"), noise=st.randoms(use_true_random=False))
def test_mangled_bytes_are_judged_alike(payload: Payload, noise: random.Random) -> None:
    """Bytes flipped, cut or put in: only `InvalidRecord`, and the models' verdict."""
    value = mangle(orjson.dumps(payload), noise)
    said, decoded = verdicts("clickstream", value)
    if said == "invalid_json" and decoded != said:
        assert "infinity" in json_fault(value)  # 1e999 where nobody reads it is let pass
    else:
        assert decoded == said


def mangle(value: bytes, noise: random.Random) -> bytes:
    body = bytearray(value)
    for _ in range(noise.randint(1, 4)):
        at = noise.randrange(len(body)) if body else 0
        act = noise.randrange(4)
        if act == 0 and body:
            body[at] = noise.randrange(256)
        elif act == 1:
            del body[at : at + noise.randint(1, 6)]
        elif act == 2:
            body[at:at] = noise.choice(SNIPPETS)
        else:
            body[at:at] = body[: noise.randint(0, 40)]
    return bytes(body)


SNIPPETS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u0000", b"\\ud800", b"\\u00e9", b"null",
    b"true", b"NaN", b"-", b"1e9", b"0", b".5", b"\x00", b"\xff", b"\xc2\x85", b"\x7f", b"\n", b" ",
    b"\xef\xbb\xbf", b"9" * 30, b"\xed\xa0\x80", b'"type":"heartbeat",', b'"id":"x",',
]  # fmt: skip


def json_fault(value: bytes) -> str:
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return str(error)
    return ""


def reason_of(topic: str, key: str, value: bytes) -> str:
    with pytest.raises(InvalidRecord) as caught:
        wire.decode(topic, key, value)
    return caught.value.reason


def with_text(raw: bytes, payload: Payload | None = None) -> bytes:
    """An event with raw bytes in place of its id's."""
    return encoded(payload or click(id="@@")).replace(b'"@@"', raw)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "invalid_json"),
        (b"\x00" * 64, "invalid_json"),
        (b"[" * 60_000, "invalid_json"),
        (b'{"a":' * 10_000, "invalid_json"),
        (b"[" * 5_000 + b"]" * 5_000, "invalid_json"),
        (b'{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "invalid_json"),
        (b'"text"', "schema"),
        (b"17", "schema"),
        (b"null", "schema"),
        (b"[]", "schema"),
        (b"{}", "schema"),
        (b'{"type":null}', "schema"),
        (b'{"type":["page_viewed"]}', "schema"),
        (b'{"type":"page_viewed"}', "schema"),
        (b"\xef\xbb\xbf" + encoded(click()), "invalid_json"),
        (encoded(click()).decode().encode("utf-16"), "invalid_json"),
        (encoded(click()) * 2, "invalid_json"),
        (encoded(click(context={"device": "x" * 70_000})), "too_large"),
        (with_text(b'""'), "schema"),
        (with_text(b'"a\\u0000b"'), "schema"),
        (with_text(b'"a\\nb"'), "schema"),
        (with_text(b'"a\\u007fb"'), "schema"),
        (with_text(b'"a\x7fb"'), "schema"),
        (with_text(b'"a\xc2\x85b"'), "schema"),
        (with_text(b'"\\u0085"'), "schema"),
        (with_text(b'"a\x00b"'), "invalid_json"),
        (with_text(b'"\\ud800"'), "invalid_json"),
        (with_text(b'"\xff\xfe"'), "invalid_json"),
        (with_text(b'"\xed\xa0\x80"'), "invalid_json"),
        (with_text(b"7"), "schema"),
        (with_text(b'"' + b"x" * 257 + b'"'), "schema"),
        (encoded(click()).replace(b'"properties":{', b'"x":NaN,"properties":{'), "invalid_json"),
        (encoded(click()).replace(b'"properties":{', b'"x":"\xff","properties":{'), "invalid_json"),
        (encoded(click() | {"time_ms": -1}), "schema"),
        (encoded(click() | {"time_ms": 2**62}), "schema"),
        (encoded(click() | {"time_ms": "1790000000000"}), "schema"),
        (encoded(click() | {"time_ms": 0}), "schema"),
        (encoded(click()).replace(b"1790000000000", b"9" * 40), "schema"),
        (encoded(click()).replace(b"1790000000000", b"9" * 400), "invalid_json"),
        (encoded(click()).replace(b"1790000000000", b"1e400"), "invalid_json"),
        (encoded(click("section_dwelled", visible_ms=-1)), "schema"),
        (encoded(click("section_dwelled", visible_ms=True)), "schema"),
        (encoded(click("section_dwelled", visible_ms=1.5)), "schema"),
        (encoded(click("scrolled", depth=1.01)), "schema"),
        (encoded(click("scrolled", depth=-0.01)), "schema"),
        (encoded(click("cart_viewed", cart_value_cents=-1)), "schema"),
        (encoded(click("cart_viewed", cart_value_cents=2**53 + 1)), "schema"),
        (encoded(click("order_completed", products=[{"product_id": ""}])), "schema"),
        (encoded(click("order_completed", products=[{"quantity": 1}])), "schema"),
        (encoded(click() | {"properties": []}), "schema"),
        (encoded(click() | {"profile_id": "somebody-else"}), "key_mismatch"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:40].decode("latin-1"),
)  # fmt: skip
def test_hostile_values(value: bytes, reason: str) -> None:
    """Each ends as `InvalidRecord` with its own reason."""
    assert reason_of("clickstream", "p-1", value) == reason


@pytest.mark.parametrize(
    "payload",
    [
        click() | {"properties": None, "context": None},
        click() | {"context": {"page": None}},
        click() | {"session_id": "", "customer_id": ""},
        click("cart_viewed", cart_value_cents=8990.0),
        click("scrolled", depth=1),
        click("section_dwelled", section="not yet invented"),
        click("checkout_step_viewed", step="gift_wrap"),
        click("not_yet_invented", frames=3),
        click("not_yet_invented") | {"properties": {"visible_ms": -1}},
        click("page_viewed", id="größe-😀"),
        click() | {"unknown": {"deep": [[[1]]]}},
    ],
    ids=lambda payload: payload["type"],
)
def test_tolerated_values(payload: Payload) -> None:
    """Unknown words and fields, nulls, empty ids and whole floats are no faults."""
    said, decoded = verdicts("clickstream", encoded(payload))
    assert isinstance(decoded, dict)
    assert decoded == said


def test_defaults_are_what_a_reader_expects() -> None:
    """Absent objects read as empty ones, absent values as None, empty ids as absent."""
    value = encoded(
        {"id": "e", "type": "cart_viewed", "time_ms": 1_790_000_000_000, "profile_id": "p-1"}
    )
    event: wire.Click = wire.decode("clickstream", "p-1", value)
    assert wire.event_type(event) == "cart_viewed"
    assert event.properties.cart_value_cents is None
    assert event.context.page.path is None
    assert event.session_id is None
    empty = wire.decode("clickstream", "p-1", encoded(click() | {"session_id": ""}))
    assert empty.session_id is None


def test_one_event_does_not_change_another() -> None:
    """Default lists belong to one message."""
    value = encoded({k: v for k, v in order().items() if k != "products"})
    first = wire.decode("orders", "p-1", value)
    first.products.append("x")
    assert wire.decode("orders", "p-1", value).products == []


def test_faults_name_fields_never_values() -> None:
    """The detail of a dead letter holds no word of the shopper's."""
    shopper = "Mira Okafor"
    for payload in (
        click("section_dwelled", section=shopper, visible_ms=shopper),
        click("image_uploaded", features={shopper: shopper}),
        click("order_completed", products=[{shopper: shopper}, shopper]),
        click(id=shopper * 30) | {"time_ms": shopper},
        click("cart_viewed", cart_value_cents=shopper, currency=shopper),
    ):
        with pytest.raises(InvalidRecord) as caught:
            wire.decode("clickstream", "p-1", encoded(payload))
        assert "Mira" not in caught.value.detail
        assert caught.value.reason == "schema"
    with pytest.raises(InvalidRecord, match=r"properties\.visible_ms: .*greater than or equal"):
        wire.decode("clickstream", "p-1", encoded(click("section_dwelled", visible_ms=-5)))
    with pytest.raises(InvalidRecord, match="type: a string"):
        wire.decode("clickstream", "p-1", encoded(click() | {"type": 3}))


def test_missing_key_is_a_mismatch() -> None:
    """A record without a key is nobody's."""
    with pytest.raises(InvalidRecord, match="key_mismatch"):
        wire.decode("clickstream", None, encoded(click()))


def test_unknown_topics_are_the_callers_fault() -> None:
    """No record makes up for a topic that is not ours, or not for reading."""
    for topic in ("nothing.of.ours", "orchestrator.state"):
        with pytest.raises(KeyError):
            wire.decode(topic, "k", b"{}")


def test_keys_of_several_fields() -> None:
    """A policy's key is `kind/name`; a dead letter's is not in its value."""
    policy = {"id": "1", "time_ms": 1_790_000_000_000, "kind": "Reward", "name": "margin"}
    value = encoded(policy | {"version": "sha256:0", "document": {}})
    assert wire.decode("policies", "Reward/margin", value).version == "sha256:0"
    with pytest.raises(InvalidRecord, match="kind/name"):
        wire.decode("policies", "margin", value)


def test_twenty_thousand_bodies() -> None:
    """Nothing but `InvalidRecord` ever comes out, whatever goes in."""
    noise = random.Random(7)
    seeds = [
        encoded(payload)
        for payload in (
            click(),
            click("order_completed", products=[{"product_id": "p", "quantity": 2}]),
            click("image_uploaded", features=[0.5] * 30),
            click("products_searched", query="Größe 42 \u00e9\n"),
            profile(),
            order(),
        )
    ]
    ends: Counter[str] = Counter()
    for turn in range(20_000):
        value = mangle(noise.choice(seeds), noise) if turn % 10 else noise.randbytes(turn % 300)
        topic = ("clickstream", "orders", "profiles")[turn % 3]
        try:
            wire.decode(topic, "p-1", value)
            ends["taken"] += 1
        except InvalidRecord as error:
            ends[error.reason] += 1
    assert ends.keys() == {"taken", "invalid_json", "schema", "key_mismatch"}


def test_builders_copy() -> None:
    """Two events of one builder share nothing that a test could change by mistake."""
    first = click("order_completed")
    before = copy.deepcopy(click("order_completed"))
    first["properties"]["order_id"] = "changed"
    assert click("order_completed") == before
