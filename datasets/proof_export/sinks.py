"""File formats: each sink writes batches of rows of one type to one open file.

The same rows in the same batches give the same bytes: writer options are fixed here, and no file
carries a time or a path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from aludel.errors import InvalidRequest
from aludel.proof_export.rows import Row, arrow_schema, nested


class Batch:
    """Rows that are written together: their columns, and lines of JSON where a format needs them.

    Attributes:
        rows: how many there are.
        chars: size of their texts, in characters of text or of JSON.
    """

    def __init__(self, row: type[Row], formats: Sequence[str]) -> None:
        self.rows = 0
        self.chars = 0
        self.columns: list[list[Any]] = [[] for _ in row.model_fields]
        self._nested = bool(nested(row))
        self._lines: list[str] | None = [] if set(formats) - {"parquet"} else None

    def add(self, row: Row) -> None:
        """Append one row."""
        self.rows += 1
        values = row.model_dump() if self._nested else row.__dict__
        for column, value in zip(self.columns, values.values(), strict=True):
            column.append(value)
        if self._lines is None and self._nested:
            self.chars += len(row.model_dump_json())
            return
        if self._lines is None:
            self.chars += sum(len(value) for value in row.__dict__.values() if type(value) is str)
            return
        line = row.model_dump_json() + "\n"
        self._lines.append(line)
        self.chars += len(line)

    def text(self) -> bytes:
        """Return the rows as lines of JSON, in UTF-8."""
        return "".join(self._lines or ()).encode()


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
        self._handle.write(batch.text())

    def close(self) -> None:
        """Nothing ends a JSONL file."""


class ZstdJsonlSink:
    """The lines of :class:`JsonlSink` as one frame of zstd."""

    def __init__(self, handle: BinaryIO) -> None:
        compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        self._writer = compressor.stream_writer(handle, closefd=False)

    def write(self, batch: Batch) -> None:
        """Append the lines."""
        self._writer.write(batch.text())

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
            pa.array(values, column.type)
            for column, values in zip(self._schema, batch.columns, strict=True)
        ]
        table = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._writer.write_batch(table, row_group_size=batch.rows)

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
