r"""Keyed randomness: a number that anybody can recompute from its key, now or years later.

There is no generator and so no state: an aborted batch, a replay and `explain` draw alike.

To recompute a draw with nothing but a standard library::

    digest = hashlib.blake2b(b"<salt>\x1f<key>", digest_size=8).digest()
    (int.from_bytes(digest, "big") >> 11) * 2.0**-53

that is: BLAKE2b with eight bytes of output over salt, unit separator (0x1f) and key in UTF-8, read
as a big-endian integer, of which the upper 53 bits fill the mantissa of a double.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Final

from mypy_extensions import i64

_SCALE: Final = 2.0**-53
_SEPARATOR: Final = "\x1f"
_NAMING: Final = blake2b(digest_size=10)


def uniform(key: str, salt: str = "") -> float:
    """A number in [0, 1) that depends on nothing but the key and the salt.

    Args:
        key: What the draw belongs to, e.g. a decision's id or a customer's.
        salt: What the draw is for; draws with different salts are independent.

    Returns:
        One of the 2**53 equally spaced doubles in [0, 1), uniform over keys.

    >>> uniform("dec-1") == uniform("dec-1"), uniform("dec-1") == uniform("dec-1", "holdout")
    (True, False)
    """
    state = _salted(salt).copy()
    state.update(key.encode())
    digest = state.digest()
    upper: i64 = 0
    for at in range(7):
        upper = upper << 8 | digest[at]
    return int(upper >> 3) * _SCALE


@lru_cache(maxsize=256)
def _salted(salt: str) -> blake2b:
    """The hash as it stands after the salt: to copy it takes half the time of a new one."""
    return blake2b(f"{salt}{_SEPARATOR}".encode(), digest_size=8)


def position_hex(topic: str, partition: int, offset: int) -> str:
    """Twenty hex digits that name a record by its place: a redelivery repeats them.

    >>> position_hex("clickstream", 3, 4711)
    '97e4fa92dbe9091fab3b'
    """
    return _hex(f"{topic}{_SEPARATOR}{partition}{_SEPARATOR}{offset}")


def timer_hex(profile_id: str, session_id: str, kind: str, due_ms: int) -> str:
    """Twenty hex digits that name what was due, whenever it was noticed."""
    s = _SEPARATOR
    return _hex(f"timer{s}{profile_id}{s}{session_id}{s}{kind}{s}{due_ms}")


def _hex(text: str) -> str:
    state = _NAMING.copy()
    state.update(text.encode())
    return state.hexdigest()
