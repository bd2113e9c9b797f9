"""``aludel mutate``: what its options mean, and what is said about wrong ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from aludel.cli import mutate
from aludel.cli.main import main
from aludel.errors import InvalidRequest
from aludel.jobs import MutationRequest
from aludel.mutation import FILTERS, MutationPlan
from aludel.mutation.plan import plan_of
from aludel.mutation.run import in_project


class Stopped(Exception):
    """Raised in place of the run."""


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[MutationPlan]:
    """Plans of the runs that were begun; none is carried out."""
    plans: list[MutationPlan] = []

    def note(_out: object, plan: MutationPlan, *_: object) -> None:
        plans.append(plan)
        raise Stopped

    monkeypatch.setattr(mutate, "mutate_into", note)
    monkeypatch.setenv("ALUDEL_DATA_DIR", str(tmp_path))
    return plans


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["aludel", "mutate", "--out", "x", *map(str, arguments)])
    try:
        main()
    except SystemExit as stop:
        return stop.code
    except Stopped:
        return 0
    return 0


def test_every_option_reaches_the_plan(
    planned: list[MutationPlan], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "own.lean"
    own.write_text("theorem t : True := trivial\n")
    quiz = tmp_path / "quiz.jsonl"
    quiz.write_text(
        '{"statement": "theorem q : 1 = 1"}\n{"formal_statement": "theorem r : 2 = 2"}\n'
    )
    arguments = (
        *("Nat.*", "List.*", "--rules", "rw,apply", "--conditional", "--lemma", "Nat.add_comm"),
        *("--imports", "Init,Std", "--limit", 7, "--per-target", 3, "--max-targets", 5),
        *("--max-attempts", 11, "--shard", "2/3", "--rounds", 2, "--round-targets", 9),
        *("--no-filter", "trivial", "--screen-budget", 100, "--max-statement", 200),
        *("--seed", 4, "--statement", own, "--avoid", quiz),
    )
    assert run(monkeypatch, *arguments) == 0
    assert planned == [
        MutationPlan(
            patterns=("Nat.*", "List.*"),
            statement="theorem t : True := trivial\n",
            imports=("Init", "Std"),
            limit=7,
            per_target=3,
            max_attempts=11,
            max_targets=5,
            shard=(2, 3),
            lemmas=("Nat.add_comm",),
            rules=("rw", "apply"),
            conditional=True,
            filters=tuple(name for name in FILTERS if name != "trivial"),
            screen_budget=100,
            max_statement=200,
            avoid=("theorem q : 1 = 1", "theorem r : 2 = 2"),
            rounds=2,
            round_targets=9,
            seed=4,
        )
    ]


def test_a_pattern_alone_takes_the_defaults(
    planned: list[MutationPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "Nat.*") == 0
    assert planned == [MutationPlan(patterns=("Nat.*",))]


def test_chosen_filters_are_the_only_ones(
    planned: list[MutationPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "Nat.*", "--filters", "duplicate, vacuous") == 0
    assert planned[0].filters == ("duplicate", "vacuous")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "PATTERN: give a pattern or a statement"),
        (("Nat.*", "--limit", 0), "--limit"),
        (("Nat.*", "--rules", "simp"), "--rules"),
        (("Nat.*", "--filters", "nice"), "there is no filter 'nice'"),
        (("Nat.*", "--no-filter", "nice"), "there is no filter 'nice'"),
        (("Nat.*", "--shard", "5"), "give K/N"),
        (("Nat.*", "--shard", "5/4"), "no shard 5 of 4"),
        (("Nat.*", "--rounds", 99), "--rounds"),
    ],
)
def test_wrong_options_are_named(
    planned: list[MutationPlan],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[object, ...],
    said: str,
) -> None:
    assert run(monkeypatch, *arguments) in (2, 64)
    assert said in capsys.readouterr().err
    assert planned == []


@pytest.mark.parametrize(
    ("content", "statements"),
    [
        (
            b"theorem a : p := by\n  sorry\n\ntheorem b : q\n",
            ("theorem a : p := by\n  sorry", "theorem b : q"),
        ),
        (b'{"statement": "theorem a : p"}\n\n', ("theorem a : p",)),
        (b"\n", ()),
    ],
)
def test_evaluation_sets_are_text_or_json_lines(
    tmp_path: Path, content: bytes, statements: tuple[str, ...]
) -> None:
    path = tmp_path / "set"
    path.write_bytes(content)
    assert mutate.read_statements(path) == statements


@pytest.mark.parametrize("content", [b'{"name": "a"}\n', b'{"statement": ', b"\xff\xfe"])
def test_an_evaluation_set_without_statements_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest) as caught:
        mutate.read_statements(path)
    assert caught.value.field == "--avoid"


def test_a_job_takes_the_same_options() -> None:
    options = {
        "rules": ("rw", "forward"),
        "conditional": True,
        "filters": ("vacuous",),
        "avoid": ("theorem q : 1 = 1",),
        "rounds": 3,
        "round_targets": 8,
        "per_target": 4,
        "max_targets": 6,
        "lemmas": ("Nat.add_comm",),
        "imports": ("Init", "Std"),
        "statement": "theorem t : True := trivial",
        "modules": ("Demo.*",),
        "shard": (2, 3),
        "max_attempts": 12,
        "screen_budget": 70,
        "max_statement": 300,
        "limit": 9,
        "seed": 2,
    }
    request = MutationRequest.model_validate({"pattern": "Nat.*", **options})
    assert plan_of(request) == MutationPlan.model_validate({"patterns": ("Nat.*",), **options})
    assert plan_of(MutationRequest(pattern="A.*")) == MutationPlan(patterns=("A.*",))
    assert set(MutationRequest.model_fields) - {"pattern"} == set(options)
    assert set(MutationPlan.model_fields) - {"patterns"} == set(options)


def test_a_job_needs_no_pattern() -> None:
    request = MutationRequest(statement="theorem t : True := trivial")
    assert plan_of(request) == MutationPlan(statement="theorem t : True := trivial")
    with pytest.raises(ValidationError, match="give a pattern, a statement or modules"):
        MutationRequest()
    with pytest.raises(ValidationError, match="no shard 5 of 4"):
        MutationRequest(pattern="*", shard=(5, 4))


def test_modules_are_looked_up_in_the_project_of_whoever_runs(tmp_path: Path) -> None:
    plan = MutationPlan(modules=("Demo.*",))
    with pytest.raises(InvalidRequest, match="needs a project") as caught:
        in_project(plan, "")
    assert caught.value.field == "modules"
    (tmp_path / "lakefile.toml").write_text('name = "Demo"\n')
    built = tmp_path / ".lake" / "build" / "lib" / "lean" / "Demo"
    built.mkdir(parents=True)
    (built / "Basic.olean").write_bytes(b"olean" + bytes(100))
    found = in_project(plan, str(tmp_path))
    assert found.modules == ("Demo.Basic",) and found.imports == ("Init", "Demo.Basic")
    assert found.patterns == ("*",)
    assert in_project(MutationPlan(patterns=("A",)), "") == MutationPlan(patterns=("A",))
