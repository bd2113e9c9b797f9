"""Export jobs: one item, whose result is a dataset in a folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aludel.errors import BackendUnavailable, Conflict, InvalidRequest
from aludel.job_requests import ExportRequest
from aludel.jobs import JobKind
from aludel.models import canonical_json
from aludel.proof_export import ExportOptions, Selection, SplitPlan
from aludel.proof_export.run import ExportOrder, carry_out
from aludel.proof_export.staging import MANIFEST
from aludel.store import Claim
from aludel.workers.leasing import run_single
from aludel.workers.runtime import ExportContext, Runtime

_REPORT_EVERY_S = 1.0


def run_export(runtime: Runtime, job_id: str) -> None:  # noqa: ARG001 - see below
    """Carry out an export job, the first in the line.

    Args:
        runtime: the worker.
        job_id: the job that the message was sent for; another one may be before it in the line.

    Raises:
        StoreError: the database cannot be used; the lease will run out and free the item.
    """

    def write(claim: Claim, stopping: Callable[[], bool]) -> Mapping[str, Any]:
        if runtime.export is None:
            raise BackendUnavailable("this worker writes no datasets")
        request = ExportRequest.model_validate(claim.payload)
        return runtime.export(
            ExportContext(
                request=request,
                store=runtime.store,
                checker=runtime.checker,
                folder=runtime.settings.datasets_dir / request.name,
                report=lambda figures: runtime.store.items.report(claim, dict(figures)),
                stopping=stopping,
            )
        )

    run_single(runtime, JobKind.EXPORT, write)


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
    split = SplitPlan(request.split, request.seed, request.test, request.valid, request.project)
    order = ExportOrder(
        ExportOptions(request.recipes, request.formats, request.shard_rows),
        Selection(request.toolchain, request.runs, split),
        request.avoid,
        command,
    )
    try:
        done = carry_out(context.store, folder, order, lambda: context.checker, _Reports(context))
    except Conflict as error:
        raise BackendUnavailable(error.message, fix="it is tried again") from error
    figures = dict(_figures(folder))
    if done.extraction is not None:
        figures["states"] = done.extraction.figures()
    return figures


class _Reports:
    """Records the progress of an export on its job, and ends it when told to: a ``Progress``."""

    def __init__(self, context: ExportContext) -> None:
        self._context = context
        self._told_at = float("-inf")
        self._title = ""
        self._done = 0
        self._total: int | None = None

    def step(self, title: str, total: int | None = None, done: int = 0) -> None:
        """Begin a step; raises as :meth:`advance`."""
        self._title, self._total, self._done = title, total, done
        self.advance(0)

    def advance(self, amount: int = 1, note: str = "") -> None:  # noqa: ARG002 - a Progress
        """Report at most once a second.

        Raises:
            BackendUnavailable: the worker was told to stop, or no longer holds the job.
        """
        self._done += amount
        now = time.monotonic()
        if now - self._told_at > _REPORT_EVERY_S:
            self._told_at = now
            figures = {"reading": self._title, "read": self._done, "of": self._total}
            if self._context.stopping() or not self._context.report(figures):
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
