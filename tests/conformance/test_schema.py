"""`schemas/` is what the models say, and its examples decode for ever."""

from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from orchestrator.messages import wire
from orchestrator.messages.asyncapi import asyncapi
from orchestrator.messages.parse import parse, validate_payload
from orchestrator.messages.schema import (
    check,
    example_paths,
    export,
    json_schema,
    read_examples,
    schema_path,
)
from orchestrator.messages.topics import TOPICS
from tests.builders import click

SCHEMAS = Path(__file__).parents[2] / "schemas"
EXAMPLES = example_paths(SCHEMAS)
READABLE = [name for name, topic in TOPICS.items() if topic.family is not None]


@cache
def validator_of(topic: str) -> Draft202012Validator:
    return Draft202012Validator(json_schema(topic))


def name_of(path: Path) -> str:
    return f"{path.parts[-3]}/{path.stem}"


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_examples_decode_for_ever(path: Path) -> None:
    """Every example ever given is read by the models, the wire and its JSON Schema."""
    topic, value = path.parts[-3], path.read_bytes()
    payload = orjson.loads(value)
    key = TOPICS[topic].key_of(payload) if TOPICS[topic].key_fields else None
    assert parse(topic, value).id == payload["id"]
    assert wire.decode(topic, key, value).time_ms == payload["time_ms"]
    assert list(validator_of(topic).iter_errors(payload)) == []


def test_every_topic_and_event_has_an_example() -> None:
    """Several of each topic, and each type that the contract names."""
    examples = read_examples(SCHEMAS)
    for topic in READABLE:
        assert len(examples[topic]) >= 2, topic
        family = TOPICS[topic].family
        assert family is not None
        seen = {value.get("type") for value in examples[topic].values()}
        assert set(family.by_type) <= seen, topic


def test_outputs_have_no_field_unknown_to_their_model() -> None:
    """What we write ourselves is held to more than readers are."""
    for topic, examples in read_examples(SCHEMAS).items():
        if not TOPICS[topic].is_input:
            for value in examples.values():
                validate_payload(topic, value)


def test_the_folder_is_what_the_models_say() -> None:
    """Somebody changed a model and forgot `orchestrator schemas export`, or a schema by hand."""
    assert check(SCHEMAS) == []


@pytest.mark.parametrize("topic", READABLE)
def test_schemas_are_valid(topic: str) -> None:
    """Each is a JSON Schema of draft 2020-12 and refuses what is no message."""
    Draft202012Validator.check_schema(json_schema(topic))
    validator = validator_of(topic)
    assert not validator.is_valid({})
    assert not validator.is_valid([])


def test_schema_of_the_clickstream_tells_types_apart() -> None:
    """A known type is held to its own properties; an unknown one to none."""
    validator = validator_of("clickstream")
    assert validator.is_valid(click("section_dwelled"))
    assert not validator.is_valid(click("section_dwelled", visible_ms=-1))
    assert validator.is_valid(click("not_yet_invented", visible_ms=-1))


def test_schemas_tell_what_fields_mean() -> None:
    """Descriptions are the docstrings of the attributes."""
    described = json_schema("decisions")["properties"]
    assert described["risk"]["description"].startswith("Probability of abandonment")
    assert "milliseconds" in described["time_ms"]["description"]


def test_opaque_topics_have_no_schema() -> None:
    """Nobody but the worker reads its changelog."""
    with pytest.raises(KeyError):
        json_schema("orchestrator.state")


def copy_some_examples(folder: Path) -> None:
    for path in EXAMPLES[::10]:
        target = folder / path.relative_to(SCHEMAS)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


def test_export_then_check(tmp_path: Path) -> None:
    """Export writes all, a second one nothing; check names what differs."""
    copy_some_examples(tmp_path)
    missing = check(tmp_path)
    assert missing
    assert all("missing" in fault for fault in missing)
    assert len(export(tmp_path)) == len(missing)
    assert (export(tmp_path), check(tmp_path)) == ([], [])

    stray = tmp_path / "json" / "gone.v1.schema.json"
    stray.write_text("{}")
    (tmp_path / schema_path("orders")).write_text("{}")
    assert [fault.split(":")[0] for fault in check(tmp_path)] == [
        "json/orders.v1.schema.json",
        "json/gone.v1.schema.json",
    ]
    assert len(export(tmp_path)) == 2
    assert not stray.exists()


def test_check_reads_the_examples(tmp_path: Path) -> None:
    """An example that no longer decodes, or of no topic, is a fault by itself."""
    for name, value in (("orders/v1/bad.json", {"id": ""}), ("nothing/v1/x.json", {})):
        path = tmp_path / "examples" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(orjson.dumps(value))
    faults = check(tmp_path)
    assert faults[0] == "examples/nothing/v1/x.json: there is no topic nothing"
    assert faults[1].startswith("examples/orders/v1/bad.json: no longer decodes: id: ")


def test_asyncapi_names_all_topics_and_messages() -> None:
    """A channel and an operation a topic, a message a model, its examples with it."""
    document = asyncapi(read_examples(SCHEMAS))
    channels: dict[str, Any] = document["channels"]
    assert {channel["address"] for channel in channels.values()} == set(READABLE)
    assert len(document["operations"]) == len(READABLE)
    clickstream = channels["clickstream"]["messages"]
    assert clickstream["section_dwelled"]["examples"][0]["payload"]["properties"]["visible_ms"]
    assert "UnknownClick" in clickstream
    kafka = channels["models"]["bindings"]["kafka"]
    assert kafka["partitions"] == 1
    assert kafka["topicConfiguration"]["cleanup.policy"] == ["compact"]
    assert all(
        message["bindings"]["kafka"]["key"]["description"]
        for channel in channels.values()
        for message in channel["messages"].values()
    )
