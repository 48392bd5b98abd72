"""What protects people, compiled: consent, suppressions, caps, cooldowns, quiet hours, budgets."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from orchestrator.domain.decisioning.action import Action
from orchestrator.domain.decisioning.gates import Test, compile_tree
from orchestrator.domain.decisioning.kinds import ContactPolicy, Reach
from orchestrator.domain.decisioning.situation import Contact, Situation

SUPPRESSION: Final = "suppression"
KINDS_MAX: Final = 1_024
"""Kinds of contacts (action, channel, group) whose spans are kept."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """A time zone by its IANA name; None where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def minute_of_day(now_ms: int, place: ZoneInfo) -> int:
    """Local minutes since midnight."""
    local = datetime.fromtimestamp(now_ms // 1000, place)
    return local.hour * 60 + local.minute


def is_quiet(minute: int, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether a local minute lies in one of the spans; a span may run over midnight.

    >>> is_quiet(30, [(1260, 480)]), is_quiet(720, [(1260, 480)]), is_quiet(720, [(720, 780)])
    (True, False, True)
    """
    return any(
        start <= minute < end if start <= end else minute >= start or minute < end
        for start, end in spans
    )


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


class _Cap:
    """A cap; `interruptive` holds the names of interruptive actions where only they count."""

    __slots__ = ("channels", "code", "contacts_max", "groups", "interruptive", "span_ms")

    def __init__(
        self,
        code: str,
        span_ms: int,
        contacts_max: int,
        channels: frozenset[str] | None,
        groups: frozenset[str] | None,
        interruptive: frozenset[str] | None,
    ) -> None:
        self.code = code
        self.span_ms = span_ms
        self.contacts_max = contacts_max
        self.channels = channels
        self.groups = groups
        self.interruptive = interruptive

    def counts(self, contact: Contact) -> bool:
        return (
            (self.channels is None or contact[2] in self.channels)
            and (self.groups is None or contact[3] in self.groups)
            and (self.interruptive is None or contact[1] in self.interruptive)
        )


class Protection:
    """What one action has to pass."""

    __slots__ = (
        "budget",
        "caps",
        "channel",
        "consent_code",
        "consent_default",
        "cooldown_code",
        "cooldown_ms",
        "dismissed_with",
        "group",
        "name",
        "quiet",
        "spacing_ms",
    )

    def __init__(self, action: Action, guard: "Guard") -> None:
        policy = guard.policy
        self.name = action.name
        self.channel = action.channel
        self.group = action.group
        self.consent_default = policy.consent_default.get(action.channel, False)
        self.consent_code = f"consent.{action.channel}"
        self.caps = tuple(
            index
            for index, cap in enumerate(guard.caps)
            if cap.counts((0, action.name, action.channel, action.group))
        )
        self.cooldown_ms = policy.cooldowns_ms.get(action.group, 0)
        self.cooldown_code = f"cooldown.{action.group}"
        spacing = policy.between_contacts_ms.get(action.channel, 0)
        self.spacing_ms = 0 if action.urgent else spacing
        self.quiet = tuple(
            (_minutes(quiet.start), _minutes(quiet.end))
            for quiet in policy.quiet_hours
            if action.channel in quiet.channels
        )
        budget = action.offer.budget if action.offer is not None else None
        self.budget = (budget, f"budget.{budget}") if budget is not None else None


class Moment:
    """What the protections of all actions share in one decision, worked out once."""

    __slots__ = ("channel_ms", "dismissed", "full", "group_ms", "minute", "suppressed")

    def __init__(self) -> None:
        self.suppressed: list[tuple[str, frozenset[str] | None]] = []
        """Reason codes that hold, each with the actions it is about (None: all)."""
        self.full: dict[int, str] = {}
        """Caps that are reached, by index."""
        self.group_ms: dict[str, int] = {}
        """Last contact by group."""
        self.channel_ms: dict[str, int] = {}
        """Last contact by channel."""
        self.dismissed: set[str] = set()
        """Groups, and actions that are no more in force, dismissed not long ago."""
        self.minute = -1
        """Local minute of the day; -1: not asked for yet."""


class Guard:
    """The contact policy, compiled against the actions in force."""

    __slots__ = ("_groups", "_matters_ms", "_suppressions", "caps", "policy", "zone_default")

    def __init__(self, policy: ContactPolicy, actions: Sequence[Action]) -> None:
        self.policy = policy
        self.zone_default = zone(policy.time_zone_default) or ZoneInfo("UTC")
        self._groups = {action.name: action.group for action in actions}
        self._matters_ms: dict[tuple[str, str, str], int] = {}
        interruptive = frozenset(action.name for action in actions if action.interruptive)
        self.caps = tuple(
            _Cap(
                f"cap.{cap.name}",
                cap.span_ms,
                cap.contacts_max,
                frozenset(cap.channels) if cap.channels is not None else None,
                frozenset(cap.groups) if cap.groups is not None else None,
                interruptive if cap.interruptive else None,
            )
            for cap in policy.caps
        )
        self._suppressions: dict[str, tuple[Test | None, frozenset[str] | None]] = {
            rule.reason: (
                compile_tree(rule.when, SUPPRESSION) if rule.when is not None else None,
                _reached(rule, actions),
            )
            for rule in policy.suppressions
        }

    def moment(self, situation: Situation) -> Moment:
        """Work out what all actions share."""
        moment = Moment()
        for reason, (test, names) in self._suppressions.items():
            if reason in situation.suppressions or (
                test is not None and test.refusal(situation) is None
            ):
                moment.suppressed.append((f"{SUPPRESSION}.{reason}", names))
        if situation.suppressions:
            for reason in sorted(situation.suppressions - self._suppressions.keys()):
                moment.suppressed.append((f"{SUPPRESSION}.{reason}", None))
        self._look_back(moment, situation)
        since = situation.now_ms - self.policy.dismissal_ms
        for time_ms, action in situation.dismissed:
            if time_ms > since:
                moment.dismissed.add(self._groups.get(action, action))
        return moment

    def _look_back(self, moment: Moment, situation: Situation) -> None:
        now = situation.now_ms
        for contact in situation.contacts:
            time_ms, _, channel, group = contact
            if time_ms > moment.group_ms.get(group, -1):
                moment.group_ms[group] = time_ms
            if time_ms > moment.channel_ms.get(channel, -1):
                moment.channel_ms[channel] = time_ms
        for index, cap in enumerate(self.caps):
            since = now - cap.span_ms
            seen = sum(contact[0] > since and cap.counts(contact) for contact in situation.contacts)
            if seen >= cap.contacts_max:
                moment.full[index] = cap.code

    def refusal(
        self, protection: Protection, situation: Situation, moment: Moment, exposure_cents: int
    ) -> str | None:
        """The first protection that refuses the action, by its reason code.

        Order: consent, suppression, caps, cooldowns, quiet hours, budget.
        """
        if not situation.consent.get(protection.channel, protection.consent_default):
            return protection.consent_code
        for code, names in moment.suppressed:
            if names is None or protection.name in names:
                return code
        if situation.contacts or moment.dismissed or moment.full:
            too_soon = self._too_soon(protection, situation.now_ms, moment)
            if too_soon is not None:
                return too_soon
        if protection.quiet and is_quiet(self._minute(situation, moment), protection.quiet):
            return "quiet_hours"
        if protection.budget is not None:
            budget, code = protection.budget
            left = situation.budgets_left_cents.get(budget)
            if left is not None and exposure_cents > left:
                return code
        return None

    def _too_soon(self, protection: Protection, now: int, moment: Moment) -> str | None:
        for index in protection.caps:
            if index in moment.full:
                return moment.full[index]
        last = moment.group_ms.get(protection.group)
        if last is not None and now - last < protection.cooldown_ms:
            return protection.cooldown_code
        last = moment.channel_ms.get(protection.channel)
        if last is not None and now - last < protection.spacing_ms:
            return "cooldown.contact"
        return "cooldown.dismissed" if protection.group in moment.dismissed else None

    def _minute(self, situation: Situation, moment: Moment) -> int:
        """Local minute of the day, where the shopper is."""
        if moment.minute < 0:
            name = situation.facts.get("time_zone")
            place = zone(name) if isinstance(name, str) else None
            moment.minute = minute_of_day(situation.now_ms, place or self.zone_default)
        return moment.minute

    def matters_until_ms(self, contact: Contact) -> int:
        """Until when a contact matters to some cap or cooldown."""
        kind = contact[1:]
        span_ms = self._matters_ms.get(kind)
        if span_ms is None:
            spans = [cap.span_ms for cap in self.caps if cap.counts(contact)]
            spans += self.policy.between_contacts_ms.values()
            span_ms = max([self.policy.cooldowns_ms.get(contact[3], 0), *spans])
            if len(self._matters_ms) < KINDS_MAX:
                self._matters_ms[kind] = span_ms
        return contact[0] + span_ms


def _reached(rule: Reach, actions: Sequence[Action]) -> frozenset[str] | None:
    """Names of the actions a rule is about; None: all, also those of other versions."""
    if rule.channels is None and rule.groups is None and not rule.interruptive:
        return None
    return frozenset(
        action.name
        for action in actions
        if (rule.channels is None or action.channel in rule.channels)
        and (rule.groups is None or action.group in rule.groups)
        and (not rule.interruptive or action.interruptive)
    )
