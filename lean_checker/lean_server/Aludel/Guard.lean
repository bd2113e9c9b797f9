module
public import Lean
public import Aludel.Guard.Macros

/-!
Which syntax a candidate may use. The server elaborates candidates in its own process, so a command
that runs code at elaboration (`#eval`, `elab`, `initialize`, unknown attributes, ...) could forge
answers: commands and attributes are an allow-list, checked on the syntax tree before the command is
elaborated. Macros are allowed when their right side is nothing but a quotation of a term or a tactic
(`Guard.Macros`), values of tactic options when they are literals (`Guard.Options`): Lean evaluates
both. Soundness does not rest on this (`Replay` does that); the process does.
-/

public section

open Lean

namespace Aludel

def firstOf (a b : Option Forbidden) : Option Forbidden :=
  match a with
  | some f => some f
  | none => b

/-- What is wrong with a node itself, its parts apart. -/
def nodeRefused? (native : Bool) (s : Syntax) (k : Name) (args : Array Syntax) : Option Forbidden :=
  match refusedKind? k args with
  | some c => some { construct := c, message := "`" ++ c ++ "` would run code of the candidate inside the checker", stx := s }
  | none =>
    match nativeKind? k with
    | some c =>
      if native then none
      else some (nativeForbidden c s)
    | none => firstOf (configRefused? native k s args) (firstOf (macroRefused? k s args) (optionRefused? s args))

/-- `Lean.reduceBool c` runs the code of `c` whenever it is unfolded. -/
def isNativeReduction (n : Name) : Bool := memStr (lastPart n) ["reduceBool", "reduceNat"]

mutual
/-- The first refused construct inside `s`. -/
partial def refused? (native : Bool) (s : Syntax) : Option Forbidden :=
  match s with
  | .node _ k args =>
    match nodeRefused? native s k args with
    | some f => some f
    | none =>
      if k == `Lean.Parser.Term.attrInstance then attributeRefused? native s args
      else refusedAny? native args 0
  | .ident _ _ n _ =>
    if !native && isNativeReduction n then some (nativeForbidden n.toString s) else none
  | _ => none
partial def refusedAny? (native : Bool) (a : Array Syntax) (i : Nat) : Option Forbidden :=
  if h : i < a.size then
    match refused? native a[i] with
    | some f => some f
    | none => refusedAny? native a (i + 1)
  else none
partial def attributeRefused? (native : Bool) (s : Syntax) (args : Array Syntax) : Option Forbidden :=
  if h : 1 < args.size then
    let name := attributeName args[1]
    if memStr name allowedAttributes then refusedAny? native args 0
    else some { construct := "@[" ++ name ++ "]", message := "attribute `" ++ name ++ "` is not on the list of attributes that run no code", stx := s }
  else none
end

mutual
/-- The first refused construct of a command, its own kind included. -/
partial def refusedCommand? (native : Bool) (s : Syntax) : Option Forbidden :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Command.in || k == `Lean.Parser.Command.mutual || k == `null ||
      k == `choice then
      firstOf (refusedCommands? native args 0) (refused? native s)
    else if !memName k allowedCommands then
      let unknown := { construct := k.toString, message := "command `" ++ k.toString ++ "` is not on the list of commands that run no code", stx := s }
      firstOf (refused? native s) (some unknown)
    else refused? native s
  | _ => none
partial def refusedCommands? (native : Bool) (a : Array Syntax) (i : Nat) : Option Forbidden :=
  if h : i < a.size then
    match a[i] with
    | .node .. => firstOf (refusedCommand? native a[i]) (refusedCommands? native a (i + 1))
    | _ => refusedCommands? native a (i + 1)
  else none
end

end Aludel
