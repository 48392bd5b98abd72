"""Short names for long ids."""

from typing import Final
from zlib import crc32

_PRIME: Final = 2**53 - 111
_MARK_MASK: Final = 0x3F_FFFF


def event_hash(event_id: str) -> int:
    """An event's id as a 53-bit number, the same in every process: its bytes modulo a prime.

    Ids of one length that differ in their last few characters only, such as counters with leading
    zeros and the ULIDs of one millisecond, keep their order: events of the same millisecond then
    sort as they were numbered. Not for adversaries, who could but drop events of their own.

    >>> event_hash("e-0002") - event_hash("e-0001")
    1
    """
    return int.from_bytes(event_id.encode(), "big") % _PRIME


def mark(text: str) -> int:
    """A word as a 22-bit number, to count distinct ones."""
    return crc32(text.encode()) & _MARK_MASK
