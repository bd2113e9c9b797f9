module
public import Lean
public import Aludel.Constants
public import Aludel.Mutate

/-!
The operation `restate`: theorems of an import set as headers that elaborate back to the very term they
were printed from.
-/

public section

open Lean Elab

namespace Aludel

structure RestateInput where
  env : Environment
  start : Command.State
  heartbeats : Nat
  emit : Json → IO Unit

/-- Prints one theorem; gives whether some form of it elaborates back. -/
def restateOne (i : RestateInput) (text : String) (n : Name) : IO Bool := do
  match i.env.find? n with
  | none => return false
  | some ci =>
    match ← roundTrip i.start i.env i.heartbeats ci.levelParams ci.type 0 with
    | none => return false
    | some p =>
      i.emit (Json.mkObj [("name", .str text), ("header", .str p.header), ("print_level", jsonNat p.level)])
      return true

partial def restateAll (i : RestateInput) (l : List (String × Name)) (printed unprinted : Nat) : IO (Nat × Nat) := do
  match l with
  | [] => return (printed, unprinted)
  | (text, n) :: rest =>
    if ← restateOne i text n then restateAll i rest (printed + 1) unprinted
    else restateAll i rest printed (unprinted + 1)

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
