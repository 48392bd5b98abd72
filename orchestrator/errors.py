"""Errors by reaction: each class says what the runtime must do. They are named for the fact."""


class OrchestratorError(Exception):
    """Root of all errors raised on purpose.

    `code` is stable and documented (docs/errors.md); `way_out` tells what a person can do.
    """

    code = "E100"
    exit_status = 1

    def __init__(self, message: str, *, way_out: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.code} {self.message}" + (f" {self.way_out}" if self.way_out else "")


class InvalidRecord(OrchestratorError):
    """This record can never be processed: to the dead-letter topic, and go on."""

    code = "E110"

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        """Machine-readable: invalid_json, schema, key_mismatch, too_large, late, future_time ..."""
        self.detail = detail
        """A human sentence; never holds the record's values."""


class FoldFailed(OrchestratorError):
    """The processor raised on this one record, a fault of ours: to the dead letters, and go on.

    The message is the exception's type; its text could hold the record's values.
    """

    code = "E111"


class InvalidPolicy(OrchestratorError):
    """A policy, model or setting is not usable: refuse it, keep the one in force."""

    code = "E120"
    exit_status = 5


class BrokerUnreachable(OrchestratorError):
    """No broker answers at the address given."""

    code = "E204"
    exit_status = 4


class EmbeddedBrokerUnavailable(OrchestratorError):
    """The embedded broker does not run on this machine, or not at this port."""

    code = "E205"
    exit_status = 4


class Retryable(OrchestratorError):
    """The same call may succeed later: abort the batch, rewind, try again with back-off."""

    code = "E210"


class Fenced(OrchestratorError):
    """Another instance holds our transactional id or partitions: stop now, commit nothing."""

    code = "E220"


class DeliveryUnknown(OrchestratorError):
    """A commit or abort did not answer in time: exit and let the next start settle it."""

    code = "E221"


class TopicsNotReady(OrchestratorError):
    """Topics are missing, or their partitions do not fit together."""

    code = "E206"
    exit_status = 5


class ClientFailed(OrchestratorError):
    """A Kafka client cannot go on: exit, no further call."""

    code = "E222"


class StateLost(OrchestratorError):
    """The changelog does not hold the state that the group's offsets stand on: refuse to start."""

    code = "E223"


class PartitionFault(OrchestratorError):
    """The processor raised: nothing of this batch may be kept."""

    code = "E224"

    def __init__(self, number: int, cause: Exception) -> None:
        self.number = number
        self.error_type = type(cause).__name__
        super().__init__(f"the processor raised {self.error_type} in partition {number}")
