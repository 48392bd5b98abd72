"""JSON Schemas of the policy kinds, for editors: `schemas/policies/`."""

import json
from typing import Any

from pydantic import TypeAdapter

from orchestrator.domain.decisioning.action import Action
from orchestrator.domain.decisioning.kinds import (
    Arbitration,
    ContactPolicy,
    Document,
    EngagementPolicy,
    Experiment,
    Journey,
    Reward,
    SignalSet,
)
from orchestrator.domain.decisioning.validation import ADAPTER

KINDS: tuple[type[Document], ...] = (
    SignalSet,
    Action,
    EngagementPolicy,
    ContactPolicy,
    Arbitration,
    Reward,
    Experiment,
    Journey,
)
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_schemas() -> dict[str, bytes]:
    """Generated files by their path in `schemas/`: one a kind, and `policy` for any of them.

    They tell form, names and bounds; what documents owe one another only `policy check` tells.
    """
    found = {"policy": _schema(ADAPTER, "A policy document of any kind")}
    for kind in KINDS:
        found[kind.__name__] = _schema(TypeAdapter(kind), f"Policy document {kind.__name__}")
    return {
        f"policies/{name}.schema.json": (
            json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        ).encode()
        for name, schema in found.items()
    }


def _schema(adapter: TypeAdapter[Any], title: str) -> dict[str, Any]:
    return {"$schema": DIALECT, **adapter.json_schema(), "title": title}
