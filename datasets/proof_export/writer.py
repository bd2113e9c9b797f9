"""Writes the rows of one recipe and split, in batches and shards, in bounded memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from aludel.errors import InvalidRequest
from aludel.proof_export.recipes import Recipe
from aludel.proof_export.rows import Row
from aludel.proof_export.shards import (
    Origin,
    Shard,
    ShardFile,
    ShardJournal,
    changed,
    unfinished_path,
)
from aludel.proof_export.sinks import FORMATS, Batch, Sink

BATCH_ROWS = 2_048
BATCH_CHARS = 8 * 2**20


@dataclass(frozen=True, slots=True)
class DataFile:
    """One finished file. ``path`` is relative to the export's folder, with forward slashes."""

    path: str
    recipe: str
    split: str
    format: str
    rows: int
    bytes: int
    sha256: str


def make_rows(recipe: Recipe[Any], record: Any) -> tuple[Row, ...]:  # noqa: ANN401 - of its feed
    """Return the rows of one record.

    Raises:
        InvalidRequest: a value of the record does not fit the schema.
    """
    try:
        return tuple(recipe.rows(record))
    except ValidationError as error:
        first = error.errors()[0]
        column = ".".join(str(part) for part in first["loc"])
        feed = recipe.feed
        raise InvalidRequest(
            f"{feed.noun} {feed.theorem(record).name!r} does not fit: {first['msg']}",
            field=f"{recipe.name}.{column}",
            fix="correct or delete the record",
        ) from error


class ShardWriter:
    """Streams rows into ``data/RECIPE/SPLIT-NNNNN-of-NNNNN.FORMAT`` under ``root``.

    A batch is closed at :data:`BATCH_ROWS` rows or :data:`BATCH_CHARS` characters, whichever comes
    first, so that long texts do not grow the memory; a shard is closed at ``shard_rows`` rows.
    Shards that an earlier export left are counted through, not written again.
    """

    def __init__(
        self,
        recipe: Recipe[Any],
        split: str,
        root: Path,
        formats: Sequence[str],
        shard_rows: int,
        journal: ShardJournal,
    ) -> None:
        self._recipe = recipe
        self._split = split
        self._root = root
        self._formats = formats
        self._shard_rows = shard_rows
        self._journal = journal
        self._left = journal.left(recipe.name, split)
        self._shards: list[Shard] = []
        self._open: list[tuple[Sink, BinaryIO]] = []
        self._start_shard()

    def push(self, row: Row, identity: str) -> None:
        """Append one row of the record that ``identity`` names.

        Raises:
            Conflict: an earlier export left other rows here.
            OSError: the file system refuses.
        """
        self._origin.add(identity)
        self._rows += 1
        left = self._left[len(self._shards)] if len(self._shards) < len(self._left) else None
        if left is not None:
            if self._rows == left.rows:
                self._take_over(left)
            return
        self._batch.add(row)
        if self._rows == self._shard_rows:
            self._close_shard()
        elif self._batch.rows == BATCH_ROWS or self._batch.chars >= BATCH_CHARS:
            self._flush()

    def finish(self, *, at_least_one: bool) -> list[DataFile]:
        """Write what is left, name the shards, and return the finished files.

        Args:
            at_least_one: write a file even without rows.
        """
        if len(self._shards) < len(self._left):
            raise changed()
        if self._rows or (at_least_one and not self._shards):
            self._close_shard()
        return [self._named(shard, name) for name in self._formats for shard in self._shards]

    def abort(self) -> None:
        """Let go of the open files, whose content no longer matters."""
        for sink, handle in self._open:
            with suppress(OSError, ValueError):
                sink.close()
            with suppress(OSError):
                handle.close()
        self._open = []

    def _start_shard(self) -> None:
        self._rows = 0
        self._batch = Batch(self._recipe.row, self._formats)
        self._origin = Origin()

    def _take_over(self, left: Shard) -> None:
        if self._origin.digest() != left.origin:
            raise changed()
        self._shards.append(left)
        self._start_shard()

    def _flush(self) -> None:
        if not self._open:
            self._open_files()
        for sink, _ in self._open:
            sink.write(self._batch)
        self._batch = Batch(self._recipe.row, self._formats)

    def _open_files(self) -> None:
        for name in self._formats:
            path = self._path(len(self._shards), name)
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = path.open("xb")
            try:
                sink = FORMATS[name](handle, self._recipe.row)
            except BaseException:
                handle.close()
                raise
            self._open.append((sink, handle))

    def _close_shard(self) -> None:
        if self._batch.rows:
            self._flush()
        elif not self._open:
            self._open_files()  # an empty file, so that the recipe has one
        for sink, handle in self._open:
            sink.close()
            handle.flush()
            os.fsync(handle.fileno())
            handle.close()
        self._open = []
        number = len(self._shards)
        shard = Shard(
            recipe=self._recipe.name,
            split=self._split,
            number=number,
            rows=self._rows,
            origin=self._origin.digest(),
            files={name: _measured(self._path(number, name)) for name in self._formats},
        )
        self._journal.add(shard)
        self._shards.append(shard)
        self._start_shard()

    def _path(self, number: int, name: str) -> Path:
        return self._root / unfinished_path(self._recipe.name, self._split, number, name)

    def _named(self, shard: Shard, name: str) -> DataFile:
        unfinished = self._path(shard.number, name)
        final = f"{self._split}-{shard.number:05d}-of-{len(self._shards):05d}.{name}"
        path = unfinished.rename(unfinished.with_name(final))
        return DataFile(
            path=path.relative_to(self._root).as_posix(),
            recipe=shard.recipe,
            split=shard.split,
            format=name,
            rows=shard.rows,
            **shard.files[name].model_dump(),
        )


def _measured(path: Path) -> ShardFile:
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return ShardFile(bytes=path.stat().st_size, sha256=digest)
