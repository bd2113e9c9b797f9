module
public import Lean

/-! What is asked of a candidate: the statement it must prove and the state in which it starts. -/

public section

open Lean Elab

namespace Aludel

/-- A statement asked for, in terms of the environment it was elaborated in. -/
structure Statement where
  name : Name
  /-- The type in terms of the environment where elaboration began: constants that Lean declared on
  the way are unfolded. -/
  type : Expr
  /-- The type as Lean would print it, in `shownIn`, which has the constants declared on the way. -/
  shown : Expr
  shownIn : Environment
  levelParams : List Name
  /-- Syntax of `declSig`/`optDeclSig`, positions in the statement's own text. -/
  signature : Syntax

/-- All that a check needs beside the elaborated candidate. -/
structure CheckInput where
  base : Environment
  imports : Array Name
  start : Command.State
  heartbeats : Nat
  native : Bool
  statement : Option Statement
  /-- Names that the statement does not bind and Lean bound itself. -/
  autoBound : List Name := []

/-- The newest inputs of checks, each with the part of its request that it was made of: many
candidates of one statement come after each other. Only claims rest on them: what decides reads the
statement in another process. -/
abbrev AskedBefore := List (String × CheckInput)

/-- How many inputs are kept. -/
def maxAsked : Nat := 8

/-- The input made of `key`. -/
def findAsked (before : AskedBefore) (key : String) : Option CheckInput :=
  match before with
  | [] => none
  | (k, i) :: rest => if k == key then some i else findAsked rest key

/-- The first `n` inputs. -/
def newestAsked (n : Nat) (before : AskedBefore) : AskedBefore :=
  match n, before with
  | n + 1, x :: rest => x :: newestAsked n rest
  | _, _ => []

end Aludel
