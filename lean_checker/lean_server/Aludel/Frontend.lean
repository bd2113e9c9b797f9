module
public import Lean
public import Aludel.Code
public import Aludel.Guard
public import Aludel.Uncompiled
public import Aludel.Messages

/-!
Elaborating text command by command, with the guard in front of every command. The environment that
comes out is thrown away by the caller once the declarations have been read from it.
-/

public section

open Lean Elab Command

namespace Aludel

/-- A command with the information recorded while it was elaborated, and the environment after
it. -/
structure Recorded where
  command : Syntax
  info : InfoState
  env : Environment

/-- The state of elaborating a text, command by command. -/
structure Elaborated where
  /-- Messages are moved to `diagnostics` after every command. -/
  state : Command.State
  /-- The environment in which the text starts. -/
  base : Environment := state.env
  diagnostics : Diagnostics := {}
  forbidden : Array Forbidden := #[]
  /-- `example`s, elaborated as named declarations so that their terms can be examined. -/
  examples : Nat := 0
  commands : Array Syntax := #[]
  /-- Constants declared by macros and notation, the only ones that may keep their code. -/
  templates : Array Name := #[]
  /-- Heartbeats (thousands) to which `set_option maxHeartbeats` is cut; `none` where the text has
  no such option. -/
  heartbeatLimit? : Option Nat := none
  /-- Whether the text contains no name in Lean's form for automatic tactics. Only then are all
  constants with such names made by Lean, from syntax that has passed the guard; others could hold
  syntax that a program of the candidate's made. -/
  automatic : Bool := false
  /-- One for each command, where info trees are switched on (`record`). -/
  recorded : Array Recorded := #[]
  /-- What becomes of a command that the guard let through before it is elaborated. -/
  rewrite : Syntax → Syntax := fun s => s

/-- Whether the text mentions `maxHeartbeats` anywhere. -/
def containsHeartbeats (code : String) : Bool := hasPart "maxHeartbeats" code

/-- Whether the text contains Lean's name part for automatic tactics, `_auto`. -/
def namesAutomatic (code : String) : Bool := hasPart "_auto" code

/-- The innermost scope of a command state. -/
def headScope? (s : Command.State) : Option Scope :=
  match s.scopes with
  | scope :: _ => some scope
  | [] => none

/-- The state in which candidates start. It generates no code: nothing may run theirs, and imported
IR may be missing. -/
def initialCommandState (env : Environment) : Command.State :=
  let s := Command.mkState env {} {}
  let s := { s with infoState := { s.infoState with enabled := false } }
  match s.scopes with
  | scope :: rest => { s with scopes := { scope with isNoncomputable := true } :: rest }
  | [] => s

/-- The state after one command. An exception of the elaborator becomes an error message. -/
def elabCommandIO (ictx : Parser.InputContext) (pos : String.Pos.Raw) (stx : Syntax)
    (s : Command.State) : IO Command.State := do
  let ref ← ST.Prim.mkRef (σ := IO.RealWorld) s
  let ctx : Command.Context :=
    { fileName := ictx.fileName, fileMap := ictx.fileMap, cmdPos := pos, snap? := none,
      cancelTk? := none }
  let act : EIO Exception Unit := elabCommandTopLevel stx ctx ref
  let r ← (show IO (Except Exception Unit) from EIO.toIO' act)
  let s ← ST.Prim.Ref.get ref
  match r with
  | .ok _ => return s
  | .error e =>
    let data := match e with
      | .error _ m => m
      | .internal .. => .ofFormat (.text "internal exception")
    let position := ictx.fileMap.toPosition pos
    let m : Message := { fileName := ictx.fileName, pos := position, data := data }
    return { s with messages := s.messages.add m }

/-- `example …` as `def _aludel_example_N …`: the same term, but it stays in the environment. `none`
for other commands. -/
partial def nameExample (n : Nat) (stx : Syntax) : Option Syntax :=
  match stx with
  | .node i k args =>
    if k == `Lean.Parser.Command.in then
      if h : 2 < args.size then
        match nameExample n args[2] with
        | some inner => some (.node i k (args.set! 2 inner))
        | none => none
      else none
    else if k == `Lean.Parser.Command.declaration then
      if h : 1 < args.size then
        match args[1] with
        | .node j `Lean.Parser.Command.example parts =>
          if h : 2 < parts.size then
            let id := mkIdent (Name.mkSimple ("_aludel_example_" ++ toString n))
            let declId := .node j `Lean.Parser.Command.declId #[id, .node j `null #[]]
            let keyword := match parts[0] with
              | .atom info _ => .atom info "def"
              | s => s
            let d := .node j `Lean.Parser.Command.definition
              #[keyword, declId, parts[1], parts[2], .node j `null #[]]
            some (.node i k (args.set! 1 d))
          else none
        | _ => none
      else none
    else none
  | _ => none

/-- The state with info trees switched on. -/
def record (s : Command.State) : Command.State :=
  { s with infoState := { s.infoState with enabled := true } }

/-- Moves the info trees of a command from the state into `recorded`. -/
def keepInfo (command : Syntax) (info : InfoState) (e : Elaborated) : Elaborated :=
  if info.enabled then
    let state := { e.state with infoState := { enabled := true } }
    { e with state, recorded := e.recorded.push { command, info, env := state.env } }
  else e

/-- The refusal of a command whose `macro_rules` give a meaning to syntax that is not the
candidate's to define. -/
def redefinition? (base now : Environment) (stx : Syntax) : Option Forbidden :=
  match redefined? base now stx with
  | some s => some (redefinedForbidden s)
  | none => none

/-- A command in the form in which it is elaborated: Boolean option values settled, definitions
without code unless `native`, heartbeats cut to the limit. -/
def toElaborate (native : Bool) (heartbeatLimit? : Option Nat) (command : Syntax) : Syntax :=
  let command := settleBooleans false command
  let command := if native then command else uncompiled command
  match heartbeatLimit? with
  | some limit => clampHeartbeats limit command
  | none => command

/-- The elaboration after a command that left `state`, without code that could run the candidate's
own programs. -/
def takeOver (native : Bool) (stx : Syntax) (e : Elaborated) (state : Command.State) :
    IO Elaborated := do
  let before := e.state.env
  if isTemplate stx then
    match takenKind? before state.env, strayUse? before state.env e.templates with
    | some n, _ => return { e with state, forbidden := e.forbidden.push (takenForbidden n stx) }
    | none, some n => return { e with state, forbidden := e.forbidden.push (strayTemplate n stx) }
    | none, none =>
      let new := newConstants before state.env
      return { e with state, templates := foldArray new (fun acc n => acc.push n) e.templates }
  else if native then return { e with state }
  else
    let env ← dropCode before state.env e.automatic
    return { e with state := { state with env } }

/-- Parses and elaborates commands until the end of the text or the first refused construct. -/
partial def elabCommands (native : Bool) (ictx : Parser.InputContext)
    (ps : Parser.ModuleParserState) (e : Elaborated) : IO Elaborated := do
  match headScope? e.state with
  | none => return e
  | some scope =>
    let pmctx : Parser.ParserModuleContext :=
      { env := e.state.env, options := scope.opts, currNamespace := scope.currNamespace,
        openDecls := scope.openDecls }
    let (stx, ps', messages) := Parser.parseCommand ictx pmctx ps {}
    let diagnostics ← addLog e.diagnostics messages (parsing := true)
    let e := { e with diagnostics }
    match firstOf (refusedCommand? native stx) (redefinition? e.base e.state.env stx) with
    | some f =>
      -- the rest of a command that did not parse may look like another one
      if messages.hasErrors then return e else return { e with forbidden := e.forbidden.push f }
    | none =>
      if Parser.isTerminalCommand stx then return e
      let (command, examples) := match nameExample (e.examples + 1) stx with
        | some named => (named, e.examples + 1)
        | none => (stx, e.examples)
      let command := toElaborate native e.heartbeatLimit? (e.rewrite command)
      let state ← elabCommandIO ictx ps.pos command e.state
      let diagnostics ← addLog e.diagnostics state.messages
      let e := { e with diagnostics, examples, commands := e.commands.push stx }
      let e ← takeOver native stx e { state with messages := {} }
      if e.forbidden.size > 0 then return e
      let e := keepInfo command state.infoState e
      elabCommands native ictx ps' e

/-- One `set_option` command for each option of a request. -/
def optionCommands (opts : List (String × Json)) : String :=
  match opts with
  | [] => ""
  | (k, v) :: rest => "set_option " ++ k ++ " " ++ v.compress ++ "\n" ++ optionCommands rest

/-- The parser's input for `text`. Line ends are made line feeds before anything else reads the
text. -/
def textContext (text name : String) : Parser.InputContext :=
  let text := text.crlfToLf
  { inputString := text, fileName := name, fileMap := FileMap.ofString text,
    endPos := text.rawEndPos,
    endPos_valid := by simp }

/-- The command state in which candidate and statement both start. -/
def startState (env : Environment) (heartbeats : Nat) (opts : List (String × Json)) :
    IO (Except String Command.State) := do
  let text := "set_option maxHeartbeats " ++ toString heartbeats ++ "\n" ++ optionCommands opts
  let ictx := textContext text "<options>"
  let e ← elabCommands false ictx {} { state := initialCommandState env }
  if h : 0 < e.forbidden.size then return .error e.forbidden[0].message
  match e.diagnostics.firstError? with
  | some m => return .error m
  | none => return .ok e.state

end Aludel
