"""The report of an acceptance: signed, and kept by the toolchain's digest."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from aludel.acceptance.bench import Bench, NotApplicable, RowFailed
from aludel.acceptance.rows import ROWS, Row
from aludel.distribution import installed_version
from aludel.errors import AludelError, InvalidRequest
from aludel.models import Model, Toolchain, canonical_json
from aludel.receipts import Signature, is_signed, load_signing_key, signature_of
from aludel.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


class RowResult(Model):
    """What became of a row; ``skipped`` ones say why they do not apply here."""

    name: str
    status: Literal["passed", "failed", "skipped"]
    detail: str
    seconds: float


class AcceptanceReport(Model):
    """What was seen of a toolchain on one machine.

    Attributes:
        aludel: version of this package.
        system: operating system, release and processor.
        began: when, ISO 8601 in UTC.
        signature: over everything above it.
    """

    format: Literal["aludel-acceptance-1"] = "aludel-acceptance-1"
    toolchain: Toolchain
    aludel: str
    system: str
    began: str
    rows: tuple[RowResult, ...]
    signature: Signature | None = None

    @property
    def passed(self) -> bool:
        """Whether no row failed, and some were tried."""
        tried = [row for row in self.rows if row.status != "skipped"]
        return bool(tried) and all(row.status == "passed" for row in tried)

    def payload(self) -> bytes:
        """The canonical text that the signature is made over."""
        return canonical_json(self.model_dump(mode="json", exclude={"signature"})).encode()

    def signed(self, key: Ed25519PrivateKey) -> AcceptanceReport:
        """Return the report with a signature of its canonical text."""
        return self.model_copy(update={"signature": signature_of(self.payload(), key)})

    def is_of(self, key: Ed25519PublicKey) -> bool:
        """Whether it is what the owner of a key signed."""
        return self.signature is not None and is_signed(self.payload(), self.signature, key)

    @property
    def lacks(self) -> str:
        """What it does not show: a row that failed, or one that is tried today; empty if nothing.

        What was left out, for it does not apply, is no lack.
        """
        failed = [row.name for row in self.rows if row.status == "failed"]
        if failed:
            return f"failed: {', '.join(failed)}"
        absent = {row.name for row in ROWS} - {row.name for row in self.rows}
        if absent:
            return f"were not tried: {', '.join(sorted(absent))}"
        return "" if self.passed else "were all left out"


def accept(
    bench: Bench, rows: Iterable[Row] = ROWS, tell: Callable[[str], None] = lambda _: None
) -> AcceptanceReport:
    """Try every row; ``tell`` is told which begins.

    Raises:
        ToolchainMissing: the toolchain is not there, does not run, or cannot be confined.
    """
    began = datetime.now(UTC).isoformat(timespec="seconds")
    toolchain = bench.toolchain
    results = []
    for row in rows:
        tell(row.name)
        results.append(result_of(row, bench))
    return AcceptanceReport(
        toolchain=toolchain,
        aludel=installed_version(),
        system=" ".join((platform.system(), platform.release(), platform.machine())),
        began=began,
        rows=tuple(results),
    )


def result_of(row: Row, bench: Bench) -> RowResult:
    """Try one row; a machine that fails meanwhile fails the row."""
    begun = time.monotonic()

    def result(status: Literal["passed", "failed", "skipped"], detail: str) -> RowResult:
        seconds = round(time.monotonic() - begun, 2)
        return RowResult(name=row.name, status=status, detail=detail, seconds=seconds)

    try:
        return result("passed", row.run(bench))
    except NotApplicable as why:
        return result("skipped", str(why))
    except (RowFailed, AludelError) as error:
        return result("failed", str(error))


def report_path(settings: Settings, digest: str) -> Path:
    """Return where the report of a toolchain is kept."""
    return settings.cache_dir.expanduser() / "acceptance" / f"{digest}.json"


def own_key(settings: Settings) -> Path:
    """Return where this machine's own key is, by which ``aludel doctor`` knows its reports."""
    return settings.cache_dir.expanduser() / "acceptance" / "key.pem"


def keep(settings: Settings, report: AcceptanceReport) -> Path:
    """Write a report where ``aludel doctor`` looks for it; return the file.

    Raises:
        InvalidRequest: the folder cannot be written.
    """
    path = report_path(settings, report.toolchain.digest)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(canonical_json(report.model_dump(mode="json")) + "\n", "utf-8")
        partial.replace(path)
    except OSError as error:
        raise InvalidRequest(
            f"{path} cannot be written: {error.strerror}", fix="set ALUDEL_CACHE_DIR"
        ) from error
    return path


def kept(settings: Settings, digest: str) -> AcceptanceReport | None:
    """Return the report of a toolchain, if there is one that this machine signed.

    One that was copied here from elsewhere, or is of another toolchain, is none.
    """
    path, own = report_path(settings, digest), own_key(settings)
    try:
        report = AcceptanceReport.model_validate_json(path.read_text("utf-8"))
        key = load_signing_key(own.read_bytes(), str(own)).public_key()
    except (OSError, ValueError, InvalidRequest):
        return None
    return report if report.is_of(key) and report.toolchain.digest == digest else None
