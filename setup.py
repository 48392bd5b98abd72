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
COLD = """\
#include <Python.h>
#define COLD __attribute__((cold))
COLD void CPyError_OutOfMemory(void);
COLD void CPy_TypeError(const char *, PyObject *);
COLD void CPy_TypeErrorTraceback(
  const char *, const char *, int, PyObject *, const char *, PyObject *);
COLD void CPy_AttributeError(
  const char *, const char *, const char *, const char *, int, PyObject *);
COLD void CPy_AddTraceback(const char *, const char *, int, PyObject *);
COLD static void CPy_DecRef(PyObject *);
COLD static void CPy_XDecRef(void *);
COLD void PyErr_SetString(PyObject *, const char *);
COLD PyObject *PyErr_Format(PyObject *, const char *, ...);
"""
"""What mypyc calls on the way out of an error only. Told so, the compiler keeps the paths to it
apart from those that are taken, which then have the processor's caches to themselves. A runtime
of mypyc that has other functions of these names does not compile."""
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
        cold = Path("build", "cold.h")
        cold.parent.mkdir(exist_ok=True)
        cold.write_text(COLD)
        for module in modules:
            module.extra_compile_args += [*INLINE, "-include", str(cold)]
    return modules


setup(ext_modules=extensions())
