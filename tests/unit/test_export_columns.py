"""Recipes in the columns of others: chats, preferences, verl's tasks, provers' data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recorded_rows import LEAN, MADE, TREE, fill, record_run, rows, variant

from aludel.attempts import AttemptRecord, ProblemOutcome
from aludel.candidates import extract
from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    FStarContext,
    LeanContext,
    Rejected,
    RejectReason,
    Undecided,
    UndecidedReason,
    Verdict,
    content_hash,
)
from aludel.problems import TheoremProblem
from aludel.prompts import PROOF_LEAN_1, proof_messages
from aludel.proof_export import (
    LINEAGES,
    ExportOptions,
    Selection,
    SplitPlan,
    export,
    export_recorded,
    lineages,
)
from aludel.proof_import import import_records
from aludel.store import Store


def tried(store: Store, run: str, problem: str, *kinds: str) -> None:
    """Record attempts on a problem, of which each has its own text and the verdict of its kind."""
    context = LeanContext(imports=("Init",))
    record_run(store, run, context)
    statement, found = f"theorem {problem} : {problem} = {problem}", []
    for i, kind in enumerate(kinds):
        request = CheckRequest(context=context, statement=statement, code=f"{statement} := p{i}\n")
        key = content_hash(LEAN.digest, request)
        verdicts: dict[str, Verdict] = {
            "accepted": Accepted(hash=key, evidence=Evidence()),
            "rejected": Rejected(hash=key, reason=RejectReason.ELABORATION),
            "undecided": Undecided(hash=key, reason=UndecidedReason.TIMEOUT),
        }
        record = {"problem": problem, "position": i, "candidate": request}
        found.append(AttemptRecord.model_validate({**record, "verdict": verdicts[kind]}))
    good = sum(kind == "accepted" for kind in kinds)
    outcome = ProblemOutcome(problem=problem, statement="s", samples=len(kinds), accepted=good)
    store.attempts.record(run, outcome, found)


def preferences(store: Store, out: Path, *runs: str) -> list[dict[str, Any]]:
    options = ExportOptions(("preference",), ("parquet",))
    report = export_recorded(store, out, options, Selection(runs=runs), MADE)
    assert report.rows == {"preference": len(rows(report, "preference").get("train", []))}
    return rows(report, "preference")["train"]


def test_a_preference_is_of_an_accepted_and_a_rejected_text(store: Store, tmp_path: Path) -> None:
    kinds = ("rejected", "accepted", "undecided", "rejected", "accepted", "rejected")
    tried(store, "r", "p", *kinds)
    found = preferences(store, tmp_path / "out", "r")
    assert [row["pair"] for row in found] == [0, 1, 2]
    texts = [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in found]
    assert [tuple(text[-6:-4] for text in pair) for pair in texts] == [
        ("p1", "p0"), ("p4", "p3"), ("p1", "p5"),
    ]  # fmt: skip
    assert {turn["role"] for row in found for turn in row["chosen"] + row["rejected"]} == {
        "assistant"
    }
    [asked] = {json.dumps(row["prompt"]) for row in found}
    assert "theorem p : p = p := by\\n  sorry" in asked
    assert {row["reason"] for row in found} == {"elaboration"}


@pytest.mark.parametrize(
    "kinds",
    [
        ("rejected", "rejected"),
        ("accepted",),
        ("undecided", "undecided"),
        ("accepted", "undecided"),
        ("rejected", "undecided"),
    ],
)
def test_without_both_kinds_there_is_no_preference(
    store: Store, tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    tried(store, "r", "p", *kinds)
    assert preferences(store, tmp_path / "out", "r") == []


def test_odd_texts_make_no_odd_preferences(store: Store, tmp_path: Path) -> None:
    context = LeanContext(imports=("Init",))
    record_run(store, "r", context)
    texts = {
        "same": ("t", "t"), "ticks": ("`" * 100_000, "-- ````"), "half": ("ok", "no \ud800"),
        "x" * 900: ("ok", "no"), "unstated": ("ok", "no"), "nothing": ("ok", ""),
    }  # fmt: skip
    for problem, pair in texts.items():
        tried = []
        for position, code in enumerate(pair):
            key = f"{problem}{position}"
            sent = {"context": context, "code": code or "x", "metadata": {}}
            request = CheckRequest(**sent, statement=None if problem == "unstated" else "theorem t")
            request = request.model_copy(update={"code": code})
            verdict = (
                Rejected(hash=key, reason=RejectReason.PARSE)
                if position
                else Accepted(hash=key, evidence=Evidence())
            )
            values = {"problem": problem, "position": position, "verdict": verdict}
            tried.append(AttemptRecord(candidate=request, **values))  # type: ignore[arg-type]
        outcome = ProblemOutcome(problem=problem, statement="s", samples=2, accepted=1)
        store.attempts.record("r", outcome, tried)
    found = {row["name"]: row for row in preferences(store, tmp_path / "out", "r")}
    assert sorted(found) == sorted(["ticks", "half", "x" * 900, "nothing"])
    for row in found.values():
        for turn in (*row["chosen"], *row["rejected"]):
            first, *_, last = turn["content"].split("\n")
            assert first.removesuffix("lean") == last and len(last) in (3, 5, 100_001)


def test_preferences_follow_their_theorem_and_are_counted_once(
    store: Store, tmp_path: Path
) -> None:
    fill(store)
    record_run(store, "run", LeanContext(imports=("Init",)), "a", "d", "e", "elsewhere")
    record_run(store, "f", FStarContext(), "M.x")
    selection = Selection(runs=("run", "f"), split=SplitPlan("lineage", test=0.45, valid=0.2))
    options = ExportOptions(("preference", "attempts", "variants"))
    report = export_recorded(store, tmp_path / "out", options, selection, MADE)
    variants = {r["name"]: s for s, found in rows(report, "variants").items() for r in found}
    pairs = {r["name"]: s for s, found in rows(report, "preference").items() for r in found}
    assert sorted(pairs) == ["a", "d", "e", "elsewhere"]  # of Lean alone
    assert {variants.get(name, split) == split for name, split in pairs.items()} == {True}
    assert "tried problems" not in json.loads(report.manifest.read_text())["records"]


NESTED = variant(
    "n", "lib.one", statement="theorem n (s : String) : s = s",
    proof='by\n  exact (rfl : "```" = "```").elim', preamble="theorem a : True := trivial\n",
)  # fmt: skip
TERM = variant("t", "lib.one", proof="bye", imports=("Init", "Std"))
MORE = [*TREE, NESTED, TERM]


def test_messages_ask_with_the_prompt_of_generators_and_give_what_was_checked(
    tmp_path: Path,
) -> None:
    report = export(MORE, tmp_path / "out", ExportOptions(("messages",)), MADE)
    found = rows(report, "messages")["train"]
    assert len(found) == report.rows["messages"] == len(MORE)
    for row, made in zip(found, MORE, strict=True):
        *asked, answer = row["messages"]
        problem = TheoremProblem(name=made.name, statement=made.statement, imports=made.imports)
        assert asked == [m.model_dump() for m in proof_messages(PROOF_LEAN_1, problem)]
        assert row["template"] == "proof/lean-1" and answer["role"] == "assistant"
        if "```" not in made.code:
            assert extract(answer["content"], made.statement).rstrip() == made.code.rstrip()
    assert found[-2]["messages"][-1]["content"].startswith("````lean\ntheorem a : True")


def test_prover_rows_joined_are_the_file_and_import_as_problems(tmp_path: Path) -> None:
    report = export(MORE, tmp_path / "out", ExportOptions(("prover",), ("jsonl", "parquet")), MADE)
    found = rows(report, "prover")["train"]
    for row, made in zip(found, MORE, strict=True):
        joined = row["header"] + row["formal_statement"] + row["formal_proof"]
        imports = "".join(f"import {module}\n" for module in made.imports)
        assert joined == f"{imports}\n{made.code}"
        assert row["formal_statement"].endswith(":= by" if made is not TERM else ":=")
    [path] = report.paths("jsonl")
    read = import_records("minif2f", path)
    asked = {p.name: (p.statement, p.imports) for p in read.problems}
    assert asked == {v.name: (v.statement, v.imports) for v in MORE if not v.preamble}


def test_verl_rows_hold_the_statement_and_no_proof(tmp_path: Path) -> None:
    report = export(MORE, tmp_path / "out", ExportOptions(("verl",)), MADE)
    found = rows(report, "verl")["train"]
    posed = [made for made in MORE if not made.preamble]
    assert [row["extra_info"]["name"] for row in found] == [made.name for made in posed]
    for row, made in zip(found, posed, strict=True):
        assert row.keys() == {"data_source", "prompt", "ability", "reward_model", "extra_info"}
        assert row["reward_model"] == {"style": "rule", "ground_truth": made.statement}
        assert row["extra_info"]["imports"] == list(made.imports)
        assert [turn["role"] for turn in row["prompt"]] == ["system", "user"]
        assert made.proof not in row["prompt"][-1]["content"]
    assert len({row["extra_info"]["index"] for row in found}) == len(found)


def test_numbers_that_are_names_are_no_numbers_to_a_reader(tmp_path: Path) -> None:
    numbered = [variant(n, "lib.one", term_hash="10436063637222233495") for n in "uv"]
    more = {LINEAGES: lineages(lambda: numbered)}
    report = export(numbered, tmp_path / "out", ExportOptions(("lineage", "variants")), MADE, more)
    for recipe in ("lineage", "variants"):
        hashes = {row["term_hash"] for row in rows(report, recipe)["train"]}
        assert hashes == {"h10436063637222233495"}
    assert all(row["family"].startswith("f") for row in rows(report, "lineage")["train"])


def test_what_another_recipe_has_already_is_made_only_by_name(store: Store, tmp_path: Path) -> None:
    fill(store)
    record_run(store, "run", LeanContext(imports=("Init",)), "a")
    selection = Selection(runs=("run",))
    report = export_recorded(store, tmp_path / "out", ExportOptions(), selection, MADE)
    assert not report.rows.keys() & {"messages", "preference", "prover", "verl"}
