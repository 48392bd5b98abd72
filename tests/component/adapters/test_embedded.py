"""The embedded broker where its binary does not run, or its port is taken."""

import os
import signal
import socket
from pathlib import Path

import pytest

from orchestrator.adapters.embedded import EmbeddedBroker
from orchestrator.errors import BrokerUnreachable, EmbeddedBrokerUnavailable


@pytest.mark.parametrize("script", ["#!/bin/sh\necho no such instruction >&2\nexit 132\n", "junk"])
def test_a_binary_that_does_not_run_is_named(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what was tried and the way out."""
    binary = tmp_path / "tansu"
    binary.write_text(script)
    binary.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(binary))
    with pytest.raises(EmbeddedBrokerUnavailable, match="--broker HOST:PORT") as raised:
        EmbeddedBroker().start()
    assert raised.value.exit_status == 4
    assert str(binary) in str(raised.value)


def test_a_missing_binary_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An override that points nowhere is not ignored."""
    monkeypatch.setenv("CALF_TANSU_BIN", "/nowhere")
    with pytest.raises(EmbeddedBrokerUnavailable, match="was not found"):
        EmbeddedBroker().start()


def test_a_port_that_is_taken_is_named() -> None:
    """Who listens there would be taken for our broker, and a second installation join the first."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(EmbeddedBrokerUnavailable, match=f"port {port} .* is taken"):
            EmbeddedBroker(port).start()


def test_a_broker_that_died_is_named() -> None:
    """Nobody else tells: clients try again for ever."""
    with EmbeddedBroker() as broker:
        broker.check()
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, broker.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(BrokerUnreachable, match=f"{broker.address}: .* SIGKILL") as raised:
            broker.check()
    assert raised.value.exit_status == 4
