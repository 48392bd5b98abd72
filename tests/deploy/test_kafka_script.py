"""The script that starts an Apache Kafka for tests, where it cannot: it says what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "kafka" / "run.py"
OLD_JAVA = "#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n"
NEW_JAVA = "#!/bin/sh\necho 'openjdk version \"21.0.1\"' >&2\n"


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("java", "missing"), [("", "no Java"), (OLD_JAVA, "is Java 11"), (NEW_JAVA, "no Maven")]
)
def test_what_is_missing_is_named(tmp_path: Path, java: str, missing: str) -> None:
    """The command does not run, the reason is told; it is a failure unless asked `if possible`."""
    if java:
        (tmp_path / "java").write_text(java)
        (tmp_path / "java").chmod(0o755)
    command = (sys.executable, "-c", "print('ran')")
    for options, status in (((), 3), (("--if-possible",), 0)):
        result = run(tmp_path, *options, *command)
        assert result.returncode == status, result.stderr
        assert "LEFT OUT" in result.stderr
        assert missing in result.stderr
        assert result.stdout == ""
