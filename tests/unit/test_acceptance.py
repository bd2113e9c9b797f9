"""Rows, reports and what the doctor says of them, on a prover in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fake_checker import TOOLCHAIN

from aludel.acceptance import rows
from aludel.acceptance.bench import Bench, NotApplicable, RowFailed
from aludel.acceptance.report import AcceptanceReport, accept, keep, kept, report_path
from aludel.acceptance.rows import ROWS, Row
from aludel.cli import doctor
from aludel.cli.acceptance import _chosen, _key_in
from aludel.cli.acceptance import _own_key as _own_key_file
from aludel.errors import BackendCrashed, InvalidRequest
from aludel.lean_checker.pool import PoolStats
from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    Rejected,
    RejectReason,
    Undecided,
    UndecidedReason,
    Usage,
)  # fmt: skip
from aludel.projects import named_projects
from aludel.settings import Settings

KERNELS = ("lean 0", "aludel 0")


class Scripted:
    """A prover whose verdicts are made by words of the candidate."""

    size, toolchain = 1, TOOLCHAIN
    bad = False

    def __init__(self) -> None:
        self.asked: list[CheckRequest] = []
        self.started = 1

    def check(self, request: CheckRequest) -> Any:
        self.asked.append(request)
        if "decide" in request.code and "deep" in request.code:
            return Undecided(hash="h", reason=UndecidedReason.TIMEOUT)
        if "+ 1 = 2" not in request.code and "1 = 2" in request.code and not self.bad:
            return Rejected(hash="h", reason=RejectReason.SORRY, message="no")
        attribution = "confirmed" if request.tier == "replay" else "elaborator"
        evidence = Evidence(kernels=KERNELS, attribution=attribution, checks=("kernel",))
        return Accepted(hash="h", evidence=evidence, usage=Usage(wall_s=0.1))

    def stats(self) -> PoolStats:
        return PoolStats(1, 1, 1, self.started, 0, 0)

    def close(self) -> None:
        return


@pytest.fixture
def prover() -> Scripted:
    return Scripted()


@pytest.fixture
def bench(prover: Scripted, tmp_path: Path) -> Bench:
    return Bench(Settings(cache_dir=tmp_path), _prover=prover)  # type: ignore[arg-type]


def test_every_row_is_tried_or_says_why_not(bench: Bench) -> None:
    told: list[str] = []
    report = accept(bench, [row for row in ROWS if row.name != "a module with sorry"], told.append)
    assert told == [row.name for row in report.rows]
    by_status = {row.name: row.status for row in report.rows}
    assert {name for name, status in by_status.items() if status == "passed"} == {
        "a trivial theorem", "20 of the same", "import sets in turn", "replay tier", "deep decide",
        "attacks, the best known",
    }  # fmt: skip
    skipped = {row.name: row.detail for row in report.rows if row.status == "skipped"}
    assert len([name for name in skipped if name.startswith("Mathlib: ")]) == 7
    assert "aludel project init" in skipped["Mathlib: norm_num"]
    assert "aludel project init" in skipped["mutations of Mathlib"]
    assert "--corpus" in skipped["attacks, the corpus"]
    assert report.passed


def test_with_mathlib_its_goals_are_put(bench: Bench, prover: Scripted) -> None:
    bench.__class__ = type("WithMathlib", (Bench,), {"has_mathlib": True})
    report = accept(bench, [row for row in ROWS if row.name.startswith("Mathlib")])
    assert {row.status for row in report.rows} == {"passed"}
    assert {request.context.imports for request in prover.asked} == {("Mathlib",)}  # type: ignore[union-attr]


def test_a_false_acceptance_fails_its_row(bench: Bench, prover: Scripted) -> None:
    prover.bad = True
    [row] = accept(bench, [Row("attacks", rows.small_attacks)]).rows
    assert (row.status, row.detail) == ("failed", "accepted: sorry")


def test_one_kernel_alone_fails_its_row(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.KERNELS", ("lean 0",))
    [row] = accept(bench, [Row("trivial", rows.trivial)]).rows
    assert row.status == "failed"


def test_processes_that_start_again_fail_their_row(bench: Bench, prover: Scripted) -> None:
    class Restless(Scripted):
        def stats(self) -> PoolStats:
            self.started += 1
            return super().stats()

    bench._prover = Restless()  # type: ignore[assignment]
    [row] = accept(bench, [Row("same", rows.twenty_of_the_same)]).rows
    assert (row.status, "started again" in row.detail) == ("failed", True)


def test_what_was_not_decided_was_not_refused(bench: Bench, prover: Scripted) -> None:
    def undecided(request: CheckRequest) -> Any:
        return Undecided(hash="h", reason=UndecidedReason.TIMEOUT)

    prover.check = undecided  # type: ignore[method-assign]
    [row] = accept(bench, [Row("attacks", rows.small_attacks)]).rows
    assert (row.status, "undecided" in row.detail) == ("failed", True)


def test_two_things_to_try_are_one_too_many(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ALUDEL_PROJECTS", f"a={tmp_path},b=lean-4.28.0@{tmp_path}")
    assert _chosen("a", None).project == str(tmp_path)
    assert _chosen("lean-4.29.0", "a").toolchain == "lean-4.29.0"
    assert _chosen(None, "b").toolchain == "lean-4.28.0"
    for name, project in (("a", "b"), ("a", str(tmp_path)), ("lean-4.29.0", "b")):
        with pytest.raises(InvalidRequest) as caught:
            _chosen(name, project)
        assert caught.value.field == "--project"


def _own_key(settings: Settings) -> Ed25519PrivateKey:
    return _key_in(_own_key_file(settings))


def _raising(error: Exception) -> Row:
    def run(_: Bench) -> str:
        raise error

    return Row("row", run)


def test_a_machine_that_fails_fails_the_row(bench: Bench) -> None:
    found = accept(bench, [_raising(BackendCrashed("it died")), _raising(NotApplicable("no"))])
    assert [row.status for row in found.rows] == ["failed", "skipped"]
    assert not found.passed
    assert not accept(bench, [_raising(NotApplicable("no"))]).passed  # nothing was tried
    assert not accept(bench, [_raising(RowFailed("no"))]).passed


def test_the_report_is_signed_and_kept_by_digest(bench: Bench, tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path)
    report = accept(bench, [Row("trivial", rows.trivial)])
    assert kept(settings, TOOLCHAIN.digest) is None
    keep(settings, report)
    assert kept(settings, TOOLCHAIN.digest) is None  # not signed
    keep(settings, report.signed(Ed25519PrivateKey.generate()))
    assert kept(settings, TOOLCHAIN.digest) is None  # this machine has no key
    own = _own_key(settings)
    keep(settings, report.signed(Ed25519PrivateKey.generate()))
    assert kept(settings, TOOLCHAIN.digest) is None  # not by this machine
    signed = report.signed(own)
    path = keep(settings, signed)
    assert path == report_path(settings, TOOLCHAIN.digest)
    assert kept(settings, TOOLCHAIN.digest) == signed
    other = report_path(settings, "e" * 64)
    other.write_text(path.read_text())
    assert kept(settings, "e" * 64) is None  # another toolchain's
    path.write_text(path.read_text().replace('"passed"', '"skipped"'))
    assert kept(settings, TOOLCHAIN.digest) is None


def test_the_doctor_says_whether_a_native_lean_was_verified(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(cache_dir=tmp_path, toolchain="lean-native")
    native = TOOLCHAIN.model_copy(update={"kind": "native"})
    found = type("Found", (), {"toolchain": native})
    monkeypatch.setattr(doctor, "find_toolchain", lambda _: found)
    probe = next(each for each in doctor.PROBES if each.name == "verification")
    lack = probe.check(settings)
    assert (lack.status, "lean-native" in str(lack.fix)) == ("absent", True)
    report = accept(bench, [Row("trivial", rows.trivial)])
    key = _own_key(settings)
    keep(settings, report.signed(key))
    assert "were not tried" in probe.check(settings).detail
    monkeypatch.setattr("aludel.acceptance.report.ROWS", [Row("trivial", rows.trivial)])
    assert probe.check(settings).status == "ok"
    named = named_projects(Settings(cache_dir=tmp_path, projects="a=/srv/a"))["a"]
    assert "verified on" in doctor._project(named)
    skipped = tuple(row.model_copy(update={"status": "skipped"}) for row in report.rows)
    keep(settings, report.model_copy(update={"rows": skipped}).signed(key))
    assert "all left out" in probe.check(settings).detail
    assert "not verified: `aludel toolchain verify a`" in doctor._project(named)
    with_folder = settings.model_copy(update={"project": "/srv/my algebra"})
    assert "lean-native --project '/srv/my algebra'" in doctor._how_to_verify(with_folder)
    failed = report.model_copy(
        update={"rows": tuple(r.model_copy(update={"status": "failed"}) for r in report.rows)}
    )
    keep(settings, AcceptanceReport.model_validate(failed.model_dump()).signed(key))
    assert "failed: trivial" in probe.check(settings).detail
