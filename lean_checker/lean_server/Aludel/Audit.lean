module
public import Lean
public import Aludel.AutoBound
public import Aludel.Screen

/-!
The operation `audit`: what a statement has against it before anyone trains on it or is graded by
it. Does it elaborate without names that Lean binds itself, is it trivial, do its hypotheses
contradict each other, is it false for small values, which binders does nobody need? Every search
has a budget; one that ran out found nothing and is reported.
-/

public section

open Lean Meta Elab

namespace Aludel

/-! Binders. -/

/-- A binder of an opened statement. -/
structure Binding where
  decl : LocalDecl
  /-- Whether it is a hypothesis. -/
  prop : Bool
  /-- Whether its type surely has an element, so that having it says nothing. -/
  inhabited : Bool

/-- Whether the binder is an instance, which proofs use without naming it. -/
def Binding.isInstance (b : Binding) : Bool := b.decl.binderInfo.isInstImplicit

/-- The name of the binder, as the statement writes it. -/
def Binding.text (b : Binding) : Json := .str b.decl.userName.eraseMacroScopes.toString

/-- Whether a type surely has an element. -/
def isInhabited (type : Expr) : MetaM Bool := do
  let u ← getLevel type
  match ← synthInstance? (mkApp (mkConst `Nonempty [u]) type) with
  | some _ => return true
  | none => return false

/-- The declarations as binders. -/
partial def bindingsOf (decls : List LocalDecl) : MetaM (List Binding) := do
  match decls with
  | [] => return []
  | d :: ds =>
    let prop ← isProp d.type
    let inhabited ← if prop || d.binderInfo.isInstImplicit then pure false else isInhabited d.type
    let rest ← bindingsOf ds
    return { decl := d, prop, inhabited } :: rest

/-- Whether the target or the type of a binder, instances aside, mentions `x`. -/
def isMentioned (bs : List Binding) (target : Expr) (x : FVarId) : Bool :=
  match bs with
  | [] => target.containsFVar x
  | b :: rest => (!b.isInstance && b.decl.type.containsFVar x) || isMentioned rest target x

/-- `acc` and the names of the binders that `e` mentions. -/
def spokenOf (bs : List Binding) (e : Expr) (acc : List Name) : List Name :=
  match bs with
  | [] => acc
  | b :: rest =>
    let n := b.decl.fvarId.name
    spokenOf rest e (if !memName n acc && e.containsFVar b.decl.fvarId then n :: acc else acc)

/-- Whether `e` mentions one of `names`. -/
def speaksOfAny (names : List Name) (e : Expr) : Bool :=
  match names with
  | [] => false
  | n :: ns => e.containsFVar ⟨n⟩ || speaksOfAny ns e

/-- `reached`, and what the binders in it and the hypotheses about it mention. -/
def reachOnce (all bs : List Binding) (reached : List Name) : List Name :=
  match bs with
  | [] => reached
  | b :: rest =>
    let n := b.decl.fvarId.name
    let joins := memName n reached ||
      (b.prop && !b.isInstance && speaksOfAny reached b.decl.type)
    let reached := if joins then
        spokenOf all b.decl.type (if memName n reached then reached else n :: reached)
      else reached
    reachOnce all rest reached

/-- The binders that the goal speaks of, through hypotheses and types. -/
partial def reachAll (bs : List Binding) (reached : List Name) : List Name :=
  let more := reachOnce bs bs reached
  if countList more == countList reached then reached else reachAll bs more

/-- The most binders among which this is looked for; it takes their square. -/
def maxBindings : Nat := 100

/-- What nobody needs among the binders of a statement. -/
structure Idle where
  /-- Variables of inhabited types that nothing mentions. -/
  variables : Array Json := #[]
  /-- Variables that nothing mentions, whose existence may be of use. -/
  doubtful : Array Json := #[]
  /-- Hypotheses about variables of which neither the goal nor another hypothesis speaks. -/
  apart : Array Json := #[]
  /-- Hypotheses that the statement does not mention. -/
  unmentioned : Array Json := #[]

/-- What nobody needs among the binders; `reached` are those that the goal speaks of, none where it
speaks of none. -/
def idleAmong (all bs : List Binding) (target : Expr) (reached : List Name) (r : Idle) : Idle :=
  match bs with
  | [] => r
  | b :: rest =>
    let n := b.decl.fvarId.name
    let r :=
      if b.isInstance || isMentioned all target b.decl.fvarId then r
      else if !b.prop then
        if b.inhabited then { r with variables := r.variables.push b.text }
        else { r with doubtful := r.doubtful.push b.text }
      else
        let speaks := spokenOf all b.decl.type []
        let isApart := countList reached > 0 && !memName n reached && countList speaks > 0
        { r with
          unmentioned := r.unmentioned.push b.text,
          apart := if isApart then r.apart.push b.text else r.apart }
    idleAmong all rest target reached r

/-- What nobody needs among the binders of an opened statement. -/
def idleIn (bs : List Binding) (target : Expr) (refutes : Bool) : Idle :=
  let reached := if refutes then [] else reachAll bs (spokenOf bs target [])
  idleAmong bs bs target reached {}

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

/-! Small values. -/

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

/-- The tactics that refute a statement by small values, from the `k`-th on. -/
partial def refutations (bs : List Binding) (k : Nat) : List String :=
  if k < attempts then refutation bs k :: refutations bs (k + 1) else []

/-- The most binders of a statement that is tried at small values. -/
def maxTried : Nat := 12

/-- The search for a proof of the negation. A statement without binders is decided. -/
def searchNegation (i : ScreenInput) (type : Expr) (bs : List Binding) : IO Search := do
  if countList bs > maxTried then return { exhausted := #[.str "too many binders"] }
  match ← runTerm i.budget { core := { env := i.env } } (do
      let goal ← mkFreshExprMVar (mkNot type) .syntheticOpaque
      return goal.mvarId!) with
  | .error _ => return {}
  | .ok (goal, state) =>
    let texts := match bs with
      | [] => ["decide", "simp", "omega"]
      | _ => refutations bs 0
    searchTactics i state goal texts {}

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
    return (goal, b.refutes, some (bs, idleIn bs target b.refutes))

/-- The error of the statement where Lean binds nothing itself; `none` where it has none. -/
def strictError? (strict : Command.State) (s : Statement) (header : String) :
    IO (Option String) := do
  match suspectedAutoBound s, s.levelParams with
  | [], [] => return none
  | _, _ =>
    match ← elabStatement strict header with
    | .ok _ => return none
    | .error e => return some e.message

/-- The tactics of each search whose budget ran out. -/
def exhaustedJson (triv vacuous negation : Search) : Json :=
  Json.mkObj [("trivial", .arr triv.exhausted), ("vacuous", .arr vacuous.exhausted),
    ("refuted", .arr negation.exhausted)]

/-- The fields about a statement that was opened. -/
def auditOpened (i : ScreenInput) (type : Expr) (state : ElabState) (goal : MVarId)
    (refutes : Bool) (bs : List Binding) (idle : Idle) : IO (List (String × Json)) := do
  let target := match state.metaState.mctx.findDecl? goal with
    | some decl => decl.type
    | none => type
  let triv ← searchTactics i state goal trivialTactics {}
  let hasProps := idle.unmentioned.size > 0 || foldList bs (fun found b => found || b.prop) false
  let vacuous ← if hasProps && !refutes then searchTactics i state goal vacuousTactics {}
    else pure {}
  let negation ← match triv.found?, vacuous.found? with
    | none, none => searchNegation i type bs
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
        | some (bs, idle) => auditOpened i s.type state goal refutes bs idle
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
