"""The models of one topic, and the verdict on a value: which model it is, or why it is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, get_args, get_origin

import orjson
from pydantic import BaseModel, ValidationError

from orchestrator.errors import InvalidRecord
from orchestrator.messages.aliases import translated
from orchestrator.messages.base import Message

MAX_NAMED_FAULTS = 3


def type_of(model: type[Message]) -> str | None:
    """The one value that a model's `type` may have; None where it is open or absent."""
    info = model.model_fields.get("type")
    if info is None or get_origin(info.annotation) is not Literal:
        return None
    values = get_args(info.annotation)
    return str(values[0]) if len(values) == 1 else None


@dataclass(frozen=True)
class Family:
    """The models of one topic, told apart by `type`.

    A family with an `other` model takes types it does not know; one of a single model leaves
    `type` to the model. A `type` in `aliases` is read as the event it names.
    """

    models: tuple[type[Message], ...]
    other: type[Message] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    by_type: Mapping[str, type[Message]] = field(init=False)

    def __post_init__(self) -> None:
        by_type = {}
        if self.is_union:
            by_type = {type_of(model) or model.__name__: model for model in self.models}
        object.__setattr__(self, "by_type", by_type)

    @property
    def is_union(self) -> bool:
        return len(self.models) > 1

    @property
    def all_models(self) -> tuple[type[Message], ...]:
        return (*self.models, self.other) if self.other else self.models

    def model_for(self, payload: Mapping[str, Any]) -> type[Message]:
        """The model a payload asks for by its `type`.

        Raises:
            InvalidRecord: `type` is missing, no string, or unknown where the topic is closed.
        """
        if not self.is_union:
            return self.models[0]
        kind = payload.get("type")
        if not isinstance(kind, str):
            raise InvalidRecord("schema", "type: a string is required")
        model = self.by_type.get(kind) or self.other
        if model is None:
            raise InvalidRecord("schema", f"type: one of {', '.join(self.by_type)} is required")
        return model

    def validate(
        self, payload: object, *, extra: Literal["ignore", "forbid"] = "ignore"
    ) -> Message:
        """Pydantic's verdict, the one that counts.

        Raises:
            InvalidRecord: Reason `schema`; the detail names fields and rules, never values.
        """
        if not isinstance(payload, dict):
            raise InvalidRecord("schema", "the value must be a JSON object")
        kind = payload.get("type")
        if isinstance(kind, str) and kind in self.aliases:
            payload = translated(payload)
        model = self.model_for(payload)
        try:
            return model.model_validate(payload, extra=extra)
        except ValidationError as error:
            raise InvalidRecord("schema", _sentence(model, error)) from None


def load_json(value: bytes) -> Any:
    """Parse JSON strictly: UTF-8, no NaN, at most 1024 levels.

    Raises:
        InvalidRecord: Reason `invalid_json`.
    """
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidRecord("invalid_json", f"not JSON: {error}") from None


def _sentence(model: type[BaseModel], error: ValidationError) -> str:
    known = field_names(model)
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    parts = [
        ".".join(
            str(step) if isinstance(step, int) or step in known else "*" for step in fault["loc"]
        )
        + f": {fault['msg']}"
        for fault in faults[:MAX_NAMED_FAULTS]
    ]
    if len(faults) > MAX_NAMED_FAULTS:
        parts.append(f"and {len(faults) - MAX_NAMED_FAULTS} more")
    return "; ".join(parts)


@cache
def field_names(model: type[BaseModel]) -> frozenset[str]:
    """Every field name of a model and of its parts: what a detail may quote."""
    names: set[str] = set()
    seen: set[type[BaseModel]] = set()
    todo: list[Any] = [model]
    while todo:
        item = todo.pop()
        if not isinstance(item, type) or not issubclass(item, BaseModel):
            todo.extend(get_args(item))
        elif item not in seen:
            seen.add(item)
            names.update(item.model_fields)
            todo.extend(info.annotation for info in item.model_fields.values())
    return frozenset(names)
