"""Rows of numbers, most of them zero, in few bytes."""

from collections.abc import Iterable


def pack(values: Iterable[int]) -> list[int]:
    """Index and value of each number that is not zero, one after the other.

    >>> pack((0, 7, 0, 3))
    [1, 7, 3, 3]
    """
    row: list[int] = []
    index = 0
    for value in values:
        if value:
            row.append(index)
            row.append(value)
        index += 1  # noqa: SIM113 - `enumerate` makes a tuple for each zero
    return row


def unpack(row: list[int], names: tuple[str, ...], target: object) -> None:
    """Set the attributes whose numbers a packed row holds; the others stay as they are.

    >>> from types import SimpleNamespace
    >>> counts = SimpleNamespace(a=0, b=0)
    >>> unpack([1, 7], ("a", "b"), counts)
    >>> counts
    namespace(a=0, b=7)
    """
    for at in range(0, len(row), 2):
        setattr(target, names[row[at]], row[at + 1])
