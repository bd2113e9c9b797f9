module
public import Lean
public import Aludel.Basic

/-! A hash table with names as keys; the library's tables cannot be specialised here. -/

public section

open Lean

namespace Aludel

/-- Folds `f` over the elements of `l`, starting with `s`. `List.foldl` cannot be specialised
here. -/
@[specialize] def foldList {α σ : Type} (l : List α) (f : σ → α → σ) (s : σ) : σ :=
  match l with
  | [] => s
  | x :: xs => foldList xs f (f s x)

/-- Folds the action `f` over the elements of `l`, starting with `s`. -/
@[specialize] def foldListIO {α σ : Type} (l : List α) (f : σ → α → IO σ) (s : σ) : IO σ := do
  match l with
  | [] => return s
  | x :: xs =>
    let s ← f s x
    foldListIO xs f s

/-- The number of elements. -/
@[inline] def countList {α : Type} (l : List α) : Nat := foldList l (fun n _ => n + 1) 0

/-- The elements of `a` in reverse, then those of `b`. -/
@[inline] def reverseOnto {α : Type} (a b : List α) : List α := foldList a (fun l x => x :: l) b

/-- A hash table from names to values. -/
structure Table (α : Type) where
  buckets : Array (List (Name × α))

/-- A table of `size` empty buckets. It does not grow. -/
@[inline] def Table.empty {α : Type} (size : Nat) : Table α :=
  { buckets := Array.replicate size [] }

/-- The value of `n` in one bucket. -/
@[inline] def findEntry {α : Type} (l : List (Name × α)) (n : Name) : Option α :=
  foldList l (fun (found : Option α) p => match found with
    | some v => some v
    | none => if p.1 == n then some p.2 else none) none

/-- The bucket with the entry of `n` replaced by `f` of it; `f none` when there is none. -/
@[specialize] def alterEntry {α : Type} (l : List (Name × α)) (n : Name) (f : Option α → α) :
    List (Name × α) :=
  match l with
  | [] => [(n, f none)]
  | (k, v) :: rest => if k == n then (k, f (some v)) :: rest else (k, v) :: alterEntry rest n f

/-- The table with the entry of `n` replaced by `f` of it; `f none` when there is none. -/
@[inline] def Table.alter {α : Type} (t : Table α) (n : Name) (f : Option α → α) : Table α :=
  let i := n.hash.toNat % t.buckets.size
  if h : i < t.buckets.size then
    let old := t.buckets[i]
    { buckets := t.buckets.set i (alterEntry old n f) }
  else t

/-- The value of `n`. -/
@[inline] def Table.find? {α : Type} (t : Table α) (n : Name) : Option α :=
  let i := n.hash.toNat % t.buckets.size
  if h : i < t.buckets.size then findEntry t.buckets[i] n else none

/-- The table of lists with `x` in front of the list of `n`. -/
@[inline] def Table.push {α : Type} (t : Table (List α)) (n : Name) (x : α) : Table (List α) :=
  t.alter n fun old => match old with
    | some l => x :: l
    | none => [x]

/-- The list of `n`; empty when there is none. -/
@[inline] def Table.list {α : Type} (t : Table (List α)) (n : Name) : List α :=
  match t.find? n with
  | some l => l
  | none => []

end Aludel
