"""PoPAI's problems in the loop: what is posed, what the portfolio tries, what a model is asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fake_goals import FakeGoals
from fstar_support import FAKES, fake_checker
from openai_server import openai_server

from aludel.attempts import AttemptOptions
from aludel.cli.attempts import command
from aludel.errors import Conflict, InvalidRequest
from aludel.fstar_checker.dataset import Definition, read_definitions
from aludel.fstar_checker.problems import request_for
from aludel.generators import Endpoint, Portfolio
from aludel.models import CheckRequest, Prover
from aludel.problems import FStarProblem, Problem, TheoremProblem, problems_digest
from aludel.prompts import PROOF_FSTAR_1, code_of, proof_messages
from aludel.proving.attempting import attempt_all, attempted
from aludel.proving.build import attempt_with, open_generators
from aludel.proving.fstar import FStarPortfolio, pose

SAMPLES = Path(__file__).parents[2] / "datasets" / "samples" / "fstar_problems.json"
KNOWN = read_definitions(SAMPLES)
PROGRAM = f"""#!{sys.executable}
import runpy, sys
if "--version" in sys.argv:
    print("F* 0.0.0-fake")
elif "--help" in sys.argv:
    print(" ".join("--" + n for n in (
        "report_assumes z3rlimit z3seed z3refresh initial_fuel max_fuel initial_ifuel max_ifuel "
        "fuel ifuel z3rlimit_factor z3cliopt z3smtopt "
        "smtencoding.elim_box smtencoding.nl_arith_repr smtencoding.l_arith_repr").split()))
else:
    sys.argv = sys.argv[:1]
    runpy.run_path({str(FAKES / "fstar_fake.py")!r}, run_name="__main__")
"""


def named(name: str, **options: Any) -> FStarProblem:
    wanted = [d for d in KNOWN if d.short_name == name]
    [problem] = pose(wanted, KNOWN, **options).problems
    return problem


def written(problem: Problem, count: int = 20) -> list[str]:
    [made] = FStarPortfolio().proofs(problem, count, 0)
    assert made.ordered
    return [proposal.text for proposal in made.proposals]


def made_of(type_: str, **fields: Any) -> FStarProblem:
    base = {"name": "M.f", "file_name": "M.fst", "source_type": f"val f : {type_}"}
    [problem] = pose([Definition.model_validate({**base, **fields})]).problems
    return problem


def test_a_problem_is_what_the_harness_checks() -> None:
    for definition in KNOWN:
        [problem] = pose([definition]).problems
        theirs = request_for(definition, "let x = 1\n")
        ours = problem.candidate("let x = 1")
        assert ours.context == theirs.context and ours.statement == theirs.statement
        assert ours.code == theirs.code and problem.examples == problem.premises == ()


def test_what_is_no_problem_is_named() -> None:
    mutual = KNOWN[0].model_copy(update={"mutual_with": ("Sample.other",)})
    posed = pose([mutual, KNOWN[1]])
    assert [p.name for p in posed.problems] == [KNOWN[1].name]
    assert posed.skipped == {mutual.name: "it is defined together with others"}


def test_options_that_this_fstar_lacks_are_left_out_where_that_is_safe() -> None:
    all_of_them = pose([KNOWN[0]]).problems[0].context.options
    fewer = pose([KNOWN[0]], known_options=frozenset({"--z3rlimit", "--max_fuel"})).problems[0]
    assert set(fewer.context.options) < set(all_of_them)


def test_examples_and_premises_never_come_from_the_problem_itself() -> None:
    users = [d.model_copy(update={"premises": (f"{d.name}.uses", "Shared.one")}) for d in KNOWN]
    wanted = next(d for d in users if d.short_name == "append_nil")
    [problem] = pose([wanted], users, similar=2, premises=3).problems
    assert "length_append" in problem.examples[0] and len(problem.examples) == 2
    assert problem.premises[0].name == "Shared.one" and len(problem.premises) == 3
    assert not any(p.name.startswith("Sample.append_nil") for p in problem.premises)
    text = proof_messages(PROOF_FSTAR_1, problem)[1].content
    assert "length_append" in text and "Shared.one" in text and "open FStar.List.Tot" in text
    assert text.index("val length_append") < text.index("Shared.one") < text.index("val append_nil")
    assert "append_nil tl" not in text and "Sample.append_nil.uses" not in text
    assert problems_digest([problem]) != problems_digest([named("append_nil", similar=0)])


def test_the_file_before_it_stands_in_for_what_is_opened() -> None:
    problem = made_of("int", file_context="module M\nlet g = 1", opens_and_abbrevs=[{"open": "A"}])
    text = proof_messages(PROOF_FSTAR_1, problem)[1].content
    assert "let g = 1" in text and "open A" not in text
    assert "{" not in proof_messages(PROOF_FSTAR_1, made_of("int"))[1].content


def test_the_portfolio_writes_unit_induction_examples_and_parameters() -> None:
    texts = written(named("append_nil", similar=1))
    assert texts[0] == "let append_nil #a l = ()"
    assert texts[1] == (
        "let rec append_nil #a l = match l with\n  | [] -> ()\n  | _ :: tl -> append_nil tl"
    )
    assert texts[2].startswith("let rec append_nil #a l m =") and "length_append" not in texts[2]
    assert written(named("double", similar=0)) == ["let double x = x"]
    assert written(named("append_nil", similar=1), 2) == texts[:2]
    with pytest.raises(InvalidRequest):
        written(TheoremProblem(name="t", statement="theorem t : True"))


@pytest.mark.parametrize(
    ("type_", "first"),
    [
        ("Lemma (1 = 1)", "let f = ()"),
        ("(x:int) -> #b:Type -> {| d: c b |} -> int -> Lemma (ensures p)", "let f x #b x4 = ()"),
        ("g:(int -> Tot int) -> x:int{x > 0 /\\ g x > 0} -> squash (x > 0)", "let f g x = ()"),
    ],
)  # fmt: skip
def test_parameters_are_read_off_the_type(type_: str, first: str) -> None:
    assert written(made_of(type_))[0] == first


def test_fenced_fstar_is_the_answer() -> None:
    assert code_of("So:\n```fstar\nlet f = 1\n```\n") == "let f = 1"


def test_attempts_are_judged_by_the_fstar_checker(tmp_path: Path) -> None:
    options = AttemptOptions(samples=3)
    posed = pose(KNOWN, KNOWN).problems
    wrong = made_of("int", name="M.w").model_copy(update={"statement": "not a val"})
    checker = fake_checker(tmp_path)
    with open_generators(Portfolio(), prover=Prover.FSTAR) as generators:
        attempt = attempt_with(generators, options, checker, None)
        found = {
            outcome.problem: (outcome, records)
            for outcome, records in attempt_all(posed, attempt, frozenset(), 1)
        }
        assert set(found) == {p.name for p in posed}
        lemma, records = found["Sample.append_nil"]
        assert (lemma.first, lemma.accepted, lemma.tried) == (0, 3, 3)  # the fake takes everything
        assert all(record.candidate.statement for record in records)
        assert attempted(wrong, attempt)[0].end.startswith("invalid: ")
        searching = AttemptOptions(search="best_first")
        with pytest.raises(InvalidRequest) as caught:
            attempt_with(generators, searching, checker, None)
        assert caught.value.field == "search"
        with pytest.raises(InvalidRequest) as caught:
            attempt_with(generators, searching, checker, FakeGoals())(posed[0])
        assert caught.value.field == "search"
    checker.close()


def test_what_fstar_refuses_is_mended(tmp_path: Path) -> None:
    def answers(body: dict[str, Any]) -> list[str]:
        again = len(body["messages"]) > 2
        return ["```fstar\nlet double x = wrong_type\n```" if not again else "let double x = x + x"]

    checker = fake_checker(tmp_path)
    options = AttemptOptions(samples=1, repairs=1)
    with openai_server(answers) as server:
        spec = Endpoint(url=server.url, model="m")
        with open_generators(spec, prover=Prover.FSTAR) as generators:
            attempt = attempt_with(generators, options, checker, None)
            outcome, records = attempt(named("double"))
    checker.close()
    assert [r.verdict.kind for r in records] == ["rejected", "accepted"] and outcome.accepted == 1
    asked = server.requests[1]["messages"]
    assert "Expected type nat" in asked[-1]["content"] and "F*" in asked[0]["content"]


@pytest.fixture
def with_fstar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "fstar.exe"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("ALUDEL_FSTAR", str(program))
    monkeypatch.setenv("ALUDEL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ALUDEL_POOL_SIZE", "1")
    return tmp_path


def test_the_command_attempts_popais_problems(with_fstar: Path) -> None:
    def run(*more: str) -> Any:
        words = ["run", str(SAMPLES), "--name", "f", "--prover", "fstar", "--samples", "2", *more]
        return CliRunner().invoke(command, words, catch_exceptions=False)

    shown = json.loads(run("--examples", str(SAMPLES), "--json").stdout)
    assert shown["generator"] == "portfolio/fstar-1" and shown["done"] == len(KNOWN)
    assert shown["proved"] > 0 and "1" in shown["pass_at_k"]
    assert "verify@1" in run("--examples", str(SAMPLES)).stdout
    with pytest.raises(Conflict):
        run("--similar", "0")  # other examples are other problems


def test_a_lean_checker_is_given_no_fstar_problem() -> None:
    class Lean:
        def check(self, request: CheckRequest) -> Any:
            raise InvalidRequest("a Lean checker cannot check fstar", field="context.prover")

    with (
        open_generators(Portfolio(), prover=Prover.FSTAR) as generators,
        pytest.raises(InvalidRequest),
    ):
        attempt = attempt_with(generators, AttemptOptions(), Lean(), None)  # type: ignore[arg-type]
        attempted(named("double"), attempt)
