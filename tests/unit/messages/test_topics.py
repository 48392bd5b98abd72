"""The registry says what the contract says."""

from pathlib import Path

import pytest

from orchestrator.messages.topics import (
    TOPICS,
    Cleanup,
    Partitions,
    logical,
    markdown,
    partition_count,
    prefixed,
    topic_config,
)

CONTRACT = {
    "clickstream": ("profile_id", "delete"),
    "feedback": ("profile_id", "delete"),
    "profiles": ("profile_id", "compact"),
    "identities": ("profile_id", "delete"),
    "orders": ("profile_id", "delete"),
    "catalog": ("product_id", "compact"),
    "inventory": ("product_id", "compact"),
    "policies": ("kind/name", "compact"),
    "interventions.onsite": ("profile_id", "delete"),
    "interventions.chat": ("profile_id", "delete"),
    "interventions.email": ("profile_id", "delete"),
    "interventions.push": ("profile_id", "delete"),
    "decisions": ("profile_id", "delete"),
    "sessions": ("profile_id", "delete"),
    "rewards": ("profile_id", "delete"),
    "models": ("model_id", "compact"),
    "rankings": ("profile_id", "delete"),
    "bundles": ("profile_id", "delete"),
    "fulfilment.plans": ("profile_id", "delete"),
    "dead-letters": ("the original key", "delete"),
    "merchandising.products": ("product_id", "compact"),
    "orchestrator.state": ("the store's key", "compact"),
    "orchestrator.learner-state": ("the store's key", "compact"),
}


def test_topics_of_the_contract() -> None:
    """Every topic, its key and its cleanup."""
    assert {name: (topic.key, str(topic.cleanup)) for name, topic in TOPICS.items()} == CONTRACT


def test_person_keyed_topics_share_their_partitions() -> None:
    """One worker owns all about a profile, and writes to the partition it reads."""
    for name, topic in TOPICS.items():
        if topic.key == "profile_id":
            assert topic.partitions is Partitions.SHARED, name
    assert partition_count("clickstream", 12) == partition_count("orchestrator.state", 12) == 12
    assert partition_count("models", 12) == 1


def test_settings_of_creation() -> None:
    """Strings, as the AdminClient takes them; dead letters hold values larger than any input."""
    for name, topic in TOPICS.items():
        config = topic_config(name)
        assert config["cleanup.policy"] == str(topic.cleanup)
        assert ("retention.ms" in config) == (topic.cleanup is Cleanup.DELETE)
        assert all(isinstance(value, str) for value in config.values())
    assert topic_config("dead-letters")["max.message.bytes"] == str(4 * 1024 * 1024)
    assert int(topic_config("clickstream")["retention.ms"]) < 30 * 86_400_000


def test_prefix() -> None:
    """Several installations on one cluster: names differ, and each finds its own again."""
    assert prefixed("orders", "eu.") == "eu.orders"
    assert logical("eu.orders", "eu.") == "orders"
    assert logical("orders", "eu.") is None
    assert logical("eu.others", "eu.") is None
    assert logical(prefixed("orders")) == "orders"


def test_key_of() -> None:
    """The record key belonging to a value; a dead letter's is not in it."""
    assert TOPICS["orders"].key_of({"profile_id": "p"}) == "p"
    assert TOPICS["policies"].key_of({"kind": "Reward", "name": "margin"}) == "Reward/margin"
    with pytest.raises(KeyError):
        TOPICS["dead-letters"].key_of({})


def test_page_of_the_docs_is_current() -> None:
    """docs/topics.md is `orchestrator.messages.topics.markdown()`."""
    page = Path(__file__).parents[3] / "docs" / "topics.md"
    assert page.read_text() == markdown()
    assert markdown().count("\n| `") == len(TOPICS)
