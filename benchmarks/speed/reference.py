"""The reference job: the one core that every engine of the speed benchmark calls.

Parse and validate a click, fold it into the session's state (31 fields), and on decision types
build 24 features, score abandonment risk (logistic, the scaler folded into the weights) and now and
then issue an intervention command. Engines differ in transport, state store and commit only. It
needs msgspec and nothing else, so it runs in the peers' virtualenv too.
"""

from collections.abc import Callable
from math import exp, log1p
from typing import Annotated, Any, Final

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]

COOLDOWN_MS: Final = 60_000
"""Least event time between two commands of one session."""
RISK_THRESHOLD: Final = 0.65
"""Risk from which on a command is issued (about one per 33 events of the stream)."""
OFFER_TTL_MS: Final = 900_000
"""How long a command stands."""


class Page(msgspec.Struct, gc=False):
    """Where the click happened."""

    path: Annotated[str, msgspec.Meta(max_length=2048)] = ""
    referrer: str | None = None


class Context(msgspec.Struct, gc=False):
    """The browser's circumstances."""

    page: Page
    device: str = ""
    locale: str = ""


class Properties(msgspec.Struct, gc=False):
    """What any of the events may carry; bounds as in the contract."""

    product_id: Name | None = None
    category: str | None = None
    currency: str | None = None
    query: str | None = None
    step: str | None = None
    option: str | None = None
    method: str | None = None
    coupon: str | None = None
    reason: str | None = None
    section: str | None = None
    element: str | None = None
    order_id: str | None = None
    price_cents: Count = 0
    cart_value_cents: Count = 0
    cost_cents: Count = 0
    total_cents: Count = 0
    items_count: Count = 0
    quantity: Count = 0
    results_count: Count = 0
    visible_ms: Count = 0
    path_px: Count = 0
    direction_changes: Count = 0
    duration_ms: Count = 0
    clicks: Count = 0
    depth: Share = 0.0


class Click(msgspec.Struct, gc=False):
    """A clickstream event in the contract's form."""

    id: Name
    type: Name
    time_ms: Count
    profile_id: Name
    context: Context
    properties: Properties
    session_id: Name | None = None
    customer_id: str | None = None


class Session(msgspec.Struct, array_like=True):
    """The 31 fields kept of a session."""

    session_id: str
    opened_ms: int
    last_ms: int
    events: int = 0
    stage: int = 0
    pages: int = 0
    lists: int = 0
    searches: int = 0
    products: int = 0
    added: int = 0
    removed: int = 0
    cart_value_cents: int = 0
    items: int = 0
    coupons_denied: int = 0
    payment_failures: int = 0
    methods: int = 0
    method_last: str = ""
    shipping_dwell_ms: int = 0
    returns_dwell_ms: int = 0
    reviews_dwell_ms: int = 0
    price_min_cents: int = 0
    price_max_cents: int = 0
    depth: float = 0.0
    turns: int = 0
    rages: int = 0
    hidden: int = 0
    refreshes: int = 0
    abandoned_fields: int = 0
    risk: float = 0.0
    commands: int = 0
    command_ms: int = 0


FIELDS: Final = len(Session.__struct_fields__)

decode: Final[Callable[[bytes], Click]] = msgspec.json.Decoder(Click).decode
"""Bytes to a validated click; raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode
dump_state: Final[Callable[[Session], bytes]] = msgspec.msgpack.Encoder().encode
load_state: Final[Callable[[bytes], Session]] = msgspec.msgpack.Decoder(Session).decode

STAGES: Final = {"browse": 0, "product": 1, "cart": 2, "checkout": 3, "payment": 4}
DECISION_TYPES: Final = frozenset(
    {
        "product_added",
        "cart_viewed",
        "checkout_started",
        "checkout_step_viewed",
        "shipping_option_selected",
        "payment_method_selected",
        "payment_failed",
        "coupon_denied",
        "exit_intended",
        "form_field_abandoned",
    }
)
"""The events upon which risk is scored."""
END_TYPES: Final = frozenset({"order_completed", "exit_intended"})
"""The events that end a session here (in the product it is silence that ends one)."""

BIAS: Final = 0.42
WEIGHTS: Final = (
    -0.11, 0.08, -0.05, 0.04, 0.06, -0.21, 0.17, 0.13, 0.09, 0.52, 0.61, 0.16,
    0.31, 0.24, -0.18, 0.12, -0.07, 0.15, 0.33, 0.11, 0.09, 0.27, -0.35, 0.02,
)  # fmt: skip


def _page(s: Session, p: Properties) -> None:
    s.pages += 1


def _list(s: Session, p: Properties) -> None:
    s.lists += 1


def _search(s: Session, p: Properties) -> None:
    s.searches += 1


def _product(s: Session, p: Properties) -> None:
    s.products += 1
    price = p.price_cents
    if not s.price_min_cents or price < s.price_min_cents:
        s.price_min_cents = price
    s.price_max_cents = max(s.price_max_cents, price)
    s.stage = max(s.stage, 1)


def _added(s: Session, p: Properties) -> None:
    s.added += 1
    s.items += p.quantity
    s.cart_value_cents = p.cart_value_cents
    s.stage = max(s.stage, 2)


def _removed(s: Session, p: Properties) -> None:
    s.removed += 1
    s.items = max(0, s.items - p.quantity)
    s.cart_value_cents = p.cart_value_cents


def _cart(s: Session, p: Properties) -> None:
    s.cart_value_cents = p.cart_value_cents
    s.items = p.items_count
    s.stage = max(s.stage, 2)


def _checkout(s: Session, p: Properties) -> None:
    s.cart_value_cents = p.cart_value_cents
    s.stage = max(s.stage, 4 if p.step == "payment" else 3)


def _method(s: Session, p: Properties) -> None:
    if p.method and p.method != s.method_last:
        s.methods += 1
        s.method_last = p.method
    s.stage = 4


def _payment_failed(s: Session, p: Properties) -> None:
    s.payment_failures += 1


def _coupon_denied(s: Session, p: Properties) -> None:
    s.coupons_denied += 1


def _dwelled(s: Session, p: Properties) -> None:
    if p.section == "shipping_costs":
        s.shipping_dwell_ms += p.visible_ms
    elif p.section == "returns_policy":
        s.returns_dwell_ms += p.visible_ms
    else:
        s.reviews_dwell_ms += p.visible_ms


def _cursor(s: Session, p: Properties) -> None:
    s.turns += p.direction_changes


def _rage(s: Session, p: Properties) -> None:
    s.rages += p.clicks


def _hidden(s: Session, p: Properties) -> None:
    s.hidden += 1


def _refreshed(s: Session, p: Properties) -> None:
    s.refreshes += 1


def _field_abandoned(s: Session, p: Properties) -> None:
    s.abandoned_fields += 1


def _scrolled(s: Session, p: Properties) -> None:
    s.depth = max(s.depth, p.depth)


HANDLERS: Final[dict[str, Callable[[Session, Properties], None]]] = {
    "page_viewed": _page,
    "product_list_viewed": _list,
    "products_searched": _search,
    "product_viewed": _product,
    "product_added": _added,
    "product_removed": _removed,
    "cart_viewed": _cart,
    "checkout_started": _checkout,
    "checkout_step_viewed": _checkout,
    "payment_method_selected": _method,
    "payment_failed": _payment_failed,
    "coupon_denied": _coupon_denied,
    "section_dwelled": _dwelled,
    "cursor_wandered": _cursor,
    "rage_clicked": _rage,
    "tab_hidden": _hidden,
    "page_refreshed": _refreshed,
    "form_field_abandoned": _field_abandoned,
    "scrolled": _scrolled,
}


def features(s: Session) -> tuple[float, ...]:
    """The 24 features of a session, unscaled (the scaler is folded into the weights)."""
    minutes = (s.last_ms - s.opened_ms) / 60_000
    events = s.events
    return (
        log1p(events),
        minutes / 10,
        events / (minutes + 1),
        s.pages / events,
        s.lists / events,
        s.searches,
        s.products / 10,
        s.added,
        s.removed,
        s.coupons_denied,
        s.payment_failures,
        s.methods,
        log1p(s.shipping_dwell_ms / 1000),
        log1p(s.returns_dwell_ms / 1000),
        log1p(s.reviews_dwell_ms / 1000),
        log1p(s.cart_value_cents / 100),
        s.items / 5,
        (s.price_max_cents - s.price_min_cents) / (s.price_max_cents + 1),
        s.turns / 50,
        s.rages,
        s.hidden,
        s.abandoned_fields,
        s.stage,
        s.depth,
    )


def score(s: Session) -> float:
    """Abandonment risk of a session."""
    total = BIAS
    for weight, value in zip(WEIGHTS, features(s), strict=True):
        total += weight * value
    return 1 / (1 + exp(-total))


def _command(s: Session, click: Click) -> dict[str, Any]:
    ident = click.id
    now = click.time_ms
    return {
        "id": "cmd-" + ident,
        "decision_id": "dec-" + ident,
        "type": "intervention_issued",
        "time_ms": now,
        "profile_id": click.profile_id,
        "session_id": s.session_id,
        "channel": "onsite",
        "placement": "checkout_banner" if s.stage > 2 else "product_page",
        "action": "expedite_shipping" if s.shipping_dwell_ms else "limited_time_discount",
        "offer": {"kind": "reference", "amount_cents": 0, "expires_at_ms": now + OFFER_TTL_MS},
        "risk": s.risk,
        "expires_at_ms": now + OFFER_TTL_MS,
        "supersedes": None,
        "cancel_on": ["order_completed", "cart_emptied", "consent_withdrawn"],
    }


def fold(session: Session | None, click: Click) -> tuple[Session | None, dict[str, Any] | None]:
    """Fold one click; return the session to keep (None: it ended) and a command, if any.

    Args:
        session: The state of the click's profile, changed in place.
        click: The event.
    """
    now = click.time_ms
    if session is None:
        session = Session(click.session_id or click.profile_id, now, now)
    session.events += 1
    session.last_ms = max(session.last_ms, now)
    event_type = click.type
    handler = HANDLERS.get(event_type)
    if handler is not None:
        handler(session, click.properties)
    command = None
    if event_type in DECISION_TYPES:
        session.risk = risk = score(session)
        if risk > RISK_THRESHOLD and now - session.command_ms >= COOLDOWN_MS:
            session.command_ms = now
            session.commands += 1
            command = _command(session, click)
    return (None if event_type in END_TYPES else session), command
