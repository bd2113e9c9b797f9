module
public import Lean

/-!
Loops and JSON. The embedded toolchain ships no IR of imported modules, so polymorphic functions of
the library cannot be specialised here; loops are our own, and JSON is built from constructors.
-/

public section

open Lean

namespace Aludel

/-- Calls `f` on every element, threading `s`. -/
@[specialize] partial def foldArray {α σ : Type} (a : Array α) (f : σ → α → σ) (s : σ) (i : Nat := 0) : σ :=
  if h : i < a.size then foldArray a f (f s a[i]) (i + 1) else s

/-- Calls `f` on every element in order, threading `s`. -/
@[specialize] partial def foldArrayIO {α σ : Type} (a : Array α) (f : σ → α → IO σ) (s : σ) (i : Nat := 0) : IO σ := do
  if h : i < a.size then
    let s ← f s a[i]
    foldArrayIO a f s (i + 1)
  else return s

/-- The elements of `a`, in order. -/
partial def nameList (a : Array Name) (i : Nat := 0) : List Name :=
  if h : i < a.size then a[i] :: nameList a (i + 1) else []

def memName (n : Name) (l : List Name) : Bool :=
  match l with
  | [] => false
  | x :: xs => if x == n then true else memName n xs

partial def memNameArray (n : Name) (a : Array Name) (i : Nat := 0) : Bool :=
  if h : i < a.size then
    if a[i] == n then true else memNameArray n a (i + 1)
  else false

def jsonNat (n : Nat) : Json := .num (JsonNumber.fromNat n)

def jsonNames (a : Array Name) : Json :=
  .arr (foldArray a (fun acc n => acc.push (.str n.toString)) #[])

def jsonOptStr (s : Option String) : Json :=
  match s with
  | some s => .str s
  | none => .null

/-! Reading requests. A field that is absent or of another type gives the default. -/

def getStr (j : Json) (k : String) (d : String := "") : String :=
  match j.getObjVal? k with
  | .ok (.str s) => s
  | _ => d

def getStr? (j : Json) (k : String) : Option String :=
  match j.getObjVal? k with
  | .ok (.str s) => some s
  | _ => none

def getNat (j : Json) (k : String) (d : Nat) : Nat :=
  match j.getObjVal? k with
  | .ok (.num n) => if n.exponent == 0 then n.mantissa.toNat else d
  | _ => d

def getBool (j : Json) (k : String) (d : Bool) : Bool :=
  match j.getObjVal? k with
  | .ok (.bool b) => b
  | _ => d

def getStrs? (j : Json) (k : String) : Option (Array String) :=
  match j.getObjVal? k with
  | .ok (.arr a) => some (foldArray a (fun acc x => match x with | .str s => acc.push s | _ => acc) #[])
  | _ => none

/-- `Nat.add_comm` as a name; numeric parts stay strings, as no theorem of interest has them. -/
def nameOfString (s : String) : Name := s.toName

/-- What the caller did wrong: the field and what is the matter with it. -/
structure BadRequest where
  field : String
  message : String

abbrev Answer := Except BadRequest Json

end Aludel
