module
public import Lean
public import Aludel.Basic

/-!
Which syntax a candidate may use. The server elaborates candidates in its own process, so a command
that runs code at elaboration (`#eval`, `elab`, `macro`, `initialize`, unknown attributes, ...) could
forge answers: commands and attributes are an allow-list, checked on the syntax tree before the
command is elaborated. Soundness does not rest on this (`Replay` does that); the process does.
-/

public section

open Lean

namespace Aludel

/-- A construct that is refused, and where it stands. -/
structure Forbidden where
  construct : String
  message : String
  stx : Syntax

/-- Command kinds a candidate may use. Everything else is refused by name. -/
def allowedCommands : List Name := [
  `Lean.Parser.Command.declaration, `Lean.Parser.Command.namespace, `Lean.Parser.Command.section,
  `Lean.Parser.Command.noncomputableSection, `Lean.Parser.Command.end, `Lean.Parser.Command.open,
  `Lean.Parser.Command.variable, `Lean.Parser.Command.universe, `Lean.Parser.Command.set_option,
  `Lean.Parser.Command.attribute, `Lean.Parser.Command.notation, `Lean.Parser.Command.mixfix,
  `Lean.Parser.Command.export, `Lean.Parser.Command.mutual, `Lean.Parser.Command.in,
  `Lean.Parser.Command.include, `Lean.Parser.Command.omit, `Lean.Parser.Command.check,
  `Lean.Parser.Command.print, `Lean.Parser.Command.printAxioms, `Lean.Parser.Command.reduce,
  `Lean.Parser.Command.moduleDoc, `Lean.Parser.Command.deriving, `Lean.Parser.Command.addDocString,
  `Lean.Parser.Command.eoi, `Lean.Parser.Command.synth, `Lean.Parser.Command.openPrivate,
  `lemma, `Mathlib.Tactic.openScoped]

/-- Kinds refused wherever they stand, with the words for the message. -/
def refusedKind? (k : Name) : Option String :=
  if k == `Lean.runTac || k == `Lean.Parser.Tactic.runTac || k == `Lean.Elab.Tactic.runTac then some "run_tac"
  else if k == `Lean.byElab || k == `Lean.Parser.Term.byElab then some "by_elab"
  else if k == `Lean.Parser.Term.unsafe || k == `Lean.Parser.Command.unsafe then some "unsafe"
  else if k == `Lean.includeStr || k == `Lean.Parser.Term.includeStr then some "include_str"
  else if k == `Lean.Parser.Command.initializeKeyword || k == `Lean.Parser.Command.initialize then some "initialize"
  else if k == `Lean.Parser.Command.exit then some "#exit"
  else if k == `Lean.Parser.Command.eval || k == `Lean.Parser.Command.evalBang then some "#eval"
  else none

def nativeKind (k : Name) : Bool :=
  k == `Lean.Parser.Tactic.nativeDecide || k == `Lean.Parser.Tactic.decideNative

/-- Attributes written as a plain word that only steer elaboration or proof search. -/
def allowedAttributes : List String := [
  "simp", "grind", "ext", "reducible", "irreducible", "semireducible", "instance", "inline", "noinline",
  "always_inline", "macro_inline", "specialize", "nospecialize", "default_instance", "elab_as_elim",
  "match_pattern", "refl", "symm", "trans", "congr", "class", "coe", "expose", "induction_eliminator",
  "cases_eliminator", "rfl", "deprecated", "simps", "norm_cast", "push_cast", "to_additive", "aesop",
  "gcongr", "fun_prop", "mono", "elab_without_expected_type", "nolint", "local", "scoped", "inherit_doc",
  "defeq", "unbox", "bv_normalize", "int_toBitVec", "spec", "wf_preprocess", "implicit_reducible"]

/-- The last component of `Lean.Parser.Attr.simp`, `Lean.Attr.grind` and the like. -/
def lastPart (n : Name) : String :=
  match n with
  | .str _ s => s
  | _ => ""

def attributeName (s : Syntax) : String :=
  match s with
  | .node _ `Lean.Parser.Attr.simple args =>
    if h : 0 < args.size then args[0].getId.toString else ""
  | .node _ k _ => lastPart k
  | _ => ""

def memStr (s : String) (l : List String) : Bool :=
  match l with
  | [] => false
  | x :: xs => if x == s then true else memStr s xs

/-- Options that weaken checks or run code. -/
def refusedOption (n : Name) : Bool :=
  match n.getRoot with
  | .str .anonymous s => memStr s ["debug", "compiler", "interpreter", "Elab", "bootstrap", "doc", "internal"]
  | _ => false

def optionName? (k : Name) (args : Array Syntax) : Option Name :=
  if k == `Lean.Parser.Command.set_option || k == `Lean.Parser.Term.set_option ||
    k == `Lean.Parser.Tactic.set_option then
    if h : 1 < args.size then some args[1].getId else none
  else none

mutual
/-- The first refused construct inside `s`. -/
partial def refused? (native : Bool) (s : Syntax) : Option Forbidden :=
  match s with
  | .node _ k args =>
    match refusedKind? k with
    | some c => some { construct := c, message := "`" ++ c ++ "` would run code of the candidate inside the checker", stx := s }
    | none =>
      if nativeKind k && !native then
        some { construct := "native_decide", message := "`native_decide` trusts the compiler; this policy does not allow it", stx := s }
      else if k == `Lean.Parser.Term.attrInstance then attributeRefused? native s args
      else match optionName? k args with
        | some n =>
          if refusedOption n then
            some { construct := "set_option " ++ n.toString, message := "option `" ++ n.toString ++ "` weakens what is checked", stx := s }
          else refusedAny? native args 0
        | none => refusedAny? native args 0
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
      match refusedCommands? native args 0 with
      | some f => some f
      | none => refused? native s
    else if !memName k allowedCommands then
      match refused? native s with
      | some f => some f
      | none => some { construct := k.toString, message := "command `" ++ k.toString ++ "` is not on the list of commands that run no code", stx := s }
    else refused? native s
  | _ => none
partial def refusedCommands? (native : Bool) (a : Array Syntax) (i : Nat) : Option Forbidden :=
  if h : i < a.size then
    match a[i] with
    | .node .. =>
      match refusedCommand? native a[i] with
      | some f => some f
      | none => refusedCommands? native a (i + 1)
    | _ => refusedCommands? native a (i + 1)
  else none
end

def forbiddenJson (fileMap : FileMap) (f : Forbidden) : Json :=
  let place (p : Option String.Pos.Raw) : Json :=
    match p with
    | some p =>
      let pos := fileMap.toPosition p
      .arr #[jsonNat pos.line, jsonNat pos.column]
    | none => .null
  Json.mkObj [("construct", .str f.construct), ("message", .str f.message),
    ("start", place f.stx.getPos?), ("end", place f.stx.getTailPos?)]

end Aludel
