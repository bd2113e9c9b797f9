module
public import Lean
public import Aludel.Basic

/-! Words that the guard knows: allowed commands and attributes, and words that begin a construct
which runs code. -/

public section

open Lean

namespace Aludel

/-- A refused construct, with the message for the user and its place. -/
structure Forbidden where
  construct : String
  message : String
  stx : Syntax
  /-- Whether it is refused only because the policy does not trust the compiler. -/
  native : Bool := false

/-- Command kinds that a candidate may use. Every other one is refused by name. -/
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
  `Lean.reduceCmd, `Lean.Parser.Command.check_failure, `Lean.Parser.Command.printEqns,
  `Lean.Parser.Command.printSig, `Lean.Parser.Command.grindPattern, `Lean.Parser.commandSeal__,
  `Lean.Parser.commandUnseal__, `Lean.Parser.Command.classAbbrev, `Lean.Parser.Command.macro,
  `Lean.Parser.Command.syntax, `Lean.Parser.Command.syntaxAbbrev, `Lean.Parser.Command.macro_rules,
  `lemma, `Mathlib.Tactic.openScoped, `Batteries.Tactic.Alias.alias]

/-- Whether `s` is an element of `l`. -/
def memStr (s : String) (l : List String) : Bool :=
  match l with
  | [] => false
  | x :: xs => if x == s then true else memStr s xs

/-- The last component of a name such as `Lean.Parser.Attr.simp` or `Lean.Attr.grind`; empty if it
is not a string. -/
def lastPart (n : Name) : String :=
  match n with
  | .str _ s => s
  | _ => ""

/-- Words that begin a construct which runs code, whatever its syntax kind is called. -/
def runningWords : List String := [
  "run_tac", "run_cmd", "run_elab", "run_meta", "run_conv", "by_elab", "include_str", "eval%",
  "unsafe", "#eval", "#eval!", "initialize", "builtin_initialize", "polyrith", "with_panel_widgets",
  "show_panel_widgets", "#widget", "plausible", "slim_check", "run_io", "#search", "#leansearch",
  "#loogle", "#moogle"]

/-- The words for the message when a node of kind `k` is refused wherever it stands. -/
def refusedKind? (k : Name) (args : Array Syntax) : Option String :=
  if k == `Lean.Parser.Command.exit then some "#exit"
  else if k.getRoot == `Lake then some k.toString
  else if memStr (lastPart k) ["bvCheck", "bvTrace", "bvTraceMacro"] then some "bv_check"
  else if h : 0 < args.size then
    match args[0] with
    | .atom _ w =>
      let w := trimmed w
      if memStr w runningWords then some w else none
    | _ => none
  else none

/-- Whether a kind is that of a proof that a SAT solver finds. -/
def isSolverKind (k : Name) : Bool := memStr (lastPart k) ["bvDecide", "bvDecideMacro"]

/-- The tactic's name when the kind is that of a proof by compiled code. -/
def nativeKind? (k : Name) : Option String :=
  if memStr (lastPart k) ["nativeDecide", "decideNative"] then some "native_decide"
  else if isSolverKind k then some "bv_decide"
  else none

/-- Attributes, written as a plain word, that only steer elaboration or proof search. -/
def allowedAttributes : List String := [
  "simp", "grind", "ext", "reducible", "irreducible", "semireducible", "instance", "inline",
  "noinline", "always_inline", "macro_inline", "specialize", "nospecialize", "default_instance",
  "elab_as_elim", "match_pattern", "refl", "symm", "trans", "congr", "class", "coe", "expose",
  "induction_eliminator", "cases_eliminator", "rfl", "deprecated", "simps", "norm_cast",
  "push_cast", "to_additive", "aesop", "gcongr", "fun_prop", "mono", "elab_without_expected_type",
  "nolint", "local", "scoped", "inherit_doc", "defeq", "unbox", "bv_normalize", "int_toBitVec",
  "spec", "wf_preprocess", "implicit_reducible"]

/-- The word of an attribute. -/
def attributeName (s : Syntax) : String :=
  match s with
  | .node _ `Lean.Parser.Attr.simple args =>
    if h : 0 < args.size then args[0].getId.toString else ""
  | .node _ k _ => lastPart k
  | _ => ""

/-- The refusal of a construct whose proof rests on the compiled form of a definition. -/
def nativeForbidden (construct : String) (stx : Syntax) : Forbidden :=
  { construct, stx, native := true,
    message := "`" ++ construct ++ "` trusts the compiler; this policy does not allow it" }

/-- A construct that needs what the embedded Lean does not have. -/
def unavailable (construct what : String) (stx : Syntax) : Forbidden :=
  let here := if System.Platform.isEmscripten then "with the embedded Lean" else "here"
  { construct, stx, message := "`" ++ construct ++ "` is not available " ++ here ++ ": " ++ what }

/-- Why a compiled proof is not available. -/
def noCodeToRun : String := "there is no code for what the proof would run"

/-- A refusal as JSON, with the place of the construct. -/
def forbiddenJson (fileMap : FileMap) (f : Forbidden) : Json :=
  let place (p : Option String.Pos.Raw) : Json :=
    match p with
    | some p =>
      let pos := fileMap.toPosition p
      .arr #[jsonNat pos.line, jsonNat pos.column]
    | none => .null
  Json.mkObj
    [("construct", .str f.construct), ("message", .str f.message), ("native", .bool f.native),
     ("start", place f.stx.getPos?), ("end", place f.stx.getTailPos?)]

end Aludel
