"""Few, wide log lines: JSON on stderr, no personal data, no values of records."""

import logging
import sys
from typing import Any, Protocol

import structlog


class Log(Protocol):
    """What the host writes to: an event in the past tense, and its facts."""

    def info(self, event: str, **facts: Any) -> Any: ...
    def warning(self, event: str, **facts: Any) -> Any: ...
    def error(self, event: str, **facts: Any) -> Any: ...


class Quiet:
    """Writes nothing."""

    def info(self, event: str, **facts: Any) -> None:
        """Nothing."""

    def warning(self, event: str, **facts: Any) -> None:
        """Nothing."""

    def error(self, event: str, **facts: Any) -> None:
        """Nothing."""


def json_log(**context: str) -> Log:
    """A log of JSON lines on stderr, with `context` in each; Kafka's own lines go there too."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared
        )
    )
    kafka = logging.getLogger("orchestrator.kafka")
    kafka.handlers[:] = [handler]
    kafka.propagate = False
    log: Log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[*shared, structlog.processors.JSONRenderer()],
    ).bind(**context)
    return log
