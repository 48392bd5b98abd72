"""The world's dials: how strong, how clear, how late, how dirty."""

from dataclasses import dataclass, fields

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dials:
    """What may be turned without changing who the shoppers are.

    Raises:
        ValueError: A dial is out of its range.
    """

    heterogeneity: float = 1.0
    """Scale of all causal effects of actions; 0: a sham world in which nothing helps or harms."""
    signal: float = 1.0
    """Clarity of what events tell of the latent state; 2: a clear world for quick tests."""
    delay: float = 1.0
    """Scale of all lags: delivery, reading, answers, returns to the shop, order processing."""
    duplicates_share: float = 0.002
    """Clickstream events and order events that arrive twice, up to 30 s apart."""
    out_of_order_share: float = 0.01
    """Clickstream events that arrive up to 30 s after their time."""
    late_orders_share: float = 0.1
    """Orders that the order system tells of minutes to hours late."""
    orders_only_share: float = 0.03
    """Orders that the clickstream never tells of: the thank-you page did not load."""
    consent_onsite_share: float = 0.97
    """Known customers who allow on-site interventions."""
    consent_chat_share: float = 0.9
    """Known customers who allow chat."""
    consent_email_share: float = 0.55
    """Known customers who allow e-mail."""
    consent_push_share: float = 0.3
    """Known customers who allow push messages."""
    known_share: float = 0.6
    """People with a customer account."""
    sessions_per_minute: float = 60.0
    """Mean rate of arrival, by event time."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            upper = 1.0 if field.name.endswith("_share") else 1e6
            if not 0.0 <= value <= upper:
                raise ValueError(f"{field.name} must lie in [0, {upper:g}], it is {value!r}")
        if self.sessions_per_minute == 0 or self.signal == 0:
            raise ValueError("sessions_per_minute and signal must be above 0")

    @property
    def arrival_gap_ms(self) -> float:
        """Mean time between two arrivals."""
        return MINUTE_MS / self.sessions_per_minute
