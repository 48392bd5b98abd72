"""What the course must know of an event, in a form that is small to hold and to store."""

from typing import Any, Final


class Item:
    """All that the course must know of an event: kind, three numbers, a text; by kind, see below.

    Never changed: sessions share those that say all by their kind.
    """

    __slots__ = ("first", "kind", "second", "text", "third")

    def __init__(
        self, kind: int, first: int = 0, second: int = 0, third: int = 0, text: str = ""
    ) -> None:
        self.kind = kind
        self.first = first
        self.second = second
        self.third = third
        self.text = text


PLAIN: Final = 0
"""An act of the shopper: only its time counts."""
HEARTBEAT: Final = 1
"""No act at all."""
REFRESH: Final = 2
HESITATION: Final = 3
"""A micro-signal of doubt or trouble."""
HIDDEN: Final = 4
SHOWN: Final = 5
MOVE: Final = 6
"""To a stage, also back: (stage)."""
ADVANCE: Final = 7
"""To a stage, never back: (stage)."""
CART_SEEN: Final = 8
"""As MOVE (-1: stay), with the cart's value and items (-1: unknown)."""
VIEW: Final = 9
"""Third: price in cents (0: unknown); the product."""
CHANGE: Final = 10
"""Pieces (negative: taken out), value in cents, 1 where that is the cart's after the change."""
METHOD: Final = 11
COUPON: Final = 12
ORDER: Final = 13
CART_KEPT: Final = 14
"""As ADVANCE, with the cart's value and items (-1: unknown)."""

PLAIN_ITEM: Final = Item(PLAIN)
HEARTBEAT_ITEM: Final = Item(HEARTBEAT)
REFRESH_ITEM: Final = Item(REFRESH)
HESITATION_ITEM: Final = Item(HESITATION)
HIDDEN_ITEM: Final = Item(HIDDEN)
SHOWN_ITEM: Final = Item(SHOWN)
_BARE: Final[tuple[Item, ...]] = (
    PLAIN_ITEM,
    HEARTBEAT_ITEM,
    REFRESH_ITEM,
    HESITATION_ITEM,
    HIDDEN_ITEM,
    SHOWN_ITEM,
)
"""Items that say all by their kind."""


def write_items(items: list[Item]) -> list[Any]:
    """Items as plain JSON values; of those that say all by their kind the kind.

    >>> write_items([PLAIN_ITEM, Item(METHOD, text="card")])
    [0, [11, 0, 0, 0, 'card']]
    """
    row: list[Any] = []
    for item in items:
        kind = item.kind
        if kind < MOVE:
            row.append(kind)
        else:
            row.append([kind, item.first, item.second, item.third, item.text])
    return row


def read_items(row: list[Any]) -> list[Item]:
    """The inverse of `write_items`."""
    return [_BARE[held] if isinstance(held, int) else Item(*held) for held in row]
