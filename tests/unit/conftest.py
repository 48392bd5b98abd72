"""Unit tests share machines with others: how long an example takes is not what they are about.

`ORCHESTRATOR_TEST_EXAMPLES=500` looks harder than the default of a quick run.
"""

import os

from hypothesis import settings

settings.register_profile(
    "unit", deadline=None, max_examples=int(os.environ.get("ORCHESTRATOR_TEST_EXAMPLES", "25"))
)
settings.load_profile("unit")
