"""Statements as text: comments, where a statement ends, and the candidates made of it."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aludel.lean_text import (
    Kind,
    UnreadableText,
    ends_in_line_comment,
    indented,
    pieces,
    significant,
    without_comments,
)
from aludel.statements import UnusableText, declared, declares_theorem, split_header, with_proof

FRAGMENTS = st.sampled_from(
    [
        "a", "x'", "«a b»", "Nat.succ", "h₁", "ℕ", "fun", "λ", "12", "0x1F", '"s"', '"a\\"b"',
        '"/-"',
        '"-- no"', "'\"'", "'\\''", "'a'", 'r"raw \\"', 'r#"a"b"#', "(", ")", "{", "}", "⟨", "⟩",
        ":", ":=", "=>", "|", "=", ",", " ", "\n", "  ", "/- c -/", "/- a /- b -/ -/", "-- line\n",
        "/-- doc -/", "+", "∀", "→", '"{x}"', "`n", "@", "\t", "\r\n",
    ]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=30).map(" ".join))
def test_pieces_joined_are_the_text_and_stay_the_same(text: str) -> None:
    found = pieces(text)
    assert "".join(piece.text for piece in found) == text
    assert pieces("".join(piece.text for piece in found)) == found


@given(st.lists(FRAGMENTS, max_size=30))
def test_only_comments_are_lost_with_comments(fragments: list[str]) -> None:
    text = " ".join(fragments)
    bare = without_comments(text)
    kept = [(piece.kind, piece.text) for piece in significant(pieces(text))]
    assert [(piece.kind, piece.text) for piece in significant(pieces(bare))] == kept
    assert not any(piece.kind is Kind.COMMENT for piece in pieces(bare))
    assert bare.count("\n") == text.count("\n")


@given(st.text(max_size=60))
def test_any_text_is_divided_or_refused(text: str) -> None:
    try:
        assert "".join(piece.text for piece in pieces(text)) == text
    except UnreadableText as error:
        assert error.message


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('("/-" ++ "-/").length', '("/-" ++ "-/").length'),
        ("(a/- c -/b : Nat)", "(a b : Nat)"),
        ("a /- x /- y -/ z -/ b", "a  b"),
        ("a -- b\nc", "a \nc"),
        ("'\"' -- '\"'", "'\"' "),
        ("x' -- y'", "x' "),
        ('r#"--"# -- b', 'r#"--"# '),
        ("«--» b", "«--» b"),
        ("/-- doc -/\ntheorem", "\ntheorem"),
        ("a/-\n-/b", "a\nb"),
    ],
)
def test_what_is_a_comment(text: str, bare: str) -> None:
    assert without_comments(text) == bare


@pytest.mark.parametrize(
    "text",
    ["a <-- b", "x |-- y", "a //- b -/", "/- open", '"open', 'r#"open"', 's!"{f "--"}"', "a ∣-- b"],
)
def test_what_cannot_be_told_apart(text: str) -> None:
    with pytest.raises(UnreadableText):
        pieces(text)


AWKWARD = [
    ("theorem t : True", "t", "theorem t : True"),
    ("lemma t : True", "t", "theorem t : True"),
    ("theorem t : True := by", "t", "theorem t : True"),
    ("theorem t : True := by sorry", "t", "theorem t : True"),
    ("theorem t : True := by\n  sorry\n", "t", "theorem t : True"),
    ("theorem t : True := by sorry -- TODO", "t", "theorem t : True"),
    ("theorem t : True := sorry /- later -/", "t", "theorem t : True"),
    ("theorem t : True :=", "t", "theorem t : True"),
    ("theorem t : True -- easy", "t", "theorem t : True"),
    ("theorem t : True /- easy -/", "t", "theorem t : True"),
    ("@[simp] theorem t : True", "t", "theorem t : True"),
    ("@[simp, grind =] protected theorem A.t : True", "A.t", "theorem A.t : True"),
    ("/-- doc -/\n@[simp]\ntheorem t : True", "t", "theorem t : True"),
    ("private lemma t : True", "t", "theorem t : True"),
    ("theorem uni.{u} (a : Sort u) : a = a", "uni", "theorem uni.{u} (a : Sort u) : a = a"),
    ("theorem uni.{u, v} : True", "uni", "theorem uni.{u, v} : True"),
    ("theorem «a b» : True", "«a b»", "theorem «a b» : True"),
    ("theorem A.«b.c».d' : True", "A.«b.c».d'", "theorem A.«b.c».d' : True"),
    ("theorem t₁ : True", "t₁", "theorem t₁ : True"),
    ("theorem t' (h : 1 = 1 := by decide) : True", "t'", None),
    ("theorem t {x : Nat // x > 0} : True", "t", None),
    ("theorem t : ∀ x : {n : Nat // n > 0}, x.1 > 0", "t", None),
    ("theorem t : let x := 2; x = 2", "t", None),
    ("theorem t : let x := 2; x = 2 := by sorry", "t", "theorem t : let x := 2; x = 2"),
    ("theorem t : have h := rfl; h = h := sorry", "t", "theorem t : have h := rfl; h = h"),
    ("theorem t : (match 1 with | 0 => 1 | _ => 2) = 2", "t", None),
    ("theorem t : match 1 with\n  | 0 => False\n  | _ => True", "t", None),
    ("theorem t : (fun | 0 => 1 | _ => 2) 1 = 2", "t", None),
    ("theorem t : |x| = 1", "t", None),
    ("theorem t (x : Int)\n  | x ∣ 1 : True", "t", None),
    ('theorem t : "by".length = 2', "t", None),
    ('theorem t : ":=".length = 2', "t", None),
    ('theorem t : ("/-" ++ "-/").length = 4', "t", None),
    ('theorem t : "-- no comment".length = 13', "t", None),
    ('theorem t : "a\n  b".length = 5', "t", None),
    ("theorem t : '\"' = '\"'", "t", None),
    ("theorem t : ':' = ':'", "t", None),
    ('theorem t : r#"a"b"#.length = 3', "t", None),
    ("theorem t (a/- c -/b : Nat) : a = b", "t", "theorem t (a b : Nat) : a = b"),
    ("theorem t\n    (a : Nat)\n    : a = a", "t", None),
    ("theorem t : (by exact 1 : Nat) = 1", "t", None),
    ("theorem t {α} [inst : Inhabited α] : (default : α) = default", "t", None),
    ("theorem t ⦃a : Nat⦄ : a = a", "t", None),
    ("theorem t : ∃ x, x = 1 ∧ ∀ y, y = 1 → x = y", "t", None),
    ("theorem t : `foo = `foo", "t", None),
    ("theorem t : ``Nat.add = ``Nat.add", "t", None),
    ("theorem t : @id Nat 1 = 1", "t", None),
    ("theorem t : s!\"{1}\" = \"1\"", "t", None),
    ("theorem t : (1 : Nat) = 1 :=\n  by -- start\n  sorry", "t", "theorem t : (1 : Nat) = 1"),
    ("theorem t : f.«where» = 1", "t", None),
    ("theorem t : let rec := 1; rec = 1", "t", None),
    ('theorem t : "let rec f".length = 9', "t", None),
    ("theorem t : Nat.rec (motive := fun _ => Nat) 1 (fun _ n => n) 0 = 1", "t", None),
    ("theorem where' : True", "where'", "theorem where' : True"),
    ("theorem t (h : x <;> y) : True", "t", None),
    ('theorem t : "where | := by".length = 13', "t", None),
    ("theorem t : (if let some x := o then x else 0) = 0", "t", None),
    ("theorem t : (Id.run do let mut x := 1; x := 2; return x) = 2", "t", None),
    ("theorem t : «:=» = «by» -- :=", "t", "theorem t : «:=» = «by»"),
    ("theorem t : '\\'' = '|' := by sorry", "t", "theorem t : '\\'' = '|'"),
    ("theorem t : True := by -- :=\n  sorry", "t", "theorem t : True"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "statement"), AWKWARD)
def test_awkward_statements(text: str, name: str, statement: str | None) -> None:
    found = declared(text)
    assert found == (name, text if statement is None else statement)
    assert declared(with_proof(found.statement, "sorry")) == found
    assert declared(with_proof(f"{found.statement} -- c", "by sorry")) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("theorem t : True := trivial", "holds a proof"),
        ("theorem t : True := by trivial", "holds a proof"),
        ("theorem t : True := by\n  sorry\n  done", "holds a proof"),
        ("theorem t : Nat → True\n  | 0 => trivial\n  | _ => trivial", "holds a proof"),
        ("theorem t : True where\n  x := 1", "holds a proof"),
        ("theorem t : let x := 2; x = 2 := rfl", "holds a proof"),
        ("theorem t : (let rec f (n : Nat) : Nat := n; f 1) = 1", "by `let rec`"),
        ("theorem t : (let rec @[simp] f (n : Nat) : Nat := n; f 1) = 1 := by sorry", "`let rec`"),
        ("theorem t : (let/- c -/rec\n  f := 1; f) = 1", "by `let rec`"),
        ("theorem t", "states nothing"),
        ("theorem t -- : True", "states nothing"),
        ("theorem : True", "does not begin"),
        ("def t : Nat", "does not begin"),
        ("example : True", "does not begin"),
        ("-- theorem t : True", "does not begin"),
        ("", "does not begin"),
        ("open Nat in theorem t : True", "does not begin"),
    ],
)
def test_what_is_no_statement(text: str, why: str) -> None:
    with pytest.raises(UnusableText, match=why):
        declared(text)


def test_the_full_name_replaces_its_end() -> None:
    assert declared("theorem t : True", "A.B.t").statement == "theorem A.B.t : True"
    assert declared("theorem t : True", "A.other").statement == "theorem t : True"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("theorem t : True", "theorem t : True := trivial\n"),
        ("theorem t : True -- easy", "theorem t : True -- easy\n:= trivial\n"),
        ("theorem t : True /- easy -/", "theorem t : True /- easy -/ := trivial\n"),
        ('theorem t : "--" = x', 'theorem t : "--" = x := trivial\n'),
        ("theorem t :\n  True -- a\n", "theorem t :\n  True -- a\n:= trivial\n"),
    ],
)
def test_a_proof_is_never_part_of_a_comment(statement: str, code: str) -> None:
    assert with_proof(statement, "trivial") == code
    assert ends_in_line_comment(statement.rstrip()) == ("\n:=" in code)


def test_lines_of_strings_stay_where_they_are() -> None:
    text = 'exact f "a\nb" (\nx)\n\n  rfl'
    assert indented(text) == '  exact f "a\nb" (\n  x)\n\n    rfl'
    assert indented('r#"a\n  b"#\nc') == '  r#"a\n  b"#\n  c'


@pytest.mark.parametrize(
    ("text", "is_file"),
    [
        ("theorem t : True := trivial", True),
        ("lemma t : True := trivial", True),
        ("@[simp] private theorem t : True := trivial", True),
        ("by\n  trivial", False),
        ("by -- theorem t : True\n  trivial", False),
        ('by exact f "theorem t"', False),
        ("/- theorem t -/ rfl", False),
        ("by\n  have theorem_x := 1\n  rfl", False),
        ('"open', False),
    ],
)
def test_files_are_told_from_proofs(text: str, is_file: bool) -> None:
    assert declares_theorem(text) == is_file


@pytest.mark.parametrize("line", ["open Nat", "public import A", "noncomputable section", "  \\"])
def test_a_long_header_is_read_in_time(line: str) -> None:
    text = f"{line}\n" * (90_000 // len(line)) + "theorem t : True"
    started = time.process_time()
    with contextlib.suppress(UnusableText):
        split_header(text)
    assert time.process_time() - started < 5  # it was minutes: each line read all others
