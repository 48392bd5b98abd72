"""/livez, /readyz and /metrics on a port of their own, loopback unless told otherwise."""

import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from orchestrator.errors import OrchestratorError

Checks = Callable[[], Mapping[str, bool]]
_POLL_S = 0.1
"""How long a stop may wait for the server's thread."""


class UnusableAddress(OrchestratorError):
    """Nothing can listen at the host and port given: taken, not this machine's, or not allowed."""

    code = "E104"
    exit_status = 2


class HealthServer:
    """Answers probes from a thread of its own.

    Args:
        host: Address to bind; it has no authentication, so keep it inside.
        port: 0 takes a free one; see `port`.
        live: Checks of /livez: False means the process must be restarted.
        ready: Checks of /readyz: False means it is of no use yet.
        registry: What /metrics shows.

    Raises:
        UnusableAddress: nothing can listen there.
    """

    def __init__(
        self, host: str, port: int, *, live: Checks, ready: Checks, registry: CollectorRegistry
    ) -> None:
        class Handler(_Handler):
            checks: Mapping[str, Checks] = {"/livez": live, "/readyz": ready}
            metrics = registry

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnusableAddress(
                f"--metrics-host {host} --metrics-port {port}: {reason}.",
                way_out="Stop what listens there, or give another; port 0 takes a free one.",
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="health", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    checks: Mapping[str, Checks]
    metrics: CollectorRegistry
    timeout = 5
    server_version = "orchestrator"
    sys_version = ""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/metrics":
            self._answer(200, generate_latest(self.metrics), CONTENT_TYPE_LATEST)
            return
        check = self.checks.get(url.path)
        if check is None:
            self._answer(404, b"not found\n", "text/plain; charset=utf-8")
            return
        results = check()
        status = 200 if all(results.values()) else 503
        verbose = "verbose" in parse_qs(url.query, keep_blank_values=True)
        body = json.dumps(dict(results)) if verbose else ("ok" if status == 200 else "not ready")  # noqa: PLR2004
        kind = "application/json" if verbose else "text/plain; charset=utf-8"
        self._answer(status, body.encode() + b"\n", kind)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Probes are not worth a line."""

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
