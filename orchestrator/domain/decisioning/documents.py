"""Policy files to plain documents, each knowing the line of every value. Bounded, no code runs.

YAML is read as its core schema only: `yes`, `on` and `no` are words, `21:00` is text, and there
are no tags, anchors or aliases, so that a small file can't become a large document.
"""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import yaml

from orchestrator.errors import InvalidPolicy

TEXT_MAX = 512 * 1024
DOCUMENTS_MAX = 300
DEPTH_MAX = 24


class File(Protocol):
    """A file or a folder of files: a path, or a resource of a package."""

    @property
    def name(self) -> str: ...

    def is_dir(self) -> bool: ...

    def iterdir(self) -> Iterator[Any]: ...

    def read_text(self, encoding: str) -> str: ...


Source: TypeAlias = File | tuple[str, str] | Mapping[str, Any]
"""A file, a folder, a (name, YAML or JSON text), or a document that is parsed already."""
SUFFIXES = (".yaml", ".yml", ".json")
"""Files of a folder that are read; others may lie beside them."""


class Parsed(NamedTuple):
    """One document and where it stands."""

    source: str
    data: Any
    node: yaml.Node | None

    def where(self, path: Sequence[str | int]) -> str:
        """`file:line` of the value at a path, or of the nearest value around it."""
        node = self.node
        if node is None:
            return self.source
        line = node.start_mark.line
        for step in path:
            node = _child(node, step)
            if node is None:
                break
            line = node.start_mark.line
        return f"{self.source}:{line + 1}"


def _child(node: yaml.Node, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value  # type: ignore[no-any-return]  # PyYAML's nodes are untyped
    return node if isinstance(step, str) else None


class _Loader(yaml.SafeLoader):
    """Safe, core schema, no aliases, no key twice, not too deep."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's
    nesting = 0

    def __init__(self, text: str) -> None:
        """Read with libyaml where PyYAML has it: a fifth of the time, the same events and lines.

        `CSafeLoader` would compose in C too, where aliases and depth can't be refused.
        """
        super().__init__("" if yaml.__with_libyaml__ else text)
        if yaml.__with_libyaml__:
            events = yaml.cyaml.CParser(text)  # type: ignore[attr-defined]  # the stubs hide it
            for name in ("check_event", "peek_event", "get_event"):
                setattr(self, name, getattr(events, name))

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise self._refused("aliases are not read; write the value out")
        self.nesting += 1
        if self.nesting > DEPTH_MAX:
            raise self._refused(f"nested deeper than {DEPTH_MAX} levels")
        node = super().compose_node(parent, index)
        self.nesting -= 1
        return node

    def _refused(self, problem: str) -> yaml.YAMLError:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs lack it
        return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key must be a word", problem_mark=key.start_mark
                )
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} stands here twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=True)


for _tag, _pattern, _first in (
    ("null", r"^(?:null|Null|NULL|~|)$", "nN~"),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9][0-9_]*$", "-+0123456789"),
    ("float", r"^[-+]?(?:[0-9][0-9_]*\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(_pattern),
        ["", *_first] if _tag == "null" else list(_first),
    )


def _int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    return int(node.value.replace("_", ""))


def _forbidden(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    raise yaml.MarkedYAMLError(
        problem=f"tags such as !{suffix} are not read", problem_mark=node.start_mark
    )


_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_multi_constructor("!", _forbidden)


def parse(source: Source) -> list[Parsed]:
    """The documents of one source.

    Raises:
        InvalidPolicy: Too large, not YAML, or not a document.
    """
    if isinstance(source, Mapping):
        kind, name = source.get("kind"), source.get("name")
        return [Parsed(f"{kind}/{name}", source, None)]
    if isinstance(source, tuple):
        return _parse_text(*source)
    if source.is_dir():
        return [one for file in _files(source) for one in _parse_text(str(file), _text(file))]
    return _parse_text(str(source), _text(source))


def _files(folder: File) -> list[File]:
    """The policy files of a folder, in the order of their names."""
    found = {file.name: file for file in folder.iterdir() if file.name.endswith(SUFFIXES)}
    if not found:
        raise InvalidPolicy(
            f"{folder}: no policy files ({', '.join(SUFFIXES)}) in this folder.",
            way_out="Give the folder that holds them; the shipped ones are in the package.",
        )
    return [found[name] for name in sorted(found)]


def _parse_text(name: str, text: str) -> list[Parsed]:
    if len(text) > TEXT_MAX:
        raise InvalidPolicy(
            f"{name}: {len(text)} characters; a policy file has at most {TEXT_MAX}.",
            way_out="Split it into several files.",
        )
    try:
        found = list(_documents(name, text))
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidPolicy(
            f"{name}{_mark(error)}: {getattr(error, 'problem', None) or 'not YAML'}.",
            way_out="Correct the file there; `orchestrator policy check` tells when it is right.",
        ) from error
    if len(found) > DOCUMENTS_MAX:
        raise InvalidPolicy(
            f"{name}: {len(found)} documents; a file has at most {DOCUMENTS_MAX}.",
            way_out="Split it into several files.",
        )
    return found


def _text(source: File) -> str:
    try:
        return source.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidPolicy(
            f"{source}: can't be read ({error}).",
            way_out="Give a readable UTF-8 file, or the directory that holds the policies.",
        ) from error


def _documents(name: str, text: str) -> list[Parsed]:
    loader = _Loader(text)
    found: list[Parsed] = []
    try:
        while loader.check_node():
            node = loader.get_node()
            data = loader.construct_document(node)
            if data is not None:
                found.append(Parsed(name, data, node))
    finally:
        loader.dispose()
    return found


def _mark(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""
