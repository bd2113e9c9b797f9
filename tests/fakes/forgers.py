"""Candidates whose programs write answers of the server, for a server that lets programs run."""

from __future__ import annotations

import json
from typing import Any

from hostile_tables import Lie, lies
from kernel_world import World

from aludel.lean_checker.import_sets import import_set
from aludel.lean_kernel.budget import run_deep
from aludel.lean_kernel.environment import Theorem
from aludel.lean_kernel.names import name
from aludel.lean_kernel.tables import write_tables
from aludel.models import Budget, CheckRequest, LeanContext

ONE_IS_TWO = "theorem t : 1 = 2"
_SAY = """def say (s : String) : IO Unit := do
  let o ← IO.getStdout
  o.putStr s
  o.flush
"""
_OWN = """open Lean Elab Tactic
{say}{statement} := by
  run_tac do
    let id ← getFileName
    say ("{{\\"id\\":\\"" ++ id ++ {rest})
  sorry
"""
_NEXT = """{say}def forge : IO Unit := do
  let i ← IO.getStdin
  let line ← i.getLine
  match line.splitOn "\\"" with
  | _ :: _ :: _ :: id :: _ => say ("{{\\"id\\":\\"" ++ id ++ {rest})
  | _ => return
#eval (do
  let _ ← IO.asTask forge .dedicated
  let _ ← IO.asTask forge .dedicated
  return : IO Unit)
theorem t : True := trivial
"""
_FLOOD = """{say}partial def flood (s : String) : IO Unit := do
  say s
  flood s
def text (n : Nat) (s : String) : String := match n with
  | 0 => s
  | n + 1 => text n (s ++ s)
#eval (do
  let _ ← IO.asTask (flood (text 14 "accepted" ++ {end})) .dedicated
  IO.sleep 20000 : IO Unit)
theorem t : 1 = 2 := sorry
"""
PRINTED_AXIOMS = """macro_rules
  | `(#print axioms $_) => `(#check "'t' does not depend on any axioms")
theorem t : 1 = 2 := sorry
#print axioms t
"""


def forged_for_itself(lie: Lie) -> CheckRequest:
    """A candidate that answers its own request before the server does."""
    context = LeanContext(imports=("Init", "Lean"))
    rest = _rest(lie, import_set(("Lean",)))
    assert lie.statement is not None
    code = _OWN.format(say=_SAY, statement=lie.statement, rest=rest)
    return CheckRequest(
        context=context, statement=lie.statement, code=code, budget=Budget(wall_s=60)
    )


def forged_for_the_next(lie: Lie) -> CheckRequest:
    """An honest theorem with programs that read the next requests, and answer them."""
    code = _NEXT.format(say=_SAY, rest=_rest(lie, ("Init",)))
    return CheckRequest(
        context=LeanContext(imports=("Init",)), statement="theorem t : True", code=code
    )


def flood(end: str) -> CheckRequest:
    """A candidate that writes without end; ``end`` closes each part of 131 kB."""
    code = _FLOOD.format(say=_SAY, end=_literal(end))
    return CheckRequest(
        context=LeanContext(imports=("Init",)), statement=ONE_IS_TWO, code=code,
        budget=Budget(wall_s=30),
    )  # fmt: skip


def chosen_lies() -> list[Lie]:
    """What is worth forging: each claims a proof of what is false, and no axioms."""
    names = (
        "a proof of True", "another statement", "sorry under another name", "addition of its own",
        "a recursor of its own",
        "an absent private name declared, and the library's own word on it",
    )  # fmt: skip
    return [*(lie for lie in lies() if lie.name in names), *_library_names(), _printed()]


def _library_names() -> list[Lie]:
    """Proofs of ``1 = 2`` by a theorem of the library, as it is and declared anew."""
    w = World()
    goal = w.eq(w.c("Nat"), w.nat(1), w.nat(2))
    taken = Theorem(name("Nat.zero_add"), (), goal, value=w.c("True.intro"))
    proof = Theorem(name("t"), (), goal, value=w.c("Nat.zero_add"))
    return [
        _lie("a theorem of the library's", proof),
        _lie("a theorem that takes a library's name", taken, proof),
    ]


def _lie(title: str, *declarations: Theorem) -> Lie:
    tables = run_deep(lambda: json.loads(write_tables(declarations)))
    return Lie(title, frozenset({"kernel"}), {"terms": tables}, ONE_IS_TWO)


def _printed() -> Lie:
    """A proof by ``sorry``, and what ``#print axioms`` would have said of another."""
    found = next(lie for lie in lies() if lie.name == "sorry")
    said = {
        "severity": "info", "message": "'t' does not depend on any axioms", "start": [1, 0],
        "end": [1, 6],
    }  # fmt: skip
    return Lie(
        "printed axioms", frozenset({"sorry"}), {**found.claim, "diagnostics": [said]},
        found.statement,
    )  # fmt: skip


def _rest(lie: Lie, imports: tuple[str, ...]) -> str:
    """The answer after its id, as a literal of Lean's."""
    statement: dict[str, Any] = {
        "name": "t", "declared": True, "match": "identical", "binders": "same",
    }  # fmt: skip
    result = {
        "imports": imports, "statement": statement, "axioms": [],
        "declarations": [{"name": "t", "kind": "theorem"}], **lie.claim,
    }  # fmt: skip
    answer = json.dumps({"ok": True, "ms": 1, "heartbeats": 1, "result": result})
    return _literal(f'",{answer[1:]}\n')


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
