"""Keyed chance: numbers that follow from what they are for, in whatever order they are asked.

There is no generator whose state an action could disturb: the same shopper meets the same luck
with and without an intervention. That is what makes individual effects computable.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import log
from statistics import NormalDist
from struct import Struct

BLOCK = 16
"""Numbers in one block."""
_SCALE = 2.0**-32
_TINY = 2.0**-33
_WORDS = Struct("<16I").unpack
_INDEX = Struct("<Q").pack
_inverse_normal = NormalDist().inv_cdf


class Draws:
    """Endless blocks of sixteen uniforms in [0, 1), each named by an index.

    Args:
        parts: What the draws belong to: seed, kind of thing, its number.
    """

    __slots__ = ("_state",)

    def __init__(self, *parts: int | str) -> None:
        text = "\x1f".join(map(str, parts))
        self._state = blake2b(text.encode(), digest_size=32).digest()

    def block(self, index: int) -> list[float]:
        """The block of that index; asking twice gives it twice."""
        digest = blake2b(self._state + _INDEX(index), digest_size=64).digest()
        return [word * _SCALE for word in _WORDS(digest)]

    def one(self, index: int) -> float:
        """The number at an index of the blocks laid end to end."""
        return self.block(index // BLOCK)[index % BLOCK]


def exponential(uniform: float, mean: float) -> float:
    """An exponential variable from a uniform one."""
    return -mean * log(1.0 - uniform)


def normal(uniform: float) -> float:
    """A standard normal variable from a uniform one."""
    return _inverse_normal(uniform + _TINY)


def pick(uniform: float, cumulative: Sequence[float]) -> int:
    """An index, with odds as in a running sum of weights.

    >>> pick(0.0, (1.0, 4.0)), pick(0.24, (1.0, 4.0)), pick(0.26, (1.0, 4.0))
    (0, 0, 1)
    """
    mark = uniform * cumulative[-1]
    last = len(cumulative) - 1
    if last < _SHORT:
        for index, edge in enumerate(cumulative):
            if mark < edge:
                return index
        return last
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        if mark < cumulative[middle]:
            high = middle
        else:
            low = middle + 1
    return low


_SHORT = 12
"""Up to here walking along beats halving."""
