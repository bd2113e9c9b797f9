module
public import Lean
public import Aludel.Basic

/-!
Declarations as data: tables of names, levels and terms, each entry made of earlier ones, so that shared
terms stay shared. Written after the kernel accepted them. The library's hash maps cannot be specialised
here: tables of buckets of our own.
-/

public section

open Lean

namespace Aludel.Terms

structure Buckets (α : Type) where
  slots : Array (List (α × Nat))

def slotCount : Nat := 65536

def slotOf (h : UInt64) : Nat := (h % 65536).toNat

partial def emptySlots {α : Type} (n : Nat) (acc : Array (List (α × Nat))) : Array (List (α × Nat)) :=
  if n == 0 then acc else emptySlots (n - 1) (acc.push [])

def findName (n : Name) (l : List (Name × Nat)) : Option Nat :=
  match l with
  | [] => none
  | (m, i) :: rest => if m == n then some i else findName n rest

def findLevel (u : Level) (l : List (Level × Nat)) : Option Nat :=
  match l with
  | [] => none
  | (v, i) :: rest => if v == u then some i else findLevel u rest

/-- Equal up to the names of binders. -/
def findExpr (e : Expr) (l : List (Expr × Nat)) : Option Nat :=
  match l with
  | [] => none
  | (f, i) :: rest => if f == e then some i else findExpr e rest

structure Writer where
  names : Array Json := #[.null]
  levels : Array Json := #[]
  exprs : Array Json := #[]
  knownNames : Array (List (Name × Nat))
  knownLevels : Array (List (Level × Nat))
  knownExprs : Array (List (Expr × Nat))

def emptyWriter : Writer :=
  { knownNames := emptySlots slotCount #[], knownLevels := emptySlots slotCount #[],
    knownExprs := emptySlots slotCount #[] }

def slotAt {α : Type} (slots : Array (List (α × Nat))) (i : Nat) : List (α × Nat) :=
  if h : i < slots.size then slots[i] else []

/-- Index 0 is the anonymous name. -/
partial def writeName (w : Writer) (n : Name) : Writer × Nat :=
  match n with
  | .anonymous => (w, 0)
  | .str p s => entry w p (.str s)
  | .num p k => entry w p (jsonNat k)
where
  entry (w : Writer) (p : Name) (last : Json) : Writer × Nat :=
    let slot := slotOf n.hash
    match findName n (slotAt w.knownNames slot) with
    | some i => (w, i)
    | none =>
      let (w, pi) := writeName w p
      let i := w.names.size
      let known := (n, i) :: slotAt w.knownNames slot
      ({ w with names := w.names.push (.arr #[jsonNat pi, last]), knownNames := w.knownNames.set! slot known }, i)

def tag (s : String) (args : Array Nat) : Json :=
  .arr (foldArray args (fun acc n => acc.push (jsonNat n)) #[.str s])

partial def writeLevel (w : Writer) (u : Level) : Writer × Nat :=
  let slot := slotOf u.hash
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

def writeLevels (w : Writer) (us : List Level) (acc : Array Nat) : Writer × Array Nat :=
  match us with
  | [] => (w, acc)
  | u :: us =>
    let (w, i) := writeLevel w u
    writeLevels w us (acc.push i)

def binderCode (i : BinderInfo) : Nat :=
  match i with
  | .default => 0
  | .implicit => 1
  | .strictImplicit => 2
  | .instImplicit => 3

/-- Metadata is left out; free variables and metavariables have no form. -/
partial def writeExpr (w : Writer) (e : Expr) : Writer × Nat :=
  match e with
  | .mdata _ b => writeExpr w b
  | _ =>
    let slot := slotOf e.hash
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
    | .lit (.natVal n) => (w, .arr #[.str "n", .str (toString n)])
    | .lit (.strVal s) => (w, .arr #[.str "t", .str s])
    | .proj n i b =>
      let (w, n) := writeName w n
      let (w, b) := writeExpr w b
      (w, tag "j" #[n, i, b])
    | .mdata .. | .fvar _ | .mvar _ => (w, tag "?" #[])

def writeNames (w : Writer) (ns : List Name) (acc : Array Nat) : Writer × Array Nat :=
  match ns with
  | [] => (w, acc)
  | n :: ns =>
    let (w, i) := writeName w n
    writeNames w ns (acc.push i)

def jsonNats (a : Array Nat) : Json := .arr (foldArray a (fun acc n => acc.push (jsonNat n)) #[])

/-- How eagerly the kernel unfolds a definition: 0 never, 1 at once, more by height. -/
def hintCode (h : ReducibilityHints) : Nat :=
  match h with
  | .opaque => 0
  | .abbrev => 1
  | .regular n => 2 + n.toNat

def withHint (j : Json) (h : ReducibilityHints) : Json :=
  match j with
  | .arr a => .arr (a.push (jsonNat (hintCode h)))
  | j => j

def writeConstant (w : Writer) (kind : String) (n : Name) (lps : List Name) (type : Expr) (value? : Option Expr) :
    Writer × Json :=
  let (w, n) := writeName w n
  let (w, lps) := writeNames w lps #[]
  let (w, t) := writeExpr w type
  match value? with
  | none => (w, .arr #[.str kind, jsonNat n, jsonNats lps, jsonNat t])
  | some v =>
    let (w, v) := writeExpr w v
    (w, .arr #[.str kind, jsonNat n, jsonNats lps, jsonNat t, jsonNat v])

def writeCtors (w : Writer) (cs : List Constructor) (acc : Array Json) : Writer × Array Json :=
  match cs with
  | [] => (w, acc)
  | c :: cs =>
    let (w, n) := writeName w c.name
    let (w, t) := writeExpr w c.type
    writeCtors w cs (acc.push (jsonNats #[n, t]))

def writeTypes (w : Writer) (ts : List InductiveType) (acc : Array Json) : Writer × Array Json :=
  match ts with
  | [] => (w, acc)
  | t :: ts =>
    let (w, n) := writeName w t.name
    let (w, ty) := writeExpr w t.type
    let (w, cs) := writeCtors w t.ctors #[]
    writeTypes w ts (acc.push (.arr #[jsonNat n, jsonNat ty, .arr cs]))

/-- A declaration as the kernel got it. -/
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

def writeAll (ds : Array Declaration) : Json :=
  let (w, out) := foldArray ds (fun (s : Writer × Array Json) d =>
    let (w, j) := writeDeclaration s.1 d
    (w, s.2.push j)) (emptyWriter, #[])
  Json.mkObj [("names", .arr w.names), ("levels", .arr w.levels), ("exprs", .arr w.exprs), ("declarations", .arr out)]

end Aludel.Terms
