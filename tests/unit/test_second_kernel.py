"""When the second kernel is asked, what its answers mean, and the libraries it reads."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_second_kernel import FakeSecondKernel
from fake_toolchain import FakeLeanToolchain

from aludel.advisories import advisories_of
from aludel.errors import BackendUnavailable
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.judge import deciding, second_kernel
from aludel.lean_checker.judge.lean_kernel import KernelAnswer, LeanKernel, ReachedAxiom
from aludel.lean_checker.judge.second_kernel import (
    INDEX,
    Libraries,
    NoLibrary,
    SecondAnswer,
    SecondKernel,
)
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.prover import LeanProver
from aludel.metrics import INCIDENTS
from aludel.models import Accepted, CheckRequest, Policy, Usage, Verdict
from aludel.settings import Settings
from aludel.workers.housekeeping import show_pool

MakeChecker = Callable[..., LeanChecker]
BROKEN = SecondAnswer("rejected", "projection: a field that is not there", Usage())


def judged(checker: LeanChecker, **policy: object) -> Verdict:
    chosen = Policy.model_validate(policy)
    return checker.check(
        CheckRequest(code="-- fake: accept\n", statement="theorem t : True", policy=chosen)
    )


def kernels(verdict: Verdict) -> list[str]:
    assert isinstance(verdict, Accepted)
    return [kernel.split()[0] for kernel in verdict.evidence.kernels]


def test_both_kernels_are_asked_unless_the_request_says_otherwise(
    fake_checkers: MakeChecker,
) -> None:
    checker = fake_checkers()
    verdict = judged(checker)
    assert kernels(verdict) == ["lean", "aludel"]
    assert isinstance(verdict, Accepted)
    assert all(len(kernel.split()) == 2 for kernel in verdict.evidence.kernels), "with versions"
    known = advisories_of(checker.toolchain)
    assert known and verdict.evidence.advisories == tuple(one.pull for one in known)
    assert kernels(judged(checker, second_kernel="off")) == ["lean"]


def test_the_operator_may_ask_for_more_than_a_request_and_never_for_less(
    fake_checkers: MakeChecker,
) -> None:
    checker = fake_checkers(second_kernel="require")
    for wanted in ("require", "sample", "off"):
        assert kernels(judged(checker, second_kernel=wanted)) == ["lean", "aludel"]


@pytest.mark.parametrize(("share", "expected"), [(0.0, ["lean"]), (1.0, ["lean", "aludel"])])
def test_a_sample_is_of_the_share_that_the_operator_says(
    fake_checkers: MakeChecker, share: float, expected: list[str]
) -> None:
    checker = fake_checkers(second_kernel_share=share)
    assert kernels(judged(checker, second_kernel="sample")) == expected


def test_a_sample_is_drawn_and_does_not_depend_on_the_candidate(
    fake_checkers: MakeChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lots:
        draws = iter((0.4, 0.6))

        def random(self) -> float:
            return next(self.draws)

    monkeypatch.setattr(deciding, "_LOTS", Lots())
    checker = fake_checkers(second_kernel_share=0.5)
    found = [kernels(judged(checker, second_kernel="sample")) for _ in range(2)]
    assert found == [["lean", "aludel"], ["lean"]], "the same candidate, twice"


def test_a_broken_rule_is_a_disagreement_and_an_incident(fake_checkers: MakeChecker) -> None:
    checker = fake_checkers(second=FakeSecondKernel(BROKEN))
    verdict = judged(checker)
    assert (verdict.kind, verdict.reason) == ("rejected", "kernel_disagreement")
    assert "Lean's kernel accepts" in (verdict.message or "")
    assert BROKEN.message in (verdict.message or "")
    assert checker.judge.incidents == {"kernel_disagreement": 1}


@pytest.mark.parametrize("answer", ["not_shown_equal", "declined", "out_of_budget"])
def test_what_the_second_kernel_does_not_decide_is_undecided(
    fake_checkers: MakeChecker, answer: Any
) -> None:
    checker = fake_checkers(second=FakeSecondKernel(SecondAnswer(answer, "why", Usage(wall_s=2))))
    verdict = judged(checker)
    assert (verdict.kind, verdict.reason) == ("undecided", "second_kernel")
    assert answer in (verdict.message or "")
    assert verdict.usage.wall_s >= 2
    assert checker.judge.incidents == {"second_kernel": 1}


def test_incidents_are_counted_for_prometheus(fake_checkers: MakeChecker) -> None:
    checker = fake_checkers(second=FakeSecondKernel(BROKEN))
    prover, shown = LeanProver(checker, Settings()), Counter[str]()
    counter = INCIDENTS.labels("lean", "kernel_disagreement")
    before = counter._value.get()
    for _ in range(2):
        judged(checker)
        show_pool(prover, shown)
        show_pool(prover, shown)
    assert counter._value.get() == before + 2


def test_proofs_by_compiled_code_are_lean_kernels_alone(
    fake_checkers: MakeChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = LeanKernel.ask

    def native(self: LeanKernel, *args: Any, **more: Any) -> KernelAnswer:
        axiom = ReachedAxiom(name="Lean.trustCompiler", path=())
        return replace(really(self, *args, **more), axioms=(axiom,))

    monkeypatch.setattr(LeanKernel, "ask", native)
    second = FakeSecondKernel(BROKEN)
    checker = fake_checkers(second=second, second_kernel="require")
    verdict = judged(checker, allow_native_decide=True)
    assert kernels(verdict) == ["lean"] and "Lean.trustCompiler" in verdict.axioms
    assert not second.asked


class Export:
    """Writes a library of one file, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, imports: tuple[str, ...], folder: Path) -> None:
        self.asked.append(imports)
        folder.mkdir()
        (folder / "library.jsonl").write_text("half")
        if self.failure is not None:
            raise self.failure
        (folder / INDEX).write_text("{}")


class Told:
    """Remembers the steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, title: str, total: int | None = None, done: int = 0) -> None:
        assert total is None and not done
        self.steps.append(title)

    def advance(self, amount: int = 1, note: str = "") -> None:
        raise AssertionError((amount, note))


def libraries(tmp_path: Path, export: Export, told: Told | None = None) -> Libraries:
    toolchain = FakeLeanToolchain().toolchain
    return Libraries(Settings(cache_dir=tmp_path), toolchain, export, told)


def test_a_library_is_exported_on_first_need_once_and_is_read_only(tmp_path: Path) -> None:
    export, told = Export(), Told()
    made = libraries(tmp_path, export, told)
    assert not made.has(("Std",))
    folder = made.install(("Std",))
    assert made.install(("Init", "Std")) == folder, "Init is in every import set"
    assert libraries(tmp_path, export, told).install(("Std",)) == folder, "another process"
    assert export.asked == [("Std",)]
    assert told.steps == ["exporting Std for the second kernel"]
    assert {file.stat().st_mode & 0o222 for file in folder.iterdir()} == {0}
    assert made.folder(("Init",)) != folder


def test_naming_import_sets_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_kernel, "MOST_LIBRARIES", 2)
    export = Export()
    made = libraries(tmp_path, export)
    kept = [made.install((name,)) for name in ("A", "B")]
    with pytest.raises(NoLibrary, match="as many as there may be"):
        made.install(("C",))
    assert made.install(("A",)) == kept[0]
    shutil.rmtree(kept[1])
    made.install(("C",))
    assert export.asked == [("A",), ("B",), ("C",)]


def test_an_export_that_failed_leaves_nothing_half_done(tmp_path: Path) -> None:
    export = Export(BackendUnavailable("the machine failed"))
    made = libraries(tmp_path, export)
    with pytest.raises(BackendUnavailable):
        made.install(("Std",))
    assert not made.has(("Std",))
    export.failure = None
    assert made.has(("Std",)) or made.install(("Std",)).is_dir()


def test_an_installation_says_that_a_library_cannot_be_exported(
    fake_checkers: MakeChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: FakeSecondKernel, imports: tuple[str, ...]) -> Path:
        raise NoLibrary(f"the library of {imports} cannot be exported")

    monkeypatch.setattr(FakeSecondKernel, "install", refuse)
    with pytest.raises(BackendUnavailable) as caught:
        fake_checkers().judge.install_library(("Std",))
    assert "Std" in caught.value.message and caught.value.fix


def test_a_library_too_large_to_export_leaves_candidates_undecided(tmp_path: Path) -> None:
    export = Export(LimitReached("no answer in time", limit="timeout", usage=Usage()))
    made = libraries(tmp_path, export)
    kernel = SecondKernel(made, 1)
    for _ in range(2):
        answer = kernel.ask(None, ("Std",), 5.0)  # type: ignore[arg-type] - never looked at
        assert answer.verdict == "declined" and "no answer in time" in answer.message
    assert len(export.asked) == 1, "it is not tried for every candidate"
    with pytest.raises(NoLibrary):
        made.install(("Std",))
    kernel.close()


def test_modules_of_the_working_directory_are_not_the_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not ours')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    worker = second_kernel._Worker()
    assert worker._process.stdin is not None
    worker._process.stdin.close()
    assert worker._process.wait(60) == 0
    worker.kill()
