module
public import Lean
public import Aludel.Guard.Names
public import Aludel.Guard.Quotations
public import Aludel.Guard.Templates

/-!
The guard: which syntax a candidate may use. The server elaborates candidates in its own process, so
a command that runs code at elaboration (`#eval`, `elab`, `initialize`, unknown attributes, ...)
could forge answers: commands and attributes are an allow-list, checked on the syntax tree before
the command is elaborated. Macros are allowed when their right side is nothing but a quotation of a
term or a tactic (`Guard.Macros`), values of tactic options when they are literals
(`Guard.Options`): Lean evaluates both. Soundness does not rest on this (`Replay` does that); the
process does.
-/

public section

open Lean

namespace Aludel

/-- The first of two optional refusals. -/
def firstOf (a b : Option Forbidden) : Option Forbidden :=
  match a with
  | some f => some f
  | none => b

/-- The refusal of a node by itself, without regard to its parts. -/
def nodeRefused? (native : Bool) (s : Syntax) (k : Name) (args : Array Syntax) : Option Forbidden :=
  match refusedKind? k args with
  | some c =>
    some
      { construct := c,
        message := "`" ++ c ++ "` would run code of the candidate inside the checker", stx := s }
  | none =>
    match nativeKind? k with
    | some c =>
      if !native then some (nativeForbidden c s)
      else if isSolverKind k && System.Platform.isEmscripten then
        some (unavailable c "it needs a SAT solver, which is a program of its own" s)
      else none
    | none => firstOf (configRefused? native k s args)
      (firstOf (macroRefused? k s args) (optionRefused? s args))

/-- The refusal of an instance attribute on a local recursive definition, which would make its code
run in the rest of the same command. -/
def localInstance? (k : Name) (s : Syntax) : Option Forbidden :=
  if k == `Lean.Parser.Term.letRecDecl &&
      (mentions "instance" s || mentions "default_instance" s) then
    some
      { construct := "instance", stx := s,
        message := "a local recursive definition may not be an instance" }
  else none

/-- `Lean.reduceBool c` runs the code of `c` whenever it is unfolded, and `Lean.ofReduceBool` makes
Lean unfold it. -/
def isNativeReduction (n : Name) : Bool :=
  memStr (lastPart n) ["reduceBool", "reduceNat", "ofReduceBool", "ofReduceNat"]

mutual
/-- The refusal of the first refused construct inside `s`. -/
partial def refused? (native : Bool) (s : Syntax) : Option Forbidden :=
  match s with
  | .node _ k args =>
    match firstOf (localInstance? k s) (nodeRefused? native s k args) with
    | some f => some f
    | none =>
      if k == `Lean.Parser.Term.attrInstance then attributeRefused? native s args
      else refusedAny? native args 0
  | .ident _ _ n _ =>
    if !native && isNativeReduction n then some (nativeForbidden n.toString s) else none
  | _ => none
/-- The first refusal among the elements of `a` from index `i` on. -/
partial def refusedAny? (native : Bool) (a : Array Syntax) (i : Nat) : Option Forbidden :=
  if h : i < a.size then
    match refused? native a[i] with
    | some f => some f
    | none => refusedAny? native a (i + 1)
  else none
/-- The refusal of an attribute that is not on the list, or of a part of it. -/
partial def attributeRefused? (native : Bool) (s : Syntax) (args : Array Syntax) :
    Option Forbidden :=
  if h : 1 < args.size then
    let name := attributeName args[1]
    if memStr name allowedAttributes then refusedAny? native args 0
    else some
      { construct := "@[" ++ name ++ "]", stx := s,
        message := "attribute `" ++ name ++ "` is not on the list of attributes that run no code" }
  else none
end

/-! Declarations lose their code only after their command. In `def f := … in theorem …`, the theorem
could run `f`; so nothing that declares may stand before `in`. -/

/-- Commands that may stand before `in`, as none of them declares anything. -/
def sceneCommands : List Name := [
  `Lean.Parser.Command.open, `Lean.Parser.Command.set_option, `Lean.Parser.Command.variable,
  `Lean.Parser.Command.universe, `Lean.Parser.Command.include, `Lean.Parser.Command.omit,
  `Lean.Parser.Command.attribute, `Lean.Parser.commandSeal__, `Lean.Parser.commandUnseal__,
  `Mathlib.Tactic.openScoped]

/-- The message for any other command before `in`. -/
def inMessage : String :=
  "before `in` may stand only what opens, sets or includes; declare the rest in a command of its \
    own"

mutual
/-- Whether nothing before `in` declares anything. `args` are the parts of the `in`. -/
partial def setsScene (args : Array Syntax) : Bool :=
  if h : 0 < args.size then isScene args[0] else false
/-- Whether `s` declares nothing and may stand before `in`. -/
partial def isScene (s : Syntax) : Bool :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Command.in then areScenes args 0 else memName k sceneCommands
  | .atom .. => true
  | _ => false
/-- Whether `isScene` holds for all elements of `a` from index `i` on. -/
partial def areScenes (a : Array Syntax) (i : Nat) : Bool :=
  if h : i < a.size then
    if isScene a[i] then areScenes a (i + 1) else false
  else true
end

mutual
/-- The refusal of the first refused construct of a command, its own kind included. -/
partial def refusedCommand? (native : Bool) (s : Syntax) : Option Forbidden :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Command.in && !setsScene args then
      firstOf (refusedCommands? native args 0)
        (some { construct := "in", stx := s, message := inMessage })
    else if k == `Lean.Parser.Command.in || k == `Lean.Parser.Command.mutual || k == `null ||
      k == `choice then
      firstOf (refusedCommands? native args 0) (refused? native s)
    else if !memName k allowedCommands then
      let unknown :=
        { construct := k.toString, stx := s,
          message := "command `" ++ k.toString ++ "` is not on the list of commands that run no \
            code" }
      firstOf (refused? native s) (some unknown)
    else refused? native s
  | _ => none
/-- The first refusal among the commands of `a` from index `i` on. -/
partial def refusedCommands? (native : Bool) (a : Array Syntax) (i : Nat) : Option Forbidden :=
  if h : i < a.size then
    match a[i] with
    | .node .. => firstOf (refusedCommand? native a[i]) (refusedCommands? native a (i + 1))
    | _ => refusedCommands? native a (i + 1)
  else none
end

end Aludel
