module
public import Lean
public import Aludel.Guard.Options

/-! Which macros, notation and syntax the guard refuses: all of them run at elaboration. -/

public section

open Lean

namespace Aludel

/-! A macro's right side runs as a program, unless it is a quotation without programs inside. -/

/-- Whether the kind is that of `$(…)`, a program inside a quotation; `$x` and `$x:term` only stand
for an argument of the macro. Lean parses it outside of quotations too: `notation` makes one of its
right side. -/
def isProgramAntiquot (k : Name) : Bool := lastPart k == "antiquotNestedExpr"

/-- Whether the kind is that of a quotation of a term, a tactic or a sequence of tactics. -/
def isQuotation (k : Name) : Bool :=
  memStr k.toString
    ["Lean.Parser.Term.quot", "Lean.Parser.Tactic.quot", "Lean.Parser.Tactic.quotSeq"]

/-- Whether the parts are those of a quotation that names its category, `` `(tactic| …) ``, and the
category is one of terms or tactics. -/
def isNamedQuotation (args : Array Syntax) : Bool :=
  if h : 1 < args.size then memStr args[1].getId.toString ["tactic", "tacticSeq", "term", "conv"]
  else false

/-- The syntax inside nodes that have just one part. -/
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

/-- The name that an identifier spells; empty for other syntax. -/
def categoryName (s : Syntax) : String :=
  match s with
  | .ident _ _ n _ => n.toString
  | _ => ""

/-- The syntax categories that a macro may extend. -/
def macroCategories : List String := ["term", "tactic", "conv"]

/-- The message for a macro that is more than a quotation. -/
def macroMessage : String :=
  "a macro may only be a quotation of a term or a tactic: anything else runs as a program inside \
    the checker"

/-- The first identifier in `a`. -/
def firstIdent? (a : Array Syntax) : Option Syntax :=
  foldArray a (fun found s =>
    match found, s with
    | none, .ident .. => some s
    | found, _ => found) none

/-- Whether the end of a `macro`, `: CATEGORY => QUOTATION`, is refused. -/
def macroTailRefused (args : Array Syntax) : Bool :=
  match firstIdent? args with
  | none => true
  | some category =>
    if h : 0 < args.size then
      !(memStr (categoryName category) macroCategories && isPureQuotation args[args.size - 1])
    else true

/-- Whether a `syntax` command is refused for its category. `syntax … : CATEGORY` and
`syntax NAME := …` hold no program, but may not extend commands. -/
def syntaxCategoryRefused (args : Array Syntax) : Bool :=
  if h : 0 < args.size then
    match args[args.size - 1] with
    | .ident _ _ n _ => !memStr n.toString macroCategories
    | _ => true
  else true

/-- Whether the node is a quotation of commands or of an unlisted category: the allow-list never
sees what such a quotation holds. -/
def isCommandQuotation (k : Name) (args : Array Syntax) : Bool :=
  k == `Lean.Parser.Command.quot ||
    (k == `Lean.Parser.Term.dynamicQuot && !isNamedQuotation args)

/-- The kind of syntax that a quotation in a pattern matches, which is the kind of its root. -/
partial def quotedKind (s : Syntax) : Name :=
  match s with
  | .node _ (.str k "antiquot") _ => k
  | .node _ k args =>
    if k == nullKind && args.size == 1 then
      if h : 0 < args.size then quotedKind args[0] else k
    else k
  | .ident .. => identKind
  | _ => .anonymous

/-- Whether some right side of `macro_rules` is more than a quotation. -/
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

/-- Whether `(name := num)` or the like gives the candidate's syntax the name of a literal. -/
def namesLiterals (args : Array Syntax) : Bool :=
  foldArray args (fun found s =>
    match s with
    | .ident _ _ n _ => found || isLiteralKind n
    | _ => found) false

/-- The refusal of a node as part of a macro, notation or syntax. -/
def macroRefused? (k : Name) (s : Syntax) (args : Array Syntax) : Option Forbidden :=
  let refused := if k == `Lean.Parser.Command.macroTail then macroTailRefused args
    else if k == `Lean.Parser.Command.syntax then syntaxCategoryRefused args
    else if k == `Lean.Parser.Command.macro_rules then alternativesRefused s
    else if k == `Lean.Parser.Command.namedName then namesLiterals args
    else isCommandQuotation k args || isProgramAntiquot k
  if refused then some { construct := "macro", message := macroMessage, stx := s }
  else if k == `Lean.Parser.Command.optKind then
    some
      { construct := "kind", stx := s,
        message := "leave `(kind := …)` out: the patterns say what is given a meaning" }
  else none

end Aludel
