"""The training example: loss falls, models are loaded and sampled, Lean judges; runs go on."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
import tiny_models
import zstandard
from toy_theorems import Toy, dataset, toys

from aludel.generators import LocalModel, Sampling
from aludel.lean_checker.checker import LeanChecker
from aludel.proving import TheoremProblem, outcomes, sample_proofs
from aludel.proving.build import open_generators

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "train_prover.py"
SMALL = ["--width", "32", "--layers", "1", "--batch", "8", "--words", "400", "--rate", "1e-2"]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    tiny_models.needs_models()
    spec = importlib.util.spec_from_file_location("train_prover", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_prover"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("data"), toys(60, seed=1))


def said(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def solved(model: Path, theorems: list[Toy], checker: LeanChecker, samples: int) -> set[str]:
    """Return the names of those that a model proves, on the checker's word."""
    chosen = Sampling(max_tokens=32, temperature=0.5)
    found = set()
    with open_generators(LocalModel(model=str(model), sampling=chosen)) as generators:
        for toy in theorems:
            problem = TheoremProblem(name=toy.name, statement=toy.statement)
            made = list(sample_proofs(problem, generators.proofs, checker, samples))
            assert len(made) <= samples and all(sample.verdict.kind for sample in made)
            if outcomes(made)[1]:
                found.add(toy.name)
    return found


@pytest.mark.lean
def test_thirty_steps_and_their_model_is_sampled(
    script: ModuleType,
    data: Path,
    tmp_path: Path,
    lean_checker: LeanChecker,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "model"
    assert script.main(["--data", str(data), "--out", str(out), "--steps", "30", *SMALL]) == 0
    *losses, summary = said(capsys.readouterr().out)
    assert [line["step"] for line in losses] == [10, 20, 30]
    assert losses[-1]["loss"] < losses[0]["loss"] / 1.5
    assert summary["examples"] == 60 and summary["last_loss"] < summary["first_loss"]
    assert not out.with_name("model.training").exists()
    solved(out, toys(2, seed=2), lean_checker, samples=3)


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(
    script: ModuleType, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["--data", str(data), "--steps", "12", "--save-every", "5", "--seed", "7", *SMALL]
    whole, again = tmp_path / "whole", tmp_path / "again"
    assert script.main([*asked, "--out", str(whole)]) == 0
    step, turns = script._step, iter(range(100))

    def stopping(*arguments: Any) -> Any:
        if next(turns) == 8:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(script, "_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        script.main([*asked, "--out", str(again)])
    assert not again.exists()
    assert script.main([*asked, "--out", str(again), "--resume"]) == 0
    assert next(turns) == 9 + 7  # from the checkpoint after five steps
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (again / name).read_bytes() == (whole / name).read_bytes()


def test_a_checkpoint_of_another_run_is_refused(
    script: ModuleType,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["--data", str(data), "--out", str(tmp_path / "m"), "--save-every", "1", *SMALL]
    with monkeypatch.context() as patched:
        patched.setattr(script, "_say", lambda **_: exec("raise KeyboardInterrupt"))  # noqa: S102
        with pytest.raises(KeyboardInterrupt):
            script.main([*asked, "--steps", "20"])
    assert script.main([*asked, "--steps", "21", "--resume"]) == 64
    assert "other data or options" in capsys.readouterr().err


def test_a_model_to_begin_with_is_gone_on_from(
    script: ModuleType, data: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    asked = ["--data", str(data), *SMALL]
    assert script.main([*asked, "--steps", "3", "--out", str(first)]) == 0
    begun = [*asked, "--steps", "0", "--init", str(first), "--out", str(second)]
    assert script.main(begun) == 0
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()


def test_the_formats_and_recipes_of_an_export_are_read(script: ModuleType, tmp_path: Path) -> None:
    toy = toys(1, seed=3)[0]
    wanted = [(f"{toy.statement} :=", f" {toy.proof}\n")]
    whole = dataset(tmp_path / "jsonl", [toy])
    assert list(script.read_examples(whole)) == wanted
    [lines] = (whole / "data" / "whole_proof").iterdir()
    tactics = whole / "data" / "sft" / "train-00000-of-00001.jsonl"
    tactics.parent.mkdir()
    tactics.write_text(json.dumps({"prompt": "h : p\n⊢ p", "completion": "exact h"}) + "\n")
    asked = "[STATE]\nh : p\n⊢ p\n[TACTIC]\n"
    assert list(script.read_examples(whole)) == [*wanted, (asked, "exact h")]

    packed = tmp_path / "zst" / "data" / "whole_proof" / "train-00000-of-00001.jsonl.zst"
    packed.parent.mkdir(parents=True)
    packed.write_bytes(zstandard.compress(lines.read_bytes()))
    assert list(script.read_examples(tmp_path / "zst")) == wanted

    table = pyarrow.Table.from_pylist([{"statement": toy.statement, "proof": toy.proof}])
    columns = tmp_path / "parquet" / "data" / "variants" / "train-00000-of-00001.parquet"
    columns.parent.mkdir(parents=True)
    pyarrow.parquet.write_table(table, columns)
    assert list(script.read_examples(tmp_path / "parquet")) == wanted


def test_what_cannot_be_trained_on_is_said(
    script: ModuleType, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    asked = ["--data", str(data), "--out", out, *SMALL]
    for arguments, field in (
        (["--data", str(tmp_path), "--out", out], "--data"),
        (["--data", str(data), "--out", str(tmp_path)], "--out"),
        ([*asked, "--window", "4"], "--data"),
        ([*asked, "--init", str(tmp_path / "none")], "--init"),
    ):
        assert script.main(arguments) == 64
        assert capsys.readouterr().err.startswith(field)
    assert not Path(out).exists()


@pytest.mark.long
@pytest.mark.lean
@pytest.mark.timeout(1_200)
def test_a_trained_toy_proves_what_an_untrained_one_does_not(
    tmp_path: Path, lean_checker: LeanChecker
) -> None:
    """About two minutes on two idle cores; docs/results/training.md has the figures."""
    tiny_models.needs_models()
    theorems = toys(440, seed=0)
    known, held_out = theorems[:400], theorems[400:]
    problems = [TheoremProblem(name=t.name, statement=t.statement) for t in known]
    for problem, toy in zip(problems, known, strict=True):
        assert lean_checker.check(problem.candidate(toy.proof)).kind == "accepted"
    data = dataset(tmp_path / "data", known)

    def trained(name: str, steps: int) -> tuple[Path, list[dict[str, Any]]]:
        out = tmp_path / name
        command = [
            sys.executable, str(SCRIPT), "--data", str(data), "--out", str(out),
            "--steps", str(steps), "--width", "64", "--layers", "3", "--words", "512",
            "--batch", "32", "--rate", "3e-3",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stderr
        return out, said(done.stdout)

    new, _ = trained("new", 0)
    taught, lines = trained("taught", 600)
    assert lines[-1]["last_loss"] < lines[-1]["first_loss"] / 5
    before = solved(new, held_out, lean_checker, samples=4)
    after = solved(taught, held_out, lean_checker, samples=4)
    print(json.dumps({**lines[-1], "untrained": len(before), "trained": len(after)}))
    assert after - before
