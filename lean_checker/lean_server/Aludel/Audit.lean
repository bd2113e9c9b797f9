module
public import Lean
public import Aludel.AutoBound
public import Aludel.SmallValues

/-!
The operation `audit`: what a statement has against it before anyone trains on it or is graded by
it. Does it elaborate without names that Lean binds itself, is it trivial, do its hypotheses
contradict each other, is it false for small values, which binders does nobody need? Every search
has a budget; one that ran out found nothing and is reported.
-/

public section

open Lean Meta Elab

namespace Aludel

/-! Proofs. -/

/-- Tactics whose proofs are read for the hypotheses that they do without. -/
def provingTactics : List String := ["omega", "(simp_all <;> omega)"]

/-- The proof of `goal` by a tactic that closes it. -/
def proofBy (i : ScreenInput) (s : ElabState) (goal : MVarId) (text : String) :
    IO (Option Expr) := do
  match ← runTerm i.budget s (do
      let g ← runTactic i.env [goal] text
      let p ← instantiateMVars (.mvar goal)
      return (g, p)) with
  | .error _ => return none
  | .ok ((goals, p), state) =>
    let d ← addLog {} state.core.messages
    match d.firstError?, goals with
    | none, [] => return if p.hasExprMVar then none else some p
    | _, _ => return none

/-- The first proof that one of the tactics finds. -/
def firstProof (i : ScreenInput) (s : ElabState) (goal : MVarId) (texts : List String) :
    IO (Option Expr) := do
  match texts with
  | [] => return none
  | text :: rest =>
    match ← proofBy i s goal text with
    | some p => return some p
    | none => firstProof i s goal rest

/-- The hypotheses, instances aside, that neither the statement nor the proof mentions. -/
def unusedIn (all bs : List Binding) (target proof : Expr) (acc : Array Json) : Array Json :=
  match bs with
  | [] => acc
  | b :: rest =>
    let x := b.decl.fvarId
    let unused := b.prop && !b.isInstance && !isMentioned all target x && !proof.containsFVar x
    unusedIn all rest target proof (if unused then acc.push b.text else acc)

/-! The whole of it. -/

/-- What an opened statement tells about its binders; nothing where there are too many. -/
def openForAudit (type : Expr) : MetaM (MVarId × Bool × Option (List Binding × Idle)) := do
  let (goal, b) ← openStatement type
  inContextOf goal do
    let d ← goal.getDecl
    let decls := localDecls d.lctx 0
    if countList decls > maxBindings then return (goal, b.refutes, none)
    let target ← instantiateMVars d.type
    let bs ← bindingsOf decls
    let idle ← idleIn bs target b.refutes
    return (goal, b.refutes, some (bs, idle))

/-- The universe parameters of a statement whose names do not stand in braces behind its own. -/
def undeclaredLevels (s : Statement) (header : String) : List Name :=
  match header.splitOn ("theorem " ++ s.name.toString ++ ".{") with
  | before :: after :: _ =>
    match hasPart "theorem" before, after.splitOn "}" with
    | false, declared :: _ => without s.levelParams (declared.splitOn ",")
    | _, _ => s.levelParams
  | _ => s.levelParams
where
  isIn (name : String) (texts : List String) : Bool :=
    match texts with
    | [] => false
    | text :: rest => trimmed text == name || isIn name rest
  without (ns : List Name) (texts : List String) : List Name :=
    match ns with
    | [] => []
    | n :: rest => if isIn n.toString texts then without rest texts else n :: without rest texts

/-- The error of the statement where Lean binds nothing itself; `none` where it has none. One that
sets the option itself is elaborated by its own. -/
def strictError? (strict : Command.State) (s : Statement) (header : String) :
    IO (Option String) := do
  match suspectedAutoBound s, undeclaredLevels s header with
  | [], [] => return none
  | _, _ =>
    match ← elabStatement strict header with
    | .ok _ => return if hasPart "utoImplicit" header then some "it sets autoImplicit" else none
    | .error e => return some e.message

/-- The tactics of each search whose budget ran out. -/
def exhaustedJson (triv vacuous negation : Search) : Json :=
  Json.mkObj [("trivial", .arr triv.exhausted), ("vacuous", .arr vacuous.exhausted),
    ("refuted", .arr negation.exhausted)]

/-- The fields about a statement that was opened. -/
def auditOpened (i : ScreenInput) (stated : Statement) (state : ElabState) (goal : MVarId)
    (refutes : Bool) (bs : List Binding) (idle : Idle) : IO (List (String × Json)) := do
  let target := match state.metaState.mctx.findDecl? goal with
    | some decl => decl.type
    | none => stated.type
  let triv ← searchTactics i state goal trivialTactics {}
  let hasProps := idle.unmentioned.size > 0 || foldList bs (fun found b => found || b.prop) false
  let vacuous ← if hasProps && !refutes then searchTactics i state goal vacuousTactics {}
    else pure {}
  let negation ← match triv.found?, vacuous.found? with
    | none, none => searchNegation i stated bs
    | _, _ => pure {}
  let proof? ← if idle.unmentioned.size == 0 || vacuous.found?.isSome || negation.found?.isSome
    then pure none
    else match triv.found? with
      | some text => firstProof i state goal [text]
      | none => firstProof i state goal provingTactics
  let unused := match proof? with
    | some p => Json.arr (unusedIn bs bs target p #[])
    | none => .null
  return [("trivial", jsonFound triv), ("vacuous", jsonFound vacuous),
    ("refuted", jsonFound negation), ("unused_in_proof", unused),
    ("unused_variables", .arr idle.variables), ("doubtful_variables", .arr idle.doubtful),
    ("apart", .arr idle.apart), ("unmentioned", .arr idle.unmentioned),
    ("exhausted", exhaustedJson triv vacuous negation)]

/-- The fields about a statement with too many binders to look at. -/
def auditCrowded (i : ScreenInput) (state : ElabState) (goal : MVarId) (refutes : Bool) :
    IO (List (String × Json)) := do
  let triv ← searchTactics i state goal trivialTactics {}
  let vacuous ← if refutes then pure {} else searchTactics i state goal vacuousTactics {}
  let negation : Search := { exhausted := #[.str "too many binders"] }
  return [("trivial", jsonFound triv), ("vacuous", jsonFound vacuous),
    ("unmentioned", .arr #[.str "too many binders"]),
    ("exhausted", exhaustedJson triv vacuous negation)]

/-- The facts about one item of a request, or the error in it. Without a budget, only its shape. -/
def auditOne (i : ScreenInput) (strict : Command.State) (j : Json) : IO Json := do
  let header := getStr j "statement"
  match ← elabStatement i.start header with
  | .error e => return Json.mkObj [("error", .str e.message)]
  | .ok s =>
    let shape := Json.str (toString (shapeHash s.type).toNat)
    if i.budget == 0 then return Json.mkObj [("error", .null), ("shape_hash", shape)]
    match ← runTerm i.budget { core := { env := i.env } }
        (do let r ← openForAudit s.type; return r) with
    | .error e => return Json.mkObj [("error", .str (← exceptionText e))]
    | .ok ((goal, refutes, seen?), state) =>
      let unbound ← strictError? strict s header
      let fields ← match seen? with
        | some (bs, idle) => auditOpened i s state goal refutes bs idle
        | none => auditCrowded i state goal refutes
      return Json.mkObj (("error", .null) :: ("strict_error", jsonOptStr unbound) ::
        ("shape_hash", shape) :: fields)

/-- The facts about each item; emits them and returns the number of items. -/
def auditAll (i : ScreenInput) (strict : Command.State) (items : Array Json)
    (emit : Json → IO Unit) : IO Nat :=
  foldArrayIO items (fun n j => do
    emit (← auditOne i strict j)
    return n + 1) 0

/-- Answers the operation `audit`. -/
unsafe def audit (state : ServerState) (j : Json) (emit : Json → IO Unit) : IO Answer := do
  match ← loadImports state "imports" (importsOf j) with
  | .error e => return .error e
  | .ok base =>
    let heartbeats := getNat j "heartbeats" 200000
    -- as for the statement of a check: a misspelt name must not become a variable of its own
    let options := ("relaxedAutoImplicit", Json.bool false) :: optionsOf j
    match ← startState base heartbeats options,
        ← startState base heartbeats (("autoImplicit", .bool false) :: options) with
    | .ok start, .ok strict =>
      let input : ScreenInput :=
        { start, env := start.env, budget := getNat j "budget" 5000, target? := none }
      let items := match j.getObjVal? "items" with
        | .ok (.arr a) => a
        | _ => #[]
      let n ← auditAll input strict items emit
      return .ok (Json.mkObj [("audited", jsonNat n)])
    | .error m, _ => return .error { field := "options", message := m }
    | _, .error m => return .error { field := "options", message := m }

end Aludel
