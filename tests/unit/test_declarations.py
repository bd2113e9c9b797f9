"""Theorems found in the text of a file, and texts without some of them."""

from __future__ import annotations

import pytest

from aludel.declarations import theorems_in, without
from aludel.lean_text import UnreadableText

FILE = """import Std
/-! About numbers; theorem none : 1 = 2 -/
namespace A
open Nat in
/-- `theorem inner : False` -/
@[simp]
theorem first (n : Nat) : n = n := by
  open Nat in
  simp

  theorem indented : "theorem x" = "theorem x" := rfl
def two := 2 -- theorem no : 1 = 1
private theorem «third one» : two = 2 := by
  set_option maxRecDepth 100 in
  rfl
mutual
theorem m : True := trivial
theorem n : True := trivial
end
end A
#check A.first
lemma last.{u} (α : Sort u) (a : α) : a = a
  | _ => rfl
"""


def test_theorems_are_found_with_what_belongs_to_them() -> None:
    found = theorems_in(FILE)
    assert [one.name for one in found] == ["first", "indented", "«third one»", "last"]
    first, indented, third, last = (FILE[one.start : one.end].strip() for one in found)
    assert first.startswith("open Nat in\n/-- ") and first.endswith("simp")
    assert indented == 'theorem indented : "theorem x" = "theorem x" := rfl'
    assert third.startswith("private theorem") and third.endswith("rfl")
    assert last.startswith("lemma last") and last.endswith("| _ => rfl")


def test_what_is_left_out_leaves_every_other_place_as_it_was() -> None:
    found = theorems_in(FILE)
    made = without(FILE, found, [found[2]])
    assert len(made) == len(FILE) and made.count("\n") == FILE.count("\n")
    assert theorems_in(made) == [found[2]]
    assert "def two" in made and "open Nat in\n/--" not in made and "end A" in made
    assert without(FILE, found, found) == FILE


def test_texts_without_theorems() -> None:
    assert theorems_in("") == theorems_in("def a := 1\nexample : True := trivial\n") == []
    with pytest.raises(UnreadableText):
        theorems_in("/- theorem t : True := trivial")
