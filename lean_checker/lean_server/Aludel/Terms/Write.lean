module
public import Lean
public import Aludel.Basic

/-!
Declarations written as data after the kernel accepted them: tables of names, levels and terms, each
entry made of earlier ones, so that shared terms stay shared. The hash tables are our own, as the
library's cannot be specialised here.
-/

public section

open Lean

namespace Aludel.Terms

/-- A hash table from values to their indices. -/
structure Buckets (α : Type) where
  slots : Array (List (α × Nat))

/-- The numbers of slots for terms, and for names and levels, of which there are fewer. -/
def exprSlots : Nat := 16384
/-- See `exprSlots`. -/
def nameSlots : Nat := 1024

/-- The slot of a hash among `count` of them. -/
def slotOf (h : UInt64) (count : Nat) : Nat := h.toNat % count

/-- The index of a name in a slot. -/
def findName (n : Name) (l : List (Name × Nat)) : Option Nat :=
  match l with
  | [] => none
  | (m, i) :: rest => if m == n then some i else findName n rest

/-- The index of a level in a slot. -/
def findLevel (u : Level) (l : List (Level × Nat)) : Option Nat :=
  match l with
  | [] => none
  | (v, i) :: rest => if v == u then some i else findLevel u rest

/-- The index of a term in a slot. Terms that are equal up to the names of binders share an
entry. -/
def findExpr (e : Expr) (l : List (Expr × Nat)) : Option Nat :=
  match l with
  | [] => none
  | (f, i) :: rest => if f == e then some i else findExpr e rest

/-- Tables written so far, and for each written name, level and term its index. -/
structure Writer where
  names : Array Json := #[.null]
  levels : Array Json := #[]
  exprs : Array Json := #[]
  knownNames : Array (List (Name × Nat))
  knownLevels : Array (List (Level × Nat))
  knownExprs : Array (List (Expr × Nat))
  /-- Bytes of all texts in the tables. -/
  bytes : Nat := 0

/-- Tables with nothing but the anonymous name, at index 0: `names` slots for names and levels,
`exprs` for terms. -/
def writerWith (names exprs : Nat) : Writer :=
  { knownNames := Array.replicate names [], knownLevels := Array.replicate names [],
    knownExprs := Array.replicate exprs [] }

/-- Tables of `slots` slots of each kind. -/
def writerOf (slots : Nat) : Writer := writerWith slots slots

/-- Tables for the declarations of a candidate. -/
def emptyWriter : Writer := writerWith nameSlots exprSlots

/-- The slot with index `i`. -/
def slotAt {α : Type} (slots : Array (List (α × Nat))) (i : Nat) : List (α × Nat) :=
  if h : i < slots.size then slots[i] else []

/-- The tables with the name `n`, and its index. Index 0 is the anonymous name. -/
partial def writeName (w : Writer) (n : Name) : Writer × Nat :=
  match n with
  | .anonymous => (w, 0)
  | .str p s => entry w p (.str s) s.utf8ByteSize
  | .num p k => entry w p (jsonNat k) 10
where
  entry (w : Writer) (p : Name) (last : Json) (bytes : Nat) : Writer × Nat :=
    let slot := slotOf n.hash w.knownNames.size
    match findName n (slotAt w.knownNames slot) with
    | some i => (w, i)
    | none =>
      let (w, pi) := writeName w p
      let i := w.names.size
      let known := (n, i) :: slotAt w.knownNames slot
      ({ w with
        bytes := w.bytes + bytes,
        names := w.names.push (.arr #[jsonNat pi, last]),
        knownNames := w.knownNames.set! slot known }, i)

/-- An entry of a word and numbers. -/
def tag (s : String) (args : Array Nat) : Json :=
  .arr (foldArray args (fun acc n => acc.push (jsonNat n)) #[.str s])

/-- The tables with the level `u`, and its index. -/
partial def writeLevel (w : Writer) (u : Level) : Writer × Nat :=
  let slot := slotOf u.hash w.knownLevels.size
  match findLevel u (slotAt w.knownLevels slot) with
  | some i => (w, i)
  | none =>
    let (w, j) := match u with
      | .zero => (w, tag "z" #[])
      | .succ v =>
        let (w, i) := writeLevel w v
        (w, tag "s" #[i])
      | .max a b =>
        let (w, i) := writeLevel w a
        let (w, k) := writeLevel w b
        (w, tag "m" #[i, k])
      | .imax a b =>
        let (w, i) := writeLevel w a
        let (w, k) := writeLevel w b
        (w, tag "i" #[i, k])
      | .param n =>
        let (w, i) := writeName w n
        (w, tag "p" #[i])
      | .mvar _ => (w, tag "?" #[])
    let i := w.levels.size
    let known := (u, i) :: slotAt w.knownLevels slot
    ({ w with levels := w.levels.push j, knownLevels := w.knownLevels.set! slot known }, i)

/-- The tables with the levels `us`, and `acc` followed by their indices. -/
def writeLevels (w : Writer) (us : List Level) (acc : Array Nat) : Writer × Array Nat :=
  match us with
  | [] => (w, acc)
  | u :: us =>
    let (w, i) := writeLevel w u
    writeLevels w us (acc.push i)

/-- The number for a binder's form. -/
def binderCode (i : BinderInfo) : Nat :=
  match i with
  | .default => 0
  | .implicit => 1
  | .strictImplicit => 2
  | .instImplicit => 3

/-- The tables with the term `e`, and its index. Metadata is left out; free variables and
metavariables have no form. -/
partial def writeExpr (w : Writer) (e : Expr) : Writer × Nat :=
  match e with
  | .mdata _ b => writeExpr w b
  | _ =>
    let slot := slotOf e.hash w.knownExprs.size
    match findExpr e (slotAt w.knownExprs slot) with
    | some i => (w, i)
    | none =>
      let (w, j) := entry w e
      let i := w.exprs.size
      let known := (e, i) :: slotAt w.knownExprs slot
      ({ w with exprs := w.exprs.push j, knownExprs := w.knownExprs.set! slot known }, i)
where
  binder (w : Writer) (t : String) (n : Name) (d b : Expr) (bi : BinderInfo) : Writer × Json :=
    let (w, n) := writeName w n
    let (w, d) := writeExpr w d
    let (w, b) := writeExpr w b
    (w, tag t #[n, d, b, binderCode bi])
  entry (w : Writer) (e : Expr) : Writer × Json :=
    match e with
    | .bvar i => (w, tag "b" #[i])
    | .sort u =>
      let (w, u) := writeLevel w u
      (w, tag "s" #[u])
    | .const n us =>
      let (w, n) := writeName w n
      let (w, us) := writeLevels w us #[n]
      (w, tag "c" us)
    | .app f a =>
      let (w, f) := writeExpr w f
      let (w, a) := writeExpr w a
      (w, tag "a" #[f, a])
    | .lam n d b bi => binder w "l" n d b bi
    | .forallE n d b bi => binder w "p" n d b bi
    | .letE n t v b nondep =>
      let (w, n) := writeName w n
      let (w, t) := writeExpr w t
      let (w, v) := writeExpr w v
      let (w, b) := writeExpr w b
      (w, tag "e" #[n, t, v, b, if nondep then 1 else 0])
    | .lit (.natVal n) =>
      let digits := toString n
      ({ w with bytes := w.bytes + digits.utf8ByteSize }, .arr #[.str "n", .str digits])
    | .lit (.strVal s) =>
      ({ w with bytes := w.bytes + s.utf8ByteSize }, .arr #[.str "t", .str s])
    | .proj n i b =>
      let (w, n) := writeName w n
      let (w, b) := writeExpr w b
      (w, tag "j" #[n, i, b])
    | .mdata .. | .fvar _ | .mvar _ => (w, tag "?" #[])

/-- The tables with the names `ns`, and `acc` followed by their indices. -/
def writeNames (w : Writer) (ns : List Name) (acc : Array Nat) : Writer × Array Nat :=
  match ns with
  | [] => (w, acc)
  | n :: ns =>
    let (w, i) := writeName w n
    writeNames w ns (acc.push i)

/-- An array of numbers as JSON. -/
def jsonNats (a : Array Nat) : Json := .arr (foldArray a (fun acc n => acc.push (jsonNat n)) #[])

/-- The number for how eagerly the kernel unfolds a definition: 0 never, 1 at once, more by
height. -/
def hintCode (h : ReducibilityHints) : Nat :=
  match h with
  | .opaque => 0
  | .abbrev => 1
  | .regular n => 2 + n.toNat

/-- The entry of a definition with its reducibility hint at the end. -/
def withHint (j : Json) (h : ReducibilityHints) : Json :=
  match j with
  | .arr a => .arr (a.push (jsonNat (hintCode h)))
  | j => j

/-- The tables with all that a constant needs, and its entry. An axiom has no value. -/
def writeConstant (w : Writer) (kind : String) (n : Name) (lps : List Name) (type : Expr)
    (value? : Option Expr) : Writer × Json :=
  let (w, n) := writeName w n
  let (w, lps) := writeNames w lps #[]
  let (w, t) := writeExpr w type
  match value? with
  | none => (w, .arr #[.str kind, jsonNat n, jsonNats lps, jsonNat t])
  | some v =>
    let (w, v) := writeExpr w v
    (w, .arr #[.str kind, jsonNat n, jsonNats lps, jsonNat t, jsonNat v])

/-- The tables with all that constructors need, and `acc` followed by their entries. -/
def writeCtors (w : Writer) (cs : List Constructor) (acc : Array Json) : Writer × Array Json :=
  match cs with
  | [] => (w, acc)
  | c :: cs =>
    let (w, n) := writeName w c.name
    let (w, t) := writeExpr w c.type
    writeCtors w cs (acc.push (jsonNats #[n, t]))

/-- The tables with all that inductive types need, and `acc` followed by their entries. -/
def writeTypes (w : Writer) (ts : List InductiveType) (acc : Array Json) : Writer × Array Json :=
  match ts with
  | [] => (w, acc)
  | t :: ts =>
    let (w, n) := writeName w t.name
    let (w, ty) := writeExpr w t.type
    let (w, cs) := writeCtors w t.ctors #[]
    writeTypes w ts (acc.push (.arr #[jsonNat n, jsonNat ty, .arr cs]))

/-- The tables with all that a declaration needs, and its entry. -/
def writeDeclaration (w : Writer) (d : Declaration) : Writer × Json :=
  match d with
  | .thmDecl v => writeConstant w "thm" v.name v.levelParams v.type (some v.value)
  | .defnDecl v =>
    let (w, j) := writeConstant w "def" v.name v.levelParams v.type (some v.value)
    (w, withHint j v.hints)
  | .opaqueDecl v => writeConstant w "opq" v.name v.levelParams v.type (some v.value)
  | .axiomDecl v => writeConstant w "axm" v.name v.levelParams v.type none
  | .inductDecl lps nparams types _ =>
    let (w, lps) := writeNames w lps #[]
    let (w, types) := writeTypes w types #[]
    (w, .arr #[.str "ind", jsonNats lps, jsonNat nparams, .arr types])
  | _ => (w, .arr #[.str "?"])

/-- Bytes that an entry of the tables takes at most, texts apart. -/
def entryBytes : Nat := 30

/-- The bytes that the tables take at most, their texts written without escapes. -/
def Writer.size (w : Writer) : Nat :=
  w.bytes + entryBytes * (w.names.size + w.levels.size + w.exprs.size)

/-- The declarations as tables; `none` when these take more than `limit` bytes. -/
def writeWithin? (limit : Nat) (ds : Array Declaration) : Option Json :=
  let (w, out) := foldArray ds (fun (s : Writer × Array Json) d =>
    if s.1.size > limit then s
    else
      let (w, j) := writeDeclaration s.1 d
      (w, s.2.push j)) (emptyWriter, #[])
  if w.size > limit then none
  else some <| Json.mkObj [("names", .arr w.names), ("levels", .arr w.levels),
    ("exprs", .arr w.exprs), ("declarations", .arr out)]

end Aludel.Terms
