"""Keyed draws."""

import hashlib

from hypothesis import given
from hypothesis.strategies import integers, text

from orchestrator.online.rng import position_hex, timer_hex, uniform

SAMPLES = 20_000


@given(key=text(), salt=text(max_size=8))
def test_a_draw_lies_in_the_unit_interval_and_repeats(key: str, salt: str) -> None:
    """A draw is in [0, 1), on the grid of 53 bits, and a function of key and salt."""
    draw = uniform(key, salt)
    assert 0.0 <= draw < 1.0
    assert (draw * 2**53).is_integer()
    assert uniform(key, salt) == draw


@given(key=text(alphabet="abc-0123", min_size=1), salt=text(alphabet="xyz", max_size=4))
def test_anybody_can_recompute_a_draw(key: str, salt: str) -> None:
    """The recipe in the docstring gives the same number."""
    digest = hashlib.blake2b(f"{salt}\x1f{key}".encode(), digest_size=8).digest()
    assert uniform(key, salt) == (int.from_bytes(digest, "big") >> 11) * 2.0**-53


def test_a_draw_never_changes() -> None:
    """Ledgers of other years hold these numbers: the recipe is frozen."""
    assert uniform("dec-1") == 0.14453826604514253
    assert position_hex("clickstream", 3, 4711) == "97e4fa92dbe9091fab3b"
    parts = "timer\x1fp-1\x1fs-1\x1fsilence\x1f60000"
    assert timer_hex("p-1", "s-1", "silence", 60_000) == (
        hashlib.blake2b(parts.encode(), digest_size=10).hexdigest()
    )


def test_draws_are_uniform() -> None:
    """Chi-square over 20 equal cells is not rejected at 1e-3 (43.8 at 19 degrees of freedom)."""
    cells = [0] * 20
    for number in range(SAMPLES):
        cells[int(uniform(f"dec-{number}") * 20)] += 1
    expected = SAMPLES / 20
    assert sum((seen - expected) ** 2 / expected for seen in cells) < 43.8


def test_draws_of_different_salts_are_independent() -> None:
    """The correlation of two salts over the same keys is within four standard errors of 0."""
    pairs = [(uniform(str(n), "a") - 0.5, uniform(str(n), "b") - 0.5) for n in range(SAMPLES)]
    correlation = sum(a * b for a, b in pairs) / SAMPLES * 12
    assert abs(correlation) < 4 / SAMPLES**0.5


@given(text(alphabet="ab1", max_size=3), text(alphabet="ab1", max_size=3))
def test_an_id_tells_where_its_parts_begin(profile_id: str, session_id: str) -> None:
    """Twenty hex digits; dividing the text differently gives another id."""
    digits = timer_hex(profile_id, session_id, "silence", 0)
    assert len(digits) == 20
    assert int(digits, 16) >= 0
    assert timer_hex(f"{profile_id}a", session_id, "silence", 0) != digits
    assert timer_hex(profile_id, f"a{session_id}", "silence", 0) != timer_hex(
        f"{profile_id}a", session_id, "silence", 0
    )


@given(partition=integers(0, 999), offset=integers(0, 2**53))
def test_positions_name_decisions(partition: int, offset: int) -> None:
    """The same position gives the same id, the next one another."""
    first = position_hex("clickstream", partition, offset)
    assert first == position_hex("clickstream", partition, offset)
    assert first != position_hex("clickstream", partition, offset + 1)
