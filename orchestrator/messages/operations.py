"""Topics `policies` and `dead-letters`: what operators write and read."""

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.messages.base import Id, Json, Message, Name, Offset, Text

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
    topic: Name
    """Logical name of the topic it came from."""
    partition: Offset
    offset: Offset
    key_base64: Annotated[str, Field(max_length=DEAD_VALUE_MAX)] | None
    value_base64: Annotated[str, Field(max_length=DEAD_VALUE_MAX)] | None
    """The original bytes; null for a tombstone."""
    reason: Name
    """invalid_json, schema, too_large, key_mismatch, late, future_time ..."""
    detail: Text
    """A sentence for a person; it quotes no value of the record."""
    first_seen_by: Id
    """Consumer group that met it first."""
