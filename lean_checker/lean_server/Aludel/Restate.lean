module
public import Lean
public import Aludel.Constants
public import Aludel.Print

/-!
The operation `restate`: theorems of an import set as headers that elaborate back to the very term
they were printed from. A theorem for which no level of printing gives such a header is reported
with the reason.
-/

public section

open Lean Meta Elab

namespace Aludel

/-- All that the theorems of one request share. -/
structure RestateInput where
  env : Environment
  start : Command.State
  heartbeats : Nat
  emit : Json → IO Unit

/-- Words for the form of a term. -/
def partName (e : Expr) : String :=
  match e with
  | .proj .. => "a projection"
  | .letE .. => "a let"
  | .const .. => "a constant or its universes"
  | .app .. => "an application"
  | .lam .. => "a function"
  | .forallE .. => "a binder"
  | _ => "a variable, a sort or a literal"

/-- The first two subterms in which `a` and `b` differ. -/
partial def firstDifference (a b : Expr) : Expr × Expr :=
  match a, b with
  | .app f x, .app g y => if f == g then firstDifference x y else firstDifference f g
  | .forallE _ d x _, .forallE _ e y _ =>
    if d == e then firstDifference x y
    else firstDifference d e
  | .lam _ d x _, .lam _ e y _ => if d == e then firstDifference x y else firstDifference d e
  | a, b => (a, b)

/-- Why the last level of printing does not give a header that elaborates back. -/
def whyUnprintable (i : RestateInput) (levelParams : List Name) (type : Expr) : IO String := do
  match ← wholeHeader i.env i.heartbeats levelParams type with
  | .error m => return "it cannot be printed: " ++ m
  | .ok header =>
    match ← elabStatement i.start ("theorem " ++ variantName.toString ++ header) with
    | .error e => return e.message
    | .ok s =>
      let (_, asked) := firstDifference (withoutMetadata s.type) (withoutMetadata type)
      return "its text elaborates to another term, different at " ++ partName asked

/-- Emits one theorem in the first form that elaborates back, or the reason why there is none;
returns whether there is one. -/
def restateOne (i : RestateInput) (text : String) (n : Name) : IO Bool := do
  match i.env.find? n with
  | none => return false
  | some ci =>
    match ← roundTrip i.start i.env i.heartbeats ci.levelParams ci.type 0 with
    | some p =>
      i.emit (Json.mkObj
        [("name", .str text), ("header", .str p.header), ("print_level", jsonNat p.level)])
      return true
    | none =>
      let reason ← whyUnprintable i ci.levelParams ci.type
      i.emit
        (Json.mkObj [("name", .str text), ("header", .null), ("reason", .str (cut reason 500))])
      return false

/-- Emits the theorems of `l`; returns the counts of printed and unprinted ones, added to those
given. -/
partial def restateAll (i : RestateInput) (l : List (String × Name)) (printed unprinted : Nat) :
    IO (Nat × Nat) := do
  match l with
  | [] => return (printed, unprinted)
  | (text, n) :: rest =>
    if ← restateOne i text n then restateAll i rest (printed + 1) unprinted
    else restateAll i rest printed (unprinted + 1)

/-- Answers the operation `restate`. -/
unsafe def restate (state : ServerState) (j : Json) (emit : Json → IO Unit) : IO Answer := do
  match ← loadImports state "imports" (importsOf j) with
  | .error e => return .error e
  | .ok env =>
    let heartbeats := getNat j "heartbeats" 200000
    match ← startState env heartbeats [] with
    | .error m => return .error { field := "imports", message := m }
    | .ok start =>
      let (printed, unprinted) ←
        restateAll { env, start, heartbeats, emit } (sortNames (requestedNames env j)) 0 0
      return .ok (Json.mkObj [("printed", jsonNat printed), ("unprinted", jsonNat unprinted)])

end Aludel
