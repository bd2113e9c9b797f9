module
public import Lean
public import Aludel.Check
public import Aludel.Constants
public import Aludel.Places
public import Aludel.Sessions

/-!
The operation `states`: the tactics of a candidate with the goals before and after each, from one
elaboration with info trees. The candidate passes the guard as in `check`; goals are printed in the
environment after its command, in which its definitions have no code. No verdict is made here.
-/

public section

open Lean Meta Elab

namespace Aludel

/-! ## Reading info trees -/

/-- One run of the tactic at a place. -/
structure TacticRan where
  declaration : Name
  context : CommandContextInfo
  info : TacticInfo

/-- Facts that the info trees of a command record about its places. -/
structure Gathered where
  /-- The runs of the tactic at each place. -/
  ran : Array (Array TacticRan)
  /-- The constants that identifiers of the text stand for, with their positions. -/
  named : Array (String.Pos.Raw × Name) := #[]

/-- `acc`, followed by `n` empty arrays. -/
def emptyRuns (n : Nat) (acc : Array (Array TacticRan)) : Array (Array TacticRan) :=
  match n with
  | 0 => acc
  | n + 1 => emptyRuns n (acc.push #[])

/-- `g` with one more run of the tactic at index `i`. -/
def addRun (g : Gathered) (i : Nat) (r : TacticRan) : Gathered :=
  if h : i < g.ran.size then { g with ran := g.ran.set i (g.ran[i].push r) h } else g

/-- `g` with the constant that an identifier of the text stands for, if it stands for one. -/
def addNamed (g : Gathered) (i : TermInfo) : Gathered :=
  if i.isBinder || !isOriginal i.stx then g
  else if !(i.stx.isIdent || i.stx.getKind == `Lean.Parser.Term.dotIdent) then g
  else match i.expr.getAppFn, i.stx.getPos? with
    | .const n _, some p => { g with named := g.named.push (p, n) }
    | _, _ => g

/-- `g` with the facts of one node of an info tree. -/
def addInfo (places : Array TacticPlace) (context? : Option CommandContextInfo) (declaration : Name)
    (g : Gathered) (i : Info) : Gathered :=
  match i with
  | .ofTermInfo t => addNamed g t
  | .ofTacticInfo info =>
    match context?, placeOf? places info.stx with
    | some context, some p => addRun g p { declaration, context, info }
    | _, _ => g
  | _ => g

mutual
/-- `g` with the facts of an info tree. `declaration` is the one around it. -/
partial def gather (places : Array TacticPlace) (context? : Option CommandContextInfo)
    (declaration : Name) (g : Gathered) (t : InfoTree) : Gathered :=
  match t with
  | .context (.commandCtx c) t => gather places (some c) declaration g t
  | .context (.parentDeclCtx n) t => gather places context? n g t
  | .context _ t => gather places context? declaration g t
  | .node i ts =>
    let g := addInfo places context? declaration g i
    let g := gatherNode places context? declaration g ts.root
    foldArray ts.tail (gather places context? declaration) g
  | .hole _ => g
/-- `g` with the facts of the info trees below a node of a persistent array. -/
partial def gatherNode (places : Array TacticPlace) (context? : Option CommandContextInfo)
    (declaration : Name) (g : Gathered) (n : PersistentArrayNode InfoTree) : Gathered :=
  match n with
  | .leaf ts => foldArray ts (gather places context? declaration) g
  | .node ns => foldArray ns (gatherNode places context? declaration) g
end

mutual
/-- `g` with the facts of a command's info trees below a node of a persistent array. -/
partial def gatherRoot (places : Array TacticPlace) (info : InfoState) (g : Gathered)
    (n : PersistentArrayNode InfoTree) : Gathered :=
  match n with
  | .leaf ts => foldArray ts (gatherTree places info) g
  | .node ns => foldArray ns (gatherRoot places info) g
/-- `g` with the facts of one info tree of a command, its holes filled. -/
partial def gatherTree (places : Array TacticPlace) (info : InfoState) (g : Gathered)
    (t : InfoTree) : Gathered :=
  gather places none .anonymous g (InfoTree.substitute t info.assignment)
end

/-- The facts that a command's info trees record about its places. -/
def gatherCommand (places : Array TacticPlace) (info : InfoState) : Gathered :=
  let g := gatherRoot places info { ran := emptyRuns places.size #[] } info.trees.root
  foldArray info.trees.tail (gatherTree places info) g

/-! ## Printing -/

/-- Printed goals. -/
structure ShownGoals where
  texts : Array String := #[]
  /-- Whether some goal mentions `sorry`. -/
  sorryIn : Bool := false

/-- Whether the type or the value of a hypothesis mentions `sorry`. -/
def sorryInDecl (decl : LocalDecl) : MetaM Bool := do
  let type ← instantiateMVars decl.type
  match decl.value? (allowNondep := true) with
  | some v =>
    let v ← instantiateMVars v
    return type.hasSorry || v.hasSorry
  | none => return type.hasSorry

/-- Whether a hypothesis mentions `sorry`. -/
partial def sorryInDecls (decls : List LocalDecl) : MetaM Bool := do
  match decls with
  | [] => return false
  | d :: ds =>
    let found ← sorryInDecl d
    if found then return true else sorryInDecls ds

/-- `acc`, followed by the goals in print. -/
partial def showGoals (goals : List MVarId) (acc : ShownGoals) : MetaM ShownGoals := do
  match goals with
  | [] => return acc
  | g :: gs =>
    let decl ← g.getDecl
    let shown ← Meta.ppGoal g
    let type ← instantiateMVars decl.type
    let inContext ← sorryInDecls (localDecls decl.lctx 0)
    let sorryIn := acc.sorryIn || type.hasSorry || inContext
    showGoals gs { texts := acc.texts.push shown.pretty, sorryIn }

/-- The goals in print, in the metavariable context of a moment of the elaboration. -/
def printGoals (heartbeats : Nat) (env : Environment) (c : CommandContextInfo)
    (mctx : MetavarContext) (goals : List MVarId) : IO (Except String ShownGoals) := do
  if countGoals goals 0 > maxGoals then return .error "more goals than a state may have"
  let coreRef ← ST.Prim.mkRef (σ := IO.RealWorld) ({ env := env, ngen := c.ngen } : Core.State)
  let metaRef ← ST.Prim.mkRef (σ := IO.RealWorld) ({ mctx := mctx } : Meta.State)
  let start ← IO.getNumHeartbeats
  let ctx := { coreContext heartbeats c.options with
    initHeartbeats := start, currNamespace := c.currNamespace, openDecls := c.openDecls }
  let act : EIO Exception ShownGoals := showGoals goals {} {} metaRef ctx coreRef
  match ← (show IO (Except Exception ShownGoals) from EIO.toIO' act) with
  | .ok s => return .ok s
  | .error e => return .error (← exceptionText e)

/-! ## Steps -/

/-- The most runs of one tactic that are examined. With more, the states will hardly all be the
same. -/
def maxRuns : Nat := 8

/-- Whether two arrays of equal size agree from index `i` on. -/
def sameTexts (a b : Array String) (i : Nat := 0) : Bool :=
  if a.size != b.size then false
  else if h : i < a.size then
    if h' : i < b.size then a[i] == b[i] && sameTexts a b (i + 1) else false
  else true
termination_by a.size - i

/-- The goals before the tactic in its runs from index `i` on, when they are the same in all, and
the same as `known?`. -/
partial def commonBefore (heartbeats : Nat) (env : Environment) (runs : Array TacticRan) (i : Nat)
    (known? : Option ShownGoals) : IO (Option ShownGoals) := do
  if h : i < runs.size then
    let r := runs[i]
    match ← printGoals heartbeats env r.context r.info.mctxBefore r.info.goalsBefore with
    | .error _ => return none
    | .ok shown =>
      match known? with
      | none => commonBefore heartbeats env runs (i + 1) (some shown)
      | some known =>
        if sameTexts known.texts shown.texts then commonBefore heartbeats env runs (i + 1) known?
        else return none
  else return known?

/-- Goals before and after the tactic at a place; `none` where it is not a step. -/
def stepGoals? (heartbeats : Nat) (env : Environment) (p : TacticPlace) (runs : Array TacticRan) :
    IO (Option (ShownGoals × ShownGoals)) := do
  if runs.size > maxRuns || saysSorry p.stx then return none
  if h : 0 < runs.size then
    let last := runs[runs.size - 1]
    match ← commonBefore heartbeats env runs 0 none with
    | none => return none
    | some before =>
      match ← printGoals heartbeats env last.context last.info.mctxAfter last.info.goalsAfter with
      | .error _ => return none
      | .ok after =>
        if before.sorryIn || after.sorryIn || before.texts.size == 0 then return none
        if sameTexts before.texts after.texts then return none
        return some (before, after)
  else return none

/-- Constants named between two positions of the text, in its order, each once. -/
def premisesIn (named : Array (String.Pos.Raw × Name)) (start stop : String.Pos.Raw) : Array Name :=
  foldArray named (fun acc p =>
    let inside := start.byteIdx ≤ p.1.byteIdx && p.1.byteIdx < stop.byteIdx
    if inside && !memNameArray p.2 acc then acc.push p.2 else acc) #[]

/-- Constants with the modules that declare them, as JSON. -/
def premisesJson (env : Environment) (names : Array Name) : Json :=
  .arr (foldArray names (fun acc n =>
    let module := match moduleOf env n with
      | .anonymous => .null
      | m => .str m.toString
    acc.push (Json.mkObj [("name", .str n.toString), ("module", module)])) #[])

/-- An array of texts as JSON. -/
def jsonTexts (a : Array String) : Json := .arr (foldArray a (fun acc s => acc.push (.str s)) #[])

/-- The bytes of all texts. -/
def textBytes (a : Array String) : Nat := foldArray a (fun n s => n + s.utf8ByteSize) 0

/-- The most bytes of all goals of an answer. -/
def maxStateBytes : Nat := 4000000

/-- Counts for the answer of `states`. -/
structure StatesAnswer where
  steps : Nat := 0
  leftOut : Nat := 0
  bytes : Nat := 0
  complete : Bool := true

/-- One command's tactics, and the steps among them. -/
structure CommandSteps where
  places : Array TacticPlace
  gathered : Gathered
  env : Environment
  /-- For each place the number of its step, or else of the step around it. -/
  kept : Array (Option Nat) := #[]
  answer : StatesAnswer

/-- The step around a place: that of the nearest enclosing tactic that became one. -/
def parentStep? (c : CommandSteps) (p : TacticPlace) : Option Nat :=
  match p.parent? with
  | some i => if h : i < c.kept.size then c.kept[i] else none
  | none => none

/-- A step as JSON. -/
def jsonStep (ictx : Parser.InputContext) (c : CommandSteps) (p : TacticPlace) (declaration : Name)
    (before after : ShownGoals) : Json :=
  let parent := match parentStep? c p with
    | some i => jsonNat i
    | none => .null
  Json.mkObj
    [("declaration", .str declaration.toString),
     ("tactic", .str (String.Pos.Raw.extract ictx.inputString p.start p.stop)),
     ("before", jsonTexts before.texts), ("after", jsonTexts after.texts),
     ("start", jsonPosition (ictx.fileMap.toPosition p.start)),
     ("end", jsonPosition (ictx.fileMap.toPosition p.stop)),
     ("depth", jsonNat p.depth), ("parent", parent),
     ("premises", premisesJson c.env (premisesIn c.gathered.named p.start p.stop))]

/-- `c` after a place that is not a step; `n` is 1 if it counts as left out. -/
def leaveOut (c : CommandSteps) (p : TacticPlace) (n : Nat) : CommandSteps :=
  { c with
    kept := c.kept.push (parentStep? c p),
    answer := { c.answer with leftOut := c.answer.leftOut + n } }

/-- The declaration that a tactic was run for; anonymous when it never ran. -/
def declarationOf (runs : Array TacticRan) : Name :=
  if h : 0 < runs.size then runs[runs.size - 1].declaration else .anonymous

/-- A request of `states` with its elaborated candidate. -/
structure StatesRequest where
  candidate : Candidate
  /-- The declaration whose tactics are wanted; all when none was asked for. -/
  wanted? : Option Name
  emit : Json → IO Unit

/-- `c` after one place: a step emitted, or the place left out. -/
def stepAt (q : StatesRequest) (c : CommandSteps) (p : TacticPlace) (runs : Array TacticRan) :
    IO CommandSteps := do
  let declaration := declarationOf runs
  if let some n := q.wanted? then
    if declaration != n && runs.size > 0 then return leaveOut c p 0
  match ← stepGoals? q.candidate.input.heartbeats c.env p runs with
  | none => return leaveOut c p 1
  | some (before, after) =>
    let bytes := c.answer.bytes + textBytes before.texts + textBytes after.texts
    if bytes > maxStateBytes then
      return { leaveOut c p 0 with answer := { c.answer with complete := false } }
    q.emit (jsonStep q.candidate.ictx c p declaration before after)
    let answer := { c.answer with steps := c.answer.steps + 1, bytes }
    return { c with kept := c.kept.push (some c.answer.steps), answer }

/-- `c` after the places from index `i` on. -/
partial def stepsFrom (q : StatesRequest) (c : CommandSteps) (i : Nat) : IO CommandSteps := do
  if h : i < c.places.size then
    if h' : i < c.gathered.ran.size then
      let c ← stepAt q c c.places[i] c.gathered.ran[i]
      stepsFrom q c (i + 1)
    else return c
  else return c

/-- Whether a command could declare the wanted name. -/
def mayDeclare (wanted? : Option Name) (command : Syntax) : Bool :=
  match wanted? with
  | some n => (declaredAs (lastPart n) command).isSome
  | none => (innerDeclaration command).getKind == `Lean.Parser.Command.declaration

/-- `answer` after the tactics of one command. -/
def statesOf (q : StatesRequest) (answer : StatesAnswer) (r : Recorded) : IO StatesAnswer := do
  if !mayDeclare q.wanted? r.command then return answer
  let places := addPlaces none 0 #[] r.command
  if places.size == 0 then return answer
  let c ← stepsFrom q { places, gathered := gatherCommand places r.info, env := r.env, answer } 0
  return c.answer

/-- Why no states can be given for a candidate, which should have been accepted before. -/
def unfit? (c : Candidate) : Option String :=
  if h : 0 < c.elaborated.forbidden.size then some c.elaborated.forbidden[0].message
  else match c.elaborated.diagnostics.firstError?, c.input.statement with
    | some m, _ => some m
    | none, some s =>
      if (c.elaborated.state.env.find? s.name).isSome then none
      else some "it does not declare what was asked"
    | none, none => none

/-- Answers the operation `states`. -/
unsafe def states (state : ServerState) (j : Json) (emit : Json → IO Unit) : IO Answer := do
  match ← elabCandidate state j record with
  | .error e => return .error e
  | .ok c =>
    match unfit? c with
    | some m => return .error { field := "code", message := m }
    | none =>
      let wanted? := match c.input.statement with
        | some s => some s.name
        | none => none
      let a ← foldArrayIO c.elaborated.recorded (statesOf { candidate := c, wanted?, emit }) {}
      return .ok (Json.mkObj [("steps", jsonNat a.steps), ("left_out", jsonNat a.leftOut),
        ("complete", .bool a.complete)])

end Aludel
