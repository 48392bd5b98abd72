"""`python -m tests.golden.rewrite`: write every scenario's `emits.jsonl` anew."""

from tests.golden.scenarios import FOLDER, NAMES, emits, lines

if __name__ == "__main__":
    for name in NAMES:
        target = FOLDER / name / "emits.jsonl"
        wanted = lines(emits(name))
        if not target.exists() or target.read_bytes() != wanted:
            target.write_bytes(wanted)
            print(f"rewritten: {target.relative_to(FOLDER.parent.parent)}")  # noqa: T201 - a tool
