"""Plain Python, unless ORCHESTRATOR_COMPILE=1 asks mypyc to compile the hot path.

The same sources either way (docs/adr/0008-compiled-hot-path.md); `make compiled` builds it.
"""

from os import environ
from pathlib import Path
from sys import platform

from setuptools import Extension, setup

INLINE = ("-fvisibility=hidden", "-fno-plt")
"""Nothing outside calls these functions: they may be inlined, and are called without a table, which
is a tenth of the time. `-O3` is no faster than `-O2`, and larger."""
HOT_PATH = (
    "adapters/kafka/producer.py",
    "adapters/memory/murmur2.py",
    "adapters/store.py",
    "domain/decisioning/arbitration.py",
    "domain/decisioning/content.py",
    "domain/decisioning/decide.py",
    "domain/decisioning/due.py",
    "domain/decisioning/gates.py",
    "domain/decisioning/guard.py",
    "domain/decisioning/plan.py",
    "domain/decisioning/policy_set.py",
    "domain/decisioning/situation.py",
    "domain/decisioning/texts.py",
    "domain/intent/concern.py",
    "domain/risk/scoring.py",
    "domain/sessions/*.py",
    "domain/signals/features.py",
    "domain/signals/values.py",
    "messages/envelope.py",
    "messages/wire.py",
    "online/rng.py",
    "online/rounding.py",
    "online/scorer.py",
    "processors/journey/*.py",
    "processors/partition.py",
    "runtimes/worker/batch.py",
    "runtimes/worker/host.py",
    "runtimes/worker/intake.py",
    "runtimes/worker/outbox.py",
    "runtimes/worker/transaction.py",
    "runtimes/worker/units.py",
    "types.py",
    "windowing.py",
)


def extensions() -> list[Extension]:
    """Extension modules to build: none by default."""
    if environ.get("ORCHESTRATOR_COMPILE") != "1":
        return []
    from mypyc.build import mypycify  # noqa: PLC0415 - only where it is asked for

    paths = sorted(
        str(path)
        for pattern in HOT_PATH
        for path in Path("orchestrator").glob(pattern)
        if path.name != "__init__.py"
    )
    modules: list[Extension] = mypycify(paths, opt_level="2")
    if platform != "win32":
        for module in modules:
            module.extra_compile_args += INLINE
    return modules


setup(ext_modules=extensions())
