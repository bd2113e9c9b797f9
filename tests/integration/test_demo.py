"""``aludel demo``, small: mutate, hold out by lineage, attempt, export; again without repeating."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pytest

pytestmark = [pytest.mark.lean, pytest.mark.slow, pytest.mark.timeout(600)]

ALUDEL = str(Path(sys.executable).with_name("aludel"))


def demo(out: Path) -> dict[str, Any]:
    done = subprocess.run(
        [ALUDEL, "demo", "--targets", "8", "--out", str(out)],
        env={**os.environ, "ALUDEL_DATABASE_URL": "", "ALUDEL_POOL_SIZE": "2"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def rows(dataset: Path, recipe: str, split: str) -> list[dict[str, Any]]:
    files = sorted((dataset / "data" / recipe).glob(f"{split}-*.parquet"))
    found: list[dict[str, Any]] = pyarrow.dataset.dataset(files).to_table().to_pylist()
    return found


def recorded(out: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(out / "aludel.sqlite3") as database:
        query = "select problem, created_at from attempt_outcomes order by problem"
        return list(database.execute(query))


def test_held_out_theorems_are_attempted_once_and_exported(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    first = demo(out)
    shown, since = first["attempts"], recorded(out)
    dataset = out / "dataset"
    train, test = (rows(dataset, "lineage", split) for split in ("train", "test"))
    held_out = {row["name"] for row in test}
    assert {problem for problem, _ in since} == held_out
    assert shown["problems"] == shown["done"] == len(test) > 0
    assert shown["tried"] == 8 * len(test) and set(shown["pass_at_k"]) == {"1", "2", "4", "8"}
    assert shown["proved"] > 0 and shown["invalid"] == 0

    families = [{row["family"] for row in side} for side in (train, test)]
    assert families[0] and not families[0] & families[1]
    origins = [{row["parents"][0] for row in side} for side in (train, test)]
    assert not origins[0] & origins[1]

    attempted = rows(dataset, "attempts", "test")
    assert {row["problem"] for row in attempted} == held_out
    proved = {row["problem"] for row in attempted if row["accepted"]}
    assert len(proved) == shown["proved"]

    again = demo(out)
    assert again["attempts"] == shown and recorded(out) == since
