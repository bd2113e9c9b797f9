module
public import Lean
public import Aludel.Guard.Words

/-!
Names to which Lean's compiler gives a meaning. It takes the code of `f` from a constant
`f._unsafe_rec` where there is one, and calls what it makes of `f` by names such as `f._redArg` and
`f._boxed`: who declares a constant of such a name decides what runs. Names are judged by their
parts, when the command that declared them has ended, however it came by them.
-/

public section

open Lean

namespace Aludel

/-- Parts of names that the compiler or this program gives a meaning to. -/
def reservedParts : List String := [
  "_unsafe_rec", "_override", "_impl", "_redArg", "_rarg", "_boxed", "_private", "_tmp", "_neutral",
  "_unboxed"]

/-- Beginnings of such parts. -/
def reservedBeginnings : List String := [
  "_cstage", "_aux_", "_lambda", "_lam_", "_elam", "_spec", "_at_", "_closed", "_jp_",
  "_aludel_example_"]

/-- Whether a text begins with one of a list. -/
def startsWithAny (s : String) (l : List String) : Bool :=
  match l with
  | [] => false
  | x :: xs => if s.startsWith x then true else startsWithAny s xs

/-- Whether a part of a name is one that no text may declare. -/
def isReservedPart (s : String) : Bool :=
  memStr s reservedParts || startsWithAny s reservedBeginnings

/-- What Lean and this program may call something, where they do: programs of macros, and
`example`s. -/
structure Given where
  macros : Bool := false
  examples : Bool := false

/-- Whether a reserved part is one of those. -/
def Given.covers (g : Given) (s : String) : Bool :=
  (g.macros && s.startsWith "_aux_") || (g.examples && s.startsWith "_aludel_example_")

/-- Whether a part of `n` is reserved and not given by Lean or this program. -/
def hasReservedPart (g : Given) (n : Name) : Bool :=
  match n with
  | .str p s => (isReservedPart s && !g.covers s) || hasReservedPart g p
  | .num p _ => hasReservedPart g p
  | .anonymous => false

/-- A name as its text gives it, without what Lean adds for privacy and hygiene. -/
def plainName (n : Name) : Name := (privateToUserName n.eraseMacroScopes).eraseMacroScopes

/-- Whether Lean made `n` itself: a function's compiled version is unsafe or partial, as nothing
that a text declares is. -/
def isOwnVersion (env : Environment) (g : Given) (n : Name) : Bool :=
  match plainName n, env.find? n with
  | .str p "_unsafe_rec", some ci => (ci.isUnsafe || ci.isPartial) && !hasReservedPart g p
  | _, _ => false

/-- `example`s are elaborated under this name. -/
def exampleName (n : Nat) : Name := Name.mkSimple ("_aludel_example_" ++ toString n)

/-- Whether a candidate declared `n` and may not. -/
def isReservedName (env : Environment) (g : Given) (n : Name) : Bool :=
  hasReservedPart g (plainName n) && !isOwnVersion env g n

/-- The refusal of a reserved name. -/
def reservedForbidden (n : Name) (s : Syntax) : Forbidden :=
  { construct := "name", stx := s,
    message := "`" ++ (plainName n).toString ++
      "` may not be declared: Lean's compiler, or this checker, gives a meaning to such names" }

end Aludel
