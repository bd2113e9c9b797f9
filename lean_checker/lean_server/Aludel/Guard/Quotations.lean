module
public import Lean
public import Aludel.Guard.Options

/-!
What may be filled in by a macro. A command is judged where it stands, before macros are
expanded; `$x` in a quotation is judged by where it stands too: for terms, tactics and their parts,
and never for the name of an option, a field, an attribute or a declaration, which would be chosen
where the macro is used.
-/

public section

open Lean

namespace Aludel

/-- What `$x` may stand for: terms, tactics, and parts of them that hold no names of options,
attributes or declarations. -/
def fillableKinds : List String := [
  "term", "tactic", "tacticSeq", "tacticSeq1Indented", "tacticSeqBracketed", "conv", "convSeq",
  "convSeq1Indented", "ident", "num", "str", "char", "scientific", "hole", "syntheticHole",
  "binderIdent", "level", "simpLemma", "simpStar", "simpErase", "simpArg", "simpArgs", "rwRule",
  "rwRuleSeq", "grindParam", "grindLemma", "location", "locationHyp", "locationWildcard",
  "locationType", "elimTarget", "discharger", "optConfig", "rcasesPat", "rcasesPatMed",
  "rcasesPatLo", "rintroPat", "bracketedBinder", "explicitBinder", "implicitBinder",
  "strictImplicitBinder", "instBinder", "funBinder", "letDecl", "letIdDecl", "haveDecl",
  "haveIdDecl", "matchAlt", "matchAlts", "matchRhs", "matchDiscr", "inductionAlt", "inductionAlts",
  "inductionAltLHS", "caseArg", "typeSpec", "binderType", "extBinder", "extBinders",
  "unbracketedExplicitBinders", "bracketedExplicitBinders", "binderPred", "motive", "fieldIdx",
  "interpolatedStrKind", "enterArg", "generalizeArg", "usingArg", "simpaArgsRest", "colGt", "colGe"]

/-- Whether a kind is that of `$x`. -/
def isAntiquotKind (k : Name) : Bool :=
  match k with
  | .str _ "antiquot" => true
  | _ => false

/-- Whether a kind is that of `$x` for something that may be filled in. -/
def isFillable (k : Name) : Bool :=
  match k with
  | .str (.str p "pseudo") "antiquot" => memStr (lastPart p) fillableKinds
  | .str p "antiquot" => memStr (lastPart p) fillableKinds
  | _ => false

/-- Whether all parts are antiquotations, and one of a kind that may be filled in: how Lean reads
`$x` where more than one thing may stand. -/
def isFillableChoice (args : Array Syntax) : Bool :=
  let all := foldArray args (fun all s => all && isAntiquotKind s.getKind) (args.size > 0)
  all && foldArray args (fun any s => any || isFillable s.getKind) false

/-- Kinds that hold nothing but names. -/
def namingKinds : List Name := [
  `Lean.Parser.Term.attrInstance, `Lean.Parser.Term.attributes, `Lean.Parser.Command.declId,
  `Lean.Parser.Term.structInstLVal, `Lean.Parser.Term.quotedName,
  `Lean.Parser.Term.doubleQuotedName, `Lean.Parser.Command.namedName,
  `Lean.Parser.Command.openSimple, `Lean.Parser.Command.openOnly, `Lean.Parser.Command.openHiding,
  `Lean.Parser.Command.openRenaming, `Lean.Parser.Command.openScoped, `Lean.Parser.Syntax.cat,
  `Lean.Parser.Command.identPrec]

/-- The part of a node that is a name, where only one of them is. -/
def namingPart? (k : Name) : Option Nat :=
  if k == `Lean.Parser.Term.proj then some 2
  else if k == `Lean.Parser.Term.dotIdent then some 1
  else if k == `Lean.Parser.Term.namedArgument then some 1
  else none

/-- What is around a piece of syntax. -/
inductive Place where
  | open
  /-- Inside what is only a name. -/
  | name
  /-- Inside a local recursive declaration, before its name. -/
  | recursive

/-- What is around the part `i` of a node. -/
def placeIn (place : Place) (k : Name) (args : Array Syntax) (i : Nat) : Place :=
  match place with
  | .name => .name
  | .recursive =>
    if memStr (lastPart k) ["letIdDecl", "letEqnsDecl", "letPatDecl"] then
      if i == 0 then .name else .open
    else .recursive
  | .open =>
    if memName k namingKinds then .name
    else if k == `Lean.Parser.Term.letRecDecl then if i == 2 then .recursive else .open
    else if memStr (lastPart k) ["posConfigItem", "negConfigItem"] then .name
    else match namingPart? k with
      | some j => if i == j then .name else .open
      | none =>
        if isConfigItem k args then
          match afterAssign args 0 with
          | some j => if i < j then .name else .open
          | none => .name
        else .open

mutual
/-- The first place in `s` where a macro would fill in a name. `words` are the variables of a
notation, which Lean makes antiquotations of. -/
partial def strayAntiquot? (words : Array Name) (place : Place) (s : Syntax) : Option Syntax :=
  match s with
  | .node _ k args =>
    if isAntiquotKind k then
      match place with
      | .open => if isFillable k then none else some s
      | _ => some s
    else if k == choiceKind && isFillableChoice args then
      match place with
      | .open => none
      | _ => some s
    else strayAntiquots? words place k args 0
  | .ident _ _ n _ =>
    match place with
    | .name => if memNameArray n words then some s else none
    | _ => none
  | _ => none
/-- The same for the parts from `i` on of a node of kind `k`. -/
partial def strayAntiquots? (words : Array Name) (place : Place) (k : Name) (a : Array Syntax)
    (i : Nat) : Option Syntax :=
  if h : i < a.size then
    match strayAntiquot? words (placeIn place k a i) a[i] with
    | some s => some s
    | none => strayAntiquots? words place k a (i + 1)
  else none
end

mutual
/-- The variables of a notation. -/
partial def notationWords (acc : Array Name) (s : Syntax) : Array Name :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Command.identPrec then
      if h : 0 < args.size then acc.push args[0].getId else acc
    else notationWordsOf acc args 0
  | _ => acc
/-- The variables in parts from `i` on, after `acc`. -/
partial def notationWordsOf (acc : Array Name) (a : Array Syntax) (i : Nat) : Array Name :=
  if h : i < a.size then notationWordsOf (notationWords acc a[i]) a (i + 1) else acc
end

/-- The right side of a notation, whose variables are names inside names. -/
partial def strayNotation? (s : Syntax) : Option Syntax :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Command.notation then
      let words := notationWords #[] s
      if h : 0 < args.size then strayAntiquot? words .open args[args.size - 1] else none
    else if k == `Lean.Parser.Command.in then
      foldArray args (fun found s =>
        match found with
        | some f => some f
        | none => strayNotation? s) none
    else none
  | _ => none

/-- The refusal of a name that a macro fills in. -/
def filledForbidden (s : Syntax) : Forbidden :=
  { construct := "antiquotation", stx := s,
    message := "a macro may be given terms and tactics: it may not fill in the name of an option, \
      a field, an attribute or a declaration" }

/-- What a macro or notation would fill in that it may not. -/
def filledName? (s : Syntax) : Option Forbidden :=
  match strayAntiquot? #[] .open s with
  | some s => some (filledForbidden s)
  | none =>
    match strayNotation? s with
    | some s => some (filledForbidden s)
    | none => none

end Aludel
