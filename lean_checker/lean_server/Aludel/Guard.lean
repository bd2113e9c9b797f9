module
public import Lean
public import Aludel.Basic

/-!
Which syntax a candidate may use. The server elaborates candidates in its own process, so a command
that runs code at elaboration (`#eval`, `elab`, `initialize`, unknown attributes, ...) could forge
answers: commands and attributes are an allow-list, checked on the syntax tree before the command is
elaborated. Macros are allowed when their right side is nothing but a quotation of a term or a tactic,
values of tactic options when they are literals: Lean evaluates both. Soundness does not rest on this
(`Replay` does that); the process does.
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
  `Lean.reduceCmd, `Lean.Parser.Command.check_failure, `Lean.Parser.Command.printEqns,
  `Lean.Parser.Command.printSig, `Lean.Parser.Command.grindPattern, `Lean.Parser.commandSeal__,
  `Lean.Parser.commandUnseal__, `Lean.Parser.Command.macro, `Lean.Parser.Command.syntax,
  `Lean.Parser.Command.syntaxAbbrev, `Lean.Parser.Command.macro_rules,
  `lemma, `Mathlib.Tactic.openScoped, `Batteries.Tactic.Alias.alias]

def memStr (s : String) (l : List String) : Bool :=
  match l with
  | [] => false
  | x :: xs => if x == s then true else memStr s xs

/-- The last component of `Lean.Parser.Attr.simp`, `Lean.Attr.grind` and the like. -/
def lastPart (n : Name) : String :=
  match n with
  | .str _ s => s
  | _ => ""

/-- Words that begin a construct which runs code, whatever its syntax kind is called. -/
def runningWords : List String := [
  "run_tac", "run_cmd", "run_elab", "run_meta", "by_elab", "include_str", "eval%", "unsafe", "#eval", "#eval!",
  "initialize", "builtin_initialize", "with_panel_widgets", "show_panel_widgets", "#widget"]

/-- Kinds refused wherever they stand, with the words for the message. -/
def refusedKind? (k : Name) (args : Array Syntax) : Option String :=
  if k == `Lean.Parser.Command.exit then some "#exit"
  else if memStr (lastPart k) ["bvCheck", "bvTrace", "bvTraceMacro"] then some "bv_check"
  else if h : 0 < args.size then
    match args[0] with
    | .atom _ w =>
      let w := w.trimAscii.toString
      if memStr w runningWords then some w else none
    | _ => none
  else none

def nativeKind? (k : Name) : Option String :=
  if memStr (lastPart k) ["nativeDecide", "decideNative"] then some "native_decide"
  else if memStr (lastPart k) ["bvDecide", "bvDecideMacro"] then some "bv_decide"
  else none

/-- Attributes written as a plain word that only steer elaboration or proof search. -/
def allowedAttributes : List String := [
  "simp", "grind", "ext", "reducible", "irreducible", "semireducible", "instance", "inline", "noinline",
  "always_inline", "macro_inline", "specialize", "nospecialize", "default_instance", "elab_as_elim",
  "match_pattern", "refl", "symm", "trans", "congr", "class", "coe", "expose", "induction_eliminator",
  "cases_eliminator", "rfl", "deprecated", "simps", "norm_cast", "push_cast", "to_additive", "aesop",
  "gcongr", "fun_prop", "mono", "elab_without_expected_type", "nolint", "local", "scoped", "inherit_doc",
  "defeq", "unbox", "bv_normalize", "int_toBitVec", "spec", "wf_preprocess", "implicit_reducible"]

def attributeName (s : Syntax) : String :=
  match s with
  | .node _ `Lean.Parser.Attr.simple args =>
    if h : 0 < args.size then args[0].getId.toString else ""
  | .node _ k _ => lastPart k
  | _ => ""

/-- Options that weaken checks or run code. -/
def refusedOption (n : Name) : Bool :=
  match n.getRoot with
  | .str .anonymous s => memStr s ["debug", "compiler", "interpreter", "Elab", "bootstrap", "doc", "internal"]
  | _ => false

/-! Values of tactic options: `(maxSteps := 5)`, `(config := { decide := true })`. Lean evaluates them as
programs of any kind, `unsafe` ones included. -/

/-- Names that stand for values of option types; others could be the candidate's own programs. -/
def literalNames : List String := [
  "true", "false", "none", "some", "all", "pos", "neg", "default", "instances", "reducible", "abstract"]

def isLiteralKind (k : Name) : Bool :=
  memStr (lastPart k) ["num", "str", "char", "scientific", "null", "structInst", "structInstFields",
    "structInstField", "structInstFieldDef", "structInstLVal", "optEllipsis", "anonymousCtor", "paren",
    "tuple", "hygienicLParen", "hygieneInfo", "term[_]", "«term[_]»", "term#[_,]", "«term#[_,]»", "term-_",
    "«term-_»", "dotIdent", "app"]

mutual
/-- Whether a term is built from literals and constructors of option types only. -/
partial def isLiteral (s : Syntax) : Bool :=
  match s with
  | .node _ k args =>
    if lastPart k == "structInstLVal" || lastPart k == "hygieneInfo" then true
    else isLiteralKind k && areLiterals args 0
  | .ident _ _ n _ => memStr (lastPart n) literalNames
  | .atom .. => true
  | .missing => false
partial def areLiterals (a : Array Syntax) (i : Nat) : Bool :=
  if h : i < a.size then
    if isLiteral a[i] then areLiterals a (i + 1) else false
  else true
end

mutual
partial def mentions (word : String) (s : Syntax) : Bool :=
  match s with
  | .node _ _ args => mentionsAny word args 0
  | .ident _ _ n _ => lastPart n == word
  | .atom _ w => w == word
  | .missing => false
partial def mentionsAny (word : String) (a : Array Syntax) (i : Nat) : Bool :=
  if h : i < a.size then
    if mentions word a[i] then true else mentionsAny word a (i + 1)
  else false
end

/-- What stands after `:=`, and whether there is one. -/
partial def afterAssign (a : Array Syntax) (i : Nat) : Option Nat :=
  if h : i < a.size then
    match a[i] with
    | .atom _ w => if w.trimAscii.toString == ":=" then some (i + 1) else afterAssign a (i + 1)
    | _ => afterAssign a (i + 1)
  else none

/-- Items of tactic options, by the names of their kinds in Lean, Std, Aesop and Mathlib. -/
def configRefused? (native : Bool) (k : Name) (s : Syntax) (args : Array Syntax) : Option Forbidden :=
  let part := lastPart k
  if memStr part ["posConfigItem", "negConfigItem"] then
    if mentions "native" s && !native then
      some { construct := "+native", message := "`+native` trusts the compiler; this policy does not allow it", stx := s }
    else if h : 1 < args.size then
      match args[1] with
      | .ident .. => none
      | _ => some { construct := "option", message := "an option's name must be written out", stx := s }
    else none
  else if memStr part ["valConfigItem", "config"] then
    if mentions "native" s && !native then
      some { construct := "native := true", message := "this option trusts the compiler; this policy does not allow it", stx := s }
    else
      let literal := match afterAssign args 0 with
        | some i => areLiterals args i
        | none => false
      if literal then none
      else some { construct := "option value", message := "the value of a tactic's option would run as a program inside the checker; only literals are allowed here", stx := s }
  else none

/-! Macros: their right sides run as programs, unless they are quotations without programs inside. -/

/-- `$(…)` inside a quotation is a program; `$x` and `$x:term` are not. -/
def isProgramAntiquot (k : Name) : Bool := lastPart k == "antiquotNestedExpr"

def isQuotation (k : Name) : Bool :=
  memStr k.toString ["Lean.Parser.Term.quot", "Lean.Parser.Tactic.quot", "Lean.Parser.Tactic.quotSeq"]

/-- `` `(tactic| …) `` as a quotation of a named category. -/
def isNamedQuotation (args : Array Syntax) : Bool :=
  if h : 1 < args.size then memStr args[1].getId.toString ["tactic", "tacticSeq", "term", "conv"] else false

mutual
partial def hasProgram (s : Syntax) : Bool :=
  match s with
  | .node _ k args => if isProgramAntiquot k then true else hasPrograms args 0
  | _ => false
partial def hasPrograms (a : Array Syntax) (i : Nat) : Bool :=
  if h : i < a.size then
    if hasProgram a[i] then true else hasPrograms a (i + 1)
  else false
end

/-- Nodes with one part stand for that part. -/
partial def unwrapped (s : Syntax) : Syntax :=
  match s with
  | .node _ k args =>
    if isQuotation k || k == `Lean.Parser.Term.dynamicQuot then s
    else if args.size == 1 then
      if h : 0 < args.size then unwrapped args[0] else s
    else s
  | _ => s

/-- Whether a macro's right side is one quotation of a term or of tactics. -/
def isPureQuotation (s : Syntax) : Bool :=
  match unwrapped s with
  | .node i k args =>
    let quotation := isQuotation k || (k == `Lean.Parser.Term.dynamicQuot && isNamedQuotation args)
    quotation && !hasProgram (.node i k args)
  | _ => false

def categoryName (s : Syntax) : String :=
  match s with
  | .ident _ _ n _ => n.toString
  | _ => ""

def macroCategories : List String := ["term", "tactic", "conv"]

def macroMessage : String :=
  "a macro may only be a quotation of a term or a tactic: anything else runs as a program inside the checker"

def firstIdent? (a : Array Syntax) : Option Syntax :=
  foldArray a (fun found s =>
    match found, s with
    | none, .ident .. => some s
    | found, _ => found) none

/-- `: CATEGORY => QUOTATION`. -/
def macroTailRefused (args : Array Syntax) : Bool :=
  match firstIdent? args with
  | none => true
  | some category =>
    if h : 0 < args.size then
      !(memStr (categoryName category) macroCategories && isPureQuotation args[args.size - 1])
    else true

/-- `syntax … : CATEGORY` and `syntax NAME := …` hold no program; they may not extend commands. -/
def syntaxCategoryRefused (args : Array Syntax) : Bool :=
  if h : 0 < args.size then
    match args[args.size - 1] with
    | .ident _ _ n _ => !memStr n.toString macroCategories
    | _ => true
  else true

/-- Quotations of commands stay out: what they hold has passed no allow-list. -/
def isCommandQuotation (k : Name) (args : Array Syntax) : Bool :=
  k == `Lean.Parser.Command.quot ||
    (k == `Lean.Parser.Term.dynamicQuot && !isNamedQuotation args)

/-- The right sides of `macro_rules`. -/
partial def alternativesRefused (s : Syntax) : Bool :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Term.matchAlt then
      if h : 0 < args.size then !isPureQuotation args[args.size - 1] else true
    else anyAlternative args 0
  | _ => false
where
  anyAlternative (a : Array Syntax) (i : Nat) : Bool :=
    if h : i < a.size then
      if alternativesRefused a[i] then true else anyAlternative a (i + 1)
    else false

def macroRefused? (k : Name) (s : Syntax) (args : Array Syntax) : Option Forbidden :=
  let refused := if k == `Lean.Parser.Command.macroTail then macroTailRefused args
    else if k == `Lean.Parser.Command.syntax then syntaxCategoryRefused args
    else if k == `Lean.Parser.Command.macro_rules then alternativesRefused s
    else isCommandQuotation k args
  if refused then some { construct := "macro", message := macroMessage, stx := s } else none

/-- The option a `set_option` of any syntax category names; anonymous when that is not written out. -/
def optionName? (args : Array Syntax) : Option Name :=
  if h : 1 < args.size then
    match args[0] with
    | .atom _ w =>
      if w.trimAscii.toString == "set_option" then
        match args[1] with
        | .ident _ _ n _ => some n
        | _ => some .anonymous
      else none
    | _ => none
  else none

def optionRefused? (s : Syntax) (args : Array Syntax) : Option Forbidden :=
  match optionName? args with
  | none => none
  | some .anonymous =>
    some { construct := "set_option", message := "an option's name must be written out", stx := s }
  | some n =>
    if refusedOption n then
      some { construct := "set_option " ++ n.toString, message := "option `" ++ n.toString ++ "` weakens what is checked", stx := s }
    else none

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
      else some { construct := c, message := "`" ++ c ++ "` trusts the compiler; this policy does not allow it", stx := s }
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
    if !native && isNativeReduction n then
      some { construct := n.toString, message := "`" ++ n.toString ++ "` trusts the compiler; this policy does not allow it", stx := s }
    else none
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

/-! Heartbeats: a candidate may ask for fewer than the budget, not for more, and not for no limit. -/

def isHeartbeatOption (n : Name) : Bool := lastPart n == "maxHeartbeats"

def clampNumber (limit : Nat) (s : Syntax) : Syntax :=
  match s with
  | .node i `num args =>
    match s.isNatLit? with
    | some n =>
      if n == 0 || n > limit then
        if h : 0 < args.size then
          match args[0] with
          | .atom info _ => .node i `num #[.atom info (toString limit)]
          | _ => s
        else s
      else s
    | none => s
  | _ => s

mutual
/-- Replaces larger values of `set_option maxHeartbeats` by `limit`. -/
partial def clampHeartbeats (limit : Nat) (s : Syntax) : Syntax :=
  match s with
  | .node i k args =>
    match optionName? args with
    | some n =>
      if isHeartbeatOption n then .node i k (clampNumbers limit args 0 #[])
      else .node i k (clampAll limit args 0 #[])
    | none => .node i k (clampAll limit args 0 #[])
  | _ => s
partial def clampAll (limit : Nat) (a : Array Syntax) (i : Nat) (acc : Array Syntax) : Array Syntax :=
  if h : i < a.size then clampAll limit a (i + 1) (acc.push (clampHeartbeats limit a[i])) else acc
partial def clampNumbers (limit : Nat) (a : Array Syntax) (i : Nat) (acc : Array Syntax) : Array Syntax :=
  if h : i < a.size then
    clampNumbers limit a (i + 1) (acc.push (clampNumber limit (clampHeartbeats limit a[i])))
  else acc
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
