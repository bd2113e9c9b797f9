module
public import Lean
public import Aludel.Goals
public import Aludel.Screen

/-!
The operations `session_open`, `session_step`, `session_forget` and `session_close`: proof states
that are kept between requests, so that a search can go on from any of them. A state is never
changed; a tactic makes a new one. No verdict is made here.
-/

public section

open Lean Meta Elab

namespace Aludel

/-- The options and opened namespaces of the text before the proof. Tactics are parsed and run with
them. -/
structure TacticScope where
  opts : Options
  openDecls : List OpenDecl

/-- A state of a proof that a tactic can go on from. -/
structure ProofState where
  state : ElabState
  goals : List MVarId

/-- A statement with the proof states reached so far. -/
structure Session where
  id : String
  scope : TacticScope
  /-- Heartbeats of each tactic, in thousands. -/
  heartbeats : Nat
  /-- The goal that is the whole statement. -/
  root : MVarId
  /-- The states by number; `none` for forgotten ones. -/
  states : Array (Option ProofState)

/-- The open sessions. -/
structure SessionTable where
  sessions : IO.Ref (List Session)

/-! ## Running in a scope -/

/-- Runs `x` as `runTerm` does, with the options and opened namespaces of `scope`. -/
@[inline] def runScoped {α : Type} (heartbeats : Nat) (scope : TacticScope) (s : ElabState)
    (x : TermElabM α) : IO (Except Exception (α × ElabState)) := do
  let coreRef ← ST.Prim.mkRef (σ := IO.RealWorld) s.core
  let metaRef ← ST.Prim.mkRef (σ := IO.RealWorld) s.metaState
  let termRef ← ST.Prim.mkRef (σ := IO.RealWorld) s.term
  let start ← IO.getNumHeartbeats
  let ctx :=
    { coreContext heartbeats scope.opts with initHeartbeats := start, openDecls := scope.openDecls }
  let act : EIO Exception α := x {} termRef {} metaRef ctx coreRef
  let r ← (show IO (Except Exception α) from EIO.toIO' act)
  match r with
  | .ok a =>
    let core ← ST.Prim.Ref.get coreRef
    let metaState ← ST.Prim.Ref.get metaRef
    let term ← ST.Prim.Ref.get termRef
    return .ok (a, { core, metaState, term })
  | .error e => return .error e

/-- The syntax of one tactic with nothing after it. -/
def parseTactic (env : Environment) (scope : TacticScope) (text : String) : Except String Syntax :=
  let ictx := textContext text "<tactic>"
  let p := Parser.andthenFn Parser.whitespace (Parser.categoryParserFnImpl `tactic)
  let s := p.run ictx { env, options := scope.opts, openDecls := scope.openDecls }
    (Parser.getTokenTable env) (Parser.mkParserState ictx.inputString)
  if s.allErrors.size > 0 then .error (s.toErrorMsg ictx)
  else if ictx.atEnd s.pos then .ok s.stxStack.back
  else .error ((s.mkError "end of input").toErrorMsg ictx)

/-- Sets the goals. `Tactic.setGoals` has no code in the embedded toolchain. -/
def setAllGoals (goals : List MVarId) : Tactic.TacticM Unit :=
  fun _ ref _ _ _ _ _ _ => ST.Prim.Ref.set ref { goals := goals }

/-- The goals after a tactic on all goals, as a script would run it: `all_goals` and `case` see
every one of them. -/
def runOnGoals (goals : List MVarId) (stx : Syntax) : TermElabM (List MVarId) := do
  match goals with
  | [] => throw (textException "no goals are left")
  | g :: _ =>
    Tactic.run g (do
      setAllGoals goals
      Core.checkSystem "goals"
      Tactic.evalTactic stx
      Term.synthesizeSyntheticMVarsNoPostponing)

/-! ## Answers -/

/-- The most goals of a state; no search goes on from more. -/
def maxGoals : Nat := 100

/-- A text as JSON, cut to the bound of a message. -/
def shortText (s : String) : Json := .str (cut s)

/-- A JSON string cut to the bound of a message; other values as they are. -/
def cutField (j : Json) : Json :=
  match j with
  | .str s => .str (cut s)
  | j => j

/-- The error of a step as JSON. -/
def stepError (code message : String) : Json :=
  Json.mkObj [("code", .str code), ("message", shortText message)]

/-- The messages of a tactic (`exact?` answers in them) without errors, then its traces (`trace`,
`trace_state`), as a JSON array. -/
def saidTexts (d : Diagnostics) : Json :=
  .arr (foldArray d.items (fun acc j => acc.push (cutField (.str (getStr j "message")))) #[])

/-- The diagnostics with one more trace. -/
def addTrace (d : Diagnostics) (t : TraceElem) : IO Diagnostics :=
  addMessage false d { fileName := "", pos := ⟨1, 0⟩, severity := .information, data := t.msg }

mutual
/-- The diagnostics with the traces below a node of a persistent array. -/
partial def addTraceNode (d : Diagnostics) (n : PersistentArrayNode TraceElem) : IO Diagnostics :=
  match n with
  | .leaf ts => foldArrayIO ts addTrace d
  | .node ns => addTraceNodes d ns 0
/-- The diagnostics with the traces below the nodes `ns` from index `i` on. -/
partial def addTraceNodes (d : Diagnostics) (ns : Array (PersistentArrayNode TraceElem))
    (i : Nat) : IO Diagnostics := do
  if h : i < ns.size then
    let d ← addTraceNode d ns[i]
    addTraceNodes d ns (i + 1)
  else return d
end

/-- The diagnostics with all traces, in order. -/
def addTraces (d : Diagnostics) (ts : PersistentArray TraceElem) : IO Diagnostics := do
  let d ← addTraceNode d ts.root
  foldArrayIO ts.tail addTrace d

/-- The state without the messages and traces of its last tactic. -/
def silent (s : ElabState) : ElabState :=
  { s with core := { s.core with messages := {}, traceState := {} } }

/-- `n` plus the number of goals. -/
def countGoals (goals : List MVarId) (n : Nat) : Nat :=
  match goals with
  | [] => n
  | _ :: gs => countGoals gs (n + 1)

/-- The goals of a state as JSON, or the reason why they cannot be shown. -/
def shownGoals (s : Session) (p : ProofState) : IO (Except String Json) := do
  if countGoals p.goals 0 > maxGoals then return .error "more goals than a state may have"
  match ← runScoped s.heartbeats s.scope p.state (do let a ← goalsJson p.goals #[]; return a) with
  | .ok (goals, _) => return .ok (.arr goals)
  | .error e => return .error (← exceptionText e)

/-- The code and message of the reason why a state without goals is not a finished proof. `none`
when it is finished, or has goals left. -/
def unfinished? (s : Session) (p : ProofState) : IO (Option (String × String)) := do
  match p.goals with
  | _ :: _ => return none
  | [] =>
    match ← runScoped s.heartbeats s.scope p.state
        (do let e ← instantiateMVars (mkMVar s.root); return e) with
    | .error e => return some ("tactic", ← exceptionText e)
    | .ok (e, _) =>
      if e.hasSorry then return some ("sorry", "the proof rests on `sorry`")
      if e.hasExprMVar then return some ("tactic", "no goals are left, but the proof has holes")
      return none

/-! ## Steps -/

mutual
/-- Whether the tactic itself contains `sorry` or `admit`. -/
partial def saysSorry (s : Syntax) : Bool :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Tactic.tacticSorry || k == `Lean.Parser.Tactic.tacticAdmit ||
      k == `Lean.Parser.Term.sorry
    then true
    else anySaysSorry args 0
  | _ => false
/-- Whether `saysSorry` holds for an element of `a` from index `i` on. -/
partial def anySaysSorry (a : Array Syntax) (i : Nat) : Bool :=
  if h : i < a.size then saysSorry a[i] || anySaysSorry a (i + 1) else false
end

/-- The result of a step: a new state or an error, and the tactic's messages. -/
structure Stepped where
  next? : Option ProofState := none
  error : Json := .null
  messages : Json := .arr #[]

/-- A step that failed. -/
def refuseStep (code message : String) : Stepped := { error := stepError code message }

/-- The result of a tactic that ended without an exception. It failed if there is an error message,
or an unfinished proof without goals. -/
def concludeStep (s : Session) (goals : List MVarId) (state : ElabState) : IO Stepped := do
  let d ← addLog {} state.core.messages
  if d.limitHit then return refuseStep "limit" "the heartbeats ran out"
  if let some m := d.firstError? then return refuseStep "tactic" m
  let d ← addTraces d state.core.traceState.traces
  let next := { state := silent state, goals }
  match ← unfinished? s next with
  | some (code, m) => return refuseStep code m
  | none => return { next? := some next, messages := saidTexts d }

/-- The result of the tactic `text` in the state `p`. -/
def step (s : Session) (p : ProofState) (text : String) : IO Stepped := do
  match parseTactic p.state.core.env s.scope text with
  | .error m => return refuseStep "parse" m
  | .ok stx =>
    if let some f := refused? false stx then return refuseStep "forbidden" f.message
    if saysSorry stx then return refuseStep "sorry" "`sorry` proves nothing"
    match ← runScoped s.heartbeats s.scope p.state
        (do let g ← runOnGoals p.goals stx; return g) with
    | .error e =>
      return refuseStep (if isExhaustion e then "limit" else "tactic") (← exceptionText e)
    | .ok (goals, state) => concludeStep s goals state

/-! ## Sessions -/

/-- The session with the given id. -/
def findSession (ss : List Session) (id : String) : Option Session :=
  match ss with
  | [] => none
  | s :: rest => if s.id == id then some s else findSession rest id

/-- The sessions without the one with the given id. -/
def dropSession (ss : List Session) (id : String) : List Session :=
  match ss with
  | [] => []
  | s :: rest => if s.id == id then dropSession rest id else s :: dropSession rest id

/-- Puts a session into the table, in place of its earlier form. -/
def storeSession (t : SessionTable) (s : Session) : IO Unit := do
  let ss ← ST.Prim.Ref.get t.sessions
  ST.Prim.Ref.set t.sessions (s :: dropSession ss s.id)

/-- The state with number `n`; `none` if it does not exist or was forgotten. -/
def stateOf? (s : Session) (n : Nat) : Option ProofState :=
  if h : n < s.states.size then s.states[n] else none

/-- The command state after the `open … in` and the like before a statement, each entered as a
command of its own. -/
partial def enterScopes (ictx : Parser.InputContext) (s : Command.State) (stx : Syntax) :
    IO Command.State := do
  match stx with
  | .node _ k args =>
    if k == `Lean.Parser.Command.in then
      if h : 2 < args.size then
        let s ← elabCommandIO ictx ⟨0⟩ args[0] s
        enterScopes ictx s args[2]
      else return s
    else return s
  | _ => return s

/-- The options and opened namespaces in which the tactics of a statement run. -/
def scopeOf (start : Command.State) (header : String) : IO (Option TacticScope) := do
  match headScope? start with
  | none => return none
  | some scope =>
    let ictx := textContext (header.crlfToLf ++ "\n:= sorry") "<statement>"
    let pmctx : Parser.ParserModuleContext :=
      { env := start.env, options := scope.opts, currNamespace := scope.currNamespace,
        openDecls := scope.openDecls }
    let (stx, _, _) := Parser.parseCommand ictx pmctx {} {}
    let entered ← enterScopes ictx start stx
    match headScope? entered with
    | some inner => return some { opts := inner.opts, openDecls := inner.openDecls }
    | none => return none

/-- Whether no namespace or section is open. -/
def outsideNamespaces (s : Command.State) : Bool :=
  match s.scopes with
  | [_] => true
  | _ => false

/-- The state after the preamble. The statement must mean after it what it means alone, since the
verdict compares with the latter. -/
def afterPreamble (i : CheckInput) (s : Statement) (j : Json) (header : String) :
    IO (Except BadRequest Command.State) := do
  let preamble := getStr j "preamble"
  if preamble.isEmpty then return .ok i.start
  match ← elabText i.start "preamble" preamble with
  | .error e => return .error e
  | .ok start =>
    if !outsideNamespaces start then
      return .error { field := "preamble", message := "it leaves a namespace or section open" }
    match ← elabStatement start header with
    | .error e => return .error e
    | .ok again =>
      if again.type == s.type then return .ok start
      else
        return .error
          { field := "statement",
            message := "it means something else after the preamble than alone" }

/-- A session whose only state is the statement's goal, in the state `start`. -/
def openWith (i : CheckInput) (s : Statement) (id header : String) (start : Command.State) :
    IO (Except BadRequest Session) := do
  match ← scopeOf start header with
  | none => return .error { field := "statement", message := "it cannot be entered" }
  | some scope =>
    let s ← withLets start s header
    let binders ← headerBinders i.start s header
    let first : ElabState :=
      { core := { env := start.env }, term := { levelNames := s.levelParams } }
    match ← runScoped i.heartbeats scope first (do
        let goal ← mkFreshExprMVar s.type .syntheticOpaque
        let (_, g) ← goal.mvarId!.introNP binders
        return (goal.mvarId!, g)) with
    | .error e => return .error { field := "statement", message := ← exceptionText e }
    | .ok ((root, g), state) =>
      return .ok
        { id, scope, heartbeats := i.heartbeats, root, states := #[some { state, goals := [g] }] }

/-- Answers the operation `session_open`. -/
unsafe def sessionOpen (state : ServerState) (t : SessionTable) (j : Json) : IO Answer := do
  let header := getStr j "statement"
  match ← prepareCheck state j "imports" (importsOf j) with
  | .error e => return .error e
  | .ok i =>
    match i.statement with
    | none => return .error { field := "statement", message := "a statement is needed" }
    | some s =>
      match ← afterPreamble i s j header with
      | .error e => return .error e
      | .ok start =>
        match ← openWith i s (getStr j "session") header start with
        | .error e => return .error e
        | .ok session =>
          match stateOf? session 0 with
          | none => return .error { field := "statement", message := "it cannot be entered" }
          | some p =>
            match ← shownGoals session p with
            | .error m => return .error { field := "statement", message := m }
            | .ok goals =>
              storeSession t session
              return .ok (Json.mkObj [("state", jsonNat 0), ("goals", goals)])

/-- The answer to one tactic. -/
def stepItem (n : Option Nat) (goals error messages : Json) : Json :=
  let number := match n with
    | some n => jsonNat n
    | none => .null
  Json.mkObj [("state", number), ("goals", goals), ("error", error), ("messages", messages)]

/-- Tries one tactic in the state `p`, emits the answer, and returns the session with the new state,
if there is one. -/
def stepFrom (emit : Json → IO Unit) (p : ProofState) (s : Session) (text : String) :
    IO Session := do
  let r ← step s p text
  match r.next? with
  | none =>
    emit (stepItem none (.arr #[]) r.error r.messages)
    return s
  | some next =>
    match ← shownGoals s next with
    | .error m =>
      emit (stepItem none (.arr #[]) (stepError "limit" m) r.messages)
      return s
    | .ok goals =>
      emit (stepItem (some s.states.size) goals .null r.messages)
      return { s with states := s.states.push (some next) }

/-- The answer of `f` for the session that the request names. -/
def withSession (t : SessionTable) (j : Json) (f : Session → IO Answer) : IO Answer := do
  let ss ← ST.Prim.Ref.get t.sessions
  match findSession ss (getStr j "session") with
  | none => return .error { field := "session", message := "no such session" }
  | some s => f s

/-- Answers the operation `session_step`. -/
def sessionStep (t : SessionTable) (j : Json) (emit : Json → IO Unit) : IO Answer :=
  withSession t j fun s => do
    match stateOf? s (getNat j "state" 0) with
    | none => return .error { field := "state", message := "no such state" }
    | some p =>
      let texts := match getStrs? j "tactics" with
        | some texts => texts
        | none => #[]
      let after ← foldArrayIO texts (stepFrom emit p) s
      storeSession t after
      return .ok (Json.mkObj [("steps", jsonNat texts.size)])

/-- The states without those whose numbers `ns` lists. Numbers are not reused. -/
def forgetStates (states : Array (Option ProofState)) (ns : Array Json) :
    Array (Option ProofState) :=
  foldArray ns (fun acc j =>
    match j with
    | .num n => if h : n.mantissa.toNat < acc.size then acc.set n.mantissa.toNat none h else acc
    | _ => acc) states

/-- Answers the operation `session_forget`. -/
def sessionForget (t : SessionTable) (j : Json) : IO Answer :=
  withSession t j fun s => do
    let ns := match j.getObjVal? "states" with
      | .ok (.arr a) => a
      | _ => #[]
    storeSession t { s with states := forgetStates s.states ns }
    return .ok (Json.mkObj [("forgotten", jsonNat ns.size)])

/-- Answers the operation `session_close`. -/
def sessionClose (t : SessionTable) (j : Json) : IO Answer :=
  withSession t j fun s => do
    let ss ← ST.Prim.Ref.get t.sessions
    ST.Prim.Ref.set t.sessions (dropSession ss s.id)
    return .ok (Json.mkObj [("closed", .bool true)])

end Aludel
