"""Keyed state of a partition: in memory, or in memory with RocksDB behind for what is too much.

The changelog is the truth. A spilled table is a place to put rows, not a second truth: it is wiped
when a partition is taken over and filled from the changelog, so it can never disagree with it.
"""

import shutil
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
from rocksdict import AccessType, Options, Rdict, WriteBatch

from orchestrator.types import Keyed

S = TypeVar("S", bound=Keyed)


class MemoryTable(Generic[S]):
    """All states live in one dict."""

    def __init__(self) -> None:
        self._states: dict[str, S] = {}
        self.get = self._states.get
        """Straight to the dict: the hot loop calls it for every record."""

    def put(self, key: str, state: S) -> None:
        self._states[key] = state

    def delete(self, key: str) -> None:
        self._states.pop(key, None)

    def __len__(self) -> int:
        return len(self._states)

    def commit(self, rows: Mapping[str, bytes | None]) -> None:
        """Nothing to do: the objects are the state."""

    def clear(self) -> None:
        self._states.clear()

    def close(self) -> None:
        self._states.clear()


class SpillTable(Generic[S]):
    """The states used last live in a dict, all committed rows in RocksDB.

    A state changed since the last commit is pinned in memory, so RocksDB only ever holds committed
    rows, in the changelog's own form `{"b": batch, "s": state}`.

    Args:
        path: A directory of this table's own; wiped at the start.
        load: A row's plain JSON values to a state.
        hot: How many states to keep as objects after a commit.
    """

    def __init__(self, path: Path, load: Callable[[Any], S], hot: int = 100_000) -> None:
        self._path = path
        self._load = load
        self._hot_limit = hot
        self._hot: OrderedDict[str, S] = OrderedDict()
        self._gone: set[str] = set()
        self._pinned: set[str] = set()
        self._count = 0
        self._rows = self._open()

    def get(self, key: str) -> S | None:
        state = self._hot.get(key)
        if state is not None:
            self._hot.move_to_end(key)
            return state
        if key in self._gone:
            return None
        row = self._rows.get(key.encode())
        if row is None:
            return None
        state = self._load(orjson.loads(row)["s"])
        self._hot[key] = state
        return state

    def put(self, key: str, state: S) -> None:
        if key not in self._hot and not self._is_stored(key):
            self._count += 1
        self._hot[key] = state
        self._hot.move_to_end(key)
        self._gone.discard(key)
        self._pinned.add(key)

    def delete(self, key: str) -> None:
        if self._hot.pop(key, None) is not None or self._is_stored(key):
            self._count -= 1
        self._pinned.discard(key)
        self._gone.add(key)

    def __len__(self) -> int:
        return self._count

    def commit(self, rows: Mapping[str, bytes | None]) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, row in rows.items():
            if row is None:
                batch.delete(key.encode())
            else:
                batch.put(key.encode(), row)
        if rows:
            self._rows.write(batch)
        self._pinned.difference_update(rows)
        self._gone.clear()
        excess = len(self._hot) - self._hot_limit
        if excess > 0:
            coldest = [key for key in self._hot if key not in self._pinned][:excess]
            for key in coldest:
                del self._hot[key]

    def clear(self) -> None:
        self._rows.close()
        self._hot.clear()
        self._gone.clear()
        self._pinned.clear()
        self._count = 0
        self._rows = self._open()

    def close(self) -> None:
        self._hot.clear()
        self._rows.close()
        shutil.rmtree(self._path, ignore_errors=True)

    def _is_stored(self, key: str) -> bool:
        return key not in self._gone and key.encode() in self._rows

    def _open(self) -> Rdict:
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        options = Options(raw_mode=True)
        options.create_if_missing(create_if_missing=True)
        # the changelog is the truth: no log, no sync
        return Rdict(str(self._path), options, access_type=AccessType.read_write())
