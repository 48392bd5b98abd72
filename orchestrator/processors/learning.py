"""The learner: join decisions with their outcomes, publish rewards, learn risk, publish models.

State is kept by profile; the model is one for all partitions (`RiskLearner`), so the learner has
one owner. A row is learnt in the batch that takes it out of its profile's state, and the model's
row is committed with that batch: whatever is killed when, every row is learnt once.

How the four topics are merged depends on when their records arrive, so nothing that lasts may
depend on it: the last reward of each decision, and the set of rows learnt with labels and weights,
are the same for every interleaving of the topics in which none is read further than
`LearningSettings.straggler_ms` of event time ahead of another. When things are published and
learnt, and so the model's numbers, is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from orchestrator.domain.outcomes import (
    Claim,
    Reward,
    RewardRule,
    Visit,
    says_something,
    settle,
)
from orchestrator.domain.outcomes.rewards import DO_NOTHING
from orchestrator.domain.risk import Scored, examples
from orchestrator.messages import wire
from orchestrator.processors.learning_model import RiskLearner
from orchestrator.processors.learning_state import MAX_CLAIMS, MAX_VISITS, Awaiting, Followed
from orchestrator.types import Emit, Millis, Payload, Record, Scope, Step

MESSAGE_CHANNELS = frozenset(("email", "push"))
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """How long the learner waits; event time."""

    hold_ms: int = 31 * 60_000
    """From a session's last decision until its rows are learnt, bought or not: abandonments are
    known only after the 30 min gap and the lateness, and a model that sees purchases first is
    wrong about everybody."""
    orphan_ms: int = 48 * _HOUR_MS
    """Longest wait for a session's end with its rewards; an end that comes later corrects them."""
    rows_ms: int = 7 * 24 * _HOUR_MS
    """Longest wait of rows for their session's end, or of an end for its decisions: longer than a
    session without decisions and `straggler_ms` together."""
    straggler_ms: int = 72 * _HOUR_MS
    """How far topics may be read apart: how long a matured decision can still be corrected, and how
    long an order or an acknowledgement is remembered that no decision claims yet."""


class LearningProcessor:
    """Fold decisions, feedback, orders and closed sessions into rewards and model snapshots.

    Args:
        learner: The model; shared by all partitions of this process.
        rule: How rewards are counted.
        settings: How long things are waited for.
    """

    inputs: Sequence[str] = ("decisions", "feedback", "orders", "sessions")
    broadcasts: Sequence[str] = ()

    def __init__(
        self,
        learner: RiskLearner,
        rule: RewardRule | None = None,
        settings: LearningSettings | None = None,
    ) -> None:
        self.learner = learner
        self.rule = rule or RewardRule()
        self.settings = settings or LearningSettings()

    def decode(self, topic: str, key: str, value: bytes) -> Any:
        return wire.decode(topic, key, value)

    def on_broadcast(self, topic: str, key: str, value: bytes | None) -> None:
        """It has no broadcasts."""

    def shared_state(self) -> Any | None:
        """See `SharedState`: the model's row, where it moved since the last call."""
        return self.learner.shared_state()

    def restore_shared(self, row: Any | None) -> None:
        """See `SharedState`: back to the last committed model."""
        self.learner.restore_shared(row)

    def dump(self, state: Awaiting) -> Any:
        return state.dump()

    def load(self, row: Any) -> Awaiting:
        return Awaiting.load(row)

    def on_record(
        self, scope: Scope, state: Awaiting | None, record: Record, now: Millis
    ) -> Step[Awaiting]:
        message = record.value
        if message is None:  # none of the four is compacted; an eraser may write one all the same
            return Step(None)
        state = state or Awaiting(record.key)
        emits: list[Emit] = []
        if record.topic == "decisions":
            self._decided(scope, state, message, now, emits)
        elif record.topic == "sessions":
            self._closed(scope, state, message, now, emits)
        elif record.topic == "orders":
            self._ordered(state, message)
        else:
            self._acknowledged(state, message)
        return self._settle(scope, state, now, emits)

    def on_timer(self, scope: Scope, key: str, state: Awaiting, now: Millis) -> Step[Awaiting]:
        return self._settle(scope, state, now, [])

    def _decided(
        self, scope: Scope, state: Awaiting, entry: Any, now: Millis, emits: list[Emit]
    ) -> None:
        session_id = entry.session_id or ""
        state.arrived(entry.id)
        followed = state.find(session_id)
        if followed is None:
            followed = self._begin(scope, state, session_id, now, emits)
        elif followed.knows(entry.id):
            return
        claims = followed.visit.claims
        if len(claims) >= MAX_CLAIMS:
            self._settle_at_once(state, followed.visit, claims.pop(0), now, emits)
            _count(scope, "decisions_given_up")
        claim = self._claim(entry)
        state.take_early(claim)
        claims.append(claim)
        claims.sort(key=lambda claim: (claim.time_ms, claim.decision_id))
        if entry.features and entry.risk is not None and not followed.is_learnt:
            followed.rows.append(
                Scored(
                    entry.time_ms,
                    entry.stage,
                    self.learner.row(entry.features),
                    entry.risk,
                    _p_none(entry),
                    entry.chosen.action != DO_NOTHING,
                )
            )
            del followed.rows[:-MAX_CLAIMS]

    def _claim(self, entry: Any) -> Claim:
        """A ledger entry's claim; only decisions made in a session hold features."""
        channels = {candidate.channel for candidate in entry.candidates if candidate.propensity}
        follows_up = not entry.features
        window_ms = 0  # on site: its session, which is longer
        if not channels.isdisjoint(MESSAGE_CHANNELS):
            window_ms = self.rule.message_window_ms
        elif follows_up:
            window_ms = self.rule.onsite_window_ms
        return Claim(
            entry.id,
            entry.time_ms,
            entry.chosen.action,
            offer_cents=entry.chosen.offer_cents or 0,
            command_id=entry.command_id or "",
            window_ms=window_ms,
            follows_up=follows_up,
        )

    def _begin(
        self, scope: Scope, state: Awaiting, session_id: str, now: Millis, emits: list[Emit]
    ) -> Followed:
        """Follow one session more; where there are too many already, one makes room."""
        while len(state.followed) >= MAX_VISITS:
            self._give_up(scope, state, state.victim(), now, emits)
        followed = Followed(session_id)
        state.followed.append(followed)
        return followed

    def _closed(
        self, scope: Scope, state: Awaiting, closed: Any, now: Millis, emits: list[Emit]
    ) -> None:
        followed = state.find(closed.session_id)
        if not closed.decision_ids and (followed is None or not followed.waits()):
            return  # nothing was decided in it, whatever followed it up
        if followed is None:
            followed = self._begin(scope, state, closed.session_id, now, emits)
        if followed.is_ended:
            return
        followed.is_ended = True
        followed.purchased = closed.outcome == "purchased"
        followed.missing = [name for name in closed.decision_ids if not state.knows(name)]
        followed.visit.closed_ms = closed.time_ms
        followed.visit.cart_value_cents = closed.cart_value_cents
        for order_id in closed.order_ids:
            state.purchase(order_id).session_id = closed.session_id

    def _ordered(self, state: Awaiting, event: Any) -> None:
        purchase = state.purchase(event.order_id)
        if not purchase.session_id and event.session_id:
            purchase.session_id = event.session_id
        purchase.take(
            event.type,
            event.id,
            event.time_ms,
            total_cents=_amount_cents(event),
            margin_cents=event.margin_cents,
        )
        state.loose_ms = max(state.loose_ms, event.time_ms)

    def _acknowledged(self, state: Awaiting, feedback: Any) -> None:
        if not says_something(feedback.type):
            return
        for followed in state.followed:
            for claim in followed.visit.claims:
                if claim.command_id == feedback.command_id:
                    claim.engage(feedback.type)
                    return
        state.remember(feedback.command_id, feedback.type, feedback.time_ms)

    def _settle(
        self, scope: Scope, state: Awaiting, now: Millis, emits: list[Emit]
    ) -> Step[Awaiting]:
        """Learn and publish whatever is due, forget what is over, say when to look again."""
        wake: list[int] = []
        for followed in list(state.followed):
            learn_ms = self._learn_ms(followed)
            if learn_ms and now >= learn_ms:
                emits.extend(self._learn(scope, followed, now))
                learn_ms = 0
            wakes = [learn_ms, *self._follow(state, followed, now, emits)]
            ahead = [at for at in wakes if at > now]
            if not ahead:
                state.followed.remove(followed)
            wake.extend(ahead)
        if not state.followed:
            forget_ms = state.loose_ms + self.settings.straggler_ms
            if now >= forget_ms:
                return Step(None, emits)
            wake.append(forget_ms)
        state.wake_at_ms = min(wake)
        return Step(state, emits)

    def _learn_ms(self, followed: Followed) -> int:
        """When a session's rows are to be learnt or, where it is not whole, given up; 0: never."""
        if not followed.waits():
            return 0
        if followed.is_whole():
            return max(row.time_ms for row in followed.rows) + self.settings.hold_ms
        return followed.last_ms() + self.settings.rows_ms

    def _follow(
        self, state: Awaiting, followed: Followed, now: Millis, emits: list[Emit]
    ) -> list[int]:
        """Settle one session's decisions; return when each wants to be looked at again."""
        visit = followed.visit
        inside_ms = followed.inside_ms()
        if inside_ms and not followed.is_ended:
            orphan_ms = inside_ms + self.settings.orphan_ms
            if now < orphan_ms:
                return [orphan_ms]
            visit.closed_ms = inside_ms + self.rule.onsite_window_ms
        # A decision that is over stays while its session does: a second copy of it is known.
        return [self._review(state, visit, claim, now, emits) for claim in visit.claims]

    def _review(
        self, state: Awaiting, visit: Visit, claim: Claim, now: Millis, emits: list[Emit]
    ) -> int:
        """Publish a claim's reward where it is new; return when to look at it again."""
        reward = settle(visit, claim, state.purchases, self.rule, now)
        waits = claim.published is None and claim.follows_up
        if waits and not reward.converted and not reward.matured:
            return reward.matures_ms  # decided after its session: it has its whole window
        if reward.numbers() != claim.published:
            emits.append(_publish(claim, reward, state.profile_id, now))
        if reward.matured:
            return reward.matures_ms + self.settings.straggler_ms
        return reward.matures_ms

    def _learn(self, scope: Scope, followed: Followed, now: Millis) -> list[Emit]:
        rows, followed.rows, followed.missing = followed.rows, [], []
        followed.is_learnt = True
        if not followed.is_ended:
            _count(scope, "sessions_without_end")
            return []
        return self.learner.learn(
            examples(rows, abandoned=not followed.purchased),
            partition=scope.partition,
            positions=scope.positions,
            now_ms=now,
        )

    def _give_up(
        self, scope: Scope, state: Awaiting, followed: Followed, now: Millis, emits: list[Emit]
    ) -> None:
        """Too many sessions of one profile: settle this one with what is known."""
        state.followed.remove(followed)
        if followed.waits():
            emits.extend(self._learn(scope, followed, now))
        for claim in followed.visit.claims:
            self._settle_at_once(state, followed.visit, claim, now, emits)
        _count(scope, "sessions_given_up")

    def _settle_at_once(
        self, state: Awaiting, visit: Visit, claim: Claim, now: Millis, emits: list[Emit]
    ) -> None:
        if claim.published is None:
            reward = settle(visit, claim, state.purchases, self.rule, now)
            emits.append(_publish(claim, reward, state.profile_id, now))


def _publish(claim: Claim, reward: Reward, profile_id: str, now: Millis) -> Emit:
    claim.published = reward.numbers()
    claim.revision += 1
    payload: Payload = {
        "id": f"rwd-{claim.decision_id.removeprefix('dec-')}-{claim.revision}",
        "type": "reward_settled" if claim.revision == 1 else "reward_corrected",
        "time_ms": int(now),
        "profile_id": profile_id,
        "decision_id": claim.decision_id,
        "action": claim.action,
        "reward_cents": reward.cents,
        "converted": reward.converted,
        "parts": reward.parts,
        "matured": reward.matured,
    }
    return Emit("rewards", profile_id, payload)


def _p_none(entry: Any) -> float:
    """Logged propensity of doing nothing; a share of it by treatment adds up."""
    total = sum(
        candidate.propensity for candidate in entry.candidates if candidate.action == DO_NOTHING
    )
    return min(float(total), 1.0)


def _amount_cents(event: Any) -> int | None:
    """What an order event is about: the order's total, or what came back."""
    if event.type == "order_refunded" and event.properties.refund_cents:
        return int(event.properties.refund_cents)
    if event.type == "order_returned" and event.products:
        value = sum((line.quantity or 1) * (line.price_cents or 0) for line in event.products)
        if value:
            return int(value)
    return cast("int | None", event.total_cents)


def _count(scope: Scope, what: str) -> None:
    scope.values[what] = scope.values.get(what, 0) + 1
