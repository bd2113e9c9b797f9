"""The rows: what has to hold of a toolchain before its verdicts are relied on."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from aludel.acceptance.bench import (
    CHECK_S,
    MATHLIB,
    SORRIED,
    Bench,
    NotApplicable,
    RowFailed,
    asked,
)
from aludel.errors import AludelError, InvalidRequest
from aludel.lean_checker.attacks.corpus import Case, read_corpus
from aludel.lean_checker.attacks.run import run_cases
from aludel.models import Accepted, Budget, Rejected, Verdict
from aludel.mutation import MutationEngine, MutationPlan

SAME = 20
TRIVIAL = "theorem aludel_t : 1 + 1 = 2 := rfl\n"
DEEP = (
    "set_option maxRecDepth 1000000 in\n"
    "theorem aludel_deep : (List.range 200000).length = 200000 := by decide\n"
)
_DEEP_S = 20.0
GOALS = {
    "norm_num": "(2 : ℝ) ^ 10 = 1024 := by norm_num",
    "positivity": "∀ x : ℝ, 0 < x ^ 2 + 1 := by intro x; positivity",
    "aesop": "∀ s t : Set ℕ, s ∩ t ⊆ s := by aesop",
    "linarith": "∀ x y : ℝ, x < y → y < 2 * y - x := by intro x y h; linarith",
    "gcongr": "∀ a b c : ℕ, a ≤ b → a + c ≤ b + c := by intro a b c h; gcongr",
    "fun_prop": "Continuous fun x : ℝ => Real.sin (x ^ 2) + x := by fun_prop",
    "simp": "∀ s : Finset ℕ, (s ∪ s).card = s.card := by simp",
}
ATTACKS = {
    "sorry": "theorem t : 1 = 2 := sorry",
    "a new axiom": "axiom a : 1 = 2\ntheorem t : 1 = 2 := a",
    "another equality": 'local infix:50 (priority := high) " = " => fun _ _ => True\n'
    "theorem t : 1 = 2 := trivial",
    "a macro for sorry": 'macro "done" : tactic => `(tactic| sorry)\ntheorem t : 1 = 2 := by done',
    "no kernel": "set_option debug.skipKernelTC true in\ntheorem t : 1 = 2 := by decide",
    "compiled code": "theorem t : 1 = 2 := by native_decide",
}


@dataclass(frozen=True)
class Row:
    """One thing that has to hold; ``run`` says what was seen, or raises what came instead."""

    name: str
    run: Callable[[Bench], str]


def _accepted(verdict: Verdict, what: str = "it") -> Accepted:
    if not isinstance(verdict, Accepted):
        raise RowFailed(f"{what} is {verdict.kind} ({verdict.reason}): {verdict.message}")
    if len(verdict.evidence.kernels) != 2:
        raise RowFailed(f"{what} was accepted by {verdict.evidence.kernels} alone")
    return verdict


def _refused(verdict: Verdict, what: str) -> None:
    if not isinstance(verdict, Rejected):
        raise RowFailed(f"not refused but {verdict.kind} ({verdict.reason}): {what}")


def trivial(bench: Bench) -> str:
    """A trivial theorem is accepted by both kernels."""
    verdict = _accepted(bench.check(TRIVIAL))
    return f"{verdict.usage.wall_s:.1f} s, by {' and '.join(verdict.evidence.kernels)}"


def _goal(name: str) -> Callable[[Bench], str]:
    def goal(bench: Bench) -> str:
        bench.needs_mathlib()
        verdict = _accepted(bench.check(f"theorem aludel_t : {GOALS[name]}\n", (MATHLIB,)))
        return f"accepted in {verdict.usage.wall_s:.1f} s"

    return goal


def twenty_of_the_same(bench: Bench) -> str:
    """Candidates over one import set start no process and import nothing again."""
    imports = _widest(bench)
    seconds, started = [], 0
    for number in range(SAME + 1):
        code = f"theorem aludel_t{number} : {number} + 1 = {number + 1} := rfl\n"
        begun = time.monotonic()
        _accepted(bench.check(code, imports), f"number {number}")
        seconds.append(time.monotonic() - begun)
        if number == 0:
            started = bench.prover.stats().started
    again = bench.prover.stats().started - started
    first, later = seconds[0], statistics.median(seconds[1:])
    longest = max(seconds[1:])
    told = f"the first {first:.2f} s, later ones {later:.2f} s (median), longest {longest:.2f} s"
    if again:
        raise RowFailed(f"{again} processes were started again; {told}")
    if imports == (MATHLIB,) and longest > first / 2:
        raise RowFailed(f"a later one took as long as an import: {told}")
    return told


def _widest(bench: Bench) -> tuple[str, ...]:
    return (MATHLIB,) if bench.has_mathlib else ("Init",)


def import_sets_in_turn(bench: Bench) -> str:
    """Import sets that alternate are answered every time; a fault of the machine fails the row."""
    other = MATHLIB if bench.has_mathlib else "Std"
    discarded = bench.prover.stats().discarded - bench.prover.stats().recycled
    for number in range(3):
        for module in ("Init", other):
            code = f"theorem aludel_{module}{number} : {number} + 1 = {number + 1} := rfl\n"
            _accepted(bench.check(code, (module,)), f"number {number} over {module}")
    stats = bench.prover.stats()
    died = stats.discarded - stats.recycled - discarded
    return f"Init and {other}, three times each; {died} processes were replaced"


def sorried_module(bench: Bench) -> str:
    """What rests on a `sorry` of an imported module is refused, in both tiers."""
    with bench.sorried() as prover:
        for tier in ("fast", "replay"):
            code = "theorem aludel_t : 1 = 2 := aludel_bad\n"
            try:
                verdict = prover.check(asked(code, (SORRIED,), tier=tier))
            except InvalidRequest as error:
                return f"refused: {error.message}"
            if isinstance(verdict, Accepted):
                raise RowFailed(f"`1 = 2` was accepted ({tier}), axioms {verdict.axioms}")
            _refused(verdict, f"`1 = 2` ({tier})")
    return f"{verdict.kind} ({verdict.reason}): {verdict.message}"


def replay_tier(bench: Bench) -> str:
    """A confirmed candidate was checked by a fresh process, and by the second kernel."""
    verdict = _accepted(bench.check(TRIVIAL, tier="replay"))
    evidence = verdict.evidence
    if evidence.attribution != "confirmed":
        raise RowFailed(f"its attribution is {evidence.attribution}")
    return f"kernels {', '.join(evidence.kernels)}; checks {', '.join(evidence.checks)}"


def _mutation(imports: str, pattern: str) -> Callable[[Bench], str]:
    def mutation(bench: Bench) -> str:
        bench.needs_mathlib()
        plan = MutationPlan(patterns=(pattern,), imports=(imports,), limit=1)
        prover, begun = bench.prover, time.monotonic()
        engine = MutationEngine(prover.operations, prover, prover.size)
        variants = next((o.variants for o in engine.run(plan) if o.variants), ())
        told = f"{time.monotonic() - begun:.0f} s, {bench.private_mb():.0f} MB private"
        if not variants:
            raise RowFailed(f"no variant of {pattern} in {told}")
        return f"first variant after {told}"

    return mutation


def deep_decide(bench: Bench) -> str:
    """A proof that is too deep ends without a verdict for it, and the service goes on."""
    try:
        verdict = bench.check(DEEP, budget=Budget(wall_s=_DEEP_S))
    except AludelError as error:
        raise RowFailed(f"it was taken for a fault of the machine: {error.message}") from error
    if isinstance(verdict, Accepted):
        raise RowFailed("it was accepted")
    _accepted(bench.check(TRIVIAL), "what came after it")
    return f"{verdict.kind} ({verdict.reason}), and the next one was accepted"


def small_attacks(bench: Bench) -> str:
    """Well-known ways to prove `1 = 2` fail."""
    imports = _widest(bench)
    for name, code in ATTACKS.items():
        verdict = bench.check(code + "\n", imports, statement="theorem t : 1 = 2")
        if isinstance(verdict, Accepted):
            raise RowFailed(f"accepted: {name}")
        _refused(verdict, name)
    return f"{len(ATTACKS)} refused over {', '.join(imports)}"


def attack_corpus(bench: Bench) -> str:
    """The whole corpus gets what each case must get, over the widest import set."""
    if bench.corpus is None:
        raise NotApplicable("the corpus is in the repository: --corpus tests/attacks/lean")
    imports = _widest(bench)
    cases = [
        (family.name, _over(case, imports))
        for family in read_corpus(bench.corpus)
        for case in family.cases
    ]
    report = run_cases(bench.prover, cases, threads=bench.prover.size)
    told = f"{len(cases)} cases over {', '.join(imports)}"
    if not report.holds:
        wrong = ", ".join(outcome.case.name for outcome in report.wrong[:5])
        raise RowFailed(f"{report.total('false_accepts')} false accepts of {told}: {wrong}")
    return f"{told}: none wrongly accepted or refused"


def _over(case: Case, imports: tuple[str, ...]) -> Case:
    """The case over another import set; one that needs its own keeps it."""
    if case.imports not in (None, ("Init",)) or imports == ("Init",):
        return case
    if case.code.lstrip().startswith("import"):
        return case
    return case.model_copy(update={"imports": imports, "budget": Budget(wall_s=CHECK_S)})


ROWS = (
    Row("a trivial theorem", trivial),
    *(Row(f"Mathlib: {name}", _goal(name)) for name in GOALS),
    Row(f"{SAME} of the same", twenty_of_the_same),
    Row("import sets in turn", import_sets_in_turn),
    Row("a module with sorry", sorried_module),
    Row("replay tier", replay_tier),
    Row("mutations of a module", _mutation(f"{MATHLIB}.Order.Lattice", "sup_comm")),
    Row("mutations of Mathlib", _mutation(MATHLIB, "sup_comm")),
    Row("deep decide", deep_decide),
    Row("attacks, the best known", small_attacks),
    Row("attacks, the corpus", attack_corpus),
)
