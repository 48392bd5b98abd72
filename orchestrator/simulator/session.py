"""One shopper in the shop: where on the course, and what has been sent."""

from typing import Any

from orchestrator.simulator.clicks import Frontend
from orchestrator.simulator.course import Visit
from orchestrator.simulator.latent import Cart, Latent
from orchestrator.simulator.plan import Order, Plan
from orchestrator.simulator.reactions import Received
from orchestrator.simulator.signals import Click


class Live:
    """A session in progress."""

    __slots__ = (
        "at",
        "clicks",
        "context",
        "course",
        "cursor",
        "customer_id",
        "faults",
        "frontend",
        "is_gone",
        "latent",
        "order",
        "plan",
        "received",
        "sent",
    )

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.latent: Latent = plan.latent
        self.course = plan.baseline
        self.received: list[Received] = []
        """Actions that reached the shopper so far, in order of time."""
        self.at = 0
        """Number of the visit at hand."""
        self.clicks: list[Click] = []
        """Events of that visit."""
        self.cursor = 0
        """The next of them."""
        self.sent = 0
        """Events of the session so far."""
        self.customer_id = self.latent.customer_id
        self.context: dict[str, Any] = {}
        self.faults: list[float] = []
        self.frontend = Frontend(self.latent)
        self.order: Order | None = None
        self.is_gone = False

    @property
    def visit(self) -> Visit:
        """The visit at hand."""
        return self.course.visits[self.at]

    def receive(self, received: Received) -> None:
        """Let an action work on what comes: all that has happened stays as it is."""
        self.received.append(received)
        self.received.sort(key=lambda one: one.effective_ms)
        self.course = self.plan.course(self.received)


class Absent:
    """Somebody who left a cart behind and may come back, or be asked to."""

    __slots__ = ("cart", "is_reminded", "left_ms", "plan", "return_ms")

    def __init__(self, plan: Plan, cart: Cart, left_ms: int, return_ms: int | None) -> None:
        self.plan = plan
        self.cart = cart
        self.left_ms = left_ms
        self.return_ms = return_ms
        """When the shopper will be back; None: not as things stand."""
        self.is_reminded = False
