"""Model snapshots: what the learner publishes on `models` and every worker checks before use.

A snapshot is data from a topic: it is validated on reading, holds no code, and one that does not
fit is refused while the model in force stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from json import loads
from typing import Any

from orchestrator.errors import InvalidPolicy
from orchestrator.online.scorer import LinearScorer, fold
from orchestrator.types import Payload

FORMAT = 1
KIND_LOGISTIC = "logistic"
STATE_VECTORS = ("counts", "means", "variances", "weights", "gradients")
"""Columns of a logistic state, each as long as the feature list."""
MAX_FEATURES = 512
MAX_NAME_CHARACTERS = 80
MAX_BYTES = 256 * 1024
"""Far above a real one (24 features: 3 kB), far below what would hold a worker up."""
MAX_MAGNITUDE = 1e18
MAX_MODEL_ID_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of one model, complete: enough to score with, and to go on learning from."""

    model_id: str
    version: int
    """Increases by one a snapshot; 0 ships with the package."""
    time_ms: int
    """Event time of the last row learnt."""
    features: tuple[str, ...]
    state: Mapping[str, Any]
    """`OnlineLogistic.state()`."""
    offsets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Last offset folded, by topic and partition, when it was taken."""
    examples: int = 0
    """Rows learnt since version 0."""
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """As the ledger names it: `risk@41`."""
        return f"{self.model_id}@{self.version}"

    def payload(self) -> Payload:
        """The message for `models`."""
        return {
            "id": self.label,
            "type": "model_snapshot",
            "time_ms": self.time_ms,
            "model_id": self.model_id,
            "version": self.version,
            "kind": KIND_LOGISTIC,
            "features": list(self.features),
            "state": {"format": FORMAT, **self.state},
            "offsets": {topic: dict(by) for topic, by in self.offsets.items()},
            "examples": self.examples,
            "metrics": dict(self.metrics),
        }

    def scorer(self) -> LinearScorer:
        """What a worker scores with."""
        return folded(self.features, self.state)


def read(value: bytes) -> Snapshot:
    """Bytes of a `models` record to a snapshot.

    Raises:
        InvalidPolicy: Too large, no JSON, or not a snapshot of this format.
    """
    if len(value) > MAX_BYTES:
        raise _refused(f"it has {len(value)} bytes, at most {MAX_BYTES} are taken")
    try:
        payload = loads(value)
    except (ValueError, RecursionError) as error:
        raise _refused("it is not JSON") from error
    return parse(payload)


def parse(payload: Any) -> Snapshot:
    """A decoded `models` record to a snapshot.

    Raises:
        InvalidPolicy: With the field that does not fit.
    """
    if not isinstance(payload, Mapping):
        raise _refused("it is not an object")
    model_id = payload.get("model_id")
    if not isinstance(model_id, str) or not 0 < len(model_id) <= MAX_MODEL_ID_CHARACTERS:
        raise _refused("`model_id` is not a short name")
    if payload.get("kind") != KIND_LOGISTIC:
        raise _refused(f"`kind` is {payload.get('kind')!r}, this version reads {KIND_LOGISTIC!r}")
    features = _feature_names(payload.get("features"))
    state = payload.get("state")
    if not isinstance(state, Mapping):
        raise _refused("`state` is not an object")
    if state.get("format") != FORMAT:
        raise _refused(f"`state.format` is {state.get('format')!r}, this version reads {FORMAT}")
    check_state(features, state)
    return Snapshot(
        model_id=model_id,
        version=_count(payload, "version"),
        time_ms=_count(payload, "time_ms"),
        features=features,
        state=state,
        offsets=_offsets(payload.get("offsets", {})),
        examples=_count(payload, "examples"),
        metrics=_metrics(payload.get("metrics", {})),
    )


def shipped(model_id: str) -> Snapshot:
    """Version 0 of a model: part of the package, so that a worker needs no learner.

    Raises:
        InvalidPolicy: No such model ships, or the file was damaged.
    """
    path = files("orchestrator.online").joinpath("shipped", f"{model_id}.v0.json")
    if not path.is_file():
        raise _refused(f"no model {model_id!r} ships with this version")
    return read(path.read_bytes())


def aligned(payload: Any, start: Snapshot) -> Snapshot:
    """A snapshot over the feature list of `start`: what a newer package does to an older state.

    A feature that is new takes its column from `start`, one that is gone loses it.

    Raises:
        InvalidPolicy: The payload is no snapshot.
    """
    held = parse(payload)
    if held.features == start.features:
        return held
    known = {name: index for index, name in enumerate(held.features)}
    state = dict(held.state)
    for column in STATE_VECTORS:
        state[column] = [
            held.state[column][known[name]] if name in known else start.state[column][index]
            for index, name in enumerate(start.features)
        ]
    return replace(held, features=start.features, state=state)


def folded(features: Sequence[str], state: Mapping[str, Any]) -> LinearScorer:
    """The scorer of a logistic state."""
    weights, bias = fold(state["weights"], state["means"], state["variances"], state["intercept"])
    return LinearScorer(features, weights, bias)


def check_state(features: Sequence[str], state: Mapping[str, Any]) -> None:
    """Refuse a state that is not a logistic one over these features.

    Raises:
        InvalidPolicy: With what is wrong.
    """
    for name in ("examples", "steps"):
        _count(state, name)
    if not _is_number(state.get("intercept")):
        raise _refused("`state.intercept` is not a finite number")
    for name in STATE_VECTORS:
        column = state.get(name)
        if not isinstance(column, list) or len(column) != len(features):
            raise _refused(f"`state.{name}` has not one value a feature")
        if not all(map(_is_number, column)):
            raise _refused(f"`state.{name}` holds a value that is not a finite number")
        if name not in ("means", "weights") and min(column, default=0) < 0:
            raise _refused(f"`state.{name}` holds a negative value")


def _feature_names(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not 0 < len(names) <= MAX_FEATURES:
        raise _refused(f"`features` is not a list of 1 to {MAX_FEATURES} names")
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARACTERS:
            raise _refused("`features` holds something that is not a short name")
    if len(set(names)) != len(names):
        raise _refused("`features` names one twice")
    return tuple(names)


def _offsets(offsets: Any) -> dict[str, dict[str, int]]:
    if not isinstance(offsets, Mapping):
        raise _refused("`offsets` is not an object")
    for by_partition in offsets.values():
        if not isinstance(by_partition, Mapping) or not all(
            type(offset) is int for offset in by_partition.values()
        ):
            raise _refused("`offsets` is not topic to partition to offset")
    return {topic: dict(by_partition) for topic, by_partition in offsets.items()}


def _metrics(metrics: Any) -> dict[str, float]:
    if not isinstance(metrics, Mapping) or not all(map(_is_number, metrics.values())):
        raise _refused("`metrics` is not name to finite number")
    return dict(metrics)


def _count(payload: Mapping[str, Any], name: str) -> int:
    value = payload.get(name)
    if type(value) is not int or value < 0:
        raise _refused(f"`{name}` is not a whole number of 0 or more")
    return value


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= MAX_MAGNITUDE  # false for NaN, too
    )


def _refused(why: str) -> InvalidPolicy:
    return InvalidPolicy(
        f"A model snapshot was refused: {why}.",
        way_out="The version in force stays; `orchestrator tail models` shows what is published.",
    )
