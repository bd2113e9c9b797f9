"""Writes the rows of one recipe, in batches and shards, with memory bounded by one batch."""

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
from proof_export.recipes import Recipe
from proof_export.rows import Row
from proof_export.sinks import FORMATS, Batch, Sink

BATCH_ROWS = 4_096
BATCH_CHARS = 8 * 2**20
SPLIT = "train"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One finished file. ``path`` is relative to the export's folder, with forward slashes."""

    path: str
    recipe: str
    format: str
    rows: int
    bytes: int
    sha256: str


class RecipeWriter:
    """Streams records into ``data/RECIPE/train-NNNNN-of-NNNNN.{jsonl,parquet}`` under ``root``.

    A batch is closed at :data:`BATCH_ROWS` rows or :data:`BATCH_CHARS` characters, whichever comes
    first, so that long texts do not grow the memory; a shard is closed at ``shard_rows`` rows.
    """

    def __init__(
        self, recipe: Recipe[Any], root: Path, formats: Sequence[str], shard_rows: int
    ) -> None:
        self._recipe = recipe
        self._root = root
        self._folder = root / "data" / recipe.name
        self._formats = formats
        self._shard_rows = shard_rows
        self._batch = Batch()
        self._shards: list[int] = []
        self._open: list[tuple[Sink, BinaryIO]] = []

    def add(self, record: Any) -> None:  # noqa: ANN401 - what the recipe's feed holds
        """Append the rows of one record.

        Raises:
            InvalidRequest: a value of the record does not fit the schema.
            OSError: the file system refuses.
        """
        try:
            rows = tuple(self._recipe.rows(record))
        except ValidationError as error:
            first = error.errors()[0]
            column = ".".join(str(part) for part in first["loc"])
            feed = self._recipe.feed
            raise InvalidRequest(
                f"{feed.noun} {feed.theorem(record).name!r} does not fit: {first['msg']}",
                field=f"{self._recipe.name}.{column}",
                fix="correct or delete the record",
            ) from error
        for row in rows:
            self._push(row)

    def finish(self) -> list[DataFile]:
        """Write what is left, name the shards, and return the finished files."""
        if self._batch.rows:
            self._flush()
        elif not self._shards:
            self._open_shard()
        self._close_shard()
        return [
            self._finished(shard, rows, name)
            for name in self._formats
            for shard, rows in enumerate(self._shards)
        ]

    def abort(self) -> None:
        """Let go of the open files, whose content no longer matters."""
        for sink, handle in self._open:
            with suppress(OSError, ValueError):
                sink.close()
            with suppress(OSError):
                handle.close()
        self._open = []

    def _push(self, row: Row) -> None:
        self._batch.add(row)
        waiting = len(self._batch.rows)
        if waiting + (self._shards[-1] if self._open else 0) == self._shard_rows:
            self._flush()
            self._close_shard()
        elif waiting == BATCH_ROWS or self._batch.chars >= BATCH_CHARS:
            self._flush()

    def _flush(self) -> None:
        if not self._open:
            self._open_shard()
        for sink, _ in self._open:
            sink.write(self._batch)
        self._shards[-1] += len(self._batch.rows)
        self._batch = Batch()

    def _open_shard(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shards.append(0)
        for name in self._formats:
            handle = self._unfinished(len(self._shards) - 1, name).open("xb")
            try:
                sink = FORMATS[name](handle, self._recipe.row)
            except BaseException:
                handle.close()
                raise
            self._open.append((sink, handle))

    def _close_shard(self) -> None:
        for sink, handle in self._open:
            sink.close()
            handle.flush()
            os.fsync(handle.fileno())
            handle.close()
        self._open = []

    def _unfinished(self, shard: int, name: str) -> Path:
        return self._folder / f"{SPLIT}-{shard:05d}.{name}"

    def _finished(self, shard: int, rows: int, name: str) -> DataFile:
        unfinished = self._unfinished(shard, name)
        stem = f"{SPLIT}-{shard:05d}-of-{len(self._shards):05d}"
        path = unfinished.rename(self._folder / f"{stem}.{name}")
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return DataFile(
            path=path.relative_to(self._root).as_posix(),
            recipe=self._recipe.name,
            format=name,
            rows=rows,
            bytes=path.stat().st_size,
            sha256=digest,
        )
