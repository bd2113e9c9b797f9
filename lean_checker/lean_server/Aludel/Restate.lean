module
public import Lean
public import Aludel.Constants
public import Aludel.Mutate

/-!
The operation `restate`: theorems of an import set as headers that elaborate back to the very term they
were printed from. What no level of printing gives is reported with the reason.
-/

public section

open Lean Meta Elab

namespace Aludel

structure RestateInput where
  env : Environment
  start : Command.State
  heartbeats : Nat
  emit : Json → IO Unit

/-! Names of binders are of no account to the kernel, and a printed one may not be readable: `a✝`, or the
name of a constant that stands below it. -/

/-- The term with binders of its own names, `x1`, `x2`, …, and without metadata, which mean nothing. -/
partial def renamed (count : Nat) (e : Expr) : Nat × Expr :=
  match e with
  | .forallE _ d b i =>
    let name := Name.mkSimple ("x" ++ toString (count + 1))
    let (count, d) := renamed (count + 1) d
    let (count, b) := renamed count b
    (count, .forallE name d b i)
  | .lam _ d b i =>
    let name := Name.mkSimple ("x" ++ toString (count + 1))
    let (count, d) := renamed (count + 1) d
    let (count, b) := renamed count b
    (count, .lam name d b i)
  | .letE _ t v b nondep =>
    let name := Name.mkSimple ("x" ++ toString (count + 1))
    let (count, t) := renamed (count + 1) t
    let (count, v) := renamed count v
    let (count, b) := renamed count b
    (count, .letE name t v b nondep)
  | .app f a =>
    let (count, f) := renamed count f
    let (count, a) := renamed count a
    (count, .app f a)
  | .mdata _ b => renamed count b
  | .proj n i b =>
    let (count, b) := renamed count b
    (count, .proj n i b)
  | e => (count, e)

/-- Everything written out: universes, implicit arguments, types of binders, proofs. -/
def wholeOptions : Options :=
  let o : Options := {}
  let o := ((o.setBool `pp.all true).setBool `pp.proofs true).setBool `pp.deepTerms true
  let o := ((o.setBool `pp.match false).setBool `pp.fieldNotation false).setBool `pp.structureInstances false
  let o := ((o.setBool `pp.numericTypes true).setBool `pp.natLit true).setBool `pp.privateNames true
  (o.setBool `pp.beta false).setNat `pp.maxSteps 1000000

def wholeHeader (i : RestateInput) (levelParams : List Name) (type : Expr) : IO (Except String String) := do
  let r ← runMeta i.heartbeats i.env (opts := wholeOptions) do
    let f ← ppExpr type
    return f.pretty 1000000
  match r with
  | .error e => return .error (← exceptionText e)
  | .ok text =>
    let universes := universeList levelParams ""
    return .ok ((if universes == "" then "" else ".{" ++ universes ++ "}") ++ " : " ++ text)

inductive Restated where
  | printed (header : String) (level : Nat)
  | unprintable (reason : String)

def partName (e : Expr) : String :=
  match e with
  | .proj .. => "a projection"
  | .letE .. => "a let"
  | .const .. => "a constant or its universes"
  | .app .. => "an application"
  | .lam .. => "a function"
  | .forallE .. => "a binder"
  | _ => "an atom"

/-- Where two terms part. -/
partial def firstDifference (a b : Expr) : Expr × Expr :=
  match a, b with
  | .app f x, .app g y => if f == g then firstDifference x y else firstDifference f g
  | .forallE _ d x _, .forallE _ e y _ => if d == e then firstDifference x y else firstDifference d e
  | .lam _ d x _, .lam _ e y _ => if d == e then firstDifference x y else firstDifference d e
  | a, b => (a, b)

/-- The last level of printing, and why it does not do. -/
def restateWhole (i : RestateInput) (levelParams : List Name) (type : Expr) : IO Restated := do
  let type := (renamed 0 type).2
  match ← wholeHeader i levelParams type with
  | .error m => return .unprintable ("it cannot be printed: " ++ m)
  | .ok header =>
    match ← elabStatement i.start ("theorem " ++ variantName.toString ++ header) with
    | .error e => return .unprintable e.message
    | .ok s =>
      if s.type == type && sameLength s.levelParams levelParams then return .printed header 4
      else
        let (_, asked) := firstDifference s.type type
        return .unprintable ("its text elaborates to another term, different at " ++ partName asked)

/-- Prints one theorem in the first form that elaborates back. -/
def restateOne (i : RestateInput) (text : String) (n : Name) : IO Bool := do
  match i.env.find? n with
  | none => return false
  | some ci =>
    let r ← match ← roundTrip i.start i.env i.heartbeats ci.levelParams ci.type 0 with
      | some p => pure (Restated.printed p.header p.level)
      | none => restateWhole i ci.levelParams ci.type
    match r with
    | .printed header level =>
      i.emit (Json.mkObj [("name", .str text), ("header", .str header), ("print_level", jsonNat level)])
      return true
    | .unprintable reason =>
      i.emit (Json.mkObj [("name", .str text), ("header", .null), ("reason", .str (cut reason 500))])
      return false

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
