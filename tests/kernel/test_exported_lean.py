"""A Lean that is judged by exports: every way in which a candidate, or its machine, can be wrong.

``lean`` and ``lean4export`` are stand-ins that run confined (``tests/fakes/old_lean.py``); the
exports are our writer's. Lean's kernel on exports is in `test_exported_replay.py`.
"""

from __future__ import annotations

import errno
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from click.testing import CliRunner
from export_cases import unchecked
from kernel_world import World
from old_lean import VERSION, make_old_lean, put_export
from pydantic import TypeAdapter

import aludel.provers
from aludel.cli import doctor, serve
from aludel.cli import toolchain as toolchain_cli
from aludel.errors import (
    AbilityMissing,
    BackendCrashed,
    BackendUnavailable,
    InvalidRequest,
    ToolchainMissing,
)
from aludel.goals import GoalRequest
from aludel.lean import Lean
from aludel.lean_checker.confinement.plan import missing_protection
from aludel.lean_checker.exported import comparing, modules
from aludel.lean_checker.exported.locate import built_exporter, judged_by_exports
from aludel.lean_checker.exported.prover import ExportedLean, build_exported
from aludel.lean_checker.exported.running import Ended, run_bounded
from aludel.lean_checker.exported.second import Replayed
from aludel.lean_checker.process import ServerCommand
from aludel.lean_checker.toolchains import find_toolchain
from aludel.lean_kernel.environment import Quotient, Theorem
from aludel.lean_kernel.names import name
from aludel.lean_kernel.quotient import ROLES, quotient_types
from aludel.lean_kernel.terms import Term
from aludel.lean_kernel.writer import write_export
from aludel.metrics import INCIDENTS
from aludel.models import (
    Accepted,
    Budget,
    CheckRequest,
    LeanContext,
    Policy,
    Position,
    Rejected,
    Undecided,
    Verdict,
)
from aludel.settings import Settings
from aludel.vouching import ensure_confirmed, ensure_two_kernels, one_kernel_alone
from aludel.workers.app import lean_parts
from aludel.workers.housekeeping import show_pool

pytestmark = pytest.mark.skipif(
    missing_protection() is not None,
    reason=f"{missing_protection()}: run the tests on Linux 5.13 or newer with Landlock",
)
STATEMENT = "theorem two : 2 = 2\n-- export challenge"
ARENA = Path(__file__).with_name("arena")


def long(*values: str) -> Any:
    """A case that only `make slow` runs: each takes the start of six processes."""
    return pytest.param(*values, marks=pytest.mark.long)


def equation(w: World, left: int, right: int) -> Term:
    return w.app(w.c("Eq", 1), w.c("Nat"), w.nat(left), w.nat(right))


def reflexive(w: World, value: int) -> Term:
    return w.app(w.c("Eq.refl", 1), w.c("Nat"), w.nat(value))


def quotients(w: World) -> None:
    for role, (params, type_) in quotient_types(w.s).items():
        w.add(Quotient(ROLES[role], params, type_, role=role))


def challenge(w: World) -> None:
    sorry = w.axiom("sorryAx", w.pi(w.sort("u"), lambda a: a), ["u"])
    assert sorry is not None
    w.theorem("two", equation(w, 2, 2), w.app(w.c("sorryAx", 0), equation(w, 2, 2)))


def right(w: World) -> None:
    quotients(w)
    w.theorem("helper", equation(w, 2, 2), reflexive(w, 2))
    w.theorem("two", equation(w, 2, 2), w.c("helper"))


def mismatch(w: World) -> None:
    w.theorem("two", equation(w, 3, 3), reflexive(w, 3))


def assumed(w: World) -> None:
    w.axiom("cheat", equation(w, 2, 2))
    w.theorem("two", equation(w, 2, 2), w.c("cheat"))


def farther(w: World) -> None:
    """An axiom behind a helper, and `sorry` in the proof itself."""
    w.axiom("cheat", equation(w, 3, 3))
    w.theorem("helper", equation(w, 3, 3), w.c("cheat"))
    sorry = w.axiom("sorryAx", w.pi(w.sort("u"), lambda a: a), ["u"])
    assert sorry is not None
    given = w.lam(equation(w, 3, 3), lambda _: w.app(w.c("sorryAx", 0), equation(w, 2, 2)))
    w.theorem("two", equation(w, 2, 2), w.app(given, w.c("helper")))


def definition(w: World) -> None:
    w.define("two", equation(w, 2, 2), reflexive(w, 2))


def another(w: World) -> None:
    w.theorem("forged", equation(w, 2, 2), reflexive(w, 2))


def wrong_value(w: World) -> None:
    unchecked(w, Theorem(name("two"), (), equation(w, 2, 2), value=reflexive(w, 3)))


def other_equality() -> World:
    """The challenge's words, with an equality that holds of everything."""
    w = World()
    nat = w.c("Nat")
    w.inductive("Nat", w.sort(1), [("Nat.zero", nat), ("Nat.succ", w.arrow(nat, nat))])
    sort_u = w.sort("u")
    eq = w.c("Eq", "u")
    refl = w.pi([sort_u, lambda a: a, lambda a, x: a], lambda a, x, y: w.app(eq, a, x, y))
    type_ = w.pi(sort_u, lambda a: w.arrow(a, a, w.sort(0)))
    w.inductive("Eq", type_, [("Eq.refl", refl)], 1, ["u"])
    all_equal = w.app(w.c("Eq.refl", 1), nat, w.nat(2), w.nat(2))
    w.theorem("two", equation(w, 2, 2), all_equal)
    return w


WORLDS: dict[str, Callable[[World], object]] = {
    "challenge": challenge,
    "right": right,
    "mismatch": mismatch,
    "assumed": assumed,
    "farther": farther,
    "definition": definition,
    "another": another,
    "wrong_value": wrong_value,
}


class FakeReplay:
    """Lean's kernel, as a test has it answer."""

    def __init__(self) -> None:
        self.answer = Replayed("accepted", "", "lean 4.28.0-pre", (14577,))
        self.asked: list[bytes] = []

    def ask(self, tables: bytes, count: int, budget: Budget) -> Replayed:
        assert len(json.loads(tables)["declarations"]) == count
        self.asked.append(tables)
        return self.answer

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(scope="module")
def toolchain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_old_lean(tmp_path_factory.mktemp("old") / "toolchain")
    for known, make in WORLDS.items():
        world = World().logic()
        make(world)
        put_export(root, known, write_export(world.env, list(world.env.own)))
    world = other_equality()
    put_export(root, "other_equality", write_export(world.env, list(world.env.own)))
    for path in ARENA.glob("*.ndjson"):
        put_export(root, path.stem, path.read_text("utf-8").splitlines())
    return root


@pytest.fixture(scope="module")
def settings(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    cache = tmp_path_factory.mktemp("cache")
    return Settings(cache_dir=cache, toolchain=str(toolchain), pool_size=1)


@pytest.fixture(scope="module")
def lean_kernel() -> FakeReplay:
    return FakeReplay()


@pytest.fixture(scope="module")
def prover(settings: Settings, lean_kernel: FakeReplay) -> Iterator[ExportedLean]:
    """A prover for all tests, which knows the challenge's export after the first."""
    made = build_exported(settings, replay=lean_kernel)
    yield made
    assert isinstance(made.check(request("-- export right")), Accepted), "it works to the end"
    made.close()
    assert list(settings.cache_dir.rglob("exported/*")) == [], "modules are removed"


@pytest.fixture
def replay(lean_kernel: FakeReplay) -> FakeReplay:
    """The kernel as it was at first."""
    fresh = FakeReplay()
    lean_kernel.answer, lean_kernel.asked = fresh.answer, fresh.asked
    return lean_kernel


def request(code: str, statement: str | None = STATEMENT, **more: object) -> CheckRequest:
    fields = {"context": LeanContext(), "code": code, "statement": statement, **more}
    return CheckRequest.model_validate(fields)


def refused(verdict: Verdict, reason: str) -> str:
    """The message of a verdict that must have this reason."""
    assert isinstance(verdict, Rejected | Undecided), verdict
    assert verdict.reason.value == reason, verdict
    return verdict.message or ""


def test_a_proof_is_accepted_by_two_kernels_that_saw_no_text(
    prover: ExportedLean, replay: FakeReplay
) -> None:
    verdict = prover.check(request("theorem two : 2 = 2 := rfl\n-- export right"))
    assert isinstance(verdict, Accepted), verdict
    evidence = verdict.evidence
    assert evidence.checks == ("compiled_and_exported", "kernel", "axioms", "statement")
    assert [kernel.split()[0] for kernel in evidence.kernels] == ["aludel", "lean"]
    assert (evidence.statement_match, evidence.advisories) == ("identical", (14577,))
    assert (evidence.attribution, evidence.declarations) == ("confirmed", ("two",))
    ensure_two_kernels(verdict)
    ensure_confirmed(verdict)
    declared = json.loads(replay.asked[0])["declarations"]
    assert [each[0] for each in declared].count("quo") == 1


def test_ours_alone_is_one_kernel(prover: ExportedLean, replay: FakeReplay) -> None:
    code = "theorem two : 2 = 2 := rfl\n-- export right"
    verdict = prover.check(request(code, policy=Policy(second_kernel="off")))
    assert one_kernel_alone(verdict)
    assert replay.asked == []


@pytest.mark.parametrize("outcome", ["rejected", "limit", long("missing")])
def test_what_leans_kernel_does_not_accept_is_undecided(
    outcome: str, prover: ExportedLean, replay: FakeReplay
) -> None:
    replay.answer = Replayed(outcome, "so it is", "lean 4.28.0-pre")  # type: ignore[arg-type]
    verdict = prover.check(request("theorem two : 2 = 2 := rfl\n-- export right"))
    assert "so it is" in refused(verdict, "second_kernel")
    what = "kernel_disagreement" if outcome == "rejected" else "second_kernel"
    shown, counter = Counter[str](), INCIDENTS.labels("lean", what)
    before = counter._value.get()
    show_pool(prover, shown)
    assert counter._value.get() - before == shown[what] == prover.checker.incidents[what] > 0


@pytest.mark.parametrize(
    ("export", "reason", "words"),
    [
        ("mismatch", "statement_mismatch", "states something else"),
        ("other_equality", "statement_mismatch", "rests on Eq"),
        ("assumed", "axiom", "cheat"),
        ("farther", "sorry", "sorry"),
        ("challenge", "sorry", "sorry"),
        ("another", "missing_declaration", "missing in the solution"),
        ("LevelImaxLeq", "kernel", "False.rec"),
        ("wrong_value", "second_kernel", "not_shown_equal"),
        long("definition", "statement_mismatch", "a definition in the solution"),
        long("LargeElimParam", "kernel", ""),
        long("NatRecRules", "kernel", ""),
        long("NatAddSucc", "missing_declaration", ""),
    ],
)
def test_what_an_export_can_be_refused_for(
    export: str, reason: str, words: str, prover: ExportedLean, replay: FakeReplay
) -> None:
    verdict = prover.check(request(f"theorem two : 2 = 2 := rfl\n-- export {export}"))
    assert words in refused(verdict, reason)
    assert replay.asked == []
    if isinstance(verdict, Rejected):
        assert any(one.start for one in verdict.diagnostics)


def test_an_axiom_is_allowed_by_name_only_where_it_is_the_challenges_own(
    prover: ExportedLean,
) -> None:
    policy = Policy(allowed_axioms=("cheat", "sorryAx"))
    for export, reason in (("assumed", "axiom"), ("challenge", "sorry")):
        code = f"theorem two : 2 = 2 := rfl\n-- export {export}"
        refused(prover.check(request(code, policy=policy)), reason)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("unexpected token ':='; expected term", "parse"),
        ("(deterministic) timeout at `whnf`", "heartbeats"),
        long("unsolved goals ⊢ False", "unsolved_goals"),
        long("type mismatch", "elaboration"),
        long("maximum recursion depth has been reached", "memory"),
        ("(kernel) deterministic timeout", "heartbeats"),
        long("(kernel) deep recursion detected", "memory"),
        long("(kernel) excessive memory consumption detected", "memory"),
    ],
)
def test_what_does_not_compile(error: str, reason: str, prover: ExportedLean) -> None:
    code = f"import Init\ntheorem two : 2 = 2 := rfl\n-- error {error}"
    verdict = prover.check(request(code))
    refused(verdict, reason)
    assert verdict.diagnostics[0].message == error
    assert verdict.diagnostics[0].start == Position(line=3, column=0)


def test_messages_that_a_text_prints_hide_no_error(prover: ExportedLean) -> None:
    printed = json.dumps(
        {"severity": "warning", "data": "\ud800\0", "pos": {"line": 10**4000, "column": 0}}
    )
    verdict = prover.check(request(f"-- print {printed}\n-- error type mismatch"))
    assert refused(verdict, "elaboration") == "type mismatch"
    assert len(verdict.diagnostics) <= 101
    assert (verdict.diagnostics[0].message, verdict.diagnostics[0].start) == ("\ufffd\ufffd", None)
    assert verdict.diagnostics[-1].start is not None
    assert TypeAdapter(Verdict).validate_json(verdict.model_dump_json()) == verdict


def test_a_disk_that_cannot_be_written_is_no_candidates_fault(
    prover: ExportedLean, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ToolchainMissing, match="No space left"):
        prover.check(request("-- export right"))


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("crash", "elaborator"),
        ("loop", "timeout"),
        ("flood", "memory"),
        ("garbage", "elaborator"),
        ("files", "memory"),
        ("deep", "memory"),
        ("nameless", "memory"),
        long("overflow", "memory"),
        long("absent", "missing_declaration"),
        long("absent fails", "missing_declaration"),
        long("silent", "elaborator"),
        long("endless", "timeout"),
    ],
)
def test_a_candidate_that_breaks_its_processes(
    what: str, reason: str, prover: ExportedLean, replay: FakeReplay
) -> None:
    budget = Budget(wall_s=2 if reason == "timeout" else 60)
    code = f"theorem two : 2 = 2 := rfl\n-- {what}\n-- export right"
    refused(prover.check(request(code, budget=budget)), reason)
    assert replay.asked == []


@pytest.mark.parametrize("what", ["crash", "garbage", "flood"])
def test_an_exporter_that_fails_on_the_statement_is_the_machines_fault(
    what: str, prover: ExportedLean
) -> None:
    statement = f"theorem two : 2 = 2\n-- {what}\n-- export challenge"
    if what == "flood":  # it ends by a limit, which decides nothing
        refused(prover.check(request("-- export right", statement)), "memory")
        return
    with pytest.raises((BackendCrashed, ToolchainMissing)):
        prover.check(request("-- export right", statement))


def test_code_that_runs_reaches_neither_the_challenge_nor_the_toolchain(
    prover: ExportedLean, toolchain: Path, settings: Settings
) -> None:
    kept = toolchain / "exports" / "challenge.ndjson"
    before = kept.read_bytes()
    scratch = settings.cache_dir / "forged"
    for path in (kept, scratch, Path("/tmp/aludel-exported")):  # noqa: S108 - must not be written
        verdict = prover.check(request(f"-- write {path}\n-- export right"))
        said = [one.message for one in verdict.diagnostics]
        assert said in (["write: EACCES"], ["write: ENOENT"], ["write: EFBIG"]), said
    assert kept.read_bytes() == before
    assert not scratch.exists()
    verdict = prover.check(request("-- read /etc/passwd\n-- export right"))
    assert [one.message for one in verdict.diagnostics] == ["read: EACCES"]


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        ("theorem two : 2 = 2\n-- error type expected", "statement"),
        ("def two := 2", "statement"),
        ("import Lean\ntheorem two : 2 = 2", "statement"),
        ("theorem two : 2 = 2 := rfl", "statement"),
        ("theorem other : 2 = 2\n-- export challenge", "statement"),
        ("theorem two : 2 = 2\n-- foreign", "code"),
    ],
)
def test_a_challenge_that_is_none(statement: str, field: str, prover: ExportedLean) -> None:
    with pytest.raises(InvalidRequest) as caught:
        prover.check(request("-- export right", statement))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("step", "reason"),
    [(0, "memory"), (1, ""), (2, "memory"), (3, "elaborator"), (4, "second_kernel")],
    ids=["challenge", "its export", "solution", "its export too", "comparison"],
)
def test_what_is_killed_is_no_rejection(
    step: int, reason: str, prover: ExportedLean, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def killed(command: ServerCommand, *more: Any) -> Ended:
        begun.append(command)
        ended = run_bounded(command, *more)
        return replace(ended, code=-9, out=ended.out[:-1]) if len(begun) == step + 1 else ended

    for module in (modules, comparing):
        monkeypatch.setattr(module, "run_bounded", killed)
    statement = f"{STATEMENT}\n-- killed at step {step}"  # not known from before
    asked = request("theorem two : 2 = 2 := rfl\n-- export right", statement)
    if reason:
        refused(prover.check(asked), reason)
    else:
        with pytest.raises(BackendCrashed):
            prover.check(asked)
    assert len(begun) == step + 1


def test_candidates_at_once_have_nothing_of_each_other(
    settings: Settings, lean_kernel: FakeReplay, replay: FakeReplay
) -> None:
    several = settings.model_copy(update={"pool_size": 3})
    expected = {"right": "accepted", "mismatch": "statement_mismatch", "assumed": "axiom"}
    shared = build_exported(several, replay=lean_kernel)
    with ThreadPoolExecutor(6) as threads:
        codes = [f"theorem two : 2 = 2 := rfl\n-- export {each}" for each in expected] * 2
        found = list(threads.map(lambda code: shared.check(request(code)), codes))
    said = [each.kind if each.kind == "accepted" else each.reason.value for each in found]
    assert said == [*expected.values()] * 2
    shared.close()


@pytest.mark.parametrize(("gigabytes", "size"), [(1, 1), (7, 2), (1_000, 5)])
def test_as_many_are_judged_at_once_as_memory_admits(
    gigabytes: int,
    size: int,
    settings: Settings,
    lean_kernel: FakeReplay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    monkeypatch.setattr(
        psutil, "virtual_memory", lambda: SimpleNamespace(available=gigabytes * 10**9)
    )
    free = settings.model_copy(update={"pool_size": 0})
    assert build_exported(free, replay=lean_kernel).size == size


def test_a_statement_that_exhausts_the_prover_is_no_fault_of_the_machine(
    prover: ExportedLean,
) -> None:
    statement = "theorem two : 2 = 2\n-- overflow"
    refused(prover.check(request("-- export right", statement)), "memory")


def test_what_exports_do_not_tell_is_refused(prover: ExportedLean) -> None:
    for more, field in (
        ({"statement": None}, "statement"),
        ({"policy": Policy(allow_native_decide=True)}, "policy.allow_native_decide"),
        ({"policy": Policy(allow_helpers=False)}, "policy.allow_helpers"),
        ({"policy": Policy(forbidden=("self",))}, "policy.forbidden"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            prover.check(request("-- export right", **more))  # type: ignore[arg-type]
        assert caught.value.field == field
    context = LeanContext(options={"nobody": True})
    with pytest.raises(InvalidRequest) as caught:
        prover.check(request("-- export right", context=context))
    assert caught.value.field == "options"


def test_imports_are_those_of_the_request(prover: ExportedLean) -> None:
    code = "import Std.Data\ntheorem two : 2 = 2 := rfl\n-- export right"
    assert isinstance(prover.check(request(code)), Accepted)
    init = LeanContext(imports=("Init",))
    refused(prover.check(request(code, context=init)), "forbidden_construct")
    refused(prover.check(request("import Init;sorry\n-- export right")), "parse")


def test_other_abilities_are_missing(prover: ExportedLean) -> None:
    words = "need a Lean that is not judged by exports, and there is none here"
    for ask in (prover.goals, lambda: prover.operations, lambda: prover.states):
        with pytest.raises(AbilityMissing, match=words):
            ask()


def test_which_exporter_and_which_lean(
    toolchain: Path, settings: Settings, tmp_path: Path, replay: FakeReplay
) -> None:
    first = build_exported(settings, replay=replay).toolchain
    assert (first.name, first.version) == (f"lean-{VERSION}", VERSION)
    named = settings.model_copy(update={"toolchain": f"exported:{toolchain}"})
    assert build_exported(named, replay=replay).toolchain.name == f"exported:lean-{VERSION}"

    bare = make_old_lean(tmp_path / "bare")
    exporter = bare / "bin" / "lean4export"
    text = exporter.read_text()
    exporter.unlink()
    alone = settings.model_copy(update={"toolchain": str(bare)})
    with pytest.raises(ToolchainMissing, match="no lean4export") as caught:
        build_exported(alone, replay=replay)
    assert f"git clone -b v{VERSION} " in (caught.value.fix or "")
    built = built_exporter(alone, VERSION)
    built.parent.mkdir(parents=True)
    built.write_text(text + "// another\n")
    built.chmod(0o755)
    by_the_book = build_exported(alone, replay=replay).toolchain
    elsewhere = {"lean_exporter": str(built).replace(VERSION, "{version}")}
    assert build_exported(alone.model_copy(update=elsewhere), replay=replay)
    assert by_the_book.digest != first.digest


def test_toolchains_that_are_judged_by_exports_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("4.9.0", VERSION, "4.19.0"):
        name = f"leanprover--lean4---v{version}"
        root = make_old_lean(tmp_path / "elan" / "toolchains" / name, version)
        if version == "4.19.0":
            (root / "bin" / "lean4export").unlink()
    monkeypatch.setenv("ELAN_HOME", str(tmp_path / "elan"))
    monkeypatch.setenv("ALUDEL_CACHE_DIR", str(tmp_path / "cache"))
    done = CliRunner().invoke(toolchain_cli.command, ["list", "--json"], catch_exceptions=False)
    listed = json.loads(done.stdout)
    rows = [(row["name"], row["note"]) for row in listed["toolchains"] if row["prover"] == "lean"]
    assert rows == [(f"lean-{VERSION}", "judged by exports")]
    said = [lack["message"] for lack in listed["missing"] if lack["prover"] == "lean"]
    assert said == [
        "Lean 4.9.0 is too old: no lean4export for it writes what can be checked",
        "Lean 4.19.0 is judged by exports, and there is no lean4export for it",
    ]


def test_old_releases_are_refused_with_the_first_that_works(
    tmp_path: Path, replay: FakeReplay
) -> None:
    root = make_old_lean(tmp_path / "older", "4.9.0")
    chosen = Settings(cache_dir=tmp_path, toolchain=str(root))
    with pytest.raises(ToolchainMissing, match=r"4\.9\.0 is too old") as caught:
        build_exported(chosen, replay=replay)
    assert "4.15.0" in (caught.value.fix or "")


def test_a_release_whose_exports_lack_what_texts_are_made_of_is_refused(
    tmp_path: Path, replay: FakeReplay
) -> None:
    root = make_old_lean(tmp_path / "texts", "4.25.2")
    with pytest.raises(ToolchainMissing, match="what texts are made of") as caught:
        build_exported(Settings(cache_dir=tmp_path, toolchain=f"exported:{root}"), replay=replay)
    assert f"use {root}, which the server program serves" in (caught.value.fix or "")


def test_an_exporter_of_another_lean_or_format_is_refused(
    tmp_path: Path, replay: FakeReplay
) -> None:
    root = make_old_lean(tmp_path / "toolchain")
    world = World().logic()
    challenge(world)
    chosen = Settings(cache_dir=tmp_path / "cache", toolchain=str(root), pool_size=1)
    prover = build_exported(chosen, replay=replay)
    put_export(root, "challenge", write_export(world.env, list(world.env.own)), "4.19.0")
    with pytest.raises(ToolchainMissing, match=r"built for Lean 4\.19\.0, not 4\.15\.0"):
        prover.check(request("-- export right"))
    old = root / "exports" / "challenge.ndjson"
    kept = old.read_text()
    same = '"version": "4.15.0, commit 0123", "githash": "0123456789abcdef00"'
    old.write_text(kept.replace('"version": "4.19.0"', same))
    refused(prover.check(request("-- export challenge")), "sorry")
    prover.close()
    prover = build_exported(chosen, replay=replay)  # the challenge's export is read once
    old.write_text(kept)
    old.write_text(old.read_text().replace('"3.1.0"', '"2.0.0"'))
    with pytest.raises(ToolchainMissing, match=r"format 2\.0\.0"):
        prover.check(request("-- export right"))
    old.write_text("0.1.2\n1 #NS 0 Nat\n")
    with pytest.raises(ToolchainMissing, match="what is no export"):
        prover.check(request("-- export right"))
    prover.close()


def test_a_release_out_of_the_servers_reach_chooses_this_way(
    toolchain: Path, settings: Settings
) -> None:
    prover = aludel.provers.build_prover(settings)
    assert isinstance(prover, ExportedLean)
    prover.close()
    with Lean(toolchain=str(toolchain)) as lean, pytest.raises(AbilityMissing):
        lean.open("theorem t : True")
    named = settings.model_copy(update={"toolchain": f"exported:{toolchain}"})
    with pytest.raises(ToolchainMissing, match="checks candidates, and does nothing else"):
        find_toolchain(named)
    assert not judged_by_exports(Settings())
    assert not judged_by_exports(Settings(toolchain="lean-4.99.0"))


def project(root: Path) -> Path:
    """Make a Lake project that this Lean built; return its one module."""
    (root / "lakefile.toml").write_text('name = "orchard"\n')
    module = root / ".lake" / "build" / "lib" / "lean" / "Orchard.olean"
    module.parent.mkdir(parents=True)
    module.write_bytes(b"olean 0123456789ab")
    return module


@pytest.mark.parametrize("named", [False, True])
def test_a_service_serves_its_checks_and_says_that_it_has_no_sessions(
    settings: Settings, tmp_path: Path, named: bool
) -> None:
    project(tmp_path)
    home = {"data_dir": tmp_path / "data", "projects": f"old={tmp_path}" if named else ""}
    with serve._worker(settings.model_copy(update=home), lean_parts, None) as (_, goals, *missing):
        assert missing == [None, None, None] and goals is not None
        asked = GoalRequest(
            statement="theorem t : True", context=LeanContext(project="old" if named else None)
        )
        with pytest.raises(AbilityMissing, match="a Lean that is not judged by exports"):
            goals.open(asked)
        with pytest.raises(AbilityMissing):
            goals.step("a session", 0, ["trivial"])


def test_the_doctor_looks_for_the_exporter(
    toolchain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALUDEL_TOOLCHAIN", str(toolchain))
    monkeypatch.setenv("ALUDEL_CACHE_DIR", str(tmp_path))
    done = CliRunner().invoke(doctor.command, ["--json"])
    checks = {each["name"]: each for each in json.loads(done.output)["checks"]}
    assert "judged by exports" in checks["Lean toolchain"]["detail"]
    assert checks["second kernel"]["status"] == "failed"
    assert "Lean server" not in checks


def test_a_project_is_searched_until_it_is_built_again(
    settings: Settings, replay: FakeReplay, tmp_path: Path
) -> None:
    module = project(tmp_path)
    chosen = settings.model_copy(update={"project": str(tmp_path)})
    prover = build_exported(chosen, replay=replay)
    assert prover.toolchain.name == f"lean-{VERSION}+orchard"
    verdict = prover.check(request(f"-- read {module}\n-- export right"))
    assert isinstance(verdict, Accepted), verdict
    assert [one.message for one in verdict.diagnostics] == ["read: done"]
    module.write_bytes(b"olean 0123456789ab, built again")
    with pytest.raises(BackendUnavailable, match="built again"):
        prover.check(request("-- export right"))
    prover.close()
