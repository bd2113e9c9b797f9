"""``aludel iterate`` with the real Lean: attempt, verify, export, train, ask the trained model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_models

pytestmark = [pytest.mark.long, pytest.mark.lean, pytest.mark.timeout(600)]

ALUDEL = str(Path(sys.executable).with_name("aludel"))
# What training would write, made beforehand: that a model learns is tested elsewhere.
TRAINER = """
import shutil, sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
shutil.copytree(sys.argv[1], options["--out"])
"""


def aludel(home: Path, *words: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [ALUDEL, *words, "--json"],
        cwd=home,
        env={**os.environ, "ALUDEL_DATA_DIR": str(home / "data"), "ALUDEL_DATABASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows(data: Path, recipe: str) -> list[dict[str, Any]]:
    [file] = (data / "data" / recipe).glob("train-*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_rounds_train_on_what_was_found_and_on_nothing_held_out(tmp_path: Path) -> None:
    tiny_models.needs_models()
    model = tiny_models.causal_model(tmp_path / "tiny")
    (tmp_path / "train.py").write_text(TRAINER)
    aludel(tmp_path, "mutate", "Nat.add_*", "--limit", "16", "--per-target", "4", "--out", "run")
    command = (
        "iterate", "toy", "--out", "rounds", "--rounds", "1", "--problems", "3",
        "--held-out", "2", "--test", "0.3", "--samples", "2", "--max-tokens", "8",
        "--train", f"{sys.executable} train.py {model}",
    )  # fmt: skip
    first, second = aludel(tmp_path, *command)
    assert (first["generator"], first["held_out"]["problems"]) == ("portfolio/proofs-2", 2)
    assert second["generator"].startswith("transformers/") and second["held_out"]["problems"] == 2
    assert first["solved"] > 0 and second["model"] is None

    data = Path(tmp_path / first["dataset"])
    given, found = rows(data, "whole_proof"), rows(data, "found_proofs")
    assert len(found) == first["proofs"] and {row["run"] for row in found} == {"toy.1.train"}
    assert {row["name"] for row in found} <= {row["name"] for row in given}
    variants = [json.loads(line) for line in (tmp_path / "run/variants.jsonl").open()]
    assert 0 < len(given) < len(variants)
    trained = {row["parents"][0] for row in given}
    held_out = {v["parents"][0] for v in variants if v["name"] not in {r["name"] for r in given}}
    assert held_out and not trained & held_out

    assert aludel(tmp_path, *command) == [first, second]
