"""File formats: each sink writes batches of rows of one type to one open file.

The same rows in the same batches give the same bytes: writer options are fixed here, and no file
carries a time or a path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from aludel.errors import InvalidRequest
from proof_export.rows import Row, arrow_schema


@dataclass(slots=True)
class Batch:
    """Rows that are written together, and the same rows as lines of JSON."""

    rows: list[Row] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    chars: int = 0

    def add(self, row: Row) -> None:
        """Append one row."""
        line = row.model_dump_json() + "\n"
        self.rows.append(row)
        self.lines.append(line)
        self.chars += len(line)


class Sink(Protocol):
    """One open file of one format."""

    def write(self, batch: Batch) -> None:
        """Append a batch."""
        ...

    def close(self) -> None:
        """Write what ends the file; the handle stays open."""
        ...


class JsonlSink:
    """JSON lines: UTF-8, one object a line, keys in column order."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle

    def write(self, batch: Batch) -> None:
        """Append the lines."""
        self._handle.write("".join(batch.lines).encode())

    def close(self) -> None:
        """Nothing ends a JSONL file."""


class ZstdJsonlSink:
    """The lines of :class:`JsonlSink` as one frame of zstd."""

    def __init__(self, handle: BinaryIO) -> None:
        compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        self._writer = compressor.stream_writer(handle, closefd=False)

    def write(self, batch: Batch) -> None:
        """Append the lines."""
        self._writer.write("".join(batch.lines).encode())

    def close(self) -> None:
        """End the frame."""
        self._writer.flush(zstandard.FLUSH_FRAME)


class ParquetSink:
    """Parquet: zstd, explicit schema, one row group per batch."""

    def __init__(self, handle: BinaryIO, row: type[Row]) -> None:
        self._schema = arrow_schema(row)
        self._writer = pq.ParquetWriter(
            handle, self._schema, version="2.6", compression="zstd", compression_level=3
        )

    def write(self, batch: Batch) -> None:
        """Append the rows as one row group."""
        arrays = [
            pa.array([getattr(row, column.name) for row in batch.rows], column.type)
            for column in self._schema
        ]
        table = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._writer.write_batch(table, row_group_size=len(batch.rows))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


FORMATS: dict[str, Callable[[BinaryIO, type[Row]], Sink]] = {
    "jsonl": lambda handle, _row: JsonlSink(handle),
    "jsonl.zst": lambda handle, _row: ZstdJsonlSink(handle),
    "parquet": ParquetSink,
}

DEFAULT_FORMATS = ("jsonl", "parquet")


def choose_formats(names: Sequence[str]) -> tuple[str, ...]:
    """Return the named formats in a fixed order; no names means
    :data:`DEFAULT_FORMATS`.

    Raises:
        InvalidRequest: a name is not a format.
    """
    unknown = sorted(set(names) - FORMATS.keys())
    if unknown:
        raise InvalidRequest(
            f"unknown format {unknown[0]!r}", field="format", fix=f"use {' or '.join(FORMATS)}"
        )
    return tuple(name for name in FORMATS if name in (names or DEFAULT_FORMATS))
