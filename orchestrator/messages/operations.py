"""Topics `policies` and `dead-letters`: what operators write and read."""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.messages.base import TIME_MAX_MS, WHOLE, Id, Json, Message, Name, Offset, Text

DEAD_VALUE_MAX = 4 * 1024 * 1024


class PolicyPublished(Message):
    """A policy document came into force. Key: `kind/name`; a tombstone withdraws it."""

    type: Literal["policy_published"] = "policy_published"
    kind: Name
    """SignalSet, Action, EngagementPolicy, ContactPolicy, Arbitration, Reward, Experiment ..."""
    name: Name
    version: Name
    """`sha256:` and the hash of the document's canonical JSON: what decisions pin."""
    document: Json
    """The document as it stood in its file."""


class DeadLetter(Message):
    """A record that could not be processed, whole. Key: the original key."""

    type: Literal["dead_letter"] = "dead_letter"
    time_ms: Annotated[int, Field(ge=0, le=TIME_MAX_MS), WHOLE]
    """When it was refused or written: Unix epoch, UTC, milliseconds; 0 where no time was known."""
    topic: Name
    """Logical name of the topic it came from."""
    partition: Offset
    offset: Offset
    key_base64: Annotated[str, Field(max_length=DEAD_VALUE_MAX)] | None
    value_base64: Annotated[str, Field(max_length=DEAD_VALUE_MAX)] | None
    """The original bytes, the first 2 MiB of them at most; null for a tombstone."""
    value_bytes: Offset | None = None
    """How long the original value was."""
    truncated: bool | None = None
    """Whether `value_base64` is only its beginning."""
    reason: Name
    """invalid_json, schema, too_large, key_mismatch, late, future_time ..."""
    detail: Text
    """A sentence for a person; it quotes no value of the record."""
    first_seen_by: Id
    """Consumer group that met it first."""
