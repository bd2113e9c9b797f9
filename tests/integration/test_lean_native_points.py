"""What native toolchains and Mathlib depend on, shown with the embedded Lean and a small project.

Modules that are started when they are imported, import sets one after another, a project's options,
modules compiled with `sorry`, axioms of `native_decide` that are run again, and the versions of
`Aludel.Compat` that only other releases compile.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lake_project import build_package, embedded_host

from aludel.deadline import Deadline
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.operations import LeanOperations, MutationResult, MutationTask
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.program import run
from aludel.lean_checker.releases import EMBEDDED, RANGES
from aludel.lean_checker.server_program import SOURCES
from aludel.lean_checker.toolchains import LeanToolchain, find_toolchain
from aludel.models import Accepted, CheckRequest, LeanContext, Rejected, Verdict
from aludel.protocols import Exhausted
from aludel.settings import Settings, load_settings

pytestmark = [
    pytest.mark.lean,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.usefixtures("lean_toolchain"),
]
GROVE = Path(__file__).parents[1] / "fixtures" / "grove"
# Where the embedded Lean does not have what another release has.
_DIFFERS = re.compile(r"LCNF\.Decl \.pure|addDeclCore|PhaseDecl|String\.(?:Pos\.Raw|rawEndPos)")


@pytest.fixture(scope="module")
def grove(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a `lakefile.lean`, as `lake build` leaves it."""
    root = tmp_path_factory.mktemp("lake") / "grove"
    shutil.copytree(GROVE, root)
    build_package(embedded_host(), root, ["Grove.lean", "Grove/Shaky.lean"], [])
    setup = root / ".lake" / "build" / "ir" / "Grove.setup.json"
    setup.parent.mkdir(parents=True)
    setup.write_text(json.dumps({"name": "Grove", "options": {"autoImplicit": False}}))
    return root


@pytest.fixture(scope="module")
def toolchain(grove: Path) -> LeanToolchain:
    return find_toolchain(load_settings().model_copy(update={"project": str(grove)}))


@pytest.fixture(scope="module")
def checker(toolchain: LeanToolchain) -> Iterator[LeanChecker]:
    settings = Settings(pool_size=1)
    made = LeanChecker(LeanPool(toolchain, settings), settings)
    yield made
    made.close()


def check(checker: LeanChecker, code: str, **context: Any) -> Verdict:
    """Judge by Lean's kernel alone: giving all of Lean to ours takes minutes."""
    policy = {"second_kernel": "off"}
    asked = {"context": LeanContext(**context), "code": code, "policy": policy}
    return checker.check(CheckRequest.model_validate(asked))


def test_import_sets_alternate_and_a_project_is_started_each_time(checker: LeanChecker) -> None:
    grown = "import Grove\ntheorem t : True := grown\n"
    plain = "theorem t : 1 + 1 = 2 := rfl\n"
    for code in (plain, grown, grown, plain, f"import Lean\n{plain}", grown, plain):
        verdict = check(checker, code)
        assert isinstance(verdict, Accepted), (code, verdict)


def test_what_a_project_left_open_proves_nothing(checker: LeanChecker) -> None:
    for tier in ("fast", "replay"):
        code = "import Grove.Shaky\ntheorem t : 1 = 2 := shaky\n"
        asked = {"context": LeanContext(), "code": code, "tier": tier}
        verdict = checker.check(CheckRequest.model_validate(asked))
        assert isinstance(verdict, Rejected), verdict
        assert (verdict.reason, verdict.axioms) == ("sorry", ("sorryAx",))


def test_the_options_of_a_project_are_those_of_a_candidate(checker: LeanChecker) -> None:
    code = "theorem t (a : α) : a = a := rfl\n"
    refused = check(checker, code)
    assert isinstance(refused, Rejected)
    assert refused.reason == "elaboration"
    assert isinstance(check(checker, code, options={"autoImplicit": True}), Accepted)


def test_a_mutation_out_of_time_leaves_its_process_and_the_index(checker: LeanChecker) -> None:
    operations = LeanOperations(checker.pool)
    task = MutationTask(
        "Nat.add_assoc", ("Init",), None, limit=10, max_attempts=1_000_000, seed=0, wall_s=120.0
    )
    assert isinstance(operations.mutate(task), MutationResult)
    with checker.pool.lease(("Init",), Deadline.after(60)) as process:
        used = process.label
    late = operations.matches(replace(task, limit=1_000_000, wall_s=10.0), "brute")
    assert isinstance(late, Exhausted)
    assert late.limit == "timeout"
    with checker.pool.lease(("Init",), Deadline.after(60)) as process:
        assert process.label == used
    assert isinstance(operations.mutate(task), MutationResult)


@pytest.mark.parametrize("option", ["profiler true", 'trace.profiler.output "x"'])
def test_no_candidate_switches_the_profiler_on(lean_checker: LeanChecker, option: str) -> None:
    verdict = check(lean_checker, f"set_option {option} in\ntheorem t : True := trivial\n")
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "forbidden_construct"


def test_no_candidate_recurses_deeper_than_the_stack_bears(lean_checker: LeanChecker) -> None:
    deep = "set_option maxRecDepth 1000000000 in\ntheorem t : 1 + 1 = 2 := rfl\n"
    assert isinstance(check(lean_checker, deep), Accepted)


@pytest.mark.parametrize(
    ("claim", "refused"), [("1 + 1 = 2", False), ("1 + 1 = 3", True)], ids=["holds", "fails"]
)
def test_an_axiom_of_native_decide_is_run_again(
    lean_checker: LeanChecker, claim: str, refused: bool
) -> None:
    axiom = "t._native.native_decide.ax_1_1"
    code = (
        f"axiom {axiom} : decide ({claim}) = true\n"
        f"theorem t : {claim} := of_decide_eq_true {axiom}\n"
    )
    facts = _facts(lean_checker, code, native=True)
    assert facts["new_axioms"] == ([axiom] if refused else [])
    assert bool(facts["kernel_rejected"]) is refused
    if not refused:
        assert facts["axioms"] == ["Lean.ofReduceBool"]
    assert _facts(lean_checker, code, native=False)["new_axioms"] == [axiom]


def _facts(checker: LeanChecker, code: str, *, native: bool) -> dict[str, Any]:
    body = {"imports": ["Init"], "options": {}, "statement": None, "code": code,
            "heartbeats": 200_000, "allow_native": native}  # fmt: skip
    with checker.pool.fresh(Deadline.after(300)) as process:
        return process.ask("check", body, Deadline.after(120)).result


@pytest.mark.parametrize("compat", [each.compat for each in RANGES if each.compat != EMBEDDED])
def test_other_versions_are_parsed_and_fail_only_where_they_differ(
    compat: str, tmp_path: Path
) -> None:
    source = SOURCES / "Aludel" / "Compat" / f"{compat}.lean"
    (tmp_path / "Compat.lean").write_text(source.read_text())
    done = run(embedded_host().compile_command(tmp_path, Path("Compat.lean")), "", 120.0)
    said = done.stdout + done.stderr
    assert "unexpected" not in said, said
    lines = source.read_text().splitlines()
    for at in re.findall(r"Compat\.lean:(\d+):\d+: error", said):
        assert _DIFFERS.search(lines[int(at) - 1]), said
    assert (done.returncode == 0) is (compat == "V4_26"), said
