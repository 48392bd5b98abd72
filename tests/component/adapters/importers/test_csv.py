"""A line of a CSV file is one row, whatever is wrong with it."""

import csv
import io
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.adapters.importers import read
from tests.component.adapters.importers.files import REES46, RETAIL, Write, values

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12)


def test_a_quote_that_is_not_closed_costs_its_line(write: Write) -> None:
    """Also in a long file, and at the end of one without a line's end; others are kept as told."""
    good = [f"2019-10-01 00:00:00 UTC,view,{at},2,c,b,1,u,s" for at in range(4000)]
    bad = '2019-10-01 00:00:00 UTC,view,1,2,"c,b,1,u,s'
    path = write(REES46, *good[:1000], bad, *good[1000:], bad)
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    rows = list(read(path, "rees46-csv"))
    assert Counter(row.skipped for row in rows) == {"": 4000, "bad_row": 2}
    assert rows[1000].skipped == rows[-1].skipped == "bad_row"
    assert [value["properties"]["product_id"] for value in values(rows)] == [
        str(at) for at in range(4000)
    ]


@pytest.mark.parametrize(
    ("told", "category"),
    [('"a, ""b"""', 'a, "b"'), ('5" screen', '5" screen'), ('"a"b', "ab"), ("a\0b", "a\0b")],
)
def test_quotes_within_a_line_are_read(write: Write, told: str, category: str) -> None:
    """Closed ones, and those that open nothing."""
    row = f"2019-10-01 00:00:00 UTC,view,1,2,{told},b,1,u,s"
    (value,) = values(list(read(write("\ufeff" + REES46 + "\r", row + "\r"), "rees46-csv")))
    assert value["properties"]["category"] == category


@pytest.mark.parametrize(("form", "header"), [("rees46-csv", REES46), ("retailrocket-csv", RETAIL)])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=st.lists(st.lists(cells, min_size=1, max_size=11), max_size=12))
def test_any_csv_row_is_one_row(
    form: str, header: str, table: list[list[str]], write: Write
) -> None:
    """Whatever cells a CSV file holds: as many rows out as rows, and no error."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header.split(","), *table])
    path = write(text.getvalue().rstrip("\n"))
    assert len(list(read(path, form))) == len(table)


@pytest.mark.parametrize(("form", "header"), [("rees46-csv", REES46), ("retailrocket-csv", RETAIL)])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text(st.sampled_from('",a1 \0\ufeff'), max_size=12) | cells, max_size=12))
def test_any_csv_line_is_one_row(form: str, header: str, lines: list[str], write: Write) -> None:
    """Whatever characters a line of a CSV file holds: as many rows as lines, and no error."""
    assert len(list(read(write(header, *lines), form))) == len(lines)
