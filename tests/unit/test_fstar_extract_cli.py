"""``aludel fstar extract`` says what its records are."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from aludel.cli.main import cli


def test_output_help_and_every_record_say_lexical(tmp_path: Path) -> None:
    (tmp_path / "M.fst").write_text("module M\nval f : int\nlet f = 1\nval g : int\nlet g = 2\n")
    out = tmp_path / "problems.jsonl"
    arguments = ["fstar", "extract", str(tmp_path), "--project", "p", "--out", str(out)]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert result.exception is None
    assert "2 problems" in result.output
    assert "found lexically: F* was not asked" in result.output
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["extraction"] for row in rows] == ["lexical", "lexical"]
    told = CliRunner().invoke(cli, ["fstar", "extract", "--help"]).output
    assert "lexically" in told
    assert "F* is not asked" in " ".join(told.split())
