module
public import Lean
public import Aludel.Code
public import Aludel.Guard.Macros

/-!
The kinds of syntax that a candidate may give a meaning to: its own, tactics, and a list of
operators. Lean makes a program of each macro, notation and syntax and writes it in its own syntax
(`fun`, `match`, quotations); giving that syntax another meaning would be writing the program.
-/

public section

open Lean

namespace Aludel

/-- Commands whose declarations run at elaboration: macros, notation, syntax. -/
def templateCommands : List Name := [
  `Lean.Parser.Command.macro, `Lean.Parser.Command.macro_rules, `Lean.Parser.Command.syntax,
  `Lean.Parser.Command.syntaxAbbrev, `Lean.Parser.Command.notation, `Lean.Parser.Command.mixfix]

mutual
/-- Whether a command, or one inside its `in`, is a macro, notation or syntax. -/
partial def isTemplate (s : Syntax) : Bool :=
  match s with
  | .node _ k args =>
    if memName k templateCommands then true
    else k == `Lean.Parser.Command.in && anyTemplate args 0
  | _ => false
/-- Whether `isTemplate` holds for an element of `a` from index `i` on. -/
partial def anyTemplate (a : Array Syntax) (i : Nat) : Bool :=
  if h : i < a.size then
    if isTemplate a[i] then true else anyTemplate a (i + 1)
  else false
end

/-- The refusal of a macro, notation or syntax that runs the candidate's constant `n`. -/
def strayTemplate (n : Name) (s : Syntax) : Forbidden :=
  { construct := "macro", stx := s,
    message := "running this would run `" ++ n.toString ++
      "` inside the checker: a macro, notation or syntax may only use what the imports declare" }

/-- Operators of the library that a text may give a meaning of its own, as Mathlib does with `^`. No
program that Lean writes contains them. -/
def redefinableKinds : List String := [
  "term_+_", "term_*_", "term_/_", "term_^_", "term_%_", "term_=_", "term_≠_", "term_<_", "term_≤_",
  "term_>_", "term_≥_", "term_∣_", "term_∈_", "term_∉_", "term_∪_", "term_∩_", "term_⊆_", "term_∧_",
  "term_∨_", "term_↔_", "term_∘_", "term_⁻¹", "term_•_", "term_∘ₗ_", "term|_|"]

/-- Whether `macro_rules` may have a pattern whose root is of kind `k`. `base` is the environment in
which the text started. -/
def mayMatch (base now : Environment) (k : Name) : Bool :=
  if memStr (lastPart k) redefinableKinds then true
  else Parser.isValidSyntaxNodeKind now k && !Parser.isValidSyntaxNodeKind base k

/-- Whether a quotation names a category of tactics. -/
def isTacticCategory (args : Array Syntax) : Bool :=
  if h : 1 < args.size then memStr args[1].getId.toString ["tactic", "tacticSeq", "conv"] else false

/-- Whether a pattern of `macro_rules` quotes syntax that the candidate may give a meaning to. -/
def patternAllowed (base now : Environment) (s : Syntax) : Bool :=
  match unwrapped s with
  | .node _ k args =>
    if k == `Lean.Parser.Tactic.quot || k == `Lean.Parser.Tactic.quotSeq then true
    else if k == `Lean.Parser.Term.dynamicQuot && isTacticCategory args then true
    else if k == `Lean.Parser.Term.quot || k == `Lean.Parser.Term.dynamicQuot then
      if h : 2 < args.size then mayMatch base now (quotedKind args[args.size - 2]) else false
    else false
  | _ => false

mutual
/-- The first pattern of `macro_rules` inside `s` that is not allowed. `patterns` says that `s` is
itself a pattern. -/
partial def strayPattern? (base now : Environment) (patterns : Bool) (s : Syntax) : Option Syntax :=
  match s with
  | .node _ k args =>
    if patterns && k != nullKind then if patternAllowed base now s then none else some s
    else if k == `Lean.Parser.Term.matchAlt then
      if h : 1 < args.size then strayPattern? base now true args[1] else some s
    else strayPatterns? base now patterns args 0
  | .ident .. => if patterns then some s else none
  | _ => none
/-- The first result of `strayPattern?` among the elements of `a` from index `i` on. -/
partial def strayPatterns? (base now : Environment) (patterns : Bool) (a : Array Syntax) (i : Nat) :
    Option Syntax :=
  if h : i < a.size then
    match strayPattern? base now patterns a[i] with
    | some s => some s
    | none => strayPatterns? base now patterns a (i + 1)
  else none
end

mutual
/-- The first pattern in the `macro_rules` of a command that is not allowed. -/
partial def redefined? (base now : Environment) (s : Syntax) : Option Syntax :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Command.macro_rules then strayPatterns? base now false args 0
    else if k == `Lean.Parser.Command.in then redefinedAny? base now args 0
    else none
  | _ => none
/-- The first result of `redefined?` among the elements of `a` from index `i` on. -/
partial def redefinedAny? (base now : Environment) (a : Array Syntax) (i : Nat) : Option Syntax :=
  if h : i < a.size then
    match redefined? base now a[i] with
    | some s => some s
    | none => redefinedAny? base now a (i + 1)
  else none
end

/-! Parsers that syntax of the candidate's takes by their names. With `Lean` imported all of Lean's
are there, those of attributes, declarations and programs too: what they read would be put where the
guard has not seen it. -/

/-- Parsers that read terms and tactics, parts of them, or nothing. -/
def allowedParsers : List String := [
  "term", "tactic", "conv", "tacticSeq", "tacticSeq1Indented", "tacticSeqBracketed", "convSeq",
  "level", "prec", "prio", "rcasesPat", "rintroPat", "rcasesPatMed", "rcasesPatLo", "rcasesPatList",
  "binderIdent", "binderPred", "bracketedBinder", "explicitBinders", "unbracketedExplicitBinders",
  "bracketedExplicitBinders", "extBinder", "extBinders", "funBinder", "ident", "num", "str", "char",
  "scientific", "name", "hole", "syntheticHole", "fieldIdx", "rawIdent", "interpolatedStr",
  "location", "locationHyp", "locationWildcard", "optConfig", "config", "discharger", "simpLemma",
  "simpStar", "simpErase", "simpArg", "simpArgs", "simpArgList", "rwRule", "rwRuleSeq",
  "elimTarget", "caseArg", "matchAlts", "matchRhs", "matchDiscr", "inductionAlts", "letDecl",
  "haveDecl", "sufficesDecl", "optSemicolon", "grindParam", "grindLemma", "binderType", "ppSpace",
  "ppLine", "ppHardSpace", "ppDedent", "ppIndent", "ppHardLineUnlessUngrouped", "ppAllowUngrouped",
  "ppGroup", "colGt", "colGe", "colEq", "lineEq", "checkColGt", "checkColGe", "linebreak", "noWs",
  "ws", "eoi", "skip", "hygieneInfo"]

/-- `n` in each of some namespaces. -/
def inEach (ns : List Name) (n : Name) : List Name :=
  match ns with
  | [] => []
  | m :: ns => (m ++ n) :: inEach ns n

/-- One list after the other. -/
def joined (a b : List Name) : List Name :=
  match a with
  | [] => b
  | x :: xs => x :: joined xs b

/-- The root, a namespace, and those around it. -/
def around (ns : Name) : List Name :=
  match ns with
  | .str p _ => ns :: around p
  | _ => [.anonymous]

/-- Where Lean looks for a name: the namespaces entered and opened. -/
def lookedIn (ns : Name) (opened : List OpenDecl) : List Name :=
  match opened with
  | [] => around ns
  | .simple o _ :: os => o :: lookedIn ns os
  | .explicit _ _ :: os => lookedIn ns os

mutual
/-- `spaces`, with those that `open … in` opens before a command; a name there may itself be one
inside of another. -/
partial def openedBefore (inOpen : Bool) (s : Syntax) (spaces : List Name) : List Name :=
  match s with
  | .node _ k args =>
    if inOpen || k == `Lean.Parser.Command.open then openedInAll true args 0 spaces
    else if k == `Lean.Parser.Command.in then openedInAll false args 0 spaces
    else spaces
  | .ident _ _ n _ => if inOpen then joined (inEach spaces n) spaces else spaces
  | _ => spaces
/-- The same for parts from `i` on. -/
partial def openedInAll (inOpen : Bool) (a : Array Syntax) (i : Nat) (spaces : List Name) :
    List Name :=
  if h : i < a.size then openedInAll inOpen a (i + 1) (openedBefore inOpen a[i] spaces) else spaces
end

/-- What the opened names mean that go by `n`. -/
def renamedTo (n : Name) (opened : List OpenDecl) : List Name :=
  match opened with
  | [] => []
  | .explicit id full :: os => if id == n then full :: renamedTo n os else renamedTo n os
  | _ :: os => renamedTo n os

/-- Whether the imports, or an alias, give `n` a meaning. -/
def isKnown (base now : Environment) (n : Name) : Bool :=
  let aliased := match getAliases now n false with
    | [] => false
    | _ => true
  (base.find? n).isSome || Parser.isParserCategory base n || aliased

/-- Whether one of some names has a meaning. -/
def anyKnown (base now : Environment) (ns : List Name) : Bool :=
  match ns with
  | [] => false
  | n :: ns => if isKnown base now n then true else anyKnown base now ns

/-- Where names are looked up. -/
structure Scenery where
  base : Environment
  now : Environment
  spaces : List Name
  opened : List OpenDecl
  /-- Whether the command itself gives names another name. -/
  renames : Bool

/-- Whether syntax may take the parser `n`: one that reads terms and tactics, or the candidate's
own. -/
def mayTakeParser (s : Scenery) (n : Name) : IO Bool := do
  if memStr (lastPart n) allowedParsers then return true
  else if s.renames then return false
  else if anyKnown s.base s.now (joined (renamedTo n s.opened) (inEach s.spaces n)) then
    return false
  else return !(← Parser.isParserAlias n)

mutual
/-- The first parser in `s` that syntax may not take by its name. -/
partial def strayParser? (may : Name → IO Bool) (s : Syntax) : IO (Option Syntax) := do
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Syntax.cat then
      if h : 0 < args.size then
        if ← may args[0].getId then return none else return some s
      else return some s
    else strayParsers? may args 0
  | _ => return none
/-- The first such parser in parts from `i` on. -/
partial def strayParsers? (may : Name → IO Bool) (a : Array Syntax) (i : Nat) :
    IO (Option Syntax) := do
  if h : i < a.size then
    match ← strayParser? may a[i] with
    | some s => return some s
    | none => strayParsers? may a (i + 1)
  else return none
end

/-- The refusal of a parser. -/
def parserForbidden (s : Syntax) : Forbidden :=
  { construct := "syntax", stx := s,
    message := "syntax of one's own may read terms and tactics and their parts; another parser of \
      Lean's may not be taken by its name" }

/-- What is wrong with the parsers that a command takes. -/
def parserRefused? (base now : Environment) (ns : Name) (opened : List OpenDecl) (s : Syntax) :
    IO (Option Forbidden) := do
  if isTemplate s then
    let spaces := openedBefore false s (lookedIn ns opened)
    let scenery : Scenery := { base, now, spaces, opened, renames := mentions "renaming" s }
    match ← strayParser? (fun n => mayTakeParser scenery n) s with
    | none => return none
    | some s => return some (parserForbidden s)
  else return none

/-- The refusal of such a pattern. -/
def redefinedForbidden (s : Syntax) : Forbidden :=
  { construct := "macro_rules", stx := s,
    message :=
      "`macro_rules` may give a meaning to syntax of one's own, to tactics and to operators such \
        as `+`: with other syntax Lean itself writes programs that run inside the checker" }

/-- The first new parser whose name is that of syntax known before. -/
def takenKind? (before env : Environment) : Option Name :=
  foldArray (newConstants before env) (fun (found : Option Name) n =>
    let kind := privateToUserName n
    if found.isSome || !Parser.isValidSyntaxNodeKind before kind then found else some kind) none

/-- The refusal of syntax under a name that is taken. -/
def takenForbidden (n : Name) (s : Syntax) : Forbidden :=
  { construct := "syntax", stx := s,
    message := "there is syntax of the name `" ++ n.toString ++ "` already" }

end Aludel
