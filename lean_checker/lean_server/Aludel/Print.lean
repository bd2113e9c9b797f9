module
public import Lean
public import Aludel.Check

/-!
Statements as text that elaborates back to the very term they were printed from: a ladder of
printing options, from Lean's default to everything written out.
-/

public section

open Lean Meta Elab

namespace Aludel

/-! Printing, and elaborating back. -/

/-- A header that elaborates back, and the level of printing that gave it. -/
structure Printed where
  header : String
  level : Nat

/-- The printing options of a level: 0 is Lean's default, later ones write more out. -/
def printOptions (level : Nat) : Options :=
  let o : Options := {}
  match level with
  | 0 => o
  | 1 =>
    let o :=
      ((o.setBool `pp.numericTypes true).setBool `pp.coercions.types true).setBool `pp.proofs true
    o.setBool `pp.structureInstanceTypes true
  | 2 => ((o.setBool `pp.explicit true).setBool `pp.notation false).setBool `pp.proofs true
  | _ =>
    (((o.setBool `pp.explicit true).setBool `pp.universes true).setBool `pp.notation false).setBool
      `pp.proofs true

/-- The name under which statements are printed and elaborated back. -/
def variantName : Name := `aludel_variant

/-- `acc` and the names, separated by commas. -/
def universeList (ns : List Name) (acc : String) : String :=
  match ns with
  | [] => acc
  | n :: ns => universeList ns (if acc == "" then n.toString else acc ++ ", " ++ n.toString)

/-- Whether a `match` occurs in the term. -/
def hasMatch (e : Expr) : Bool :=
  foldArray e.getUsedConstants (fun found n => found || (lastPart n).startsWith "match_") false

/-- The printing options of a level for a term. With field notation patterns would be printed
`k.succ`, which Lean does not read. -/
def printOptionsFor (level : Nat) (e : Expr) : Options :=
  let o := printOptions level
  if hasMatch e then o.setBool `pp.fieldNotation false else o

/-- The statement's text between `theorem NAME` and `:=`, printed at a level below `wholeLevel`. -/
def printHeader (env : Environment) (heartbeats : Nat) (levelParams : List Name) (type : Expr)
    (level : Nat) : IO (Except String String) := do
  let ax : AxiomVal := { name := variantName, levelParams, type, isUnsafe := false }
  match addToKernel env (.axiomDecl ax) with
  | .error _ => return .error "the kernel refuses the statement"
  | .ok env =>
    let r ← runMeta heartbeats env (opts := printOptionsFor level type) do
      let f ← PrettyPrinter.ppSignature variantName
      return f.fmt.pretty
    match r with
    | .error e => return .error (← exceptionText e)
    | .ok text =>
      -- the printer repeats the name and, at the last level, its universes: both are ours to write
      let skip := variantName.toString.utf8ByteSize
      let rest := String.Pos.Raw.extract text ⟨skip⟩ text.rawEndPos
      let universes := universeList levelParams ""
      let parameters := if universes == "" || rest.startsWith ".{" then ""
        else ".{" ++ universes ++ "}"
      return .ok (parameters ++ rest)

/-! Names of binders mean nothing to the kernel, and a printed one may not elaborate back: `a✝`, or
the name of a constant that occurs below it. -/

/-- The term with its binders named `x1`, `x2`, … and without metadata, and the number of the last
binder. Neither means anything to the kernel. -/
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

/-- Printing options that write everything out: universes, implicit arguments, types of binders,
proofs. -/
def wholeOptions : Options :=
  let o : Options := {}
  let o := ((o.setBool `pp.all true).setBool `pp.proofs true).setBool `pp.deepTerms true
  let o := ((o.setBool `pp.match false).setBool `pp.fieldNotation false).setBool
    `pp.structureInstances false
  let o := ((o.setBool `pp.numericTypes true).setBool `pp.natLit true).setBool `pp.privateNames true
  (o.setBool `pp.beta false).setNat `pp.maxSteps 1000000

/-- The term with everything written out. -/
def wholeText (env : Environment) (heartbeats : Nat) (type : Expr) : IO (Except String String) := do
  let r ← runMeta heartbeats env (opts := wholeOptions) do
    let f ← ppExpr type
    return f.pretty 1000000
  match r with
  | .error e => return .error (← exceptionText e)
  | .ok text => return .ok text

/-- The statement's text between `theorem NAME` and `:=`, everything written out. -/
def wholeHeader (env : Environment) (heartbeats : Nat) (levelParams : List Name) (type : Expr) :
    IO (Except String String) := do
  match ← wholeText env heartbeats (renamed 0 type).2 with
  | .error m => return .error m
  | .ok text =>
    let universes := universeList levelParams ""
    return .ok ((if universes == "" then "" else ".{" ++ universes ++ "}") ++ " : " ++ text)

/-- The term without metadata, which no text carries. -/
partial def withoutMetadata (e : Expr) : Expr :=
  e.replace fun e =>
    match e with
    | .mdata _ b => some (withoutMetadata b)
    | _ => none

/-- The level of printing at which everything is written out. Lower ones are those of
`printHeader`. -/
def wholeLevel : Nat := 4

/-- Whether two terms are the same up to metadata. Constants of Lean's making (`t.match_1`) belong
to the declaration that they were made for: where there are some, their values are compared, and
reducible equality will do, as `| k + 1` is printed `| k.succ`. -/
def sameStatement (env : Environment) (heartbeats : Nat) (a b : Expr) : IO Bool := do
  let a := withoutMetadata a
  let b := withoutMetadata b
  if a == b then return true
  let x := unfoldPassing none env maxUnfolding a
  let y := unfoldPassing none env maxUnfolding b
  if x == y then return true
  if y == b then return false
  match ← runMeta heartbeats env (withReducible (isDefEq x y)) with
  | .ok same => return same
  | .error _ => return false

/-- The header at the first level from `level` on whose text elaborates back to the very term;
`none` when no level does. -/
partial def roundTrip (start : Command.State) (env : Environment) (heartbeats : Nat)
    (levelParams : List Name) (type : Expr) (level : Nat) : IO (Option Printed) := do
  if level > wholeLevel then return none
  let printed ← if level < wholeLevel then printHeader env heartbeats levelParams type level
    else wholeHeader env heartbeats levelParams type
  match printed with
  | .error _ => return none
  | .ok header =>
    match ← elabStatement start ("theorem " ++ variantName.toString ++ header) with
    | .ok s =>
      let same ← sameStatement env heartbeats s.type type
      if same && sameLength s.levelParams levelParams then
        return some { header, level }
      else roundTrip start env heartbeats levelParams type (level + 1)
    | .error _ => roundTrip start env heartbeats levelParams type (level + 1)

end Aludel
