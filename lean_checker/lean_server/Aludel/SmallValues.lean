module
public import Lean
public import Aludel.Idle
public import Aludel.Screen

/-!
Whether a statement is false for small values of its variables. The values are put in, and decision
procedures evaluated; tactics are tried only where these do not say that it holds.
-/

public section

open Lean Meta Elab

namespace Aludel

/-- The values that the `k`-th attempt gives to the `i`-th binder of a type of numbers. -/
def numeralAt (k i : Nat) : Nat :=
  match k with
  | 0 => 0
  | 1 => 1
  | 2 => i
  | 3 => 3 - min i 3
  | 4 => 2
  | 5 => 2 * i + 1
  | _ => if i % 2 == 0 then 5 else 0

/-- How many attempts there are. -/
def attempts : Nat := 7

/-- The text of a value of the given type; where that is no type of the library's numbers or lists,
it is whatever Lean has by default. -/
partial def valueText (type : Expr) (k i : Nat) : String :=
  let numeral := toString (numeralAt k i)
  match type.getAppFn with
  | .const n _ =>
    if n == `Bool then (if (numeralAt k i) % 2 == 0 then "false" else "true")
    else if n == `List then
      match numeralAt k i with
      | 0 => "[]"
      | 1 => "[" ++ valueText type.appArg! k i ++ "]"
      | _ => "[" ++ valueText type.appArg! 1 i ++ ", " ++ valueText type.appArg! k i ++ "]"
    else if n == `Int && k > 3 then "-" ++ numeral
    else if memName n [`Nat, `Int, `Rat, `Fin, `Real] then numeral
    else "default"
  | .sort u =>
    if u.isZero then (if (numeralAt k i) % 2 == 0 then "False" else "True") else "Nat"
  | .fvar _ => numeral
  | _ => "default"

/-- The arguments of the `k`-th attempt; `i` counts variables. Hypotheses have to hold. -/
def guessedArguments (bs : List Binding) (k i : Nat) (acc : String) : String :=
  match bs with
  | [] => acc
  | b :: rest =>
    if b.isInstance then guessedArguments rest k i (acc ++ " inferInstance")
    else if b.prop then guessedArguments rest k i (acc ++ " (by first | decide | simp)")
    else guessedArguments rest k (i + 1) (acc ++ " (" ++ valueText b.decl.type k i ++ ")")

/-- The tactic that refutes a statement by the values of the `k`-th attempt. -/
def refutation (bs : List Binding) (k : Nat) : String :=
  let applied := "@h" ++ guessedArguments bs k 0 ""
  "(intro h; exact absurd (" ++ applied ++ ") (by first | decide | simp))"

/-! Evaluation. -/

/-- What evaluation says of a statement at given values. -/
inductive AtValues where
  /-- Its hypotheses hold and its conclusion does not, or nothing decides it. -/
  | doubted
  /-- It holds there, or the values are none. -/
  | holds
  /-- It has no values, whichever numbers are tried. -/
  | without

/-- The decision of a proposition, `isTrue` or `isFalse` with its proof; `none` where its procedure
does not end in one of them, or there is none. -/
def decision? (p : Expr) : MetaM (Option Expr) := do
  match ← synthInstance? (mkApp (mkConst `Decidable) p) with
  | none => return none
  | some procedure =>
    let r ← whnf procedure
    return if r.isAppOf `Decidable.isTrue || r.isAppOf `Decidable.isFalse then some r else none

/-- The value of a type that a text is. -/
def elabValue (env : Environment) (text : String) (type : Expr) : TermElabM Expr :=
  match Parser.runParserCategory env `term text "<value>" with
  | .error e => throw (textException e)
  | .ok stx => fun ctx s => (do
      let v ← Term.elabTermEnsuringType stx (some type)
      Term.synthesizeSyntheticMVarsNoPostponing
      instantiateMVars v : TermElabM Expr) { ctx with errToSorry := false } s

/-- The value that the `k`-th attempt gives to a binder, the `i`-th variable. -/
def valueAt? (env : Environment) (type : Expr) (b : Binding) (k i : Nat) :
    TermElabM (Option Expr) := do
  if type.isConstOf `Nat then return some (mkNatLit (numeralAt k i))
  try
    let v ← elabValue env (valueText b.decl.type k i) type
    return some v
  catch _ => return none

/-- Whether a binder is given the same value by every attempt. -/
def isFixed (b : Binding) : Bool := valueText b.decl.type 0 0 == valueText b.decl.type 1 0

/-- What evaluation says at the values of the `k`-th attempt about `e`, which is left of a statement
with the binders `bs`; `i` counts variables. -/
partial def evaluateAt (env : Environment) (e : Expr) (bs : List Binding) (k i : Nat) :
    TermElabM AtValues := do
  match bs, e with
  | _, .mdata _ e => evaluateAt env e bs k i
  | b :: rest, .forallE _ d body _ =>
    let d ← instantiateMVars d
    if b.isInstance then
      match ← synthInstance? d with
      | some v => evaluateAt env (body.instantiate1 v) rest k i
      | none => return .holds
    else if b.prop then
      match ← decision? d with
      | some r =>
        if r.isAppOf `Decidable.isFalse then return .holds
        evaluateAt env (body.instantiate1 r.appArg!) rest k i
      | none =>
        if body.hasLooseBVar 0 then return .doubted
        evaluateAt env (body.lowerLooseBVars 1 1) rest k i
    else
      match ← valueAt? env d b k i with
      | some v => evaluateAt env (body.instantiate1 v) rest k (i + 1)
      | none => return if isFixed b then .without else .holds
  | _, _ =>
    let e ← instantiateMVars e
    match ← decision? e with
    | some r => return if r.isAppOf `Decidable.isTrue then .holds else .doubted
    | none => return .doubted

/-! The search. -/

/-- The most binders of a statement that is tried at small values. -/
def maxTried : Nat := 12

/-- A universe that can be anything for each parameter: at which it is false does not matter. -/
def anyLevels (ns : List Name) : MetaM (List Level) := do
  match ns with
  | [] => return []
  | _ :: rest =>
    let u ← mkFreshLevelMVar
    let us ← anyLevels rest
    return u :: us

/-- The search from the `k`-th attempt on for a proof of the negation of `type`, which is `goal`. It
ends where a budget does: the values to come are no smaller. -/
partial def searchValues (i : ScreenInput) (s : ElabState) (goal : MVarId) (type : Expr)
    (bs : List Binding) (k : Nat) : IO Search := do
  if k < attempts then
    match ← runTerm i.budget s (do let a ← evaluateAt i.env type bs k 0; return a) with
    | .ok (.without, _) => return {}
    | .ok (.holds, _) => searchValues i s goal type bs (k + 1)
    | .ok (.doubted, _) =>
      let r ← searchTactics i s goal [refutation bs k] {}
      if r.found?.isSome || r.exhausted.size > 0 then return r
      searchValues i s goal type bs (k + 1)
    | .error e =>
      if isExhaustion e then return { exhausted := #[.str (refutation bs k)] }
      searchValues i s goal type bs (k + 1)
  else return {}

/-- The search for a proof of the negation. A statement without binders is decided. -/
def searchNegation (i : ScreenInput) (s : Statement) (bs : List Binding) : IO Search := do
  if countList bs > maxTried then return { exhausted := #[.str "too many binders"] }
  match ← runTerm i.budget { core := { env := i.env } } (do
      let us ← anyLevels s.levelParams
      let type := s.type.instantiateLevelParams s.levelParams us
      let goal ← mkFreshExprMVar (mkNot type) .syntheticOpaque
      return (goal.mvarId!, type)) with
  | .error _ => return {}
  | .ok ((goal, type), state) =>
    match bs with
    | [] => searchTactics i state goal ["decide", "simp", "omega"] {}
    | _ => searchValues i state goal type bs 0

end Aludel
