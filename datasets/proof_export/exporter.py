"""Exports records: one pass over the records of each feed, for all its recipes and formats."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from aludel.errors import InvalidRequest, NotFound
from aludel.lean_checker.avoided import AvoidedStatements
from aludel.models import canonical_json
from aludel.proof_export.card import render_card
from aludel.proof_export.feeds import VARIANTS, Feed
from aludel.proof_export.manifest import Written, render_manifest
from aludel.proof_export.provenance import Provenance
from aludel.proof_export.quality import Survey
from aludel.proof_export.recipes import Recipe, choose_recipes
from aludel.proof_export.rows import arrow_schema
from aludel.proof_export.shards import ShardJournal
from aludel.proof_export.sinks import choose_formats
from aludel.proof_export.splitting import SPLITS, Splits
from aludel.proof_export.staging import CARD, MANIFEST, staged, write_synced
from aludel.proof_export.tally import FeedTally, Tally
from aludel.proof_export.writer import DataFile, ShardWriter, make_rows
from aludel.records import VariantRecord

DEFAULT_SHARD_ROWS = 500_000
TRAIN = SPLITS[0]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Options of an export. Empty ``recipes`` mean all that have records, empty ``formats``
    JSONL and Parquet.

    Attributes:
        recipes: names of recipes.
        formats: ``jsonl``, ``jsonl.zst``, ``parquet``.
        shard_rows: rows of a file at most.
        force: replace an earlier export in the same folder.
    """

    recipes: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    shard_rows: int = DEFAULT_SHARD_ROWS
    force: bool = False


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The result of an export.

    Attributes:
        out: the folder.
        records: records read and not avoided.
        rows: by recipe.
        splits: rows by recipe and split.
        files: relative to ``out``.
        toolchains: records by digest.
        avoided: records left out for their statement, by feed.
    """

    out: Path
    records: int
    rows: dict[str, int]
    splits: dict[str, dict[str, int]]
    files: tuple[DataFile, ...]
    toolchains: dict[str, int]
    avoided: dict[str, int]

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
    *,
    splits: Splits | None = None,
    avoid: AvoidedStatements | None = None,
) -> ExportReport:
    """Write ``records`` to the folder ``out``, with a card and a manifest.

    ``out`` appears complete or not at all, and the same records in the same order give the same
    bytes. Of each record some 60 bytes are kept. After an export that was killed, the same call
    writes only the shards that were not complete.

    Args:
        records: the variants; read once, in order.
        out: folder to make.
        options: what to write.
        made: how, for the card.
        more: records of other feeds, read once each.
        splits: in which split each theorem is; all are in ``train`` by default.
        avoid: statements; records about one of them are left out.

    Raises:
        InvalidRequest: an unknown recipe or format, a folder that exists or cannot be written, or
            a record that does not fit.
        NotFound: there is no record for a recipe.
        Conflict: another export to the same folder is running; or the records changed since the
            splits were drawn, or since the export that was killed.
        BackendUnavailable: the disk is full or broken.
    """
    sources: dict[Feed[Any], Iterable[Any]] = {VARIANTS: records, **(more or {})}
    recipes = choose_recipes(options.recipes, sources)
    formats = choose_formats(options.formats)
    if options.shard_rows < 1:
        raise InvalidRequest("must be at least 1", field="shard_rows", fix="pass a larger number")
    fingerprint = _fingerprint(recipes, formats, options.shard_rows, made, splits, avoid)
    with staged(out, force=options.force, fingerprint=fingerprint) as folder:
        journal = ShardJournal(folder, fingerprint)
        pass_ = _Pass(folder, formats, options.shard_rows, journal, splits, avoid)
        fed = {feed: [r for r in recipes if r.feed is feed] for feed in sources}
        for feed, source in sources.items():
            if fed[feed]:
                pass_.write(
                    feed, source, fed[feed], survey=not (feed.derived and fed.get(feed.derived))
                )
        written = Written(
            recipes, tuple(pass_.files), pass_.tally, pass_.survey.quality(), splits, made
        )
        write_synced(folder / CARD, render_card(written))
        write_synced(folder / MANIFEST, render_manifest(written))
    return _report(out, written)


class _Pass:
    """The state shared by the passes over the feeds."""

    def __init__(
        self,
        folder: Path,
        formats: Sequence[str],
        shard_rows: int,
        journal: ShardJournal,
        splits: Splits | None,
        avoid: AvoidedStatements | None,
    ) -> None:
        self._target = (folder, formats, shard_rows, journal)
        self._splits = splits
        self._avoid = avoid
        self.tally = Tally()
        self.survey = Survey()
        self.files: list[DataFile] = []

    def write(
        self,
        feed: Feed[Any],
        records: Iterable[Any],
        recipes: Sequence[Recipe[Any]],
        *,
        survey: bool,
    ) -> None:
        """Write the rows of one feed's recipes; figures are taken where ``survey`` says so."""
        parts = SPLITS if self._splits else (TRAIN,)
        with ExitStack() as open_files:
            writers = [
                (recipe, {part: ShardWriter(recipe, part, *self._target) for part in parts})
                for recipe in recipes
            ]
            for _, by_split in writers:
                for writer in by_split.values():
                    open_files.callback(writer.abort)
            self._stream(feed, records, writers, survey=survey)
            for _, by_split in writers:
                for part, writer in by_split.items():
                    self.files += writer.finish(at_least_one=part == TRAIN)

    def _stream(
        self,
        feed: Feed[Any],
        records: Iterable[Any],
        writers: Sequence[tuple[Recipe[Any], dict[str, ShardWriter]]],
        *,
        survey: bool,
    ) -> None:
        counts = self.tally.of(feed.name) if survey else FeedTally()
        avoid, splits = self._avoid, self._splits
        for record in records:
            theorem = feed.theorem(record)
            if avoid is not None and avoid.has(theorem.statement, theorem.shape_hash):
                counts.avoided += 1
                continue
            split = splits.of(theorem.name) if splits is not None else TRAIN
            counts.add(feed.groups(record))
            if survey:
                self.survey.add(theorem, split)
            identity = feed.named(record)
            for recipe, by_split in writers:
                writer = by_split[split]
                for row in make_rows(recipe, record):
                    writer.push(row, identity)
        if not counts.records:
            raise _nothing(feed, counts.avoided)


def _nothing(feed: Feed[Any], avoided: int) -> NotFound:
    if avoided:
        return NotFound(f"every {feed.noun} is avoided", fix="avoid fewer statements")
    return NotFound(f"there is no {feed.noun} to export", fix=feed.missing)


def _fingerprint(
    recipes: Sequence[Recipe[Any]],
    formats: Sequence[str],
    shard_rows: int,
    made: Provenance,
    splits: Splits | None,
    avoid: AvoidedStatements | None,
) -> str:
    """Digest of everything that decides the files, besides the records."""
    content = {
        "schemas": {recipe.name: str(arrow_schema(recipe.row)) for recipe in recipes},
        "formats": list(formats),
        "shard_rows": shard_rows,
        "made": {**dataclasses.asdict(made), "toolchains": sorted(made.toolchains)},
        "plan": splits and dataclasses.asdict(splits.plan),
        "counts": splits and splits.counts,
        "avoid": avoid and [sorted(avoid.texts), sorted(avoid.shapes)],
        "pyarrow": pa.__version__,
    }
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _report(out: Path, written: Written) -> ExportReport:
    rows = written.rows()
    return ExportReport(
        out=out,
        records=written.tally.records,
        rows={recipe: sum(by_split.values()) for recipe, by_split in rows.items()},
        splits=rows,
        files=written.files,
        toolchains=written.tally.toolchains(),
        avoided={name: feed.avoided for name, feed in written.tally.feeds.items()},
    )
