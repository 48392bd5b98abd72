"""The AsyncAPI document passes the specification's own parser, where Node is present."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "var" / "asyncapi-parser-3.6.3"
PARSE = """
const {Parser, fromFile} = require('@asyncapi/parser');
fromFile(new Parser(), process.argv[1]).parse().then(({document, diagnostics}) => {
  console.log(JSON.stringify({parsed: Boolean(document), diagnostics}));
});
"""


@pytest.fixture(scope="module")
def parser() -> Path:
    """A folder with `@asyncapi/parser` in it, installed once."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("npm or node is missing")
    if not (CACHE / "node_modules" / "@asyncapi" / "parser").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / "package.json").write_text("{}")
        install = ["npm", "install", "--no-audit", "--no-fund", "@asyncapi/parser@3.6.3"]
        done = subprocess.run(install, cwd=CACHE, capture_output=True, check=False, timeout=150)
        if done.returncode:
            pytest.skip("npm could not install @asyncapi/parser 3.6.3")
    return CACHE


def findings(parser: Path, document: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["node", "-e", PARSE, str(document)],
        cwd=parser,
        capture_output=True,
        check=True,
        timeout=60,
    )
    result = json.loads(done.stdout)
    found: list[dict[str, Any]] = result["diagnostics"]
    assert result["parsed"] or found
    return found


@pytest.mark.slow
def test_the_document_is_valid(parser: Path) -> None:
    """No error, no warning."""
    assert findings(parser, ROOT / "schemas" / "asyncapi.yaml") == []


@pytest.mark.slow
def test_the_parser_would_find_a_fault(parser: Path, tmp_path: Path) -> None:
    """A binding that breaks its schema is named, and so is a reference to nothing."""
    shutil.copytree(ROOT / "schemas" / "json", tmp_path / "json")
    text = (ROOT / "schemas" / "asyncapi.yaml").read_text()
    broken = tmp_path / "asyncapi.yaml"
    broken.write_text(text.replace("partitions: 1\n", "partitions: one\n", 1))
    assert any("partitions" in fault["path"] for fault in findings(parser, broken))
    broken.write_text(text.replace("#/$defs/SectionDwelled", "#/$defs/Nothing"))
    assert findings(parser, broken)
