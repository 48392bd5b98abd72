"""Every block of code in the docs is what it says: it compiles, parses, validates, or would run."""

import json
import re
from pathlib import Path

import pytest
import yaml

from orchestrator.messages.parse import validate_payload
from tests.docs.commands import command_lines, refusal, unknown
from tests.docs.pages import ROOT, Block, blocks, inline, pages

BLOCKS = list(blocks())
SHELL = [block for block in BLOCKS if block.language in {"bash", "sh", "console", ""}]
LANGUAGES = {"bash", "sh", "console", "python", "json", "yaml", "text", ""}


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def test_every_block_is_of_a_language_that_is_checked() -> None:
    """Another one would be checked by nobody."""
    assert [block.place for block in BLOCKS if block.language not in LANGUAGES] == []


@pytest.mark.parametrize("block", of("python"), ids=lambda block: block.place)
def test_python_compiles(block: Block) -> None:
    """Python blocks are Python; those that are files are run by test_snippets.py."""
    compile(block.text, block.place, "exec")


@pytest.mark.parametrize("block", of("yaml"), ids=lambda block: block.place)
def test_yaml_parses(block: Block) -> None:
    """YAML blocks are YAML."""
    assert list(yaml.safe_load_all(block.text))


@pytest.mark.parametrize("block", of("json"), ids=lambda block: block.place)
def test_json_is_a_message_of_its_topic(block: Block) -> None:
    """JSON blocks parse, and one marked `message: TOPIC` is valid by its model, strictly."""
    value = json.loads(block.text)
    kind, topic = block.mark
    if kind == "message":
        validate_payload(topic, value)


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_commands_are_ours(block: Block) -> None:
    """The CLI takes every command line of ours, with its options and arguments."""
    lines = [line for line in command_lines(block.text) if line.startswith("orchestrator ")]
    assert [why for line in lines if (why := refusal(line))] == []


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_make_targets_exist(block: Block) -> None:
    """`make TARGET` names a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = [line.split()[1] for line in command_lines(block.text) if line.startswith("make ")]
    assert set(named) <= targets


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_prose_exist(page: Path) -> None:
    """A command named between backticks exists, with every option it names."""
    named = [text for text in inline(page) if text.startswith("orchestrator ")]
    assert [why for text in named if (why := unknown(text))] == []


def test_the_check_of_commands_can_fail() -> None:
    """A wrong option, a missing argument and a wrong command are found."""
    assert refusal("orchestrator worker --brokr x")
    assert refusal("orchestrator explain")
    assert unknown("orchestrator reply FILE")
    assert refusal("orchestrator replay x.jsonl --dry --format rees46-csv") == ""
