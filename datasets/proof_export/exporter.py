"""Exports records: one pass over the records of each feed, for all its recipes and formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aludel.errors import InvalidRequest, NotFound
from aludel.records import VariantRecord
from proof_export.card import render_card, render_manifest
from proof_export.feeds import VARIANTS, Feed
from proof_export.provenance import Provenance
from proof_export.recipes import Recipe, choose_recipes
from proof_export.sinks import choose_formats
from proof_export.staging import CARD, MANIFEST, MANIFEST_FORMAT, staged, write_synced
from proof_export.tally import Tally
from proof_export.writer import DataFile, RecipeWriter

DEFAULT_SHARD_ROWS = 500_000


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to write. Empty ``recipes`` mean all that there are records for, empty ``formats`` all.

    Attributes:
        recipes: names of recipes.
        formats: ``jsonl``, ``parquet``.
        shard_rows: rows of a file at most.
        force: replace an earlier export in the same folder.
    """

    recipes: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    shard_rows: int = DEFAULT_SHARD_ROWS
    force: bool = False


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote; ``files`` are relative to ``out``."""

    out: Path
    records: int
    rows: dict[str, int]
    files: tuple[DataFile, ...]
    toolchains: dict[str, int]

    @property
    def card(self) -> Path:
        """The dataset card."""
        return self.out / CARD

    @property
    def manifest(self) -> Path:
        """The list of files with their sizes and SHA-256."""
        return self.out / MANIFEST

    def paths(self, format_name: str) -> list[Path]:
        """Return the data files of one format."""
        return [self.out / file.path for file in self.files if file.format == format_name]


def export(
    records: Iterable[VariantRecord],
    out: Path,
    options: ExportOptions,
    made: Provenance,
    more: Mapping[Feed[Any], Iterable[Any]] | None = None,
) -> ExportReport:
    """Write ``records`` to the folder ``out``, with a card and a manifest.

    Memory does not grow with the number of records. ``out`` appears complete or not at all, and the
    same records in the same order give the same bytes.

    Args:
        records: the variants; read once, in order.
        out: folder to make.
        options: what to write.
        made: how, for the card.
        more: records of other feeds, read once each.

    Raises:
        InvalidRequest: an unknown recipe or format, a folder that exists or cannot be written, or
            a record that does not fit.
        NotFound: there is no record for a recipe.
        Conflict: another export to the same folder is running.
        BackendUnavailable: the disk is full or broken.
    """
    sources: dict[Feed[Any], Iterable[Any]] = {VARIANTS: records, **(more or {})}
    recipes = choose_recipes(options.recipes, sources)
    formats = choose_formats(options.formats)
    if options.shard_rows < 1:
        raise InvalidRequest("must be at least 1", field="shard_rows", fix="pass a larger number")
    with staged(out, force=options.force) as folder:
        tally = Tally()
        data_files: list[DataFile] = []
        for feed, source in sources.items():
            fed = [recipe for recipe in recipes if recipe.feed is feed]
            if fed:
                writers = [RecipeWriter(r, folder, formats, options.shard_rows) for r in fed]
                data_files += _write(feed, source, writers, tally)
        write_synced(folder / CARD, render_card(recipes, data_files, tally, made))
        write_synced(folder / MANIFEST, render_manifest(MANIFEST_FORMAT, data_files, tally, made))
    return ExportReport(
        out=out,
        records=tally.records,
        rows={recipe.name: _rows(recipe, formats[0], data_files) for recipe in recipes},
        files=tuple(data_files),
        toolchains=tally.toolchains(),
    )


def _write(
    feed: Feed[Any], records: Iterable[Any], writers: Sequence[RecipeWriter], tally: Tally
) -> list[DataFile]:
    counts = tally.of(feed.name)
    with ExitStack() as open_files:
        for writer in writers:
            open_files.callback(writer.abort)
        for record in records:
            counts.add(feed.groups(record))
            for writer in writers:
                writer.add(record)
        if not counts.records:
            raise NotFound(f"there is no {feed.noun} to export", fix=feed.missing)
        return [file for writer in writers for file in writer.finish()]


def _rows(recipe: Recipe[Any], format_name: str, data_files: Sequence[DataFile]) -> int:
    mine = (f for f in data_files if f.recipe == recipe.name and f.format == format_name)
    return sum(file.rows for file in mine)
