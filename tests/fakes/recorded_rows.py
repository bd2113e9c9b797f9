"""Variants and runs of attempts as a store holds them, and the rows of an export."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq

from aludel.attempts import AttemptPlan, AttemptRecord, ProblemOutcome
from aludel.models import (
    Accepted,
    CheckRequest,
    Diagnostic,
    Evidence,
    FStarContext,
    LeanContext,
    Position,
    Prover,
    Rejected,
    RejectReason,
    Severity,
    Toolchain,
    content_hash,
)
from aludel.proof_export import ExportReport, Provenance
from aludel.records import VariantRecord
from aludel.store import Store

MADE = Provenance("aludel export", "0")
LEAN = Toolchain(prover=Prover.LEAN, name="lean", version="4", kind="embedded", digest="d" * 64)
FSTAR = Toolchain(prover=Prover.FSTAR, name="fstar", version="1", kind="native", digest="f" * 64)


def variant(name: str, target: str, lemma: str = "lib.lemma", **changes: Any) -> VariantRecord:
    fields: dict[str, Any] = {
        "name": name,
        "statement": f"theorem {name} : {name} = {name}",
        "proof": "by\n  rfl",
        "rule": "rw",
        "lemma": lemma,
        "position": "goal",
        "parents": (target, lemma),
        "imports": ("Init",),
        "toolchain_digest": LEAN.digest,
        "verdict_hash": "v",
        "term_hash": f"t{name}",
        "shape_hash": f"s{name}",
    }
    return VariantRecord(**{**fields, **changes})


TREE = [
    variant("a", "lib.one"),
    variant("b", "lib.one"),
    variant("c", "a", round=2, preamble="theorem a : True := trivial\n"),
    variant("d", "c", round=3),
    variant("e", "lib.two"),
    variant("f", "lib.three", shape_hash="se"),
]


def rows(report: ExportReport, recipe: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for file in report.files:
        if file.recipe == recipe and file.format == "parquet":
            found.setdefault(file.split, []).extend(
                pq.read_table(report.out / file.path).to_pylist()
            )
    return found


def attempt(context: LeanContext | FStarContext, problem: str, good: bool, i: int) -> AttemptRecord:
    lean = isinstance(context, LeanContext)
    what = "1 = 1" if problem.startswith("x") else f"{problem} = {problem}"
    statement = f"theorem {problem} : {what}" if lean else f"val {problem} : int"
    code = f"{statement} := {'rfl' if good else 'bad'}\n" if lean else f"let {problem} = {i}\n"
    request = CheckRequest(context=context, statement=statement, code=code)
    toolchain = LEAN if lean else FSTAR
    key = content_hash(toolchain.digest, request)
    said = Diagnostic(severity=Severity.ERROR, message="no", start=Position(line=2, column=4))
    verdict = (
        Accepted(hash=key, evidence=Evidence(), axioms=("propext",))
        if good
        else Rejected(hash=key, reason=RejectReason.ELABORATION, diagnostics=(said,))
    )
    return AttemptRecord(
        problem=problem, position=i, candidate=request, verdict=verdict, prompt_hash="p", price=0.5
    )


def record_run(store: Store, name: str, context: LeanContext | FStarContext, *names: str) -> None:
    toolchain = LEAN if isinstance(context, LeanContext) else FSTAR
    store.toolchains.register(toolchain)
    plan = AttemptPlan(
        generator="portfolio",
        settings={"temperature": 1.0},
        samples=2,
        toolchain_digest=toolchain.digest,
        problems_digest="q",
    )
    store.attempts.start(name, plan, len(names))
    for problem in names:
        outcome = ProblemOutcome(problem=problem, statement="s", samples=2, accepted=1)
        tried = [attempt(context, problem, good, i) for i, good in enumerate((False, True))]
        store.attempts.record(name, outcome, tried)


def fill(store: Store) -> None:
    """Record the tree of variants."""
    for one in TREE:
        request = CheckRequest(statement=one.statement, code=one.code)
        key = content_hash(LEAN.digest, request)
        store.verdicts.put(request, LEAN, Accepted(hash=key, evidence=Evidence()))
        store.variants.add(one.model_copy(update={"verdict_hash": key}))
