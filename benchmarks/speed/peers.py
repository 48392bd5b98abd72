"""The virtualenv of the peers: made once, beside the product's own."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
VENV = ROOT / ".venv-bench"
PYTHON = VENV / "bin" / "python"
READY = VENV / ".ready"
REQUIREMENTS = HERE / "requirements.txt"
CONSTRAINTS = HERE / "constraints.txt"
INSTALL_S = 600


def ensure() -> Path:
    """Create and fill the virtualenv unless it stands; return its interpreter.

    Raises:
        subprocess.CalledProcessError: pip failed; its output is on stderr.
    """
    wanted = REQUIREMENTS.read_text() + CONSTRAINTS.read_text()
    if not READY.exists() or READY.read_text() != wanted:
        print(f"Installing the peers into {VENV} (once, about a minute) ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True, timeout=INSTALL_S)
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(
            [*pip, "-c", str(CONSTRAINTS), "-r", str(REQUIREMENTS)], check=True, timeout=INSTALL_S
        )
        READY.write_text(wanted)
    return PYTHON


def versions(python: Path, packages: list[str]) -> dict[str, str]:
    """Versions of packages as that interpreter sees them."""
    code = (
        "import json,sys\nfrom importlib.metadata import version\n"
        "print(json.dumps({n: version(n) for n in sys.argv[1:]}))"
    )
    out = subprocess.run(
        [str(python), "-c", code, *packages], check=True, capture_output=True, timeout=60
    )
    found: dict[str, str] = json.loads(out.stdout)
    return found
