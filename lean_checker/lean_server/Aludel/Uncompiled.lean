module
public import Lean
public import Aludel.Basic

/-!
Definitions made `noncomputable` before they are elaborated. A candidate's declarations lose their
code after each command (`Code`), but tactics may run in the middle of one: a proof that a function
terminates is elaborated when other functions of the same command have already been compiled.
-/

public section

open Lean

namespace Aludel

/-- Declarations for which Lean generates code. -/
def computingKinds : List Name := [
  `Lean.Parser.Command.definition, `Lean.Parser.Command.abbrev, `Lean.Parser.Command.instance,
  `Lean.Parser.Command.opaque]

/-- The index, among the modifiers of a declaration, of the one that says how it computes. -/
def computePlace : Nat := 4
/-- The index, among the modifiers of a declaration, of the one that says that it is partial or not
recursive. -/
def recursionPlace : Nat := 6

/-- Whether the modifiers contain `partial`. -/
def isPartial (modifiers : Array Syntax) : Bool :=
  if h : recursionPlace < modifiers.size then
    match modifiers[recursionPlace] with
    | .node _ _ #[.node _ `Lean.Parser.Command.partial _] => true
    | _ => false
  else false

/-- The modifiers with `noncomputable` among them, which Lean does not allow for partial
functions. -/
def withoutCode (s : Syntax) : Syntax :=
  match s with
  | .node i `Lean.Parser.Command.declModifiers args =>
    if h : computePlace < args.size then
      if isPartial args then s
      else
        let word :=
          Syntax.node .none `Lean.Parser.Command.noncomputable #[.atom .none "noncomputable"]
        .node i `Lean.Parser.Command.declModifiers
          (args.set computePlace (.node .none nullKind #[word]) h)
    else s
  | _ => s

mutual
/-- A command, with the definitions it holds made `noncomputable`. -/
partial def uncompiled (s : Syntax) : Syntax :=
  match s with
  | .node i k args =>
    if k == `Lean.Parser.Command.declaration then
      if h : 1 < args.size then
        if memName args[1].getKind computingKinds then
          .node i k (args.set 0 (withoutCode args[0]) (Nat.lt_of_succ_lt h))
        else s
      else s
    else if k == `Lean.Parser.Command.in || k == `Lean.Parser.Command.mutual || k == nullKind then
      .node i k (uncompiledAll args 0 #[])
    else s
  | _ => s
/-- `acc`, followed by the elements of `a` from index `i` on under `uncompiled`. -/
partial def uncompiledAll (a : Array Syntax) (i : Nat) (acc : Array Syntax) : Array Syntax :=
  if h : i < a.size then uncompiledAll a (i + 1) (acc.push (uncompiled a[i])) else acc
end

end Aludel
