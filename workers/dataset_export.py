"""How a worker writes a dataset."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from aludel.errors import BackendUnavailable, Conflict, InvalidRequest
from aludel.job_requests import ExportRequest
from aludel.lean_checker.avoided import AvoidedStatements, read_avoided_everywhere
from aludel.models import canonical_json
from aludel.proof_export import ExportOptions, Selection, SplitPlan, export_recorded, provenance
from aludel.proof_export.staging import MANIFEST
from aludel.store import VariantFilter
from aludel.workers.runtime import ExportContext

T = TypeVar("T")
_REPORT_EVERY_S = 1.0


def write_dataset(context: ExportContext) -> Mapping[str, Any]:
    """Write the dataset and return its figures; an :data:`~aludel.workers.runtime.Exporter`.

    A dataset that the same request has made is left as it is: its worker died before it could say
    so. An export that was killed goes on.

    Raises:
        InvalidRequest: the request cannot be carried out, or the name is taken.
        NotFound: there is nothing to export.
        BackendUnavailable: the machine failed, the worker was told to stop, or another one that was
            believed dead still writes.
    """
    request, folder = context.request, context.folder
    command = f"POST /v1/datasets {canonical_json(request.model_dump(mode='json'))}"
    if folder.exists():
        return _made_before(folder, command)
    selection = Selection(request.toolchain, request.runs, _plan(request), _avoided(context))
    options = ExportOptions(request.recipes, request.formats, request.shard_rows)
    made = provenance(command, context.store.toolchains.known())
    try:
        export_recorded(context.store, folder, options, selection, made, _Watch(context))
    except Conflict as error:
        raise BackendUnavailable(error.message, fix="it is tried again") from error
    return _figures(folder)


def _plan(request: ExportRequest) -> SplitPlan:
    return SplitPlan(request.split, request.seed, request.test, request.valid, request.project)


def _avoided(context: ExportContext) -> AvoidedStatements | None:
    """Read the statements to avoid: as texts, and as terms under every import set of variants."""
    statements = context.request.avoid
    if not statements:
        return None
    chosen = VariantFilter(toolchain_digest=context.request.toolchain)
    imports = sorted({variant.imports for variant in context.store.variants.iterate(chosen)})
    return read_avoided_everywhere(context.checker.operations, imports, statements)


class _Watch:
    """Reports the progress of an export, and ends it when told to: a ``Watch``."""

    def __init__(self, context: ExportContext) -> None:
        self._context = context
        self._told_at = float("-inf")

    def __call__(self, records: Iterable[T], what: str, total: int | None) -> Iterable[T]:
        """Yield the records.

        Raises:
            BackendUnavailable: the worker was told to stop, or no longer holds the job.
        """
        for number, record in enumerate(records):
            if time.monotonic() - self._told_at > _REPORT_EVERY_S:
                self._told_at = time.monotonic()
                self._report({"reading": what, "read": number, "of": total})
            yield record

    def _report(self, figures: Mapping[str, Any]) -> None:
        context = self._context
        if context.stopping() or not context.report(figures):
            raise BackendUnavailable("the worker was told to stop", fix="another one goes on")


def _made_before(folder: Path, command: str) -> Mapping[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = {}
    if manifest.get("command") != command:
        raise InvalidRequest(
            f"there is a dataset {folder.name!r}", field="name", fix="choose another name"
        )
    return _figures(folder)


def _figures(folder: Path) -> Mapping[str, Any]:
    """Return what the manifest says was written."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    files = manifest["files"]
    return {
        "dataset": folder.name,
        "rows": manifest["rows"],
        "avoided": manifest["avoided"],
        "files": len(files),
        "bytes": sum(file["bytes"] for file in files),
    }
