"""Micro-signals: what the latent state lets through, with noise, page by page."""

from collections.abc import Callable
from math import exp
from typing import NamedTuple

from orchestrator.simulator.latent import Latent
from orchestrator.simulator.pages import (
    ACCOUNT,
    CART,
    CONTACT,
    HOME,
    LIST,
    PAYMENT,
    POLICY,
    PRODUCT,
    REVIEW,
    SEARCH,
    SHIPPING,
)
from orchestrator.simulator.people import (
    AFFORDABILITY,
    CHOICE,
    CONCERNS,
    DELIVERY,
    PRICE,
    RETURNS,
    SHIPPING_COST,
    TECHNICAL,
    TRUST,
)
from orchestrator.types import Payload

HESITATION = len(CONCERNS)
"""The driver that sums up: all concerns, against the wish to buy."""
_USUAL = 0.45
"""A concern of this strength shows as often as `share` says."""
HEARTBEAT_MS = 30_000
_HEARTBEATS = 5
_MOST_SHARE = 0.92
_FOLD = 1_009.0
Click = tuple[int, str, Payload]
"""Event time, type, properties."""


class Signal(NamedTuple):
    """One micro-signal on one kind of page."""

    type: str
    share: float
    """Visits that show it, at a usual level of what drives it."""
    driver: int
    """Concern that drives it, or `HESITATION`."""
    slope: float
    """Logarithm of how much oftener, for one unit more of the driver."""
    properties: Callable[[float, float], Payload]
    """From a uniform number and the driver's level."""
    mouse: bool = False
    """Whether it takes a mouse."""


def _none(uniform: float, level: float) -> Payload:
    return {}


def _section(name: str, median_ms: float) -> Callable[[float, float], Payload]:
    def properties(uniform: float, level: float) -> Payload:
        dwell_ms = median_ms * (0.3 + 1.6 * uniform * uniform) * (0.6 + 1.2 * max(0.0, level))
        return {"section": name, "visible_ms": int(dwell_ms)}

    return properties


def _cursor(uniform: float, level: float) -> Payload:
    path_px = 400.0 + 3_600.0 * uniform
    turns = int(path_px / 1_000.0 * (3.0 + 4.0 * max(0.0, level)))
    return {
        "path_px": round(path_px, 1),
        "direction_changes": turns,
        "duration_ms": int(900 + 5_000 * uniform),
    }


def _element(*names: str) -> Callable[[float, float], Payload]:
    return lambda uniform, level: {"element": names[int(uniform * len(names))]}


def _rage(uniform: float, level: float) -> Payload:
    return {
        "element": "pay_button" if level > 1.0 else "size_picker",
        "clicks": 4 + int(5 * uniform),
    }


def _field(*names: str) -> Callable[[float, float], Payload]:
    return lambda uniform, level: {"field": names[int(uniform * len(names))]}


def _copied(uniform: float, level: float) -> Payload:
    return {"element": "product_title", "characters": 8 + int(40 * uniform)}


def _scrolled(uniform: float, level: float) -> Payload:
    return {"depth": round(0.1 + 0.9 * uniform, 2)}


def _image(uniform: float, level: float) -> Payload:
    features = {"brightness": round(uniform, 3), "saturation": round(1.0 - uniform, 3)}
    return {"image_id": f"img-{int(uniform * 1e6)}", "features": features}


_SCROLL = Signal("scrolled", 0.36, CHOICE, 0.1, _scrolled)
_EXIT = Signal("exit_intended", 0.035, HESITATION, 0.9, _none, mouse=True)
_CURSOR = Signal("cursor_wandered", 0.15, HESITATION, 0.8, _cursor, mouse=True)
_REFRESH = Signal("page_refreshed", 0.025, TECHNICAL, 0.7, _none)
_DEAD = Signal("dead_clicked", 0.02, TECHNICAL, 0.8, _element("image", "label", "banner"))
_RAGE = Signal("rage_clicked", 0.008, TECHNICAL, 1.0, _rage)
_ANY = (_EXIT, _CURSOR, _REFRESH)
_COSTS = _section("shipping_costs", 5_000)
_DATES = _section("delivery_dates", 5_000)
_POLICY = _section("returns_policy", 9_000)
_SEEN_PRICE = _section("price", 4_500)

SIGNALS: dict[int, tuple[Signal, ...]] = {
    HOME: (_SCROLL, *_ANY),
    LIST: (_SCROLL, *_ANY, _DEAD),
    SEARCH: (
        _SCROLL,
        *_ANY,
        Signal("image_uploaded", 0.02, CHOICE, 0.4, _image),
    ),
    PRODUCT: (
        _SCROLL,
        *_ANY,
        _DEAD,
        Signal("section_dwelled", 0.16, PRICE, 1.02, _SEEN_PRICE),
        Signal("section_dwelled", 0.16, TRUST, 1.02, _section("reviews", 8_000)),
        Signal("section_dwelled", 0.08, RETURNS, 1.02, _section("size_guide", 7_000)),
        Signal("section_dwelled", 0.05, RETURNS, 1.2, _POLICY),
        Signal("section_dwelled", 0.07, DELIVERY, 1.19, _DATES),
        Signal("text_copied", 0.02, PRICE, 1.19, _copied),
    ),
    CART: (
        *_ANY,
        _DEAD,
        Signal("section_dwelled", 0.25, SHIPPING_COST, 1.02, _COSTS),
        Signal("section_dwelled", 0.2, PRICE, 1.02, _SEEN_PRICE),
        Signal("section_dwelled", 0.12, DELIVERY, 1.19, _DATES),
        Signal("section_dwelled", 0.07, RETURNS, 1.2, _POLICY),
        Signal("text_copied", 0.03, PRICE, 1.19, _copied),
    ),
    CONTACT: (
        *_ANY,
        _RAGE,
        _DEAD,
        Signal("form_field_abandoned", 0.1, TRUST, 1.2, _field("phone", "email", "birthday")),
    ),
    SHIPPING: (
        *_ANY,
        _DEAD,
        Signal("section_dwelled", 0.35, SHIPPING_COST, 0.85, _COSTS),
        Signal("section_dwelled", 0.35, DELIVERY, 0.85, _DATES),
        Signal("form_field_abandoned", 0.04, TRUST, 1.02, _field("street", "postcode")),
    ),
    PAYMENT: (
        *_ANY,
        _RAGE,
        _DEAD,
        Signal("form_field_abandoned", 0.08, TRUST, 1.19, _field("card_number", "cvc")),
        Signal("section_dwelled", 0.1, AFFORDABILITY, 1.02, _SEEN_PRICE),
    ),
    REVIEW: (
        *_ANY,
        Signal("section_dwelled", 0.15, RETURNS, 1.2, _POLICY),
        Signal("section_dwelled", 0.15, PRICE, 1.02, _SEEN_PRICE),
        Signal("section_dwelled", 0.15, DELIVERY, 1.02, _DATES),
    ),
    POLICY: (
        _SCROLL,
        *_ANY,
        Signal("section_dwelled", 0.8, RETURNS, 0.3, _POLICY),
    ),
    ACCOUNT: (_SCROLL,),
}


class Odds:
    """The signals of one session: how often each shows, worked out once a page kind."""

    __slots__ = ("_latent", "_rows")

    def __init__(self, latent: Latent) -> None:
        self._latent = latent
        self._rows: dict[int, list[tuple[float, Signal, float]]] = {}

    def emit(self, kind: int, start_ms: int, span_ms: int, u: list[float]) -> list[Click]:
        """Signals of one visit.

        Args:
            kind: Kind of page.
            start_ms: When the visit began.
            span_ms: How long it lasts.
            u: A uniform number for each signal that may show.
        """
        rows = self._rows.get(kind)
        if rows is None:
            rows = self._rows[kind] = self._row(kind)
        found: list[Click] = []
        for place, (share, signal, level) in enumerate(rows):
            uniform = u[place]
            if uniform < share:
                # Given that it lies below the share, the ratio is uniform again; its high digits
                # say what, its low digits when.
                fresh = uniform / share
                at_ms = start_ms + 400 + int((span_ms - 400) * 0.97 * (fresh * _FOLD % 1.0))
                found.append((at_ms, signal.type, signal.properties(fresh, level)))
        return found

    def _row(self, kind: int) -> list[tuple[float, Signal, float]]:
        latent = self._latent
        clarity = latent.setting.dials.signal**0.5
        has_mouse = latent.device == "desktop"
        rows: list[tuple[float, Signal, float]] = []
        for signal in SIGNALS.get(kind, ()):
            if signal.mouse and not has_mouse:
                continue
            level = latent.seen[signal.driver]
            share = signal.share * exp(signal.slope * clarity * (level - _USUAL))
            rows.append((min(_MOST_SHARE, share), signal, level))
        return rows


def presence(latent: Latent, start_ms: int, end_ms: int, hidden_ms: int) -> list[Click]:
    """The tab out of sight and back, and the heartbeats of an open page."""
    found: list[Click] = []
    if hidden_ms:
        out_ms = start_ms + (end_ms - start_ms - hidden_ms) // 2
        found = [(out_ms, "tab_hidden", {}), (out_ms + hidden_ms, "tab_shown", {})]
    if latent.heartbeats:
        last_ms = min(end_ms, start_ms + _HEARTBEATS * HEARTBEAT_MS + 1)
        found += [
            (at_ms, "heartbeat", {})
            for at_ms in range(start_ms + HEARTBEAT_MS, last_ms, HEARTBEAT_MS)
        ]
    return found
