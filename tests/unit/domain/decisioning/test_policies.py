"""Reading policies: errors name file, line, value and way out; the hash pins the content."""

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis.strategies import integers

from orchestrator.domain.decisioning import content_hash, load, shipped
from orchestrator.domain.decisioning.documents import Source, parse
from orchestrator.domain.decisioning.schemas import policy_schemas
from orchestrator.domain.signals import SIGNALS
from orchestrator.errors import InvalidPolicy
from tests.unit.domain.decisioning.situations import policies

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "orchestrator" / "policies"
NAMES = {signal.name for signal in SIGNALS}
TEXTS = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yaml"))}


def _load(**changed: tuple[str, str]) -> None:
    """Read the shipped files with one text replaced in some of them."""
    sources: list[Source] = []
    for name, text in TEXTS.items():
        stem = name.removesuffix(".yaml").replace("-", "_")
        if stem in changed:
            old, new = changed[stem]
            assert old in text
            sources.append((name, text.replace(old, new, 1)))
        else:
            sources.extend(_documents(name))
    load(sources, NAMES)


@cache
def _documents(name: str) -> list[dict[str, Any]]:
    return [one.data for one in parse((name, TEXTS[name]))]


def _shuffled(value: Any, random: Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        random.shuffle(keys)
        return {key: _shuffled(value[key], random) for key in keys}
    return [_shuffled(part, random) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"actions_help": ("urgent: true", "urgnet: true")},
            ["actions-help.yaml:9", "Action/payment_help", "`urgnet`", "True", "Correct it"],
        ),
        (
            {"actions_help": ("fact: stage, op: in", "fact: stgae, op: in")},
            ["actions-help.yaml:10", "`eligible`", "no fact is called 'stgae'", "known: stage"],
        ),
        (
            {"actions_help": ("signal: payment_failures_count", "signal: payment_failure_count")},
            [
                "actions-help.yaml:11",
                "`applicable`",
                "no signal is called `payment_failure_count`",
                "Did you mean `payment_failures_count`?",
            ],
        ),
        (
            {"actions_help": ("acceptance: {default: 0.2,", "acceptance: {default: 2.0,")},
            ["actions-help.yaml:13", "`acceptance.default`", "less than or equal to 1", "2.0"],
        ),
        (
            {
                "actions_help": (
                    "cancel_on: [order_completed, cart_emptied]",
                    "cancel_on: [cart_emptied]",
                )
            },
            ["Action/payment_help", "nobody is asked to buy twice"],
        ),
        (
            {"actions_help": ("kind: Action", "kind: Acton")},
            ["actions-help.yaml:", "'Acton'", "EngagementPolicy"],
        ),
        (
            {"actions_price": ("budget: discount", "budget: discounts")},
            ["`offer.budget`", "no daily budget is called `discounts`", "`discount`?"],
        ),
        (
            {"actions_price": ("body: Thank you for your loyalty", "body: Dear $name, thank you")},
            ["actions-price.yaml", "content.en", "'$name' is no placeholder", "offer_amount"],
        ),
        (
            {"actions_price": ("$offer_share off as a thank-you", "$product_name for less")},
            ["the last treatment needs product_name", "add a treatment after it"],
        ),
        (
            {"actions_help": ("Your cart is safe", "Save $offer_amount")},
            ["names `offer_amount`, which this offer has not"],
        ),
        (
            {"engagement": ("  - payment_help\n", "  - payment_halp\n")},
            ["engagement.yaml:8", "`actions[0]`", "no action", "Did you mean `payment_help`?"],
        ),
        (
            {"contact": ("  discount: 5_184_000_000", "  discounts: 5_184_000_000")},
            ["`cooldowns_ms.discounts`", "no action's group is called", "`discount`?"],
        ),
        (
            {"contact": ("time_zone_default: UTC", "time_zone_default: Mars/Olympus")},
            ["`time_zone_default`", "no such time zone", "'Mars/Olympus'", "Europe/Berlin"],
        ),
        (
            {"contact": ('start: "21:00"', 'start: "25:00"')},
            ["contact.yaml", "`quiet_hours[0].start`", "'25:00'"],
        ),
        (
            {"arbitration": ("floor_share: 0.002", "floor_share: 0.05")},
            ["`floor_share`", "add up to 0.75", "0.05", "at 0.5 at most"],
        ),
        (
            {"arbitration": ("floor_share: 0.002", "floor_share: 0")},
            ["`floor_share`", "greater than 0"],
        ),
        (
            {"arbitration": ("kind: Reward\nname: margin", "kind: Arbitration\nname: other")},
            ["arbitration.yaml:18", "`onsite_window_ms`", "(2 more below)"],
        ),
        (
            {"journeys": ("actions: [cart_reminder]", "actions: [chat_invitation]")},
            ["`follow_ups[0].actions`", "takes no part in follow-ups"],
        ),
        (
            {"signals": ("signal: refreshes_60s_count", "fact: orders_count")},
            ["`conditions[1].when`", "may ask for signals only"],
        ),
        (
            {"actions_messages": ("name: push_reminder", "name: cart_reminder")},
            ["actions-messages.yaml", "Action/cart_reminder", "stands in", "already"],
        ),
        (
            {"engagement": ("kind: EngagementPolicy", "kind: EngagementPolicy\nkind: Action")},
            ["engagement.yaml:5", "the key 'kind' stands here twice"],
        ),
        ({"engagement": ("actions:", "actions: [")}, ["engagement.yaml:"]),
    ],
)
def test_an_error_names_place_value_and_way_out(
    changed: dict[str, tuple[str, str]], told: list[str]
) -> None:
    """Whoever edits a policy finds the line, and what to write instead."""
    with pytest.raises(InvalidPolicy) as caught:
        _load(**changed)
    text = str(caught.value)
    assert caught.value.code == "E120"
    assert caught.value.way_out
    for part in told:
        assert part in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: &x 1\nb: *x", "aliases"),
        ("a: !!python/object/apply:os.system [ls]", "constructor"),
        ("a: !custom 1", "tags"),
        ("[" * 40 + "]" * 40, "deeper"),
        ("- 1\n- 2", "list.yaml"),
        ("just text", "list.yaml"),
        ("a: " + "9" * 5_000, "list.yaml"),
        ("\x00", "list.yaml"),
        ("x" * 600_000, "at most"),
        ("a: 1\n---\n" * 301, "at most"),
        ("", "No SignalSet"),
    ],
)
@pytest.mark.parametrize("libyaml", [True, False], ids=["libyaml", "plain"])
def test_a_file_that_is_no_policy_is_refused(
    text: str, told: str, monkeypatch: pytest.MonkeyPatch, *, libyaml: bool
) -> None:
    """Whatever lies in the folder: an error of ours, never a crash, a call or a flood."""
    monkeypatch.setattr(yaml, "__with_libyaml__", libyaml and yaml.__with_libyaml__)
    with pytest.raises(InvalidPolicy, match=told):
        load([("list.yaml", text)])


def test_yaml_reads_as_its_core_schema() -> None:
    """`21:00` is text and `no` a word: no surprises of old YAML."""
    with pytest.raises(InvalidPolicy, match="valid boolean"):
        _load(contact=("onsite: true", "onsite: no"))
    _load(contact=('start: "21:00"', "start: 21:00"))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_without_libyaml_they_read_alike(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML built without it is slower, and gives the same documents and lines."""
    with_it = parse(("it.yaml", text))
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    without = parse(("it.yaml", text))
    assert [one.data for one in with_it] == [one.data for one in without]
    paths: list[list[str | int]] = [["kind"], ["actions", 1], ["content", "en"]]
    for path in paths:
        assert [one.where(path) for one in with_it] == [one.where(path) for one in without]


@settings(max_examples=8, deadline=None)
@given(seed=integers())
def test_the_hash_does_not_depend_on_the_order_of_keys(seed: int) -> None:
    """The same content pins the same version, however it was written down or loaded."""
    documents = _shuffled(dict(shipped().documents), Random(seed))
    assert load(documents.values()).version == shipped().version
    assert content_hash(documents) == content_hash(shipped().documents)


def test_files_and_json_read_alike() -> None:
    """YAML files, one JSON text and published documents are one policy."""
    text = "\n---\n".join(json.dumps(row) for row in shipped().documents.values())
    assert load([("all.yaml", text)]).version == shipped().version
    assert load([FOLDER]).version == shipped().version
    assert shipped().version.startswith("checkout-rescue@sha256:")
    assert len(shipped().version) == len("checkout-rescue@sha256:") + 12


@pytest.mark.parametrize("name", ["gamma", "match_floor", "margin_share"])
def test_any_change_of_content_changes_the_version(name: str) -> None:
    """A decision is pinned to exactly what was in force."""
    assert policies(Arbitration={name: 0.123}).version != shipped().version


def test_a_published_document_takes_the_place_of_the_shipped_one() -> None:
    """By key; of a kind of which one is in force by kind; with or without its envelope."""
    gamma = {"kind": "Arbitration", "name": "sharp", "gamma": 1000}
    envelope = json.dumps({"kind": "Arbitration", "name": "sharp", "document": gamma}).encode()
    changed = shipped().overridden({"Arbitration/sharp": envelope})
    assert changed.terms.gamma == 1000
    assert [key for key in changed.documents if key.startswith("Arbitration/")] == [
        "Arbitration/sharp"
    ]
    plain = shipped().overridden({"Arbitration/sharp": gamma})
    assert plain.version == changed.version
    assert shipped().overridden({}).version == shipped().version


@pytest.mark.parametrize(
    "value",
    [b"{", b"null", b"[]", b"{}", b'{"kind": "Arbitration", "name": "other"}', b"\xff"],
)
def test_a_published_value_that_is_no_policy_is_refused(value: bytes) -> None:
    """What was in force stays: the caller keeps it when this raises."""
    with pytest.raises(InvalidPolicy):
        shipped().overridden({"Arbitration/sharp": value})


def test_the_schemas_for_editors_are_what_the_models_say() -> None:
    """`schemas/policies/` is generated; each shipped document fits its schema."""
    jsonschema = pytest.importorskip("jsonschema")
    written = policy_schemas()
    for name, expected in written.items():
        assert (ROOT / "schemas" / name).read_bytes() == expected
    on_disk = {f"policies/{path.name}" for path in (ROOT / "schemas/policies").iterdir()}
    assert on_disk == set(written)
    schema = json.loads(written["policies/policy.schema.json"])
    validator = jsonschema.Draft202012Validator(schema)
    for text in TEXTS.values():
        for document in yaml.safe_load_all(text):
            assert list(validator.iter_errors(document)) == []
