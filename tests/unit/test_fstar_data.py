"""PoPAI data, scaffolding, splits, retrieval and verify@k, without F*."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aludel.errors import InvalidRequest, NotFound
from aludel.fstar_checker.classify import ErrorClass, error_class
from aludel.fstar_checker.dataset import (
    Definition,
    ProblemClass,
    Source,
    read_definitions,
    write_harness_form,
    write_rows,
)
from aludel.fstar_checker.extract import LEXICAL, extract_file
from aludel.fstar_checker.problems import context_for, read_candidates, request_for
from aludel.fstar_checker.retrieval import SimilarProblems
from aludel.fstar_checker.scaffold import parse_statement, plan, split_module
from aludel.fstar_checker.splits import near_clones, split
from aludel.fstar_checker.verify import (
    Outcome,
    build_work,
    report,
    verify_at_k,
    write_report,
)
from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    FStarContext,
    Rejected,
    RejectReason,
    Undecided,
    UndecidedReason,
    Verdict,
)

SAMPLES = Path(__file__).parents[2] / "datasets" / "samples"


def definition(name: str = "M.f", **fields: Any) -> Definition:
    base = {"name": name, "file_name": "M.fst", "source_type": "val f : int", "is_proof": False}
    return Definition.model_validate({**base, **fields})


@given(st.lists(st.sampled_from(["A", "B.C", "X=A.B"]), max_size=5, unique=True))
def test_scaffolding_opens_in_order(opens: list[str]) -> None:
    layout = plan(FStarContext(module="M", opens=tuple(opens)), "val f : int")
    lines = layout.fragments[0].code.splitlines()
    wanted = [f"module {o.replace('=', ' = ')}" if "=" in o else f"open {o}" for o in opens]
    assert lines == ["module M", *wanted]


@given(st.text(alphabet='ab \n()*/"', max_size=40))
def test_fragments_lie_one_after_the_other(prefix: str) -> None:
    try:
        layout = plan(FStarContext(module="M", prefix=prefix, opens=("A",)), "val f : int")
    except InvalidRequest:
        return  # an open comment or string
    line = 1
    for fragment in layout.fragments:
        assert (fragment.line, fragment.code[-1]) == (line, "\n")
        line += fragment.code.count("\n")
    assert layout.next_line == line


def test_a_module_splits_after_its_opens() -> None:
    header, body = split_module("module M\nopen A (* x *)\nmodule B = C\n\nlet f = 1\nopen D\n")
    assert header.splitlines()[-1] == ""
    assert header.startswith("module M\nopen A")
    assert body == "let f = 1\nopen D\n"


def test_the_own_val_is_taken_out_of_the_prefix() -> None:
    context = FStarContext(prefix="module M\nlet a = 1\nval f : nat\n")
    text = plan(context, "val f : int").text
    assert text.count("val f") == 1
    assert "val f : int" in text


def test_the_statement_is_one_val() -> None:
    asked = parse_statement("inline_for_extraction val f (* c *) (x:int) : Tot int")
    assert asked.name == "f"
    assert asked.use().splitlines()[0].endswith("(x:int) : Tot int")
    assert not asked.mentions_itself
    for wrong in ("", "val f", "let f = 1", "val f : int\nlet g = 1"):
        with pytest.raises(InvalidRequest):
            plan(FStarContext(), wrong) if wrong != "val f" else parse_statement(wrong + " (*")


def test_unknown_types_fall_back_to_the_original_then_the_printed_one() -> None:
    original = definition(source_type="<UNK>", original_source_type="val f : nat", type="int")
    assert original.statement == "val f : nat"
    assert definition(source_type="<UNK>", type="int").statement == "val f : int\n"
    nothing = definition(source_type="<UNK>")
    assert nothing.skipped_because == "its type is not known"
    with pytest.raises(InvalidRequest, match="type is not known"):
        request_for(nothing, "let f = 1")


@pytest.mark.parametrize(
    "fields",
    [
        {"interleaved": True},
        {"name": "M.<generated>"},
        {"mutual_with": ["M.g"]},
        {"source_definition": "assume val f : int"},
        {"file_name": "dummy.fst"},
    ],
)
def test_what_the_harness_skips(fields: dict[str, Any]) -> None:
    assert definition(**fields).skipped_because is not None


def test_problem_classes() -> None:
    assert definition(is_proof=True, is_simply_typed=True).problem_class is ProblemClass.PROOF
    assert definition(is_simply_typed=True).problem_class is ProblemClass.SIMPLY_TYPED
    assert definition().problem_class is ProblemClass.DEPENDENTLY_TYPED


def test_the_harness_context_reverses_opens() -> None:
    opens = [{"open": "Inner"}, {"abbrev": "L", "full_module": "FStar.List"}, {"open": "Outer"}]
    context = context_for(definition(opens_and_abbrevs=opens))
    assert context.opens == ("Outer", "L=FStar.List", "Inner")


def test_both_forms_round_trip_with_unknown_and_missing_fields(tmp_path: Path) -> None:
    first = definition(vconfig={"z3rlimit": 7, "future": 1}, surprise=[1, 2])
    source = Source(project_name="p")
    write_harness_form(tmp_path / "a.json", [first], source)
    write_rows(tmp_path / "b.jsonl", [first])
    (harness,) = read_definitions(tmp_path / "a.json")
    (row,) = read_definitions(tmp_path / "b.jsonl")
    assert harness.project_name == "p"
    assert row.model_dump(exclude_unset=True) == first.model_dump(exclude_unset=True)
    assert "effect" not in row.model_dump(exclude_unset=True)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.json", '{"defs": [\n {"name": 1,}\n]}', r"line 2, column \d+"),
        ("a.json", '{"defs": [{"name": "M.f"}]}', r"\(M.f\): field defs.0.file_name"),
        ("a.json", "[1]", "entry 0 is not an object"),
        ("a.jsonl", '{"name": "M.f", "file_name": "M.fst"}\n{oops', "line 2"),
        (
            "a.json",
            '[{"name": "M.f", "file_name": "M.fst", "vconfig": {"z3rlimit": "x"}}]',
            "vconfig.z3rlimit",
        ),
    ],
)
def test_bad_files_name_line_and_field(tmp_path: Path, name: str, text: str, told: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=told):
        read_definitions(path)


def test_bad_candidates_name_their_line(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"name": "M.f", "candidate": "let f = 1"}\n{"name": "M.f"}\n')
    with pytest.raises(InvalidRequest, match="line 2: candidate"):
        read_candidates(path)
    path.write_text("")
    with pytest.raises(InvalidRequest, match="no candidate"):
        read_candidates(path)


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_verify_at_k_is_the_share_of_draws(case: tuple[int, int]) -> None:
    """The estimator equals the share of all k-subsets that hold a correct candidate."""
    n, correct = case
    for k in range(1, n + 1):
        draws = list(combinations(range(n), k))
        hits = sum(any(i < correct for i in draw) for draw in draws)
        assert verify_at_k(n, correct, k) == pytest.approx(hits / len(draws))


def test_verify_at_k_needs_k_candidates() -> None:
    with pytest.raises(ValueError, match="not defined"):
        verify_at_k(2, 1, 3)


def outcome(name: str, verdict: Verdict | None, **fields: Any) -> Outcome:
    problem_class = ProblemClass.PROOF
    return Outcome(name=name, index=0, problem_class=problem_class, verdict=verdict, **fields)


def test_the_report_separates_machines_from_candidates(tmp_path: Path) -> None:
    good = Accepted(hash="a", evidence=Evidence())
    bad = Rejected(hash="b", reason=RejectReason.ADMIT)
    slow = Undecided(hash="c", reason=UndecidedReason.RLIMIT)
    outcomes = [
        outcome("p", good), outcome("p", bad), outcome("p", None, error="crashed"),
        outcome("q", slow), outcome("q", bad), outcome("r", bad),
        outcome("r", None, refusal="scaffolding"),
    ]  # fmt: skip
    summary = report(outcomes, (1, 2))
    assert summary["verify_at"]["1"] == {"problems": 2, "estimate": 0.25}
    assert summary["verify_at"]["2"] == {"problems": 2, "estimate": 0.5}
    assert (summary["machine_failures"], summary["refused_problems"]) == (1, 1)
    assert summary["error_classes"]["policy"] == 2
    assert summary["error_classes"]["timeout"] == 1
    write_report(tmp_path / "out", outcomes, summary)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == summary
    assert len((tmp_path / "out" / "results.jsonl").read_text().splitlines()) == len(outcomes)
    assert "verify@2" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("reason", "message", "expected"),
    [
        (RejectReason.PARSE, "Syntax error", ErrorClass.SYNTAX),
        (RejectReason.ELABORATION, "Identifier not found: [x]", ErrorClass.UNRESOLVED_NAME),
        (RejectReason.ELABORATION, "Expected type nat", ErrorClass.TYPE),
        (RejectReason.SMT_FAILURE, "could not prove", ErrorClass.SMT),
        (RejectReason.ADMIT, "assume", ErrorClass.POLICY),
    ],
)
def test_error_classes(reason: RejectReason, message: str, expected: ErrorClass) -> None:
    assert error_class(Rejected(hash="x", reason=reason, message=message)) is expected


def test_the_sample_is_ten_problems_and_thirty_candidates() -> None:
    problems = read_definitions(SAMPLES / "fstar_problems.json")
    candidates = read_candidates(SAMPLES / "fstar_candidates.jsonl")
    work = build_work(problems, candidates)
    assert (len(problems), len(work)) == (10, 30)
    assert all(isinstance(item.request, CheckRequest) for item in work)


def test_an_unknown_problem_is_named() -> None:
    candidates = read_candidates(SAMPLES / "fstar_candidates.jsonl")
    with pytest.raises(NotFound, match=r"Sample\.double"):
        build_work([definition()], candidates)


def test_extraction_is_lexical_and_says_so() -> None:
    text = (
        "module M\nopen FStar.Mul\nmodule L = FStar.List.Tot\n\n"
        "val f : x:int -> Lemma (x == x)\nlet f x = ()\n\nlet g = 1\n"
        "val h : int\n(* let h = 0 *)\nlet h = 2\n"
    )
    first, second = extract_file(text, "M.fst", "p")
    assert (first.name, second.name) == ("M.f", "M.h")
    assert first.source_definition == "let f x = ()"
    assert (first.is_proof, first.is_simply_typed) == (True, False)
    assert second.is_simply_typed
    assert [o.entry for o in first.opens_and_abbrevs] == ["L=FStar.List.Tot", "FStar.Mul"]
    assert first.source_range is not None
    assert first.source_range.start_line == 6
    assert "val f" not in (first.file_context or "")
    assert first.model_dump()["extraction"] == LEXICAL


def projects() -> list[Definition]:
    return [
        definition(f"M{n}.f", file_name=f"M{n}.fst", project_name=f"p{n % 3}") for n in range(60)
    ]


@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_splits_share_no_project_and_no_file(random: Any, seed: int) -> None:
    shuffled = projects()
    random.shuffle(shuffled)
    parts = split(shuffled, frozenset(["p2"]), seed=seed)
    assert {d.project_name for d in parts.cross_project} == {"p2"}
    used = [{d.file_name for d in p} for p in (parts.train, parts.valid, parts.intra_project)]
    assert not (used[0] & used[1] or used[0] & used[2] or used[1] & used[2])
    assert parts == split(projects(), frozenset(["p2"]), seed=seed)
    assert sum(map(len, (parts.train, parts.valid, parts.intra_project, parts.cross_project))) == 60


def test_renaming_does_not_hide_a_clone() -> None:
    train = [
        definition("A.f", source_definition="let rec f x = if x = 0 then 1 else x * f (x - 1)")
    ]
    test = [
        definition("B.g", source_definition="let rec g n = if n = 0 then 1 else n * g (n - 1)"),
        definition(
            "B.h", source_definition="let h (a, b) = match a with | Some c -> c | None -> b"
        ),
    ]
    (clone,) = near_clones(train, test)
    assert (clone.test, clone.train, clone.similarity) == ("B.g", "A.f", 1.0)


def test_retrieval_ranks_by_type_and_leaves_the_problem_out() -> None:
    known = read_definitions(SAMPLES / "fstar_problems.json")
    problem = next(p for p in known if p.short_name == "append_nil")
    found = SimilarProblems(known).most_similar(problem, 3)
    assert found[0].short_name == "length_append"
    assert problem not in found
    assert SimilarProblems([]).most_similar(problem, 3) == []
