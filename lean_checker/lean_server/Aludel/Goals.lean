module
public import Lean
public import Aludel.Check

/-!
The operation `goals`: runs tactics on a statement, one after the other, and answers with the
remaining goals. No verdict is made here: a closed goal list is not acceptance.
-/

public section

open Lean Meta Elab

namespace Aludel

/-- The header with the type after its colon marked, so that the binders before the colon can be
counted. -/
def markedHeader (s : Statement) (header : String) : Option String :=
  -- `declSig` is binders, then the type specification `: TYPE`
  match s.signature.getArg 1 with
  | .node _ `Lean.Parser.Term.typeSpec args =>
    if h : 1 < args.size then
      match args[1].getPos?, args[1].getTailPos? with
      | some a, some b =>
        let before := String.Pos.Raw.extract header ⟨0⟩ a
        let type := String.Pos.Raw.extract header a b
        let after := String.Pos.Raw.extract header b header.rawEndPos
        some (before ++ "no_index (" ++ type ++ ")" ++ after)
      | _, _ => none
    else none
  | _ => none

/-- `n` plus the number of binders at the front of `e`. -/
def countBinders (e : Expr) (n : Nat) : Nat :=
  match e with
  | .forallE _ _ b _ => countBinders b (n + 1)
  | _ => n

/-- The number of binders before the colon of a statement's header; 0 when it cannot be told. -/
def headerBinders (start : Command.State) (s : Statement) (header : String) : IO Nat := do
  match markedHeader s header.crlfToLf with
  | none => return 0
  | some text =>
    match ← elabStatement start text with
    | .ok marked => return countBinders marked.type 0
    | .error _ => return 0

/-- The statement as its proof sees it: `let` stays `let`, which Lean otherwise makes `have` in the
types of declarations. Toolchains without that option never do it. -/
def withLets (start : Command.State) (s : Statement) (header : String) : IO Statement := do
  match ← elabText start "options" "set_option cleanup.letToHave false" with
  | .error _ => return s
  | .ok keeping =>
    match ← elabStatement keeping header with
    | .ok shown => return shown
    | .error _ => return s

/-- A goal of the given type with its first `binders` binders introduced. -/
def openGoal (type : Expr) (binders : Nat) : TermElabM (List MVarId) := do
  let goal ← mkFreshExprMVar type .syntheticOpaque
  let (_, g) ← goal.mvarId!.introNP binders
  return [g]

/-- The goals of `a`, then those of `b`. -/
def appendGoals (a b : List MVarId) : List MVarId :=
  match a with
  | [] => b
  | g :: gs => g :: appendGoals gs b

/-- The goals after one tactic on the first goal. Messages are for the caller to examine: an error
message is a failure even when goals come back. -/
def runTactic (env : Environment) (goals : List MVarId) (text : String) :
    TermElabM (List MVarId) := do
  match goals with
  | [] => throw (textException "no goals are left")
  | g :: rest =>
    match Parser.runParserCategory env `tactic text "<tactic>" with
    | .error e => throw (textException e)
    | .ok stx =>
      let new ← Tactic.run g (do
        Core.checkSystem "goals"
        Tactic.evalTactic stx
        Term.synthesizeSyntheticMVarsNoPostponing)
      return appendGoals new rest

/-- A hypothesis as JSON: its name, its type, and its value if it is a `let`. -/
def hypothesisJson (decl : LocalDecl) : MetaM Json := do
  let type ← instantiateMVars decl.type
  let type ← ppExpr type
  let value ← match decl.value? with
    | some v => do
      let v ← instantiateMVars v
      let f ← ppExpr v
      pure (Json.str f.pretty)
    | none => pure Json.null
  return Json.mkObj [("names", .arr #[.str decl.userName.eraseMacroScopes.toString]),
    ("type", .str type.pretty), ("value", value)]

/-- `acc`, followed by the hypotheses `decls` without implementation details. -/
partial def hypotheses (decls : List LocalDecl) (acc : Array Json) : MetaM (Array Json) := do
  match decls with
  | [] => return acc
  | d :: ds =>
    if d.isImplementationDetail then hypotheses ds acc
    else
      let j ← hypothesisJson d
      hypotheses ds (acc.push j)

/-- Declarations of a local context from position `i` on, in order. -/
partial def localDecls (lctx : LocalContext) (i : Nat) : List LocalDecl :=
  if i < lctx.numIndices then
    match lctx.getAt? i with
    | some d => d :: localDecls lctx (i + 1)
    | none => localDecls lctx (i + 1)
  else []

/-- A goal as JSON: case, hypotheses, target, and all of it as Lean prints it. -/
def goalJson (g : MVarId) : MetaM Json := do
  let decl ← g.getDecl
  let shown ← Meta.ppGoal g
  fun ctx s cctx cs =>
    let act : MetaM Json := do
      let type ← instantiateMVars decl.type
      let target ← ppExpr type
      let hyps ← hypotheses (localDecls decl.lctx 0) #[]
      let name := decl.userName.eraseMacroScopes
      let case := if name.isAnonymous then "" else name.toString
      return Json.mkObj [("case", .str case), ("hypotheses", .arr hyps),
        ("target", .str target.pretty), ("pretty", .str shown.pretty)]
    act { ctx with lctx := decl.lctx, localInstances := decl.localInstances } s cctx cs

/-- `acc`, followed by the goals `gs` as JSON. -/
partial def goalsJson (gs : List MVarId) (acc : Array Json) : MetaM (Array Json) := do
  match gs with
  | [] => return acc
  | g :: gs =>
    let j ← goalJson g
    goalsJson gs (acc.push j)

/-- The state after some tactics, and the index and message of the one that failed, if any. -/
structure TacticRun where
  state : ElabState
  goals : List MVarId
  error? : Option (Nat × String) := none

/-- `r` after one more tactic, the one at `index` of the request. -/
def stepTactic (heartbeats : Nat) (r : TacticRun) (index : Nat) (text : String) : IO TacticRun := do
  let env := r.state.core.env
  match ← runTerm heartbeats r.state (do let g ← runTactic env r.goals text; return g) with
  | .error e => return { r with error? := some (index, ← exceptionText e) }
  | .ok (goals, state) =>
    let d ← addLog {} state.core.messages
    match d.firstError? with
    | some m => return { r with error? := some (index, m) }
    | none => return { state, goals }

/-- `r` after the tactics from index `i` on, up to the first that fails. -/
partial def runTactics (heartbeats : Nat) (texts : Array String) (i : Nat) (r : TacticRun) :
    IO TacticRun := do
  if h : i < texts.size then
    match r.error? with
    | some _ => return r
    | none =>
      let r ← stepTactic heartbeats r i texts[i]
      runTactics heartbeats texts (i + 1) r
  else return r

/-- The answer of `goals`. -/
def tacticRunJson (heartbeats : Nat) (r : TacticRun) : IO Answer := do
  match ← runTerm heartbeats r.state (do let a ← goalsJson r.goals #[]; return a) with
  | .error e => return .error { field := "tactics", message := ← exceptionText e }
  | .ok (goals, _) =>
    let error := match r.error? with
      | some (i, m) => Json.mkObj [("index", jsonNat i), ("message", .str m)]
      | none => .null
    return .ok (Json.mkObj [("goals", .arr goals), ("error", error)])

/-- The message of the guard's first refusal among the tactics. A tactic that does not parse is left
to `runTactic`. -/
def refusedTactic? (env : Environment) (texts : Array String) : Option String :=
  foldArray texts (fun found text =>
    match found with
    | some m => some m
    | none =>
      match Parser.runParserCategory env `tactic text "<tactic>" with
      | .ok stx => match refused? false stx with
        | some f => some f.message
        | none => none
      | .error _ => none) none

/-- Answers the operation `goals`. -/
unsafe def goals (state : ServerState) (j : Json) : IO Answer := do
  let header := getStr j "statement"
  match ← prepareCheck state j "imports" (importsOf j) with
  | .error e => return .error e
  | .ok i =>
    match i.statement with
    | none => return .error { field := "statement", message := "a statement is needed" }
    | some s =>
      let texts := match getStrs? j "tactics" with | some t => t | none => #[]
      match refusedTactic? i.base texts with
      | some m => return .error { field := "tactics", message := m }
      | none =>
        let s ← withLets i.start s header
        let binders ← headerBinders i.start s header
        match ← runTerm i.heartbeats { core := { env := i.base } }
            (do let g ← openGoal s.type binders; return g) with
        | .error e => return .error { field := "statement", message := ← exceptionText e }
        | .ok (goals, start) =>
          let r ← runTactics i.heartbeats texts 0 { state := start, goals }
          tacticRunJson i.heartbeats r

end Aludel
