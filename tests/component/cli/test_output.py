"""Tables for people."""

import pytest

from orchestrator.cli.output import summary_tables, table


def test_numbers_stand_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    """And words to the left; a wide table is neither cut nor folded."""
    table("Found", ("", "how_many"), [("some_action", 7), ("x" * 300, 12_345)])
    title, head, first, second = capsys.readouterr().out.splitlines()
    assert (title, head.split()) == ("Found", ["how", "many"])
    assert first == "some_action".ljust(302) + "       7"
    assert second == "x" * 300 + "  " + "   12345"


def test_a_summary_has_no_mapping_within_a_cell(capsys: pytest.CaptureFixture[str]) -> None:
    """Mappings of mappings have columns; what is nested in those is a table of its own."""
    row = {"times": 3, "mean": 0.5, "without": {"times": 2}}
    summary_tables("All", {"type": "t", "records": 9, "by_stage": {"cart": row}, "none": {}})
    assert capsys.readouterr().out.splitlines() == [
        "All",
        "records  9",
        "",
        "by stage",
        "      times   mean",
        "cart      3  0.500",
        "",
        "by stage, without",
        "      times",
        "cart      2",
    ]
