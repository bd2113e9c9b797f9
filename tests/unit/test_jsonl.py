"""Lines of JSON, read and written, with what other readers take for the end of a line."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aludel.errors import InvalidRequest
from aludel.jsonl import line, lines_of, read_lines, stream_lines
from aludel.problems import read_problems


@given(st.lists(st.dictionaries(st.text(), st.text()), max_size=5))
def test_what_is_written_is_read(rows: list[dict[str, str]]) -> None:
    text = "".join(line(row) + "\n" for row in rows)
    assert [json.loads(one) for _, one in lines_of(text)] == rows
    assert len(text.splitlines()) == len(rows)


def test_only_line_feeds_end_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    raw = '{"a": "x\u2028y"}\r\n\n{"a": "\x85"}\n   \n{"a": "\x1c"}'
    path.write_bytes(b"\xef\xbb\xbf" + raw.encode())
    numbers = [number for number, _ in read_lines(path, "rows")]
    assert numbers == [1, 3, 5]
    assert next(one for _, one in read_lines(path, "rows")) == '{"a": "x\u2028y"}'


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidRequest) as caught:
        list(read_lines(path, "rows"))
    assert caught.value.field == "rows"


def test_problems_are_read_as_the_importer_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    statements = [
        "lemma a : True",
        "theorem b : True := by",
        "theorem c : True := by sorry -- TODO",
        "open Nat in\ntheorem d (n : Nat) : succ n = n + 1 -- easy",
        "import Std\n\ntheorem e.{u} (a : Sort u) : a = a",
        'theorem «f g» : "\u2028" = "\u2028"',
    ]
    path.write_text(
        "".join(json.dumps({"statement": s}, ensure_ascii=False) + "\n" for s in statements)
    )
    found = read_problems(path)
    assert [problem.name for problem in found] == ["a", "b", "c", "d", "e", "«f g»"]
    assert found[3].statement == "open Nat in\ntheorem d (n : Nat) : succ n = n + 1"
    assert found[4].imports == ("Std",)
    for problem in found:
        assert problem.candidate("by simp").code == f"{problem.statement} := by simp\n"


@pytest.mark.parametrize(
    "statement",
    ["theorem t : True := trivial", "theorem t : True\n| 0 => rfl", "def t := 1", "/- t"],
)
def test_a_record_that_is_none_says_why(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(json.dumps({"statement": statement}))
    with pytest.raises(InvalidRequest, match="not a valid problem record") as caught:
        read_problems(path)
    assert caught.value.field == f"{path}:1"


def test_lines_are_streamed_from_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"\xef\xbb\xbf1\r\n\n" + b"x" * 50 + b"\n\xff\n5")
    read = list(stream_lines(path, "FILE", most=20))
    assert [(one.number, one.text) for one in read] == [(1, "1"), (3, ""), (4, ""), (5, "5")]
    assert [one.fault for one in read] == [
        "",
        "a line of more than 20 bytes",
        "not UTF-8 (byte 0)",
        "",
    ]
    assert [one.end for one in read][-1] == path.stat().st_size
    for before, after in itertools.pairwise(read):
        again = next(stream_lines(path, "FILE", before.end, before.number + 1, most=20))
        assert (again.number, again.text, again.end) == (after.number, after.text, after.end)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        next(stream_lines(tmp_path, "FILE"))
