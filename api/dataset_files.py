"""Folders of written datasets: a manifest, a card and data files each."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import zstandard
from pydantic import ValidationError

from aludel.errors import BackendUnavailable, InvalidRequest, NotFound
from aludel.http_models import MAX_BATCH, Dataset, DatasetSummary
from aludel.job_requests import DatasetSplit
from aludel.problems import TheoremProblem

MANIFEST = "manifest.json"
CARD = "README.md"
# Recipes whose rows have name, statement and imports; the first that a dataset has is read.
_STATED = ("variants", "whole_proof")
_FORMATS = ("jsonl", "jsonl.zst", "parquet")


class DatasetFolder:
    """The folder that holds the datasets; ``name`` is that of one, as the API checks it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def summaries(self) -> Sequence[DatasetSummary]:
        """Return the datasets by name; what has no manifest is none, or is being written."""
        if not self._folder.is_dir():
            return []
        names = sorted(path.name for path in self._folder.iterdir() if (path / MANIFEST).is_file())
        return [_summary(self.get(name)) for name in names if not name.startswith(".")]

    def get(self, name: str) -> Dataset:
        """Return a dataset's manifest and card.

        Raises:
            NotFound: there is none of this name.
            BackendUnavailable: its folder cannot be read.
        """
        folder = self._folder / name
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            card = (folder / CARD).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise NotFound(
                f"there is no dataset {name!r}", field="name", fix="see GET /v1/datasets"
            ) from error
        except (OSError, ValueError) as error:
            raise BackendUnavailable(f"the dataset {name!r} cannot be read: {error}") from error
        return Dataset(name=name, manifest=manifest, card=card)

    def exists(self, name: str) -> bool:
        """Whether there is a dataset of this name."""
        return (self._folder / name).exists()

    def file(self, name: str, path: str) -> Path:
        """Return where a file of a dataset is: its card, its manifest, or one that this lists.

        Raises:
            NotFound: there is no such dataset, or no such file in it.
        """
        listed = {entry["path"] for entry in self.get(name).manifest["files"]}
        if path not in {*listed, MANIFEST, CARD}:
            raise NotFound(
                f"the dataset {name!r} has no file {path!r}",
                field="path",
                fix="take one of its manifest's `files`",
            )
        return self._folder / name / path

    def problems(self, chosen: DatasetSplit) -> list[TheoremProblem]:
        """Return the theorems of a split as problems.

        Raises:
            NotFound: there is no such dataset or split.
            InvalidRequest: it has no recipe with statements, or more than 10,000 of them.
        """
        files = self._stated(chosen)
        found: dict[str, TheoremProblem] = {}
        for row in (row for path in files for row in _rows(path)):
            problem = _problem(row, chosen)
            found.setdefault(problem.name, problem)
            if len(found) > MAX_BATCH:
                raise InvalidRequest(
                    f"the split {chosen.split!r} has more than {MAX_BATCH} theorems",
                    field="dataset.split",
                    fix="submit them as problems, in several jobs",
                )
        return list(found.values())

    def _stated(self, chosen: DatasetSplit) -> list[Path]:
        files = self.get(chosen.name).manifest["files"]
        for recipe in _STATED:
            for form in _FORMATS:
                wanted = (recipe, form, chosen.split)
                mine = sorted(
                    f["path"]
                    for f in files
                    if f["rows"] and (f["recipe"], f["format"], f["split"]) == wanted
                )
                if mine:
                    return [self._folder / chosen.name / path for path in mine]
        raise NotFound(
            f"the dataset {chosen.name!r} has no theorems in a split {chosen.split!r}",
            field="dataset",
            fix="export it with the recipe variants and a split",
        )


def _summary(dataset: Dataset) -> DatasetSummary:
    manifest = dataset.manifest
    size = sum(file["bytes"] for file in manifest["files"])
    return DatasetSummary(name=dataset.name, rows=manifest["rows"], bytes=size)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches(columns=["name", "statement", "imports"]):
                yield from batch.to_pylist()
    elif path.suffix == ".zst":
        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as packed:
            yield from _lines(io.TextIOWrapper(packed, encoding="utf-8"))
    else:
        with path.open(encoding="utf-8") as lines:
            yield from _lines(lines)


def _lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield json.loads(line)


def _problem(row: dict[str, Any], chosen: DatasetSplit) -> TheoremProblem:
    try:
        return TheoremProblem(
            name=row["name"], statement=row["statement"], imports=tuple(row["imports"])
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise InvalidRequest(
            f"the dataset {chosen.name!r} has a row that states no theorem", field="dataset"
        ) from error
