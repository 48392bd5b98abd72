"""What the course must know of an event, in a form that is small to hold and to store."""

from typing import Any

Item = tuple[int, int, int, int, str]
"""All that the course must know of an event: kind, three numbers, a text; by kind, see below."""

PLAIN = 0
"""An act of the shopper: only its time counts."""
HEARTBEAT = 1
"""No act at all."""
REFRESH = 2
HESITATION = 3
"""A micro-signal of doubt or trouble."""
HIDDEN = 4
SHOWN = 5
MOVE = 6
"""To a stage, also back: (stage)."""
ADVANCE = 7
"""To a stage, never back: (stage)."""
CART_SEEN = 8
"""As MOVE (-1: stay), with the cart's value and items (-1: unknown)."""
VIEW = 9
"""Third: price in cents (0: unknown); the product."""
CHANGE = 10
"""Pieces (negative: taken out), value in cents, 1 where that is the cart's after the change."""
METHOD = 11
COUPON = 12
ORDER = 13
CART_KEPT = 14
"""As ADVANCE, with the cart's value and items (-1: unknown)."""

PLAIN_ITEM: Item = (PLAIN, 0, 0, 0, "")
HEARTBEAT_ITEM: Item = (HEARTBEAT, 0, 0, 0, "")
REFRESH_ITEM: Item = (REFRESH, 0, 0, 0, "")
HESITATION_ITEM: Item = (HESITATION, 0, 0, 0, "")
HIDDEN_ITEM: Item = (HIDDEN, 0, 0, 0, "")
SHOWN_ITEM: Item = (SHOWN, 0, 0, 0, "")
_BARE: tuple[Item, ...] = (
    PLAIN_ITEM,
    HEARTBEAT_ITEM,
    REFRESH_ITEM,
    HESITATION_ITEM,
    HIDDEN_ITEM,
    SHOWN_ITEM,
)
"""Items that say all by their kind."""
_PAYLOAD: dict[int, tuple[int, int]] = {
    MOVE: (1, 2),
    ADVANCE: (1, 2),
    CART_SEEN: (1, 4),
    VIEW: (3, 5),
    CHANGE: (1, 5),
    METHOD: (4, 5),
    COUPON: (4, 5),
    ORDER: (4, 5),
    CART_KEPT: (1, 4),
}
"""By kind: which part of an item says anything."""


def write_items(items: list[Item]) -> list[Any]:
    """Items one after the other: kind, and what there is to say.

    >>> write_items([PLAIN_ITEM, (METHOD, 0, 0, 0, "card")])
    [0, 11, 'card']
    """
    row: list[Any] = []
    for item in items:
        kind = item[0]
        row.append(kind)
        if kind >= MOVE:
            start, stop = _PAYLOAD[kind]
            row += item[start:stop]
    return row


def read_items(row: list[Any]) -> list[Item]:
    """The inverse of `write_items`.

    >>> read_items([0, 11, "card"])
    [(0, 0, 0, 0, ''), (11, 0, 0, 0, 'card')]
    """
    items: list[Item] = []
    at = 0
    while at < len(row):
        kind = row[at]
        at += 1
        if kind < MOVE:
            items.append(_BARE[kind])
            continue
        start, stop = _PAYLOAD[kind]
        held = [kind, 0, 0, 0, ""]
        held[start:stop] = row[at : at + stop - start]
        at += stop - start
        items.append((held[0], held[1], held[2], held[3], held[4]))
    return items
