"""``aludel export`` as a user runs it, on a real store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from aludel.models import Accepted, CheckRequest, Evidence, Prover, Toolchain, content_hash
from aludel.receipts import differences, parse_receipt
from aludel.records import VariantRecord
from aludel.settings import Settings
from aludel.store import Store

TOOLCHAIN = Toolchain(
    prover=Prover.LEAN, name="lean", version="4.28.0", kind="embedded", digest="d" * 64
)
COUNT = 7


def _record(store: Store, index: int) -> None:
    header = f"theorem v{index} (a b : Nat) : a + b = b + a"
    proof = f"Nat.add_comm a b -- ∀ {index}"
    request = CheckRequest(statement=header, code=f"{header} := {proof}\n")
    key = content_hash(TOOLCHAIN.digest, request)
    store.verdicts.put(request, TOOLCHAIN, Accepted(hash=key, evidence=Evidence()))
    store.variants.add(
        VariantRecord(
            name=f"v{index}",
            statement=header,
            proof=proof,
            rule="rw",
            lemma="Nat.add_comm",
            direction="forward",
            position="goal",
            parents=("Nat.add_comm", "Nat.add_comm"),
            imports=("Init",),
            toolchain_digest=TOOLCHAIN.digest,
            verdict_hash=key,
            term_hash=str(index),
        )
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data folder whose store holds a few variants."""
    with Store.open(Settings(data_dir=tmp_path / "data")) as store:
        for index in range(COUNT):
            _record(store, index)
    return tmp_path


def test_receipts_of_what_is_exported(home: Path) -> None:
    done = aludel_export(home, "--out", "set", "--receipts", "receipts.jsonl")
    assert done.returncode == 0, done.stderr
    lines = (home / "receipts.jsonl").read_text(encoding="utf-8").splitlines()
    receipts = [parse_receipt(line, "receipts.jsonl") for line in lines]
    assert len(receipts) == COUNT
    assert not any(differences(receipt) for receipt in receipts)
    again = aludel_export(home, "--out", "other", "--receipts", "receipts.jsonl")
    assert again.returncode == 64 and "--receipts" in again.stderr


def aludel_export(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("aludel")), "export", *words],
        cwd=home,
        env={**os.environ, "ALUDEL_DATA_DIR": str(home / "data"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def only_object(stdout: str) -> dict[str, Any]:
    (line,) = stdout.splitlines()
    content = json.loads(line)
    assert isinstance(content, dict)
    return content


def test_json_names_files_that_hold_the_rows(home: Path) -> None:
    result = aludel_export(home, "--out", "set", "--json")
    assert result.returncode == 0, result.stderr
    report = only_object(result.stdout)
    assert report["records"] == COUNT
    assert report["rows"] == dict.fromkeys(("cpt", "variants", "whole_proof", "lineage"), COUNT)
    assert report["toolchains"] == {TOOLCHAIN.digest: COUNT}
    assert len(report["jsonl"]) == len(report["parquet"]) == 4
    for path in report["parquet"]:
        assert pq.read_table(path).num_rows == COUNT
    for path in report["jsonl"]:
        assert len(Path(path).read_text("utf-8").splitlines()) == COUNT
    card = Path(report["card"]).read_text("utf-8")
    assert "lean 4.28.0 (embedded)" in card
    assert "aludel export --out DIR --format jsonl,parquet --shard-rows 500000`" in card


def test_chosen_recipe_and_format(home: Path) -> None:
    result = aludel_export(home, "--out", "set", "--recipe", "cpt", "--format", "jsonl")
    assert result.returncode == 0, result.stderr
    assert f"{COUNT} rows of cpt from {COUNT} records" in result.stdout
    files = sorted(path.name for path in (home / "set").rglob("*.*"))
    assert files == ["README.md", "manifest.json", "train-00000-of-00001.jsonl"]


def test_a_second_export_needs_force_and_is_the_same(home: Path) -> None:
    assert aludel_export(home, "--out", "set").returncode == 0
    before = {p: p.read_bytes() for p in (home / "set").rglob("*") if p.is_file()}
    refused = aludel_export(home, "--out", "set", "--json")
    assert refused.returncode == 64
    assert "exists already" in refused.stderr
    assert refused.stdout == ""
    assert aludel_export(home, "--out", "set", "--force").returncode == 0
    assert before == {p: p.read_bytes() for p in (home / "set").rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--out", "set", "--recipe", "poem"),
            "recipe: unknown recipe 'poem' (use cpt or variants or ",
        ),
        (("--out", "set", "--format", "csv"), "format: unknown format 'csv'"),
        (("--out", "set", "--format", ""), "format: unknown format ''"),
        (("--out", "set", "--shard-rows", "0"), "shard_rows: must be at least 1"),
        (("--out", "set", "--shard-rows", "many"), "'many' is not a valid integer"),
        (("--out", "data"), "exists already"),
        (("--out", "data", "--force"), "is not an export alone"),
        (("--out", "data/aludel.sqlite3/set"), "is in the way"),
        (("--out", ""), "exists already"),
        (("--out", "set", "--toolchain", "0"), "there is no variant to export"),
        ((), "Missing option '--out'"),
    ],
)
def test_wrong_input_is_named_and_leaves_nothing(
    home: Path, words: tuple[str, ...], message: str
) -> None:
    result = aludel_export(home, *words)
    assert result.returncode == 64
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert [path.name for path in home.iterdir()] == ["data"]


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    result = aludel_export(tmp_path, "--out", "set", "--json")
    assert result.returncode == 64
    assert "there is no variant to export (run `aludel mutate` first)" in result.stderr
    assert not (tmp_path / "set").exists()


def test_a_broken_store_is_named(home: Path) -> None:
    (home / "data" / "aludel.sqlite3").write_bytes(b"not a database" * 100)
    result = aludel_export(home, "--out", "set", "--json")
    assert result.returncode == 69
    assert "ALUDEL_DATABASE_URL" in result.stderr
    assert "Traceback" not in result.stderr
