"""JSON Schemas (2020-12) of the topics, and the folder `schemas/` as a whole.

All of it is generated from the models but `examples/`, which are written by hand and decode for
ever. `export` rewrites the folder, `check` tells how it differs from what would be written.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from pydantic.json_schema import models_json_schema

from orchestrator.errors import InvalidRecord
from orchestrator.messages.asyncapi import asyncapi_yaml
from orchestrator.messages.family import Family
from orchestrator.messages.parse import parse
from orchestrator.messages.topics import TOPICS, Topic

VERSION = "v1"
Examples = Mapping[str, Mapping[str, Any]]
"""Topic to the example's name to its value."""


def json_schema(topic: str) -> dict[str, Any]:
    """The schema of a topic's values.

    Raises:
        KeyError: The topic is not ours, or opaque.
    """
    schema: dict[str, Any] = orjson.loads(_schema_file(topic))
    return schema


@cache
def _schema_file(topic: str) -> bytes:
    entry = TOPICS[topic]
    if entry.family is None:
        raise KeyError(topic)
    return orjson.dumps(
        _schema(entry, entry.family), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


def _schema(topic: Topic, family: Family) -> dict[str, Any]:
    _, generated = models_json_schema([(model, "serialization") for model in family.all_models])
    definitions: dict[str, Any] = generated["$defs"]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{topic.name}.{VERSION}",
        "description": f"{topic.title} Key: {topic.key}.",
    }
    if family.other is not None:
        kind = definitions[family.other.__name__]["properties"]["type"]
        kind["not"] = {"enum": list(family.by_type)}
    if len(family.all_models) > 1:
        choices = [{"$ref": f"#/$defs/{model.__name__}"} for model in family.all_models]
        return head | {"oneOf": choices, "$defs": definitions}
    body: dict[str, Any] = definitions.pop(family.models[0].__name__)
    head["description"] += f" {body['description']}"
    return body | head | ({"$defs": definitions} if definitions else {})


def documents(examples: Examples) -> dict[str, bytes]:
    """Every generated file of `schemas/`, by its path in there."""
    files = {
        schema_path(name): _schema_file(name)
        for name, topic in TOPICS.items()
        if topic.family is not None
    }
    files["asyncapi.yaml"] = asyncapi_yaml(examples).encode()
    return files


def schema_path(topic: str) -> str:
    """Where a topic's schema lies in `schemas/`."""
    return f"json/{topic}.{VERSION}.schema.json"


def read_examples(folder: Path) -> dict[str, dict[str, Any]]:
    """The hand-made examples of a `schemas/` folder."""
    examples: dict[str, dict[str, Any]] = {}
    for path in example_paths(folder):
        examples.setdefault(path.parts[-3], {})[path.stem] = orjson.loads(path.read_bytes())
    return examples


def example_paths(folder: Path) -> list[Path]:
    """Files of the hand-made examples, sorted."""
    return sorted(folder.glob(f"examples/*/{VERSION}/*.json"))


def export(folder: Path) -> list[Path]:
    """Write `schemas/` anew; files of topics that are gone are removed.

    Returns:
        The files that changed.
    """
    files = documents(read_examples(folder))
    changed = []
    for path in sorted(folder.glob("json/*.schema.json")):
        if str(path.relative_to(folder)) not in files:
            path.unlink()
            changed.append(path)
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            changed.append(path)
    return changed


def check(folder: Path) -> list[str]:
    """What is wrong with a `schemas/` folder, a sentence each; empty: nothing."""
    faults = []
    for path in example_paths(folder):
        topic = path.parts[-3]
        if topic not in TOPICS:
            faults.append(f"{path.relative_to(folder)}: there is no topic {topic}")
            continue
        try:
            parse(topic, path.read_bytes())
        except InvalidRecord as error:
            faults.append(f"{path.relative_to(folder)}: no longer decodes: {error.detail}")
    if faults:
        return faults
    files = documents(read_examples(folder))
    for name, content in files.items():
        path = folder / name
        if not path.exists():
            faults.append(f"{name}: missing; run `orchestrator schemas export`")
        elif path.read_bytes() != content:
            faults.append(f"{name}: differs from the models; run `orchestrator schemas export`")
    faults += [
        f"{path.relative_to(folder)}: no topic has it"
        for path in sorted(folder.glob("json/*.schema.json"))
        if str(path.relative_to(folder)) not in files
    ]
    return faults
