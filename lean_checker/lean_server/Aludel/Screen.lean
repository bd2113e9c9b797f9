module
public import Lean
public import Aludel.Goals
public import Aludel.Open

/-!
The operation `screen`: facts that decide whether a statement is worth keeping. Does a standard
tactic close it, do its hypotheses contradict each other, is one of them unused, is it the theorem
it was made from? Every search has a budget; one that ran out found nothing and is reported.
-/

public section

open Lean Meta Elab

namespace Aludel

/-- The effect of a tactic on a goal within its budget. -/
inductive Attempt where
  | closed
  | failed
  | exhausted

/-- Whether the exception reports a limit of heartbeats or of recursion. -/
def isExhaustion (e : Exception) : Bool :=
  match e with
  | .error _ m => isLimit m "" || isRecursion m
  | .internal .. => false

/-- All that the statements of one request share. -/
structure ScreenInput where
  start : Command.State
  env : Environment
  /-- Budget of each search, in thousands of heartbeats; with 0 nothing is searched. -/
  budget : Nat
  /-- The theorem that the statements were made from. -/
  target? : Option ConstantInfo

/-- A statement to screen, and its proof as a term when it came with one. -/
structure Screened where
  type : Expr
  value? : Option Expr

/-- The result of trying tactics in order: the first that closes the goal, and those that ran out of
budget. -/
structure Search where
  found? : Option String := none
  exhausted : Array Json := #[]

/-- The effect of one tactic on `goal`. -/
def attemptTactic (i : ScreenInput) (s : ElabState) (goal : MVarId) (text : String) :
    IO Attempt := do
  match ← runTerm i.budget s (do let g ← runTactic i.env [goal] text; return g) with
  | .error e => return if isExhaustion e then .exhausted else .failed
  | .ok (goals, state) =>
    let d ← addLog {} state.core.messages
    if d.limitHit then return .exhausted
    match d.firstError?, goals with
    | none, [] => return .closed
    | _, _ => return .failed

/-- `r` after trying the tactics in order, up to the first that closes `goal`. -/
partial def searchTactics (i : ScreenInput) (s : ElabState) (goal : MVarId) (texts : List String)
    (r : Search) : IO Search := do
  match texts with
  | [] => return r
  | text :: rest =>
    match ← attemptTactic i s goal text with
    | .closed => return { r with found? := some text }
    | .failed => searchTactics i s goal rest r
    | .exhausted => searchTactics i s goal rest { r with exhausted := r.exhausted.push (.str text) }

/-- Tactics that close statements not worth proving. `simp` has its default lemmas, and the target
too if it is one of them. -/
def trivialTactics : List String := ["rfl", "assumption", "decide", "simp"]

/-- Tactics that find a contradiction among hypotheses. `contradiction` also decides closed
hypotheses. -/
def vacuousTactics : List String :=
  ["(exfalso; contradiction)", "(exfalso; omega)", "(exfalso; simp_all)"]

/-- Which of the binders are propositions, and whether the conclusion is `False` itself. -/
structure Binders where
  props : List Bool
  refutes : Bool

/-- For each declaration, whether its type is a proposition. -/
def propBinders (decls : List LocalDecl) : MetaM (List Bool) := do
  match decls with
  | [] => return []
  | d :: ds =>
    let p ← isProp d.type
    let rest ← propBinders ds
    return p :: rest

/-- The binders of an opened goal. -/
def readBinders (goal : MVarId) : MetaM Binders :=
  inContextOf goal do
    let d ← goal.getDecl
    let props ← propBinders (localDecls d.lctx 0)
    let type ← instantiateMVars d.type
    return { props, refutes := type.isConstOf `False }

/-- A goal of the given type with all its binders introduced. -/
def openStatement (type : Expr) : MetaM (MVarId × Binders) := do
  let goal ← mkFreshExprMVar type .syntheticOpaque
  let (_, g) ← goal.mvarId!.introNP (countBinders type 0)
  let b ← readBinders g
  return (g, b)

/-- Whether an element is true. -/
def anyTrue (l : List Bool) : Bool :=
  match l with
  | [] => false
  | b :: bs => b || anyTrue bs

/-- `acc`, followed by the propositions among the binders that neither the rest of the statement nor
the proof mentions. A proof that takes a binder in another way than by `fun` counts as using it. -/
def unusedBinders (type : Expr) (value? : Option Expr) (props : List Bool) (acc : Array Json) :
    Array Json :=
  match type, props with
  | .forallE n _ b _, p :: ps =>
    match value? with
    | some (.lam _ _ v _) =>
      let unused := p && !b.hasLooseBVar 0 && !v.hasLooseBVar 0
      unusedBinders b (some v) ps
        (if unused then acc.push (.str n.eraseMacroScopes.toString) else acc)
    | _ => acc
  | _, _ => acc

/-- Whether the statement is the target's up to reducible definitions. -/
def sameAsTarget (i : ScreenInput) (type : Expr) : IO Bool := do
  match i.target? with
  | none => return false
  | some t =>
    let r ← runMeta i.budget i.env do
      let us ← mkFreshLevelMVarsFor t
      withReducible (isDefEq (t.instantiateTypeLevelParams us) type)
    match r with
    | .ok same => return same
    | .error _ => return false

/-- The tactic that a search found, as JSON. -/
def jsonFound (r : Search) : Json := jsonOptStr r.found?

/-- The elements of `a`, then those of `b`. -/
def appendJson (a b : Array Json) : Array Json := foldArray b (fun acc j => acc.push j) a

/-- The facts about one statement. Without a budget, only its shape. -/
def screenStatement (i : ScreenInput) (s : Screened) : IO Json := do
  if i.budget == 0 then
    return Json.mkObj [("error", .null), ("shape_hash", .str (toString (shapeHash s.type).toNat))]
  match ← runTerm i.budget { core := { env := i.env } }
      (do let r ← openStatement s.type; return r) with
  | .error e => return Json.mkObj [("error", .str (← exceptionText e))]
  | .ok ((goal, b), state) =>
    let unchanged ← sameAsTarget i s.type
    let triv ← searchTactics i state goal trivialTactics {}
    let vacuous ← if anyTrue b.props && !b.refutes then searchTactics i state goal vacuousTactics {}
      else pure {}
    return Json.mkObj
      [("error", .null), ("shape_hash", .str (toString (shapeHash s.type).toNat)),
       ("unchanged", .bool unchanged), ("trivial", jsonFound triv), ("vacuous", jsonFound vacuous),
       ("unused", .arr (unusedBinders s.type s.value? b.props #[])),
       ("exhausted", .arr (appendJson triv.exhausted vacuous.exhausted))]

/-- The elaborated item of a request. A statement without a proof is elaborated alone; one with a
proof is elaborated as a whole declaration. -/
def elabScreened (start : Command.State) (j : Json) : IO (Except String Screened) := do
  let header := getStr j "statement"
  match getStr? j "proof" with
  | none =>
    match ← elabStatement start header with
    | .error e => return .error e.message
    | .ok s => return .ok { type := s.type, value? := none }
  | some proof =>
    match ← elabText start "proof" (header ++ " := " ++ proof) with
    | .error e => return .error e.message
    | .ok state =>
      let name := getStr j "name"
      match state.env.find? (nameOfString name) with
      | some (.thmInfo t) => return .ok { type := t.type, value? := some t.value }
      | _ => return .error ("it declares no theorem `" ++ name ++ "`")

/-- The facts about one item of a request, or the error in it. -/
def screenOne (i : ScreenInput) (j : Json) : IO Json := do
  match ← elabScreened i.start j with
  | .error m => return Json.mkObj [("error", .str m)]
  | .ok s => screenStatement i s

/-- Emits the facts about each item; returns the number of items. -/
def screenAll (i : ScreenInput) (items : Array Json) (emit : Json → IO Unit) : IO Nat :=
  foldArrayIO items (fun n j => do
    emit (← screenOne i j)
    return n + 1) 0

/-- Answers the operation `screen`. -/
unsafe def screen (state : ServerState) (j : Json) (emit : Json → IO Unit) : IO Answer := do
  match ← loadImports state "imports" (importsOf j) with
  | .error e => return .error e
  | .ok base =>
    -- as for the statement of a check: a misspelt name must not become a variable of its own
    match ← startState base (getNat j "heartbeats" 200000)
        (("relaxedAutoImplicit", .bool false) :: optionsOf j) with
    | .error m => return .error { field := "options", message := m }
    | .ok state =>
      match ← elabText state "preamble" (getStr j "preamble") with
      | .error e => return .error e
      | .ok start =>
        let target? := match getStr? j "target" with
          | some n => start.env.find? (nameOfString n)
          | none => none
        let input : ScreenInput :=
          { start, env := start.env, budget := getNat j "budget" 5000, target? }
        let items := match j.getObjVal? "items" with
          | .ok (.arr a) => a
          | _ => #[]
        let n ← screenAll input items emit
        return .ok (Json.mkObj [("screened", jsonNat n)])

end Aludel
