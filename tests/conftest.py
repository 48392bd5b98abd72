"""Tests share machines with others: how long an example takes is not what they are about.

`ORCHESTRATOR_TEST_EXAMPLES=100`, as in `.ci/run`, looks harder than the default of a quick run at
properties that have no number of examples of their own.
"""

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile(
    "unit", deadline=None, max_examples=int(os.environ.get("ORCHESTRATOR_TEST_EXAMPLES", "25"))
)
settings.load_profile("unit")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collection imports stays: the collector of cycles looks through it once, at the end.

    The cycles that tests make are found as ever.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """One last look for cycles; without it the interpreter's end takes several, slow ones."""
    gc.collect()
    gc.freeze()
