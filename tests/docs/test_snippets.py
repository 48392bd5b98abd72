"""The README's programs do what it says, on the included broker with a real worker."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from orchestrator.adapters.embedded import EmbeddedBroker
from tests.docs.pages import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

ADDRESS = "127.0.0.1:9092"
PARTITIONS = "12"
WAIT_S = 45.0


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """The included broker with the contract's topics and one worker."""
    with ExitStack() as stack:
        address = stack.enter_context(EmbeddedBroker()).address
        create = ["topics", "create", "--broker", address, "--partitions", PARTITIONS]
        subprocess.run([sys.executable, "-m", "orchestrator", *create], cwd=ROOT, check=True)
        start(stack, [sys.executable, "-m", "orchestrator", "worker", "--broker", address])
        yield address


def start(stack: ExitStack, command: list[str], out: Path | None = None) -> None:
    """Start a process that ends with the stack."""
    target = stack.enter_context(out.open("wb")) if out else subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, stdout=target, stderr=subprocess.STDOUT)

    def end() -> None:
        process.terminate()
        process.wait(20)

    stack.callback(end)


def until(shown: Callable[[], bool], what: str) -> None:
    """Wait for something to show."""
    end = time.monotonic() + WAIT_S
    while not shown():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def test_clicks_lead_to_a_command_and_an_order_takes_it_back(broker: str, tmp_path: Path) -> None:
    """Clicks sent, a command shown, the order sent, the command taken back."""
    for name in ("send_clicks.py", "subscribe.py"):
        text = (ROOT / "docs" / "examples" / name).read_text()
        assert ADDRESS in text
        (tmp_path / name).write_text(text.replace(ADDRESS, broker))
    send = [sys.executable, str(tmp_path / "send_clicks.py")]
    out = tmp_path / "out.txt"
    with ExitStack() as stack:
        start(stack, [sys.executable, str(tmp_path / "subscribe.py")], out)
        subprocess.run(send, check=True)
        until(lambda: "show expedite_shipping to anon-4d1" in out.read_text(), "no command")
        subprocess.run([*send, "--buy"], check=True)
        until(
            lambda: "take back expedite_shipping from anon-4d1: order_completed" in out.read_text(),
            "no revocation",
        )
