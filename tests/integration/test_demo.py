"""``aludel demo``, small: mutate, hold out by lineage, attempt, export; again without repeating."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pytest
from recheck import ensure_proved

from aludel.cli.main import cli

pytestmark = [pytest.mark.lean, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def demo(
    shared_lean: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Path], dict[str, Any]]:
    """Run the command in this process, on Lean processes that are there."""
    monkeypatch.setenv("ALUDEL_DATABASE_URL", "")

    def run(out: Path) -> dict[str, Any]:
        cli.main(["demo", "--targets", "4", "--out", str(out)], standalone_mode=False)
        told = capsys.readouterr()
        figures: dict[str, Any] = json.loads(told.out.splitlines()[-1])
        return {**figures, "table": told.err}

    return run


def rows(dataset: Path, recipe: str, split: str) -> list[dict[str, Any]]:
    files = sorted((dataset / "data" / recipe).glob(f"{split}-*.parquet"))
    found: list[dict[str, Any]] = pyarrow.dataset.dataset(files).to_table().to_pylist()
    return found


def recorded(out: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(out / "aludel.sqlite3") as database:
        query = "select problem, created_at from attempt_outcomes order by problem"
        return list(database.execute(query))


def test_held_out_theorems_are_attempted_once_and_exported(
    tmp_path: Path, demo: Callable[[Path], dict[str, Any]]
) -> None:
    out = tmp_path / "demo"
    first = demo(out)
    shown, since = first["attempts"], recorded(out)
    dataset = out / "dataset"
    train, test = (rows(dataset, "lineage", split) for split in ("train", "test"))
    held_out = {row["name"] for row in test}
    assert {problem for problem, _ in since} == held_out
    assert shown["problems"] == shown["done"] == len(test) > 0
    assert shown["tried"] == 8 * len(test) and set(shown["pass_at_k"]) == {"1", "2", "4", "8"}
    assert shown["proved"] > 0 and shown["invalid"] == 0 and shown["automation"]
    assert f"{shown['proved']} of {len(test)}" in first["table"]  # closed by automation
    assert "pass@" not in first["table"]

    families = [{row["family"] for row in side} for side in (train, test)]
    assert families[0] and not families[0] & families[1]
    origins = [{row["parents"][0] for row in side} for side in (train, test)]
    assert not origins[0] & origins[1]

    attempted = rows(dataset, "attempts", "test")
    assert {row["problem"] for row in attempted} == held_out
    proved = {row["problem"] for row in attempted if row["accepted"]}
    assert len(proved) == shown["proved"]

    ensure_proved(rows(dataset, "cpt", "train")[:12])

    again = demo(out)
    assert again["attempts"] == shown and recorded(out) == since
