module
public import Lean
public import Aludel.Compat

/-!
Loops over arrays, and JSON. The embedded toolchain ships no IR of imported modules, so polymorphic
functions of the library cannot be specialised here; loops are our own, and JSON is built from
constructors.
-/

public section

open Lean

namespace Aludel

/-- Folds `f` over the elements of `a` from index `i` on, starting with `s`. -/
@[specialize] partial def foldArray {α σ : Type} (a : Array α) (f : σ → α → σ) (s : σ)
    (i : Nat := 0) : σ :=
  if h : i < a.size then foldArray a f (f s a[i]) (i + 1) else s

/-- Folds the action `f` over the elements of `a` from index `i` on, starting with `s`. -/
@[specialize] partial def foldArrayIO {α σ : Type} (a : Array α) (f : σ → α → IO σ) (s : σ)
    (i : Nat := 0) : IO σ := do
  if h : i < a.size then
    let s ← f s a[i]
    foldArrayIO a f s (i + 1)
  else return s

/-- The elements of `a` from index `i` on, in order, as a list. -/
partial def nameList (a : Array Name) (i : Nat := 0) : List Name :=
  if h : i < a.size then a[i] :: nameList a (i + 1) else []

/-- Whether `n` is an element of the list `l`. -/
def memName (n : Name) (l : List Name) : Bool :=
  match l with
  | [] => false
  | x :: xs => if x == n then true else memName n xs

/-- Whether `n` is an element of `a` at index `i` or later. -/
partial def memNameArray (n : Name) (a : Array Name) (i : Nat := 0) : Bool :=
  if h : i < a.size then
    if a[i] == n then true else memNameArray n a (i + 1)
  else false

/-- A natural number as JSON. -/
def jsonNat (n : Nat) : Json := .num (JsonNumber.fromNat n)

/-- An array of names as a JSON array of strings. -/
def jsonNames (a : Array Name) : Json :=
  .arr (foldArray a (fun acc n => acc.push (.str n.toString)) #[])

/-- A string as JSON; `null` for `none`. -/
def jsonOptStr (s : Option String) : Json :=
  match s with
  | some s => .str s
  | none => .null

/-! Reading requests. A field that is absent or of another type gives the default. -/

/-- The string in field `k` of `j`, or `d`. -/
def getStr (j : Json) (k : String) (d : String := "") : String :=
  match j.getObjVal? k with
  | .ok (.str s) => s
  | _ => d

/-- The string in field `k` of `j`, or `none`. -/
def getStr? (j : Json) (k : String) : Option String :=
  match j.getObjVal? k with
  | .ok (.str s) => some s
  | _ => none

/-- The whole number in field `k` of `j`, or `d`. A negative one gives 0. -/
def getNat (j : Json) (k : String) (d : Nat) : Nat :=
  match j.getObjVal? k with
  | .ok (.num n) => if n.exponent == 0 then n.mantissa.toNat else d
  | _ => d

/-- The truth value in field `k` of `j`, or `d`. -/
def getBool (j : Json) (k : String) (d : Bool) : Bool :=
  match j.getObjVal? k with
  | .ok (.bool b) => b
  | _ => d

/-- The strings of the array in field `k` of `j`, or `none`. Elements of other types are left
out. -/
def getStrs? (j : Json) (k : String) : Option (Array String) :=
  match j.getObjVal? k with
  | .ok (.arr a) =>
    some (foldArray a (fun acc x => match x with | .str s => acc.push s | _ => acc) #[])
  | _ => none

/-- The name that a text such as `Nat.add_comm` spells. Numeric parts stay strings: no theorem of
interest has them. -/
def nameOfString (s : String) : Name := s.toName

/-- A request that cannot be answered: the field at fault and what is wrong with it. -/
structure BadRequest where
  field : String
  message : String

/-- The result of an operation, or the fault in its request. -/
abbrev Answer := Except BadRequest Json

end Aludel
