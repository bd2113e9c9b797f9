module
public import Lean
public import Aludel.Messages
public import Aludel.Run
public import Aludel.Statement

/-!
Two types that are not the same, in words: printed so that the difference can be seen, which Lean's
default printing may hide (universes, instances, implicit arguments).
-/

public section

open Lean Meta

namespace Aludel

/-- Printing options that show more and more: Lean's default, types of numerals, universes, implicit
arguments, both of these, everything. -/
def tellingOptions : List Options :=
  let o : Options := {}
  let o := (o.setBool `pp.deepTerms true).setNat `pp.maxSteps 1000000
  let numerals := ((o.setBool `pp.numericTypes true).setBool `pp.coercions.types true).setBool
    `pp.proofs true
  let universes := o.setBool `pp.universes true
  let explicit := (o.setBool `pp.explicit true).setBool `pp.proofs true
  let all := ((o.setBool `pp.all true).setBool `pp.proofs true).setBool `pp.natLit true
  [{}, o, numerals, universes, explicit, explicit.setBool `pp.universes true, all]

/-- The type as text under some printing options, cut to the bound of a message. -/
def typeText (env : Environment) (opts : Options) (e : Expr) : IO String := do
  let r ← runMeta 200000 env (opts := opts) do
    let f ← ppExpr e
    return f.pretty
  match r with
  | .ok s => return cut s
  | .error e => exceptionText e

/-- The texts of two types under the first of the options that tells them apart. -/
def firstTelling (envA envB : Environment) (a b : Expr) (options : List Options) :
    IO (Option (String × String)) := do
  match options with
  | [] => return none
  | opts :: rest =>
    let x ← typeText envA opts a
    let y ← typeText envB opts b
    if x != y then return some (x, y) else firstTelling envA envB a b rest

/-- `acc` and the names, separated by commas. -/
def commaNames (ns : List Name) (acc : String := "") : String :=
  match ns with
  | [] => acc
  | n :: ns => commaNames ns (if acc == "" then n.toString else acc ++ ", " ++ n.toString)

/-- Whether all elements of `a` are in `b`. -/
def allIn (a b : List Name) : Bool :=
  match a with
  | [] => true
  | n :: ns => memName n b && allIn ns b

/-- The number of names. -/
def countNames (ns : List Name) : Nat :=
  match ns with
  | [] => 0
  | _ :: ns => countNames ns + 1

/-- Names as universe levels. -/
def paramsOf (ns : List Name) : List Level :=
  match ns with
  | [] => []
  | n :: ns => .param n :: paramsOf ns

/-- What the universe parameters of two types have to do with their difference. -/
def universeNote? (asked declared : List Name) : Option String :=
  if countNames asked != countNames declared then
    some ("the statement has " ++ toString (countNames asked) ++ " universe parameters, the " ++
      "declaration " ++ toString (countNames declared))
  else if asked != declared && allIn asked declared then
    some ("the universe parameters stand in another order: `.{" ++ commaNames asked ++
      "}` is asked, `.{" ++ commaNames declared ++ "}` is declared")
  else none

/-- The difference of an asked type and a declared one in words. -/
structure Difference where
  expected : String
  found : String
  /-- What the two lines do not say. -/
  note? : Option String := none

/-- The difference of the asked type, printed in `envA`, and the declared one, printed in `envB`.
The two lines are never equal: where no printing tells the types apart, the second one is a note. -/
def differenceOf (envA envB : Environment) (asked declared : Expr)
    (levelsA levelsB : List Name) : IO Difference := do
  let a ← typeText envA {} asked
  let b ← typeText envB {} declared
  if a != b then return { expected := a, found := b }
  let note? := universeNote? levelsA levelsB
  -- what the kernel compares: the declared type at the asked universes
  let moved := declared.instantiateLevelParams levelsB (paramsOf levelsA)
  let told? ← if countNames levelsA == countNames levelsB
    then firstTelling envA envB asked moved tellingOptions else pure none
  match told? with
  | some (a, b) => return { expected := a, found := b, note? }
  | none =>
    let universes := fun (ns : List Name) => ".{" ++ commaNames ns ++ "} "
    let found := if levelsA != levelsB then universes levelsB ++ b
      else "another term that Lean prints in the same way"
    return { expected := if levelsA != levelsB then universes levelsA ++ a else a, found, note? }

end Aludel
