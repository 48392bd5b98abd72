"""Hypothesis strategies from the models and the builders."""

from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from orchestrator.messages.base import MAX_WHOLE, Message
from orchestrator.messages.clickstream import COMMERCE, MICRO_SIGNALS
from orchestrator.messages.family import Family, type_of
from orchestrator.messages.topics import TOPICS
from orchestrator.types import Payload
from tests.builders import REQUIRED, click

CLICK_TYPES = tuple(str(type_of(model)) for model in COMMERCE + MICRO_SIGNALS)
"""Every known type of the clickstream that belongs to a session."""

_LETTERS = st.characters(exclude_categories=["Cc", "Cs"])
_JSON_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
json_values = st.recursive(
    _JSON_LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(_LETTERS, max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
"""Any JSON value, small."""


def clicks(
    profile: str = "p-1",
    *,
    types: tuple[str, ...] = CLICK_TYPES,
    within_s: int = 3600,
    sessions: tuple[str | None, ...] = (None,),
) -> st.SearchStrategy[Payload]:
    """Events of one profile, with the properties that `click` gives by default or the model allows.

    Ids derive from what the event says, so equal draws are duplicates.
    """
    return st.one_of(
        [
            st.builds(
                _click,
                st.just(kind),
                st.integers(0, within_s * 1000),
                st.just(profile),
                st.sampled_from(sessions),
                st.just({}) | payloads_of(_properties_model(kind)),
            )
            for kind in types
        ]
    )


def click_streams(
    profile: str = "p-1",
    *,
    types: tuple[str, ...] = CLICK_TYPES,
    within_s: int = 3600,
    sessions: tuple[str | None, ...] = (None,),
    min_size: int = 1,
    max_size: int = 30,
) -> st.SearchStrategy[list[Payload]]:
    """Streams of one profile's events with distinct ids, sorted by event time."""
    return st.lists(
        clicks(profile, types=types, within_s=within_s, sessions=sessions),
        min_size=min_size,
        max_size=max_size,
        unique_by=lambda event: event["id"],
    ).map(lambda events: sorted(events, key=lambda event: (event["time_ms"], event["id"])))


@cache
def messages(topic: str) -> st.SearchStrategy[Payload]:
    """Valid values of a topic, of every model it has."""
    family = TOPICS[topic].family
    assert family is not None, topic
    return st.one_of([_tagged(family, model) for model in family.all_models])


@cache
def payloads_of(model: type[BaseModel]) -> st.SearchStrategy[Payload]:
    """Valid payloads of a model: required fields always, optional ones at times."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, info in model.model_fields.items():
        kind = _values(info.annotation, tuple(info.metadata))
        (required if info.is_required() else optional)[name] = kind
    return st.fixed_dictionaries(required, optional=optional)


def _tagged(family: Family, model: type[Message]) -> st.SearchStrategy[Payload]:
    payloads = payloads_of(model)
    if model is family.other:
        return payloads.filter(lambda payload: payload["type"] not in family.by_type)
    return payloads


def _click(kind: str, at: int, profile: str, session: str | None, properties: Payload) -> Payload:
    event = click(kind, at / 1000, profile, session)
    event["properties"] = {**REQUIRED.get(kind, {}), **properties}
    return event


def _properties_model(kind: str) -> type[BaseModel]:
    family = TOPICS["clickstream"].family
    assert family is not None
    model = family.by_type[kind].model_fields["properties"].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model


def _values(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    origin = get_origin(annotation)
    args = get_args(annotation)
    if origin is Annotated:
        return _values(args[0], args[1:] + metadata)
    if origin is Union or origin is UnionType:
        return st.one_of([_values(arg) for arg in args])
    if origin is Literal:
        return st.sampled_from(args)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return payloads_of(annotation)
    return _bounded(annotation, origin, args, _rules(metadata))


def _bounded(
    annotation: Any, origin: Any, args: tuple[Any, ...], rules: dict[str, Any]
) -> st.SearchStrategy[Any]:
    least, most = rules.get("min_length", 0), rules.get("max_length", 8)
    kind = json_values
    if origin is list:
        kind = st.lists(_values(args[0]), min_size=least, max_size=min(most, least + 3))
    elif origin is dict:
        keys, inner = _values(args[0]), _values(args[1])
        kind = st.dictionaries(keys, inner, min_size=least, max_size=min(most, least + 3))
    elif annotation is str:
        kind = st.text(_LETTERS, min_size=least, max_size=min(most, least + 12))
    elif annotation is int:
        whole = st.integers(rules.get("ge", -MAX_WHOLE), rules.get("le", MAX_WHOLE))
        kind = whole | whole.filter(lambda n: abs(n) < MAX_WHOLE).map(float)
    elif annotation is float:
        high = rules.get("le", rules.get("lt"))
        kind = st.floats(rules.get("ge"), high, exclude_max="lt" in rules)
    elif annotation is bool:
        kind = st.booleans()
    elif annotation is NoneType:
        kind = st.none()
    return kind


def _rules(metadata: tuple[Any, ...]) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    for item in metadata:
        if isinstance(item, FieldInfo):
            rules |= _rules(tuple(item.metadata))
        else:
            for rule in ("ge", "le", "lt", "min_length", "max_length"):
                value = getattr(item, rule, None)
                if value is not None:
                    rules[rule] = value
    return rules
