"""History that comes into a log whose time is already further on."""

from tests.builders import click
from tests.unit.processors.journey.rig import DAY, Story


def test_an_old_session_in_a_log_that_is_further_on_is_one_session() -> None:
    """Its events are older than the partition's time, and still fold into one session."""
    story = Story()
    story.tell(click("page_viewed", at=2 * DAY, profile="p-today"))
    story.tell(
        *(
            click("product_viewed", at=60 * n, profile="p-old", product_id=f"p-{n}")
            for n in range(5)
        )
    )
    story.tell(click("page_viewed", at=3 * DAY, profile="p-today"))
    closed = [
        emit.value
        for emit in story.emits
        if emit.topic == "sessions" and emit.value and emit.value["profile_id"] == "p-old"
    ]
    assert [row["events_count"] for row in closed] == [5]
    assert not story.fold.dead_letters
