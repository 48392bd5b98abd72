"""Stored forms of few bytes: rows of numbers, most of them zero, and lists of hashes."""

from binascii import a2b_base64, b2a_base64
from itertools import compress, count


def pack(values: tuple[int, ...]) -> list[int]:
    """The indices of the numbers that are not zero, then these numbers.

    >>> pack((0, 7, 0, 3))
    [1, 3, 7, 3]
    """
    return [*compress(count(), values), *filter(None, values)]


def unpack(row: list[int], names: tuple[str, ...], target: object) -> None:
    """Set the attributes whose numbers a packed row holds; the others stay as they are.

    >>> from types import SimpleNamespace
    >>> counts = SimpleNamespace(a=0, b=0)
    >>> unpack([1, 7], ("a", "b"), counts)
    >>> counts
    namespace(a=0, b=7)
    """
    middle = len(row) // 2
    for at in range(middle):
        setattr(target, names[row[at]], row[middle + at])


def write_hashes(hashes: list[int], width: int) -> str:
    """Numbers of so many bytes each as base64.

    >>> write_hashes([1, 2**24 - 1], 3)
    'AAAB////'
    """
    packed = b"".join([each.to_bytes(width, "big") for each in hashes])
    return b2a_base64(packed, newline=False).decode()


def read_hashes(text: str, width: int) -> list[int]:
    """The inverse of `write_hashes`.

    >>> read_hashes("AAAB////", 3)
    [1, 16777215]
    """
    packed = a2b_base64(text)
    return [int.from_bytes(packed[at : at + width], "big") for at in range(0, len(packed), width)]
