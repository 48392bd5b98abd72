"""The learner: join decisions with their outcomes, publish rewards, learn risk, publish models.

State is kept by profile; the model is one for all partitions (`RiskLearner`), so the learner has
one owner. A row is learnt in the batch that takes it out of its profile's state, and the model's
row is committed with that batch: whatever is killed when, every row is learnt once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from orchestrator.domain.outcomes import Claim, Reward, RewardRule, Visit, settle
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
    """Longest wait for a session's end; afterwards rewards are settled and nothing is learnt."""
    straggler_ms: int = 72 * _HOUR_MS
    """How long a matured decision can still be corrected by a record that comes late."""
    order_ms: int = 24 * _HOUR_MS
    """How long an order without any decision to claim it is remembered."""


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
            self._closed(state, message)
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
        followed = state.find(session_id)
        if followed is None:
            followed = Followed(session_id)
            state.followed.append(followed)
            while len(state.followed) > MAX_VISITS:
                self._give_up(scope, state, state.followed.pop(0), now, emits)
        elif followed.knows(entry.id):
            return
        claims = followed.visit.claims
        if len(claims) >= MAX_CLAIMS:
            self._settle_at_once(state, followed.visit, claims.pop(0), now, emits)
            _count(scope, "decisions_given_up")
        claims.append(self._claim(entry, followed.visit))
        claims.sort(key=lambda claim: (claim.time_ms, claim.decision_id))
        visit = followed.visit
        open_for_rows = not visit.closed_ms or (
            followed.learn_ms and entry.time_ms <= visit.closed_ms
        )
        if open_for_rows and entry.features and entry.risk is not None:
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

    def _claim(self, entry: Any, visit: Visit) -> Claim:
        channels = {candidate.channel for candidate in entry.candidates if candidate.propensity}
        window_ms = 0  # on site: its session, which is longer
        if not channels.isdisjoint(MESSAGE_CHANNELS):
            window_ms = self.rule.message_window_ms
        elif visit.closed_ms and entry.time_ms > visit.closed_ms:
            window_ms = self.rule.onsite_window_ms
        return Claim(
            entry.id,
            entry.time_ms,
            entry.chosen.action,
            offer_cents=entry.chosen.offer_cents or 0,
            command_id=entry.command_id or "",
            window_ms=window_ms,
        )

    def _closed(self, state: Awaiting, closed: Any) -> None:
        followed = state.find(closed.session_id)
        if followed is None or followed.visit.closed_ms:
            return
        visit = followed.visit
        visit.closed_ms = closed.time_ms
        visit.cart_value_cents = closed.cart_value_cents
        followed.purchased = closed.outcome == "purchased"
        if followed.rows:
            followed.learn_ms = followed.last_ms() + self.settings.hold_ms
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
        state.last_order_ms = max(state.last_order_ms, event.time_ms)

    def _acknowledged(self, state: Awaiting, feedback: Any) -> None:
        for followed in state.followed:
            for claim in followed.visit.claims:
                if claim.command_id == feedback.command_id:
                    claim.engage(feedback.type)

    def _settle(
        self, scope: Scope, state: Awaiting, now: Millis, emits: list[Emit]
    ) -> Step[Awaiting]:
        """Learn and publish whatever is due, forget what is over, say when to look again."""
        wake: list[int] = []
        for followed in list(state.followed):
            if followed.learn_ms and now >= followed.learn_ms:
                emits.extend(self._learn(scope, state, followed, now))
            wakes = self._follow(scope, state, followed, now, emits)
            if not wakes:
                state.followed.remove(followed)
            wake.extend(wakes)
        if not state.followed:
            forget_ms = state.last_order_ms + self.settings.order_ms
            if now >= forget_ms:
                return Step(None, emits)
            wake.append(forget_ms)
        state.wake_at_ms = min(wake)
        return Step(state, emits)

    def _follow(
        self, scope: Scope, state: Awaiting, followed: Followed, now: Millis, emits: list[Emit]
    ) -> list[int]:
        """Settle one session's decisions; return when each wants to be looked at again."""
        visit = followed.visit
        if not visit.closed_ms:
            orphan_ms = followed.last_ms() + self.settings.orphan_ms
            if now < orphan_ms:
                return [orphan_ms]
            visit.closed_ms = followed.last_ms() + self.rule.onsite_window_ms
            followed.rows = []
            _count(scope, "sessions_without_end")
        # A decision that is over stays while its session does: a second copy of it is known.
        wakes = [followed.learn_ms] if followed.learn_ms else []
        wakes += [self._review(state, visit, claim, now, emits) for claim in visit.claims]
        return [at for at in wakes if at > now]

    def _review(
        self, state: Awaiting, visit: Visit, claim: Claim, now: Millis, emits: list[Emit]
    ) -> int:
        """Publish a claim's reward where it is new; return when to look at it again."""
        reward = settle(visit, claim, state.purchases, self.rule, now)
        waits = claim.published is None and claim.time_ms > visit.closed_ms
        if waits and not reward.converted and not reward.matured:
            return reward.matures_ms  # decided after its session: it has its whole window
        if reward.numbers() != claim.published:
            emits.append(_publish(claim, reward, state.profile_id, now))
        if reward.matured:
            return reward.matures_ms + self.settings.straggler_ms
        return reward.matures_ms

    def _learn(self, scope: Scope, state: Awaiting, followed: Followed, now: Millis) -> list[Emit]:
        rows, followed.rows, followed.learn_ms = followed.rows, [], 0
        visit = followed.visit
        bought = followed.purchased or any(
            not order.cancelled and visit.counts(visit.claims[0], order)
            for order in state.purchases
        )
        return self.learner.learn(
            examples(rows, abandoned=not bought),
            partition=scope.partition,
            positions=scope.positions,
            now_ms=now,
        )

    def _give_up(
        self, scope: Scope, state: Awaiting, followed: Followed, now: Millis, emits: list[Emit]
    ) -> None:
        """Too many sessions of one profile: settle the oldest with what is known."""
        if followed.visit.closed_ms and followed.rows:
            emits.extend(self._learn(scope, state, followed, now))
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
