"""Cases of public reports that are no single candidate: sessions, imports, attempts, mutations.

Each function returns what came by each route: ``right``, or what came instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
from click.testing import CliRunner
from live_api import LiveApi

from aludel import Client
from aludel.candidates import extract
from aludel.cli.main import cli
from aludel.errors import AludelError
from aludel.goals import GoalRequest, Stepper
from aludel.lean_checker.operations import LeanOperations
from aludel.lean_checker.prover import LeanProver
from aludel.models import CheckRequest, LeanContext, Severity
from aludel.mutation import MutationPlan
from aludel.mutation.engine import MutationEngine
from aludel.problems import read_problems
from aludel.proof_import import import_records

Got = dict[str, str]
ByHand = Callable[[Any, LiveApi, Path], Got]
_INIT = LeanContext(imports=("Init",))
_PROOF = "theorem mine (a b : Nat) (h : a = b) : a + b = b + a := Nat.add_comm a b"


def _right(*, found: bool, instead: object) -> str:
    return "right" if found else str(instead)[:200]


def _sessions(prover: LeanProver, api: LiveApi, run: Callable[[Any], str]) -> Got:
    with Client(api.url, retries=0) as client:
        return {"in process": run(prover.goals()), "HTTP": run(client.goals)}


def _finished(prover: LeanProver, api: LiveApi, statement: str, tactics: Sequence[str]) -> Got:
    def run(goals: Any) -> str:
        stepper = Stepper(goals, GoalRequest(context=_INIT, statement=statement))
        for tactic in tactics:
            if stepper.run(tactic).state is None:
                return f"{tactic!r} fails"
        script = goals.script(stepper.current.session, stepper.current.state)
        stepper.close()
        verdict = prover.check(script)
        return _right(found=verdict.kind == "accepted", instead=verdict.message)

    return _sessions(prover, api, run)


def comment_at_the_end(prover: LeanProver, api: LiveApi, _folder: Path) -> Got:
    return _finished(prover, api, "theorem t : 1 + 1 = 2 -- as everybody knows", ["rfl"])


def string_over_two_lines(prover: LeanProver, api: LiveApi, _folder: Path) -> Got:
    tactics = ['have h : "a\n  b".length = 5 := rfl', "rfl"]
    return _finished(prover, api, 'theorem t : "a\nb".length = 3', tactics)


def let_in_a_goal(prover: LeanProver, api: LiveApi, _folder: Path) -> Got:
    def run(goals: Any) -> str:
        state = goals.open(GoalRequest(context=_INIT, statement="theorem t : let x := 2; x = 2"))
        goals.close(state.session)
        return _right(found="let x := 2" in state.goals[0].target, instead=state.goals[0].target)

    return _sessions(prover, api, run)


def traces(prover: LeanProver, api: LiveApi, _folder: Path) -> Got:
    def run(goals: Any) -> str:
        state = goals.open(GoalRequest(context=_INIT, statement="theorem t : True"))
        steps = goals.step(state.session, 0, ['trace "hi"', "trace_state"])
        goals.close(state.session)
        texts = [" ".join(step.state.messages) if step.state else "" for step in steps]
        return _right(found="hi" in texts[0] and "⊢ True" in texts[1], instead=texts)

    return _sessions(prover, api, run)


def a_blank_tactic(prover: LeanProver, api: LiveApi, _folder: Path) -> Got:
    def run(goals: Any) -> str:
        state = goals.open(GoalRequest(context=_INIT, statement="theorem t : True"))
        steps = goals.step(state.session, 0, [*["trivial"] * 20, " ", *["trivial"] * 19])
        goals.close(state.session)
        failed = [n for n, step in enumerate(steps) if step.state is None]
        return _right(found=failed == [20], instead=failed)

    return _sessions(prover, api, run)


def sorries(prover: LeanProver, api: LiveApi, _folder: Path) -> Got:
    code = "theorem t : 1 = 1 ∧ 2 = 2 := by\n  constructor\n  · sorry\n  · sorry\n"
    body = {"snippets": [{"id": "1", "code": code}]}
    answer = httpx.post(f"{api.url}/api/check", json=body, timeout=120).json()
    found = answer["results"][0]["response"].get("sorries", [])
    told = [(sorry["goal"], sorry["pos"]["line"]) for sorry in found]
    return {
        "kimina": _right(
            found=told == [("case left\n⊢ 1 = 1", 3), ("case right\n⊢ 2 = 2", 4)], instead=found
        )
    }


def axioms_of_the_library(prover: LeanProver, api: LiveApi, _folder: Path) -> Got:
    code = "theorem t : 1 = 1 := rfl\n#print axioms Nat.add_comm\n"

    def of(diagnostics: Sequence[Any]) -> str:
        return _right(found="cannot be listed here" in str(diagnostics), instead=diagnostics)

    verdict = prover.check(CheckRequest(code=code))
    told = [d.message for d in verdict.diagnostics if d.severity is Severity.INFO]
    answer = httpx.post(f"{api.url}/v1/checks?wait=60", json={"code": code}, timeout=120).json()
    return {"in process": of(told), "HTTP": of(answer["items"][0]["verdict"]["diagnostics"])}


def _imported(folder: Path, rows: list[dict[str, str]]) -> tuple[list[str], list[str]]:
    path = folder / "minif2f.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = import_records("minif2f", path)
    return [problem.statement for problem in found.problems], [bad.reason for bad in found.bad]


def marks_in_strings(_prover: LeanProver, _api: LiveApi, folder: Path) -> Got:
    statement = 'theorem t : ("/-" ++ "-/").length = 4'
    kept, bad = _imported(folder, [{"name": "t", "formal_statement": f"{statement} := by sorry"}])
    return {"command": _right(found=kept == [statement], instead=(kept, bad))}


def nested_comments(_prover: LeanProver, _api: LiveApi, folder: Path) -> Got:
    texts = [
        "/- a /- b -/ c -/ theorem a : 1 = 1 := by sorry",
        "\ufefftheorem b : 1 = 1 := by sorry",
        "theorem c (h : 1 = 1 := by decide) : 1 = 1 := by sorry",
    ]
    kept, bad = _imported(folder, [{"formal_statement": text} for text in texts])
    wanted = [
        "theorem a : 1 = 1",
        "theorem b : 1 = 1",
        "theorem c (h : 1 = 1 := by decide) : 1 = 1",
    ]
    return {"command": _right(found=kept == wanted, instead=(kept, bad))}


def names(_prover: LeanProver, _api: LiveApi, folder: Path) -> Got:
    path = folder / "names.jsonl"
    texts = ["theorem uni.{u} (a : Sort u) : a = a", "theorem «a b» : True", "theorem «a c» : True"]
    lines = [json.dumps({"formal_statement": f"{text} := by sorry"}) for text in texts]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = [problem.name for problem in import_records("minif2f", path).problems]
    return {"command": _right(found=found == ["uni", "«a b»", "«a c»"], instead=found)}


def line_separators(_prover: LeanProver, _api: LiveApi, folder: Path) -> Got:
    source, out = folder / "informal.jsonl", folder / "imported.jsonl"
    row = {"formal_statement": "theorem t : 1 = 1 := by sorry", "informal_stmt": "a\u2028b\x85c"}
    source.write_text(json.dumps(row, ensure_ascii=False) + "\r\n", encoding="utf-8")
    done = CliRunner().invoke(cli, ["import", "minif2f", str(source), "--out", str(out)])
    problems = list(read_problems(out)) if out.is_file() else []
    return {"command": _right(found=len(problems) == 1, instead=done.output or done.exception)}


def _attempted(prover: LeanProver, folder: Path, rows: list[dict[str, str]]) -> Got:
    """Have the portfolio try problems from a file, by the command."""
    path = folder / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = ["attempts", "run", str(path), "--samples", "4", "--json", "--name", rows[0]["name"]]
    environ = {"ALUDEL_DATA_DIR": str(folder / "attempts")}
    with mock.patch("aludel.proving.run.build_prover", lambda *_: prover):
        done = CliRunner().invoke(cli, words, env=environ)
    proved = json.loads(done.stdout.splitlines()[-1]).get("proved") if done.stdout else None
    return {"command": _right(found=proved == len(rows), instead=done.output or done.exception)}


def attempts_after_a_comment(prover: LeanProver, _api: LiveApi, folder: Path) -> Got:
    rows = [{"name": "t", "statement": "theorem t (a b : Nat) : a + b = b + a -- easy"}]
    return _attempted(prover, folder, rows)


def attempts_of_open_ends(prover: LeanProver, _api: LiveApi, folder: Path) -> Got:
    texts = [
        "lemma a (x : Nat) : x + 0 = x",
        "theorem b (x : Nat) : x + 0 = x := by",
        "theorem c (x : Nat) : x + 0 = x := by sorry -- TODO",
    ]
    got = _attempted(prover, folder, [{"name": t.split()[1], "statement": t} for t in texts])
    made = [prover.check(CheckRequest(context=_INIT, code=extract("by simp", t))) for t in texts]
    kinds = [verdict.kind for verdict in made]
    return got | {"in process": _right(found=set(kinds) == {"accepted"}, instead=kinds)}


def _mutated(prover: LeanProver, texts: Sequence[str]) -> Got:
    said = []
    for text in texts:
        plan = MutationPlan(statement=text, filters=(), per_target=2, limit=2, max_attempts=100)
        engine = MutationEngine(LeanOperations(prover.pool), prover.checker, workers=1)
        try:
            [outcome] = engine.run(plan)
        except AludelError as error:
            said.append(f"refused: {error.message}")
        else:
            said.append("right" if outcome.variants else f"none: {outcome.refused}")
    return {"in process": _right(found=set(said) == {"right"}, instead=said)}


def universe_lines(prover: LeanProver, _api: LiveApi, _folder: Path) -> Got:
    return _mutated(prover, [f"universe u v\n{_PROOF}"])


def private_theorems(prover: LeanProver, _api: LiveApi, _folder: Path) -> Got:
    return _mutated(prover, [f"private {_PROOF}"])


def match_in_the_statement(prover: LeanProver, _api: LiveApi, _folder: Path) -> Got:
    text = (
        "theorem mat (n : Nat) (h : (match n with | 0 => 1 | k + 1 => k) = n + 0) : n + 0 = n := "
    )
    return _mutated(prover, [f"{text}Nat.add_zero n"])


def what_stands_around(prover: LeanProver, _api: LiveApi, _folder: Path) -> Got:
    after = "example : 1 = 1 := rfl\ndef after : Nat := 1\ninductive T | one"
    return _mutated(prover, [f"{_PROOF}\n{after}", f'local notation "plus" => Nat.add\n{_PROOF}'])


def candidates_of_every_size(prover: Any, _api: LiveApi, folder: Path) -> Got:
    """Five candidates of a problem of F*, two of them over a megabyte, two right."""
    problems, candidates = folder / "p.json", folder / "c.jsonl"
    problem = {"name": "M.f", "file_name": "M.fst", "source_type": "val f : int -> Tot int"}
    problems.write_text(json.dumps([problem]), encoding="utf-8")
    large = "let f x = x " + "(* x *)" * 200_000
    texts = ["let f x = x", large, "let f x = x + 1", large + " ", "let f x = y"]
    rows = [json.dumps({"name": "M.f", "candidate": text}) + "\n" for text in texts]
    candidates.write_text("".join(rows), encoding="utf-8")
    words = [
        "fstar",
        "verify",
        str(problems),
        str(candidates),
        "--out",
        str(folder / "v"),
        "--json",
    ]
    done = CliRunner().invoke(cli, words)
    told = json.loads(done.stdout.splitlines()[-1])["verdicts"]
    counted = {"accepted": 2, "rejected": 3}
    return {"command": _right(found={k: v for k, v in told.items() if v} == counted, instead=told)}


BY_HAND: dict[str, ByHand] = {
    "G7": comment_at_the_end, "G8": string_over_two_lines, "G9": let_in_a_goal, "G10": traces,
    "G11": a_blank_tactic, "H2": sorries, "H4": axioms_of_the_library, "I1": marks_in_strings,
    "I3": nested_comments, "I4": names, "I6": line_separators, "I7": attempts_after_a_comment,
    "I9": attempts_of_open_ends, "M1": universe_lines, "M2": private_theorems,
    "M3": match_in_the_statement, "M5": what_stands_around, "FB3": candidates_of_every_size,
}  # fmt: skip
