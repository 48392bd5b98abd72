"""Laws of propensities and of the draw."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers, lists, sampled_from

from orchestrator.domain.decisioning import choose, decide, inverse_gap
from orchestrator.domain.decisioning.arbitration import best_of, greedy
from orchestrator.online.rng import uniform
from tests.unit.domain.decisioning.situations import EVERYTHING, policies, situation

FLOOR = 0.002
POLICIES = policies(ContactPolicy={"holdout_share": 0.0})
scores = lists(floats(-5, 5).map(lambda score: round(score, 6)), max_size=40).map(
    lambda found: [*found, 0.0]
)
situations = sampled_from(["cart", "shipping", "payment", "product", "browse", "review"])


@given(scores=scores, gamma=floats(0.01, 1e5), floor=sampled_from([1e-9, FLOOR, 0.01]))
def test_propensities_are_a_distribution_with_a_floor(
    scores: list[float], gamma: float, floor: float
) -> None:
    """They sum to 1 within 1e-9, none is below the floor, none has more than twelve digits."""
    for shares in (inverse_gap(scores, gamma, floor), greedy(scores, floor)):
        assert abs(sum(shares) - 1.0) < 1e-9
        assert min(shares) >= floor - 1e-12
        assert all(round(share, 12) == share for share in shares)


@given(scores=scores, gamma=floats(0.01, 1e5))
def test_a_better_score_never_has_a_lower_propensity(scores: list[float], gamma: float) -> None:
    """Propensities are ordered as the scores are."""
    shares = inverse_gap(scores, gamma, FLOOR)
    ranked = sorted(zip(scores, shares, strict=True))
    for (low, less), (high, more) in pairwise(ranked):
        assert low == high or less <= more + 1e-12


@given(scores=scores, factor=floats(0.01, 100))
def test_propensities_do_not_depend_on_the_unit_of_scores(
    scores: list[float], factor: float
) -> None:
    """Scores are normalised within the decision: cents or euros, the propensities are the same."""
    scaled = inverse_gap([score * factor for score in scores], 40.0, FLOOR)
    assert scaled == pytest.approx(inverse_gap(scores, 40.0, FLOOR), abs=1e-6)


@given(scores=scores)
def test_one_disaster_does_not_make_the_others_look_alike(scores: list[float]) -> None:
    """What loses more than the best wins counts as losing just that."""
    best = max(scores)
    if best > 0:
        clipped = [max(score, -best) for score in scores]
        assert inverse_gap(scores, 40.0, FLOOR) == inverse_gap(clipped, 40.0, FLOOR)


def test_of_equal_scores_doing_nothing_is_best() -> None:
    """An action must be better than nothing to be the best; of equal actions the first is."""
    assert best_of([0.0, -1.0, 0.0]) == 2
    assert best_of([0.1, 0.1, 0.0]) == 0


@given(shares=lists(integers(0, 1000), min_size=1).filter(any), draw=floats(0, 1, exclude_max=True))
def test_the_choice_is_the_inverse_of_the_running_sum(shares: list[int], draw: float) -> None:
    """A candidate is drawn for exactly its share of draws, and never one without a share."""
    vector = [round(share / sum(shares), 12) for share in shares]
    index = choose(vector, draw)
    assert vector[index] > 0
    assert sum(vector[:index]) <= draw + 1e-9
    if index < max(at for at, share in enumerate(vector) if share > 0):
        assert draw < sum(vector[: index + 1]) + 1e-9


@given(number=integers(0, 10**9), stage=situations, risk=floats(0, 1))
def test_the_draw_is_made_from_the_logged_vector(number: int, stage: str, risk: float) -> None:
    """From the ledger entry alone anybody finds the same choice."""
    decision_id = f"dec-{number}"
    decision = decide(POLICIES, situation(EVERYTHING, stage=stage, risk=risk), decision_id)
    logged = [row["propensity"] for row in decision.candidates]
    assert decision.draw == uniform(decision_id)
    assert choose(logged, decision.draw) == decision.index
    assert decision.chosen["propensity"] == logged[decision.index]


@given(stage=situations, risk=floats(0, 1), cart_cents=integers(0, 10**6))
def test_only_allowed_candidates_have_a_propensity(
    stage: str, risk: float, cart_cents: int
) -> None:
    """The mask comes first: refused ones have 0, the allowed ones sum to 1 and keep the floor."""
    seen = situation(EVERYTHING, {"cart_value_cents": cart_cents}, stage=stage, risk=risk)
    decision = decide(POLICIES, seen, "dec-1")
    allowed = [row for row in decision.candidates if row["allowed"]]
    refused = [row for row in decision.candidates if not row["allowed"]]
    assert len(decision.candidates) == len(POLICIES.plans) + 1
    assert decision.candidates[-1]["action"] == "do_nothing"
    assert allowed[-1]["action"] == "do_nothing"
    assert abs(sum(row["propensity"] for row in allowed) - 1.0) < 1e-9
    assert all(row["propensity"] >= FLOOR - 1e-12 for row in allowed)
    assert all(row["propensity"] == 0.0 and row["refused_by"] for row in refused)


def test_realised_draws_follow_the_logged_propensities() -> None:
    """Chi-square over 4,000 decisions is not rejected at 1e-3."""
    seen = situation(EVERYTHING)
    count = 4_000
    counts: dict[str, int] = {}
    for number in range(count):
        action = decide(POLICIES, seen, f"dec-{number:05}").action
        counts[action] = counts.get(action, 0) + 1
    rows = decide(POLICIES, seen, "dec-0").candidates
    shares = {row["action"]: row["propensity"] for row in rows if row["allowed"]}
    assert len(shares) >= 5
    statistic = sum(
        (counts.get(action, 0) - count * share) ** 2 / (count * share)
        for action, share in shares.items()
    )
    quantile = {4: 18.5, 5: 20.5, 6: 22.5, 7: 24.3, 8: 26.1, 9: 27.9, 10: 29.6}[len(shares) - 1]
    assert statistic < quantile


def test_a_decision_is_a_function_of_its_arguments() -> None:
    """Same policies, situation and id: the same ledger lines; another id: the same propensities."""
    seen = situation(EVERYTHING)
    first, again = decide(POLICIES, seen, "dec-1"), decide(POLICIES, seen, "dec-1")
    assert (first.candidates, first.chosen) == (again.candidates, again.chosen)
    assert decide(POLICIES, seen, "dec-2").candidates == first.candidates


def test_greedy_gives_the_best_all_but_the_floors() -> None:
    """The rule `greedy` keeps the floor, so that every candidate can be evaluated."""
    decision = decide(
        policies(Arbitration={"rule": "greedy"}, ContactPolicy={"holdout_share": 0.0}),
        situation(EVERYTHING),
        "dec-1",
    )
    shares = sorted(row["propensity"] for row in decision.candidates if row["allowed"])
    assert shares[:-1] == [FLOOR] * (len(shares) - 1)
    assert decision.exploration["rule"] == "greedy"
