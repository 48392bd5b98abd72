"""`orchestrator topics create|list`."""

from typing import Annotated

import typer

from orchestrator.cli.options import Broker, Extra, Json, TopicPrefix, connection
from orchestrator.cli.output import guarded, json_line, out, table

app = typer.Typer(no_args_is_help=True)


@app.command()
@guarded
def create(
    broker: Broker = "",
    partitions: Annotated[
        int, typer.Option("--partitions", min=1, help="Of every person-keyed topic.")
    ] = 12,
    replication: Annotated[
        int, typer.Option("--replication", min=-1, help="-1: the broker's default.")
    ] = -1,
    extra: Extra = None,
    topic_prefix: TopicPrefix = "",
    as_json: Json = False,
) -> None:
    """Create the topics that are missing; those that exist are left as they are."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)

    place = connection(broker, extra, topic_prefix=topic_prefix)
    created = wiring.create_topics(place, partitions, replication)
    if as_json:
        for name in created:
            json_line({"type": "topic_created", "topic": name})
    else:
        out.print(f"{len(created)} topics created" if created else "all topics exist")


@app.command("list")
@guarded
def show(
    broker: Broker = "", extra: Extra = None, topic_prefix: TopicPrefix = "", as_json: Json = False
) -> None:
    """Show each topic of the contract with its partitions on the broker."""
    from orchestrator import wiring  # noqa: PLC0415 (loads the Kafka client)
    from orchestrator.messages.topics import TOPICS, prefixed  # noqa: PLC0415 (slow to import)

    place = connection(broker, extra, topic_prefix=topic_prefix)
    present = wiring.admin(place).describe()
    rows = [
        (prefixed(topic.name, topic_prefix), present.get(prefixed(topic.name, topic_prefix)), topic)
        for topic in TOPICS.values()
    ]
    if as_json:
        for name, count, _ in rows:
            json_line({"type": "topic", "topic": name, "partitions": count})
        return
    table(
        f"Topics on {place.broker}",
        ("topic", "partitions", "key", "carries"),
        ((name, count or "missing", topic.key, topic.title) for name, count, topic in rows),
    )
