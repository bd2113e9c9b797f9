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

/-- A hash table from names to values. It grows with the number of its names. -/
structure Table (α : Type) where
  buckets : Array (List (Name × α))
  count : Nat := 0

/-- A table of `size` empty buckets. -/
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

/-- The buckets with one more entry, whose name none of them has. -/
@[inline] def insertEntry {α : Type} (buckets : Array (List (Name × α))) (entry : Name × α) :
    Array (List (Name × α)) :=
  let i := entry.1.hash.toNat % buckets.size
  if h : i < buckets.size then
    let old := buckets[i]
    buckets.set i (entry :: old)
  else buckets

/-- Folds `f` over the elements of `a` from index `i` on. What is inlined elsewhere can call only
what stands in this module. -/
@[specialize] partial def foldLists {α σ : Type} (a : Array α) (f : σ → α → σ) (s : σ)
    (i : Nat := 0) : σ :=
  if h : i < a.size then foldLists a f (f s a[i]) (i + 1) else s

/-- The table, with four times the buckets where it has more than two names for each. -/
@[inline] def Table.grown {α : Type} (t : Table α) : Table α :=
  if t.count ≤ 2 * t.buckets.size then t
  else
    let larger : Array (List (Name × α)) := Array.replicate (4 * t.buckets.size) []
    let buckets := foldLists t.buckets (fun (b : Array (List (Name × α))) l =>
      foldList l (fun (b : Array (List (Name × α))) entry => insertEntry b entry) b) larger
    { t with buckets }

/-- The table with the entry of `n` replaced by `f` of it; `f none` when there is none. -/
@[inline] def Table.alter {α : Type} (t : Table α) (n : Name) (f : Option α → α) : Table α :=
  let i := n.hash.toNat % t.buckets.size
  if h : i < t.buckets.size then
    let old := t.buckets[i]
    let count := if (findEntry old n).isSome then t.count else t.count + 1
    Table.grown { buckets := t.buckets.set i (alterEntry old n f), count }
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
