module
public import Lean
public import Aludel.Guard.Options

/-! Macros, notation and syntax: they run at elaboration. -/

public section

open Lean

namespace Aludel

/-! A macro's right side runs as a program, unless it is a quotation without programs inside. -/

/-- `$(…)` inside a quotation is a program; `$x` and `$x:term` stand for what the macro was given. Lean
parses it outside of quotations too: `notation` makes one of its right side. -/
def isProgramAntiquot (k : Name) : Bool := lastPart k == "antiquotNestedExpr"

def isQuotation (k : Name) : Bool :=
  memStr k.toString ["Lean.Parser.Term.quot", "Lean.Parser.Tactic.quot", "Lean.Parser.Tactic.quotSeq"]

/-- `` `(tactic| …) `` as a quotation of a named category. -/
def isNamedQuotation (args : Array Syntax) : Bool :=
  if h : 1 < args.size then memStr args[1].getId.toString ["tactic", "tacticSeq", "term", "conv"] else false

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
  | .node _ k args => isQuotation k || (k == `Lean.Parser.Term.dynamicQuot && isNamedQuotation args)
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

/-- What a quotation in a pattern matches: the kind of its root. -/
partial def quotedKind (s : Syntax) : Name :=
  match s with
  | .node _ (.str k "antiquot") _ => k
  | .node _ k args =>
    if k == nullKind && args.size == 1 then
      if h : 0 < args.size then quotedKind args[0] else k
    else k
  | .ident .. => identKind
  | _ => .anonymous

/-- Right sides of `macro_rules`. -/
partial def alternativesRefused (s : Syntax) : Bool :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Term.matchAlt then
      if h : 1 < args.size then !isPureQuotation args[args.size - 1] else true
    else anyAlternative args 0
  | _ => false
where
  anyAlternative (a : Array Syntax) (i : Nat) : Bool :=
    if h : i < a.size then
      if alternativesRefused a[i] then true else anyAlternative a (i + 1)
    else false

/-- `(name := num)`: a syntax of the candidate's that goes as a literal. -/
def namesLiterals (args : Array Syntax) : Bool :=
  foldArray args (fun found s =>
    match s with
    | .ident _ _ n _ => found || isLiteralKind n
    | _ => found) false

def macroRefused? (k : Name) (s : Syntax) (args : Array Syntax) : Option Forbidden :=
  let refused := if k == `Lean.Parser.Command.macroTail then macroTailRefused args
    else if k == `Lean.Parser.Command.syntax then syntaxCategoryRefused args
    else if k == `Lean.Parser.Command.macro_rules then alternativesRefused s
    else if k == `Lean.Parser.Command.namedName then namesLiterals args
    else isCommandQuotation k args || isProgramAntiquot k
  if refused then some { construct := "macro", message := macroMessage, stx := s }
  else if k == `Lean.Parser.Command.optKind then
    some { construct := "kind", message := "leave `(kind := …)` out: the patterns say what is given a meaning", stx := s }
  else none

end Aludel
