"""What is deployed is checked without an engine: compose by its binary, the image by hadolint."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def tool(name: str) -> str:
    found = shutil.which(name, path=f"{BIN}:/usr/bin:/usr/local/bin")
    assert found, f"{name} comes with the dev extra"
    return found


def test_compose_file_is_valid() -> None:
    """`docker compose config` accepts the file, anchors and conditions included."""
    result = run(tool("docker-compose"), "-f", "docker-compose.yml", "config", "-q")
    assert result.returncode == 0, result.stderr


def test_compose_check_can_fail(tmp_path: Path) -> None:
    """A wrong dependency condition is refused: the check above means something."""
    text = (ROOT / "docker-compose.yml").read_text()
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace("service_healthy", "service_happy"))
    result = run(tool("docker-compose"), "-f", str(broken), "config", "-q")
    assert result.returncode != 0


def test_image_passes_hadolint() -> None:
    """The Dockerfile follows hadolint's rules."""
    result = run(tool("hadolint"), "deploy/Dockerfile")
    assert result.returncode == 0, result.stdout


def test_image_finds_what_it_copies() -> None:
    """The context leaves out all but what .dockerignore lets in; the Dockerfile copies no more."""
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")
    }
    copied = {
        word.removeprefix("./")
        for line in (ROOT / "deploy/Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert copied
    assert copied <= let_in
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("service", ["worker", "learner", "agents", "topics"])
def test_compose_commands_are_ours(service: str) -> None:
    """Each role's command line in the compose file is one the CLI takes."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    command = compose["services"][service]["command"]
    options = {word for word in command if word.startswith("--")}
    shown = run(str(BIN / "orchestrator"), *command[: 2 if service == "topics" else 1], "--help")
    assert shown.returncode == 0, shown.stderr
    assert {option for option in options if option not in shown.stdout} == set()
