"""What a Kafka error means for the caller: call again, abort, or exit."""

from collections.abc import Callable
from time import monotonic

from confluent_kafka import KafkaError, KafkaException

from orchestrator.errors import (
    ClientFailed,
    DeliveryUnknown,
    Fenced,
    OrchestratorError,
    Retryable,
)

_FENCED = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - librdkafka's own codes are named so
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.FENCED_INSTANCE_ID,
    }
)
_TIMED_OUT = frozenset({KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT})  # noqa: SLF001


def cause(error: KafkaException) -> KafkaError:
    """The librdkafka error inside the exception."""
    inner = error.args[0]
    assert isinstance(inner, KafkaError)  # noqa: S101 - confluent-kafka raises nothing else
    return inner


def classify(call: str, error: KafkaError) -> OrchestratorError:
    """The reaction to an error that is not worth the same call again.

    The order matters: a fatal error may carry the abort flag too.
    """
    text = f"{call}: {error.name()}: {error.str()}"
    if error.fatal():
        return Fenced(text) if error.code() in _FENCED else ClientFailed(text)
    if error.txn_requires_abort():
        return Retryable(text)
    return ClientFailed(text)


def settle(call: str, attempt: Callable[[], object], deadline_s: float) -> None:
    """Make a call of a commit or an abort: retry what may be retried, but never a time-out.

    Raises:
        DeliveryUnknown: no answer in time, so the outcome is not known (exit; the next start of
            the same transactional id settles it).
    """
    end = monotonic() + deadline_s
    while True:
        try:
            attempt()
        except KafkaException as exception:
            error = cause(exception)
            if error.fatal() or error.txn_requires_abort():
                raise classify(call, error) from exception
            if error.code() in _TIMED_OUT or (error.retriable() and monotonic() > end):
                raise DeliveryUnknown(f"{call}: {error.name()}: {error.str()}") from exception
            if not error.retriable():
                raise classify(call, error) from exception
        else:
            return


def repeat(call: str, attempt: Callable[[], object], deadline_s: float) -> None:
    """Make a call again, with the same arguments, while it is retriable and time is left.

    Raises:
        Retryable: still retriable at the deadline: abort, and try the batch anew.
    """
    end = monotonic() + deadline_s
    while True:
        try:
            attempt()
        except KafkaException as exception:
            error = cause(exception)
            if error.fatal() or error.txn_requires_abort() or not error.retriable():
                raise classify(call, error) from exception
            if monotonic() > end:
                raise Retryable(f"{call}: {error.name()}: {error.str()}") from exception
        else:
            return
