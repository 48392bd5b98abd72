"""What topics beside the clickstream tell of a person, folded into the profile's state."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from orchestrator.domain.decisioning.plan import WITHDRAWN
from orchestrator.domain.decisioning.situation import CHANNELS
from orchestrator.domain.outcomes.purchases import PLACING
from orchestrator.domain.sessions.session import Session
from orchestrator.processors.journey.ledger import revocation
from orchestrator.processors.journey.state import MAX_DISMISSALS, KnownOrder, Profile
from orchestrator.types import Emit, Millis

CENTS_MAX: Final = 10**12
COUNT_MAX: Final = 10**6
"""Beyond is no customer but a mistake; the ledger's facts have bounds."""
ERASED: Final = WITHDRAWN
"""Whoever is erased consents to nothing."""


def revoke(
    profile_id: str,
    profile: Profile,
    reason: str,
    now: Millis,
    *,
    happened_ms: int,
    channel: str | None = None,
    spared: Collection[str] = (),
) -> list[Emit]:
    """Revoke the commands that name this reason and had not expired when it happened.

    Args:
        profile_id: Key of the person.
        profile: State; loses the commands revoked.
        reason: A word of `cancel_on`.
        now: Time of the revocation.
        happened_ms: Event time of the reason; a late message revokes as an early one does.
        channel: Only commands of this channel.
        spared: Commands of these sessions stay.
    """
    emits: list[Emit] = []
    kept = []
    for command in profile.commands:
        matches = (
            reason in command.cancel_on
            and channel in (None, command.channel)
            and command.session_id not in spared
        )
        if matches and command.expires_at_ms > happened_ms:
            emits.append(revocation(profile_id, command, reason, now))
        else:
            kept.append(command)
    profile.commands = kept
    return emits


def note_order(
    profile_id: str, profile: Profile, order: KnownOrder, total_cents: int | None
) -> list[Emit]:
    """A purchase became known, from whichever topic: once per order id.

    Outstanding commands that it cancels are revoked and planned follow-ups dropped: no reminder
    can follow a purchase that is known.
    """
    if not profile.learn_order(order):
        return []
    happened_ms = order.time_ms
    profile.follow_ups = []
    profile.last_order_ms = max(profile.last_order_ms, happened_ms)
    facts = profile.facts
    facts.orders_count += 1
    facts.orders_value_cents = min(CENTS_MAX, facts.orders_value_cents + (total_cents or 0))
    now = Millis(max(profile.last_ms, happened_ms))
    return revoke(profile_id, profile, "order_completed", now, happened_ms=happened_ms)


def on_cart_emptied(
    profile_id: str,
    profile: Profile,
    session: Session,
    happened_ms: int,
    stopped: Collection[str],
    *,
    said: bool,
) -> list[Emit]:
    """The last piece was taken out: nobody is reminded of this cart.

    Args:
        profile_id: Key of the person.
        profile: State; loses commands and planned messages.
        session: Where it happened.
        happened_ms: Event time of it.
        stopped: Names of follow-ups that an emptied cart stops.
        said: The shop said that the cart is empty, so it is in every tab. Else it follows from the
            pieces this session knew of; other open sessions may know of others.
    """
    spared: frozenset[str] = frozenset()
    if said and happened_ms >= profile.cart_filled_ms:
        profile.cart_emptied_ms = max(profile.cart_emptied_ms, happened_ms)
    elif said and not session.cart_emptied:
        return []
    else:
        spared = frozenset(held.session_id for held in profile.sessions.open if held is not session)
    profile.follow_ups = [planned for planned in profile.follow_ups if planned.name not in stopped]
    now = Millis(profile.last_ms)
    return revoke(profile_id, profile, "cart_emptied", now, happened_ms=happened_ms, spared=spared)


def on_order(profile_id: str, profile: Profile, event: Any) -> list[Emit]:
    """Fold an event of the order system."""
    if event.type not in PLACING:
        return []
    order = KnownOrder(event.order_id, event.time_ms, event.session_id or "")
    return note_order(profile_id, profile, order, event.total_cents)


def on_profile(
    profile_id: str, profile: Profile, event: Any, consent_default: Mapping[Any, bool]
) -> list[Emit]:
    """Take in what the customer system says; consent withdrawn revokes the channel's commands.

    A channel that it no longer names is withdrawn too where the policy's default is no.
    """
    facts = profile.facts
    consent = {
        name: given for name in CHANNELS if (given := getattr(event.consent, name)) is not None
    }
    facts.consent = consent
    facts.customer_id = event.customer_id or facts.customer_id
    # an empty word tells nothing, before and after a restart
    facts.time_zone = event.time_zone or None
    facts.locale = event.locale or None
    facts.segment = event.segment or None
    facts.is_member = bool(event.is_member)
    if event.orders_count is not None:
        facts.orders_count = min(COUNT_MAX, event.orders_count)
    if event.orders_value_cents is not None:
        facts.orders_value_cents = min(CENTS_MAX, event.orders_value_cents)
    facts.returns_share = event.returns_share or 0.0
    facts.coupon_share = event.coupon_share or 0.0
    emits: list[Emit] = []
    for channel in CHANNELS:
        if not consent.get(channel, consent_default.get(channel, False)):
            emits += _withdrawn(profile_id, profile, channel, event.time_ms)
    return emits


def on_feedback(profile_id: str, profile: Profile, event: Any) -> list[Emit]:
    """Fold what a channel tells of a command."""
    if event.type == "dismissed":
        for command_id, action in profile.sent:
            if command_id == event.command_id:
                profile.dismissals.append((event.time_ms, action))
                del profile.dismissals[:-MAX_DISMISSALS]
    elif event.type == "expired":
        profile.commands = [one for one in profile.commands if one.command_id != event.command_id]
    elif event.type == "unsubscribed":
        channel = event.properties.purpose or event.channel
        if channel:
            profile.facts.consent[channel] = False
            return _withdrawn(profile_id, profile, channel, event.time_ms)
    return []


def _withdrawn(profile_id: str, profile: Profile, channel: str, happened_ms: int) -> list[Emit]:
    now = Millis(max(profile.last_ms, happened_ms))
    return revoke(profile_id, profile, WITHDRAWN, now, happened_ms=happened_ms, channel=channel)
