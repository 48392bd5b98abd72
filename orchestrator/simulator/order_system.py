"""What the order system tells: placed, paid, shipped, delivered, some returned; late, or twice."""

from operator import itemgetter
from typing import NamedTuple

from orchestrator.simulator.catalogue import CURRENCY
from orchestrator.simulator.clicks import coupon_of, order_lines
from orchestrator.simulator.dials import Dials
from orchestrator.simulator.draws import exponential
from orchestrator.simulator.latent import Latent
from orchestrator.simulator.plan import Order
from orchestrator.simulator.timeline import Emission, Timeline
from orchestrator.types import Payload

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_TWICE_MS = 30_000
_MEAN_LATE_MS = 40 * 60_000
_PACKED_MS, _SHIPPED_MS, _DELIVERED_MS = 5 * HOUR_MS, 20 * HOUR_MS, 60 * HOUR_MS
_RETURNED_MS, _REFUNDED_MS = 8 * DAY_MS, 10 * DAY_MS
_DELAYED_SHARE = 0.05
ORDERS = "orders"
_Step = tuple[str, int, Payload]


class OrderSystem:
    """Tell of orders on topic `orders`.

    Args:
        timeline: Where its records are planned.
        dials: Lags and duplicates.
    """

    def __init__(self, timeline: Timeline, dials: Dials) -> None:
        self._timeline = timeline
        self._dials = dials

    def take(self, latent: Latent, order: Order, placed_ms: int, luck: list[float]) -> None:
        """An order was placed; plan all that is told of it.

        Args:
            latent: The session it came from.
            order: The order.
            placed_ms: When it was placed.
            luck: Ten uniforms of this order.
        """
        scale = self._dials.delay
        lag_ms = int((400 + 2_600 * luck[0]) * scale)
        if luck[1] < self._dials.late_orders_share:
            lag_ms += int(exponential(luck[2], _MEAN_LATE_MS) * scale)
        steps: list[_Step] = [
            ("order_placed", 0, {}),
            ("order_paid", 2_000 + int(8_000 * luck[3]), {}),
        ]
        if order.is_cancelled:
            steps.append(("order_cancelled", 60_000 + int(600_000 * luck[4]), {}))
        else:
            steps += _shipping(order, placed_ms, luck)
        steps.sort(key=itemgetter(1))
        told = _Told(latent, order, placed_ms, lag_ms, luck[8], luck[9], steps)
        self._plan(told)

    def _plan(self, told: "_Told") -> None:
        # One entry an order, whatever lies ahead of it: parcels take days.
        after_ms = int(told.steps[0][1] * self._dials.delay)
        self._timeline.plan(told.placed_ms + told.lag_ms + after_ms, self._tell, told)

    def _tell(self, time_ms: int, told: "_Told") -> Emission:
        kind, after_ms, properties = told.steps.pop(0)
        if told.steps:
            self._plan(told)
        after = int(after_ms * self._dials.delay)
        latent = told.latent
        payload = _payload(latent, told.order, kind, told.placed_ms + after, properties)
        if told.doubt < self._dials.duplicates_share:
            twice_ms = time_ms + int(_TWICE_MS * told.gap)
            self._timeline.emit(twice_ms, ORDERS, latent.profile_id, payload)
        return Emission(time_ms, ORDERS, latent.profile_id, payload)


class _Told(NamedTuple):
    """One order and what is still to be told of it."""

    latent: Latent
    order: Order
    placed_ms: int
    lag_ms: int
    doubt: float
    """Uniform: whether everything is told twice."""
    gap: float
    """Uniform: how long after."""
    steps: list[_Step]
    """Type, time after the order, properties; in order of time."""


def _shipping(order: Order, placed_ms: int, luck: list[float]) -> list[_Step]:
    way = 0.5 if order.is_express else 1.0
    delivered_ms = int(_DELIVERED_MS * way * (0.7 + 0.6 * luck[5]))
    shipped_ms = int(_SHIPPED_MS * way * (0.5 + luck[6]))
    parcel = {"carrier": "postbird", "tracking_id": f"t-{order.order_id}"}
    steps: list[_Step] = [
        ("order_packed", int(_PACKED_MS * way), {}),
        ("order_shipped", shipped_ms, parcel),
    ]
    if luck[7] < _DELAYED_SHARE:
        delivered_ms += DAY_MS
        promised = {"reason": "carrier", "promised_ms": placed_ms + delivered_ms}
        steps.append(("order_delayed", shipped_ms + HOUR_MS, promised))
    steps.append(("order_delivered", max(delivered_ms, shipped_ms + 2 * HOUR_MS), parcel))
    if order.is_returned:
        refund = {"refund_cents": order.total_cents}
        steps.append(("order_returned", _RETURNED_MS, {"reason": "did not fit"}))
        steps.append(("order_refunded", _REFUNDED_MS, refund))
    return steps


def _payload(latent: Latent, order: Order, kind: str, time_ms: int, properties: Payload) -> Payload:
    return {
        "id": f"{order.order_id}-{kind}",
        "type": kind,
        "time_ms": time_ms,
        "profile_id": latent.profile_id,
        "order_id": order.order_id,
        "session_id": latent.session_id,
        "total_cents": order.total_cents,
        "margin_cents": order.margin_cents,
        "currency": CURRENCY,
        "coupon": coupon_of(order),
        "products": order_lines(latent, order),
        "properties": properties,
    }
