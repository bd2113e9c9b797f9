"""Which theorem of a user's text is meant, and the text as what stands before variants."""

from __future__ import annotations

import pytest

from aludel.errors import InvalidRequest
from aludel.mutation.own import last_theorem, names_it


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("theorem t : True := trivial", "t"),
        ("private theorem t : True := trivial", "t"),
        ("/-- says `theorem x` -/\n@[simp] theorem t : True := trivial -- theorem y", "t"),
        ("theorem a : True := trivial\nlemma b : True := trivial\nexample : True := b", "b"),
        ("theorem a : True := trivial\ndef f := 1\ninstance : Inhabited Nat := ⟨f⟩", "a"),
        ("theorem a : True := trivial\ninductive T | a | b", "a"),
        ("namespace A.B\nsection\ntheorem t : True := trivial\nend\nend A.B\ndef x := 1", "A.B.t"),
        ("namespace A\nend A\ntheorem t : True := trivial", "t"),
        ("namespace A\nsection s\nend s\nmutual\nend\ntheorem t : True := trivial", "A.t"),
        ("namespace A\ntheorem _root_.t : True := trivial", "t"),
        ("section\nvariable (p : Prop)\ntheorem «a b».c : p → p := id\nend", "«a b».c"),
        ("namespace A.«b.c»\ntheorem t : True := trivial\nend A.«b.c»", "A.«b.c».t"),
        ("noncomputable section\ntheorem t : True := trivial", "t"),
    ],
)
def test_the_last_theorem_is_found(text: str, name: str) -> None:
    assert last_theorem(text).name == name


@pytest.mark.parametrize(
    ("text", "preamble"),
    [
        ("theorem t : True := trivial\n", "section\ntheorem t : True := trivial\n\nend\n\n"),
        (
            "import Std\npublic import all Lean -- why\nuniverse u\ntheorem t : True := trivial",
            "section\nuniverse u\ntheorem t : True := trivial\n\nend\n\n",
        ),
        (
            "namespace A\nsection\nnamespace B\ntheorem t : True := trivial -- end B",
            "section\nnamespace A\nsection\nnamespace B\ntheorem t : True := trivial -- end B\n"
            "\nend B\nend\nend A\nend\n\n",
        ),
    ],
)
def test_its_text_ends_with_what_it_opened(text: str, preamble: str) -> None:
    assert last_theorem(text).preamble == preamble


@pytest.mark.parametrize("text", ["def f := 1", "", "-- theorem t : True", 'theorem t : "a'])
def test_a_text_without_a_theorem_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        last_theorem(text)
    assert caught.value.field == "statement"


RECURSION = "(let rec f (n : Nat) : Nat := n; f 1)"


@pytest.mark.parametrize(
    "text",
    [
        f"theorem t : {RECURSION} = 1 := rfl",
        f"theorem t (n : Nat) : n = {RECURSION} →\n    n = 1\n  | h => h",
        f"def f := 1\nprivate theorem t (h : {RECURSION} = 1) : True := trivial\ndef g := 2",
        "theorem t : let rec f := 1; let x := 2; f < x := by decide",
    ],
)
def test_a_function_that_the_statement_declares_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="`let rec`") as caught:
        last_theorem(text)
    assert caught.value.field == "statement" and "before the theorem" in (caught.value.fix or "")


@pytest.mark.parametrize(
    "text",
    [
        f"theorem t : True := by have := {RECURSION}; trivial",
        "theorem t : (let x := 1; x = 1) := let rec f := 1; rfl",
        "theorem t : ∀ n : Nat, n = n\n  | 0 => let rec f := 1; rfl\n  | _ => rfl",
        f"theorem u : {RECURSION} = 1 := rfl\ntheorem t : True := trivial",
        f"theorem t : True := trivial\ndef after := {RECURSION}",
    ],
)
def test_one_in_the_proof_or_elsewhere_is_not(text: str) -> None:
    assert last_theorem(text).name == "t"


def test_private_names_are_known() -> None:
    assert names_it("t", "t") and names_it("_private.0.A.t", "A.t")
    assert names_it("_private.Main.0.t", "t")
    assert not names_it("A.t", "t") and not names_it("_private.0.A.t", "t")
