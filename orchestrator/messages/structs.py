"""Derive msgspec structs from the pydantic models: one definition, two validators."""

from collections.abc import Callable
from functools import cache, reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_PLAIN = (Any, NoneType, bool, int, float, str)
_RULES = ("ge", "gt", "le", "lt", "min_length", "max_length")

T = TypeVar("T")


@cache
def struct_of(model: type[BaseModel], tag: str | None = None) -> type[msgspec.Struct]:
    """The struct of a model: same fields, same bounds, same defaults.

    Patterns are left out (they cost a call into Python per string): `wire.decode` sees to control
    characters itself. With a `tag` the field `type` becomes the union's tag and a class attribute.
    JSON values form no circles, so the garbage collector need not look at them.
    """
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name, info in model.model_fields.items():
        if tag is not None and name == "type":
            continue
        kind = translate(info.annotation, tuple(info.metadata))
        if info.is_required():
            fields.append((name, kind))
        else:
            fields.append((name, kind, _default(info)))
    return msgspec.defstruct(
        model.__name__,
        fields,
        namespace={"__doc__": model.__doc__} | ({"type": tag} if tag is not None else {}),
        module=model.__module__,
        tag_field="type" if tag is not None else None,
        tag=tag,
        kw_only=True,
        gc=False,
    )


def translate(annotation: Any, metadata: tuple[Any, ...] = ()) -> Any:
    """A pydantic annotation as msgspec reads it.

    Raises:
        TypeError: The annotation has no counterpart: better at import than in a stream.
    """
    origin = get_origin(annotation)
    args = get_args(annotation)
    if origin is Annotated:
        return translate(args[0], args[1:] + metadata)
    if origin is Union or origin is UnionType:
        return reduce(or_, (translate(arg) for arg in args))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return struct_of(annotation)
    kind: Any = annotation
    if origin is list:
        kind = list[translate(args[0])]  # type: ignore[misc]
    elif origin is dict:
        kind = dict[str, translate(args[1])]  # type: ignore[misc]
    elif origin is not Literal and annotation not in _PLAIN:
        raise TypeError(f"no struct type for {annotation!r}")
    rules = _rules(metadata)
    return Annotated[kind, msgspec.Meta(**rules)] if rules else kind


def struct_from(model: BaseModel, tag: str | None = None) -> Any:
    """The struct that equals a validated model."""
    values = {name: _value(value) for name, value in model.__dict__.items()}
    if tag is not None:
        del values["type"]
    return struct_of(type(model), tag)(**values)


def _value(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return struct_from(value)
    if isinstance(value, list):
        return [_value(item) for item in value]
    return value


def _rules(metadata: tuple[Any, ...]) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    for item in metadata:
        if isinstance(item, FieldInfo):
            rules |= _rules(tuple(item.metadata))
            continue
        for rule in _RULES:
            value = getattr(item, rule, None)
            if value is not None:
                rules[rule] = value
    return rules


def _default(info: FieldInfo) -> Any:
    default = info.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return msgspec.field(default_factory=_same(struct_from(default)))
    if isinstance(default, list):
        return msgspec.field(default_factory=list)
    if isinstance(default, dict):
        return msgspec.field(default_factory=dict)
    return default


def _same(value: T) -> Callable[[], T]:
    return lambda: value
