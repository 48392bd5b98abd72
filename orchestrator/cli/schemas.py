"""`orchestrator schemas export|check`."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.options import Json
from orchestrator.cli.output import err, guarded, json_line, out
from orchestrator.errors import OrchestratorError

app = typer.Typer(no_args_is_help=True)
Folder = Annotated[Path, typer.Option("--dir", help="The folder of schemas.")]
_FOLDER = Path("schemas")


class SchemasDiffer(OrchestratorError):
    """The folder is not what the models would write."""

    code = "E140"
    exit_status = 5


@app.command()
@guarded
def export(folder: Folder = _FOLDER, as_json: Json = False) -> None:
    """Write JSON Schemas and AsyncAPI anew from the models; examples stay as they are."""
    from orchestrator.domain.decisioning.schemas import policy_schemas  # noqa: PLC0415
    from orchestrator.messages.schema import export as write  # noqa: PLC0415 (slow to import)

    written = write(folder)
    for name, content in policy_schemas().items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.append(path)
    for path in written:
        if as_json:
            json_line({"type": "schema_written", "path": str(path)})
        else:
            out.print(str(path), markup=False)


@app.command()
@guarded
def check(folder: Folder = _FOLDER, as_json: Json = False) -> None:
    """Compare the folder with the models; exit 5 where it differs."""
    from orchestrator.domain.decisioning.schemas import policy_schemas  # noqa: PLC0415
    from orchestrator.messages.schema import check as compare  # noqa: PLC0415 (slow to import)

    findings = compare(folder)
    for name, content in policy_schemas().items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            findings.append(f"{path} differs from the models of the policies")
    for finding in findings:
        if as_json:
            json_line({"type": "schema_finding", "finding": finding})
        else:
            err.print(finding, markup=False)
    if findings:
        raise SchemasDiffer(
            f"{len(findings)} of the files under {folder} differ from the models.",
            way_out="Write them anew with: orchestrator schemas export",
        )
    if not as_json:
        out.print(f"{folder} is what the models say", markup=False)
