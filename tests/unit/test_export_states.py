"""Tactic states as a dataset: extracted once, resumed, exported by the recipe `sft`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_checker import TOOLCHAIN
from hypothesis import given
from hypothesis import strategies as st

from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.models import Accepted, CheckRequest, Evidence, Position, Toolchain, content_hash
from aludel.proof_export import (
    ExportOptions,
    Selection,
    SplitPlan,
    export_recorded,
    extract_states,
    provenance,
)
from aludel.proof_states import Premise, ProofStep, ProofTrace
from aludel.records import Result, VariantRecord
from aludel.store import Store


def _step(tactic: str, column: int = 2, **more: object) -> ProofStep:
    values = {
        "declaration": "t",
        "tactic": tactic,
        "before": ("⊢ p",),
        "after": (),
        "start": Position(line=2, column=column),
        "end": Position(line=3, column=9),
        "depth": 0,
        **more,
    }
    return ProofStep.model_validate(values)


class FakeTracer:
    """Traces by the text of the candidate; `bad` is refused, `down` a failure of the machine."""

    def __init__(self, toolchain: Toolchain = TOOLCHAIN) -> None:
        self.toolchain = toolchain
        self.asked: list[str] = []

    def trace(self, result: Result) -> ProofTrace:
        code = result.request.code
        self.asked.append(code)
        if "bad" in code:
            raise InvalidRequest("it does not elaborate", field="code")
        if "down" in code:
            raise BackendUnavailable("no memory")
        inner = _step("exact h", 4, depth=1, parent=0, premises=(Premise(name="h", module=None),))
        return ProofTrace(steps=(_step("have := by\n    exact h", after=("⊢ q", "⊢ r")), inner))


def _variant(store: Store, name: str, target: str = "T") -> VariantRecord:
    statement = f"theorem {name} : p {name}"
    request = CheckRequest(code=f"{statement} := by\n  x\n", statement=statement)
    key = content_hash(TOOLCHAIN.digest, request)
    store.verdicts.put(request, TOOLCHAIN, Accepted(hash=key, evidence=Evidence()))
    record = VariantRecord(
        name=name,
        statement=statement,
        proof="by\n  x",
        rule="rw",
        lemma="L",
        position="goal",
        parents=(target, "L"),
        imports=("Init",),
        toolchain_digest=TOOLCHAIN.digest,
        verdict_hash=key,
        term_hash=name,
    )
    store.variants.add(record)
    return record


def test_states_are_extracted_once_and_failures_are_told(store: Store) -> None:
    variants = [_variant(store, name) for name in ("a", "bad", "c")]
    tracer = FakeTracer()
    first = extract_states(store, tracer, variants, workers=2)
    assert (first.known, first.traced, first.foreign) == (0, 2, 0)
    assert first.failed == [("bad", "it does not elaborate")]
    again = extract_states(store, tracer, variants)
    assert (again.known, again.traced, len(again.failed)) == (2, 0, 1)
    assert len(tracer.asked) == 4
    elsewhere = TOOLCHAIN.model_copy(update={"digest": "e" * 64})
    foreign = extract_states(store, FakeTracer(elsewhere), variants)
    assert (foreign.known, foreign.foreign) == (2, 1)


def test_a_failing_machine_stops_the_extraction_and_keeps_what_was_done(store: Store) -> None:
    variants = [_variant(store, name) for name in ("a", "down")]
    with pytest.raises(BackendUnavailable):
        extract_states(store, FakeTracer(), variants)
    assert store.proof_states.get(variants[0].verdict_hash) is not None


def test_the_recipe_writes_a_row_for_every_step_in_the_split_of_its_theorem(
    store: Store, tmp_path: Path
) -> None:
    variants = [_variant(store, f"v{i}", target=f"T{i % 4}") for i in range(12)]
    extract_states(store, FakeTracer(), variants[1:])
    plan = SplitPlan(kind="lineage", test=0.5, valid=0.0)
    options = ExportOptions(recipes=("variants", "sft"), formats=("jsonl",))
    made = provenance("aludel export", store.toolchains.known())
    report = export_recorded(store, tmp_path / "out", options, Selection(split=plan), made)
    assert report.rows == {"variants": 12, "sft": 22}
    split_of: dict[str, set[str]] = {}
    rows = []
    for file in report.files:
        for line in (report.out / file.path).read_text().splitlines():
            row = json.loads(line)
            split_of.setdefault(row["name"], set()).add(Path(file.path).name.partition("-")[0])
            rows += [row] if file.recipe == "sft" else []
    assert all(len(splits) == 1 for splits in split_of.values())
    assert set().union(*split_of.values()) == {"train", "test"}
    outer, inner = (row for row in rows if row["name"] == "v1")
    assert (outer["prompt"], outer["completion"]) == ("⊢ p", "have := by\n  exact h")
    assert (outer["state_after"], outer["goals_after"]) == ("⊢ q\n\n⊢ r", 2)
    assert (inner["parent_step"], inner["depth"], inner["premises"]) == (0, 1, ["h"])
    assert inner["premise_modules"] == [""]


@given(st.lists(st.text("ab ·λ", max_size=8), min_size=1, max_size=4), st.integers(0, 6))
def test_a_script_keeps_its_words_and_the_shape_below_its_column(
    lines: list[str], column: int
) -> None:
    text = "\n".join([lines[0], *(" " * column + line for line in lines[1:])])
    assert _step(text, column).script == "\n".join(lines)
