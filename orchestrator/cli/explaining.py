"""A ledger entry as a person reads it: signals, risk, every candidate, why this one, what else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from orchestrator import wiring
from orchestrator.cli.options import BadOption
from orchestrator.domain.decisioning import PolicySet, Situation, choose, decide
from orchestrator.domain.decisioning.flip import Flip, flip
from orchestrator.domain.intent import concern
from orchestrator.errors import InvalidRecord
from orchestrator.messages.parse import parse
from orchestrator.online.rng import uniform
from orchestrator.online.snapshots import shipped

SIGNALS_SHOWN = 12
CAUSES_SHOWN = 4
TELLING = {
    "payment_failures_count": "payment failed x{}",
    "coupon_denied_count": "coupon denied x{}",
    "rage_clicks_count": "rage clicks x{}",
    "exit_intents_count": "about to leave x{}",
    "shipping_cost_dwell_ms": "shipping costs {}",
    "returns_policy_dwell_ms": "returns policy {}",
    "delivery_dates_dwell_ms": "delivery dates {}",
    "payment_switches_count": "payment switched x{}",
    "silence_in_checkout_ms": "silent in checkout {}",
    "price_dwell_ms": "price {}",
    "size_guide_dwell_ms": "size guide {}",
    "reviews_dwell_ms": "reviews {}",
    "refreshes_count": "refreshed x{}",
    "tab_hidden_count": "looked elsewhere x{}",
    "price_jumps_count": "price jumps x{}",
    "form_abandons_count": "forms left x{}",
    "step_returns_count": "steps back x{}",
    "products_viewed_count": "products seen x{}",
}
"""Signals of a headline, the most telling first."""
REASONS = {
    "best": "nothing scored better than leaving the shopper alone",
    "value": "it had the best expected value",
    "exploration": "the draw explored: a candidate that was not the best was tried on purpose",
    "holdout": "the person is in the holdout: nothing is ever done, to measure against",
    "none_allowed": "no action passed its gates",
}


def entry_in(line: bytes) -> dict[str, Any]:
    """The ledger entry of a line: as `replay --ledger` writes it, or as `tail decisions --json`.

    Raises:
        ValueError: it holds none.
    """
    found: Any = orjson.loads(line)
    if isinstance(found, dict) and found.get("topic") is not None:
        found = found.get("value")
    if not isinstance(found, dict) or not {"id", "trigger", "chosen"} <= found.keys():
        raise ValueError("no ledger entry")
    return found


def checked(entry: dict[str, Any], place: str) -> dict[str, Any]:
    """The entry, which has all that the contract asks for.

    Raises:
        BadOption: it has not.
    """
    try:
        parse("decisions", orjson.dumps(entry))
    except InvalidRecord as error:
        raise BadOption(
            f"{place} is no ledger entry: {error.detail}.",
            way_out="Give entries as written by replay --ledger, or tail decisions --json.",
        ) from error
    return entry


def situation_of(entry: dict[str, Any]) -> Situation:
    """What the decision saw, from the entry alone."""
    trigger = entry["trigger"]
    timer = trigger.get("timer")
    follow_up = timer if timer not in (None, "silence") else ""
    kind: Any = "event" if timer is None else ("follow_up" if follow_up else "silence")
    return Situation(
        now_ms=trigger["now_ms"],
        profile_id=entry["profile_id"],
        session_id=entry["session_id"],
        customer_id=entry["customer_id"],
        stage=entry["stage"],
        risk=entry["risk"],
        concern=entry["concern"],
        signals=entry.get("signals", {}),
        facts=entry.get("facts", {}),
        consent=entry.get("consent", {}),
        contacts=[tuple(contact) for contact in entry.get("contacts", [])],
        dismissed=[tuple(one) for one in entry.get("dismissed", [])],
        suppressions=frozenset(entry.get("suppressions", [])),
        budgets_left_cents=entry.get("budgets_left_cents", {}),
        trigger=kind,
        follow_up=follow_up,
    )


def explanation(entry: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    """The entry, what can be recomputed from it, and what would have changed the choice."""
    policies = wiring.policies(folder)
    found: dict[str, Any] = {
        "type": "explanation",
        "decision": entry,
        "why": why(entry),
        "draw_repeats": uniform(entry["id"]) == entry["exploration"]["draw"],
        "choice_repeats": _repeats(entry),
        "risk_drivers": _risk_drivers(entry),
        "policy_at_hand": policies.version,
        "flips": [],
    }
    if policies.version == entry["policy"]:
        found["flips"] = _flips(policies, entry)
    return found


def _repeats(entry: dict[str, Any]) -> bool:
    allowed = [candidate for candidate in entry["candidates"] if candidate["allowed"]]
    if not allowed:
        return False
    shares = [candidate["propensity"] for candidate in allowed]
    picked = allowed[choose(shares, entry["exploration"]["draw"])]
    return bool(picked["action"] == entry["chosen"]["action"])


def _risk_drivers(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Log odds each feature added; only where the model is the one at hand."""
    snapshot = shipped("risk")
    if entry["models"].get("risk") != snapshot.label:
        return []
    parts = snapshot.scorer().contributions(entry["features"])
    return [{"feature": name, "log_odds": round(part, 4)} for name, part in parts[:6] if part]


def _flips(policies: PolicySet, entry: dict[str, Any]) -> list[dict[str, Any]]:
    situation = situation_of(entry)
    decision = decide(policies, situation, entry["id"])
    found = flip(policies, situation, decision, concern)
    return [change._asdict() | {"text": _flip_told(change)} for change in found]


def _flip_told(change: Flip) -> str:
    now = {"best": "scores best", "allowed": "passes its gates"}[change.effect]
    if change.kind == "wait":
        minutes = (int(change.after or 0) - int(change.before or 0)) // 60_000
        return f"{minutes} minutes later, {change.action} {now}"
    after, before = _exact(change.after), _exact(change.before)
    return f"with {change.name} {after} instead of {before}, {change.action} {now}"


def _exact(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if value == int(value) else f"{value:.4g}"


def why(entry: dict[str, Any]) -> str:
    """The reason of the choice in a sentence."""
    reason = entry["reason"]
    if reason.startswith("concern."):
        return f"it answers the shopper's concern: {reason.partition('.')[2]}"
    return REASONS.get(reason, f"every action was refused by {reason}")


def headline(entry: dict[str, Any]) -> str:
    """A decision in one line: s-91 at shipping risk 0.81 <- shipping costs 41 s -> ..."""
    signals = entry.get("signals", {})
    causes = [
        told_as.format(_amount(name, signals[name]))
        for name, told_as in TELLING.items()
        if signals.get(name, 0) > 0
    ]
    chosen = entry["chosen"]
    action = chosen["action"].replace("_", " ")
    return (
        f"{entry['session_id']} at {entry['stage']}, risk {entry['risk']:.2f}"
        f" <- {', '.join(causes[:CAUSES_SHOWN]) or 'nothing special'} -> {action}"
        f" ({entry['reason']}, p {chosen['propensity']:.2f})"
    )


def _amount(name: str, value: float) -> str:
    return f"{value / 1000:.0f} s" if name.endswith("_ms") else f"{value:.0f}"


def told(found: dict[str, Any]) -> Iterator[str]:
    """The explanation, line by line."""
    entry = found["decision"]
    trigger = entry["trigger"]
    cause = trigger.get("event_id") or trigger.get("timer")
    at = datetime.fromtimestamp(trigger["now_ms"] / 1000, UTC)
    yield f"{entry['id']}: {entry['chosen']['action']} for {entry['profile_id']}"
    yield f"  because       {found['why']} ({entry['reason']})"
    yield f"  asked by      {trigger['kind']} {cause} at {at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"  journey       {entry['stage']}, session {entry['session_id']}"
    yield f"  risk          {entry['risk']:.3f} by {entry['models'].get('risk')}"
    for driver in found["risk_drivers"]:
        yield f"                {driver['log_odds']:+.2f} log odds  {driver['feature']}"
    concern = sorted(entry["concern"].items(), key=lambda one: -one[1])
    yield "  concern       " + (", ".join(f"{k} {v:.2f}" for k, v in concern) or "no evidence")
    signals = [(name, value) for name, value in entry.get("signals", {}).items() if _telling(name)]
    signals.sort(key=lambda one: -one[1])
    yield "  signals       " + ", ".join(
        f"{name} {_short(value)}" for name, value in signals[:SIGNALS_SHOWN]
    )
    yield "  candidates"
    for candidate in sorted(
        entry["candidates"], key=lambda one: (-one["propensity"], not one["allowed"])
    ):
        yield f"    {_candidate(candidate)}"
    draw = entry["exploration"]
    repeats = "repeats" if found["draw_repeats"] and found["choice_repeats"] else "DOES NOT REPEAT"
    yield f"  draw          {draw['draw']:.6f} by {draw['rule']}, recomputed: {repeats}"
    if entry["command_id"]:
        yield f"  command       {entry['command_id']}"
    if found["policy_at_hand"] != entry["policy"]:
        yield f"  policy        {entry['policy']}; at hand is {found['policy_at_hand']}, so what"
        yield "                would have changed it is not computed (see --policies)"
        return
    yield f"  policy        {entry['policy']}"
    for change in found["flips"]:
        yield f"  would change  {change['text']}"


def _candidate(candidate: dict[str, Any]) -> str:
    name = f"{candidate['action']:24}"
    if not candidate["allowed"]:
        return f"{name} refused by {candidate['refused_by']}"
    return (
        f"{name} p {candidate['propensity']:.4f}  score {candidate['score']:+.4f}"
        f"  value {candidate['value_cents']} cents, cost {candidate['cost_cents']} cents"
    )


def _telling(name: str) -> bool:
    return not name.startswith(("stage_", "pace_", "session_age", "silence_ms", "events_"))


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.3g}"  # noqa: PLR2004
