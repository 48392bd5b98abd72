"""Unit tests share machines with others: how long an example takes is not what they are about."""

from hypothesis import settings

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
