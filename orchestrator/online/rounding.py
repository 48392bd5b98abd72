"""Rounding of what is logged and used alike; the built-in `round` takes ten times as long."""


def rounded(value: float, per_unit: int) -> float:
    """To the nearest whole number of 1 / `per_unit`, halves away from zero.

    Args:
        value: Finite; times `per_unit` below 2**53.
        per_unit: A power of ten: 1_000_000 keeps six digits.

    >>> rounded(0.1234565, 1_000_000), rounded(-0.5, 1)
    (0.123457, -1.0)
    """
    if value < 0.0:
        return -(int(0.5 - value * per_unit) / per_unit)
    return int(value * per_unit + 0.5) / per_unit


def whole(value: float) -> int:
    """To the nearest whole number, halves away from zero.

    >>> whole(2.5), whole(-2.5)
    (3, -3)
    """
    return -int(0.5 - value) if value < 0.0 else int(value + 0.5)
