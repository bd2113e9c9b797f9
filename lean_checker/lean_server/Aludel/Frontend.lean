module
public import Lean
public import Aludel.Code
public import Aludel.Accounts
public import Aludel.Guard
public import Aludel.NoCode
public import Aludel.Replay
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
  no option that is cut to a limit. -/
  heartbeatLimit? : Option Nat := none
  /-- Whether the text contains no name in Lean's form for automatic tactics. Only then are all
  constants with such names made by Lean, from syntax that has passed the guard; others could hold
  syntax that a program of the candidate's made. -/
  automatic : Bool := false
  /-- Names that the text itself declares: the last part of each. -/
  named : Array String := #[]
  /-- The constants that each command left, commands that left none apart. -/
  made : Array (Array Name) := #[]
  /-- Declarations of the text of which Lean left nothing. -/
  dropped : Array Syntax := #[]
  /-- One for each command, where info trees are switched on (`record`). -/
  recorded : Array Recorded := #[]
  /-- What becomes of a command that the guard let through before it is elaborated. -/
  rewrite : Syntax → Syntax := fun s => s

/-- Whether the text mentions an option that is cut to a limit. -/
def containsLimits (code : String) : Bool :=
  hasPart "maxHeartbeats" code || hasPart "maxRecDepth" code

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
  | some limit => clampLimits limit command
  | none => command

/-- The constants that a command left, or why it may not have left them. -/
def leftBy (stx : Syntax) (e : Elaborated) (env : Environment) : Except Forbidden (Array Name) :=
  let before := e.state.env
  let new := newConstants before env
  let template := isTemplate stx
  let given : Given := { macros := template, examples := e.examples > 0 }
  match firstName? (fun n => isReservedName env given n) new with
  | some n => .error (reservedForbidden n stx)
  | none =>
    if !template then .ok new
    else match takenKind? before env, strayUse? before env e.templates with
      | some n, _ => .error (takenForbidden n stx)
      | none, some n => .error (strayTemplate n stx)
      | none, none => .ok new

/-- The elaboration after a command that left `state`, without code that could run the candidate's
own programs. -/
def takeOver (native : Bool) (stx : Syntax) (e : Elaborated) (state : Command.State) :
    IO Elaborated := do
  match leftBy stx e state.env with
  | .error f => return { e with state, forbidden := e.forbidden.push f }
  | .ok new =>
    let dropped := droppedFrom new stx e.dropped
    let made := if new.size > 0 then e.made.push new else e.made
    let e := { e with dropped, made, named := namedIn e.named stx }
    if isTemplate stx then
      return { e with state, templates := foldArray new (fun acc n => acc.push n) e.templates }
    else if native then return { e with state }
    else
      let env ← dropCode e.state.env state.env e.automatic
      return { e with state := { state with env } }

/-- The state before a command. Only what macros and notation declare is compiled, or everything in
a process that judges compiled proofs. -/
def prepared (native : Bool) (stx : Syntax) (e : Elaborated) : Command.State :=
  let env := e.state.env
  let env := if native || isTemplate stx then withCompiler env else withoutCompiler e.automatic env
  { e.state with env }

/-- What Lean says where the code of a function is missing. -/
def saysNoCode (text : String) : Bool :=
  wantsCode text || hasPart "Unknown constant `" text || hasPart "no executable code" text ||
    hasPart "failed to compile" text || hasPart "IR of declaration" text

mutual
/-- The first construct in `s` that trusts the compiler. -/
partial def nativeUse? (s : Syntax) : Option Syntax :=
  match s with
  | .node _ k args =>
    if (nativeKind? k).isSome || isConfigItem k args && mentions "native" s ||
        memStr (lastPart k) ["posConfigItem"] && mentions "native" s then some s
    else nativeUseIn? args 0
  | .ident _ _ n _ => if isNativeReduction n then some s else none
  | _ => none
/-- The first such construct in parts from `i` on. -/
partial def nativeUseIn? (a : Array Syntax) (i : Nat) : Option Syntax :=
  if h : i < a.size then
    match nativeUse? a[i] with
    | some s => some s
    | none => nativeUseIn? a (i + 1)
  else none
end

/-- A compiled proof that failed because the package of the embedded Lean holds no code of what it
uses. -/
def lacksCode? (native : Bool) (stx : Syntax) (messages : MessageLog) : IO (Option Forbidden) := do
  if !(native && System.Platform.isEmscripten && messages.hasErrors) then return none
  match nativeUse? stx with
  | none => return none
  | some s =>
    match (← addLog {} messages).firstError? with
    | some text =>
      return if saysNoCode text then some (unavailable "native_decide" noCodeToRun s) else none
    | none => return none

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
    let parsers ← parserRefused? e.base e.state.env scope.currNamespace scope.openDecls stx
    let refused := firstOf (refusedCommand? native stx) (firstOf parsers (filledName? stx))
    match firstOf refused (redefinition? e.base e.state.env stx) with
    | some f =>
      -- the rest of a command that did not parse may look like another one
      if messages.hasErrors then return e else return { e with forbidden := e.forbidden.push f }
    | none =>
      if Parser.isTerminalCommand stx then return e
      let (command, examples) := nameExamples stx e.examples
      let command := toElaborate native e.heartbeatLimit? (e.rewrite command)
      let state ← elabCommandIO ictx ps.pos command (prepared native stx e)
      let diagnostics ← addLog e.diagnostics state.messages
      if let some f ← lacksCode? native stx state.messages then
        return { e with diagnostics, forbidden := e.forbidden.push f }
      let e := { e with diagnostics, examples, commands := e.commands.push stx }
      let e ← takeOver native command e { state with messages := {} }
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
