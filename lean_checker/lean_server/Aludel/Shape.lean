module
public import Lean
public import Aludel.Table

/-!
Hashes of statements: of the term, and of what is left of it when names of binders, universes and
the order of hypotheses do not count.
-/

public section

open Lean

namespace Aludel

/-- Hash of a universe level. -/
def levelHash (u : Level) : UInt64 :=
  match u with
  | .zero => 11
  | .succ u => mixHash 13 (levelHash u)
  | .max u v => mixHash 17 (mixHash (levelHash u) (levelHash v))
  | .imax u v => mixHash 19 (mixHash (levelHash u) (levelHash v))
  | .param n => mixHash 23 n.hash
  | .mvar _ => 29

/-- Hash of a list of universe levels. -/
def levelsHash (us : List Level) : UInt64 :=
  match us with
  | [] => 31
  | u :: us => mixHash (levelHash u) (levelsHash us)

/-- Hash of a closed term in 64 bits without binder names and annotations (`Expr.hash` has only
32). -/
def termHash (e : Expr) : UInt64 :=
  match e with
  | .bvar i => mixHash 37 i.toUInt64
  | .sort u => mixHash 41 (levelHash u)
  | .const n us => mixHash 43 (mixHash n.hash (levelsHash us))
  | .app f a => mixHash 47 (mixHash (termHash f) (termHash a))
  | .lam _ d b _ => mixHash 53 (mixHash (termHash d) (termHash b))
  | .forallE _ d b _ => mixHash 59 (mixHash (termHash d) (termHash b))
  | .letE _ t v b _ => mixHash 61 (mixHash (termHash t) (mixHash (termHash v) (termHash b)))
  | .lit (.natVal v) => mixHash 67 v.toUInt64
  | .lit (.strVal s) => mixHash 71 s.hash
  | .mdata _ b => termHash b
  | .proj n i b => mixHash 73 (mixHash n.hash (mixHash i.toUInt64 (termHash b)))
  | .fvar _ => 79
  | .mvar _ => 83

/-- A set of hashes, kept as names: the library's `NameSet` needs no specialisation. -/
structure HashSet64 where
  names : NameSet := {}

/-- A hash as a name, so that it can be an element of a `NameSet` or a key of a `Table`. -/
def hashName (h : UInt64) : Name := .num .anonymous h.toNat

/-- Whether `h` is an element. -/
def HashSet64.contains (s : HashSet64) (h : UInt64) : Bool := s.names.contains (hashName h)

/-- The set with `h`. -/
def HashSet64.insert (s : HashSet64) (h : UInt64) : HashSet64 :=
  { names := s.names.insert (hashName h) }

/-! The shape. Variables of a statement are numbered as they first occur: in the conclusion, then in
the hypotheses, taken in an order that depends on the hypotheses alone. -/

/-- Numbers given to the binders of a statement as they first occur. -/
structure Numbering where
  /-- For each binder its number, 0 while it has none. -/
  numbers : Array Nat
  next : Nat := 1

/-- The number of the binder `i`, 0 while it has none. -/
def Numbering.of (n : Numbering) (i : Nat) : Nat :=
  if h : i < n.numbers.size then n.numbers[i] else 0

/-- Hash of a term below `scope` binders of the statement and `inner` ones of its own. Numbers
variables that have none, unless `fixed`. -/
partial def shapeTerm (fixed : Bool) (scope inner : Nat) (e : Expr) (n : Numbering) :
    UInt64 × Numbering :=
  match e with
  | .bvar i =>
    if i < inner then (mixHash 37 i.toUInt64, n)
    else
      let binder := scope - 1 - (i - inner)
      let known := n.of binder
      if known != 0 || fixed then (mixHash 89 known.toUInt64, n)
      else (mixHash 89 n.next.toUInt64,
        { numbers := n.numbers.set! binder n.next, next := n.next + 1 })
  | .sort u => (if u.isNeverZero then 41 else if u.isZero then 97 else 101, n)
  | .const c _ => (mixHash 43 c.hash, n)
  | .app f a =>
    let (x, n) := shapeTerm fixed scope inner f n
    let (y, n) := shapeTerm fixed scope inner a n
    (mixHash 47 (mixHash x y), n)
  | .lam _ d b _ =>
    let (x, n) := shapeTerm fixed scope inner d n
    let (y, n) := shapeTerm fixed scope (inner + 1) b n
    (mixHash 53 (mixHash x y), n)
  | .forallE _ d b _ =>
    let (x, n) := shapeTerm fixed scope inner d n
    let (y, n) := shapeTerm fixed scope (inner + 1) b n
    (mixHash 59 (mixHash x y), n)
  | .letE _ t v b _ =>
    let (x, n) := shapeTerm fixed scope inner t n
    let (y, n) := shapeTerm fixed scope inner v n
    let (z, n) := shapeTerm fixed scope (inner + 1) b n
    (mixHash 61 (mixHash x (mixHash y z)), n)
  | .mdata _ b => shapeTerm fixed scope inner b n
  | .proj s i b =>
    let (x, n) := shapeTerm fixed scope inner b n
    (mixHash 73 (mixHash s.hash (mixHash i.toUInt64 x)), n)
  | e => (termHash e, n)

/-- Types of the binders at the front, after those in `acc`, and the conclusion. -/
partial def splitBinders (e : Expr) (acc : Array Expr) : Array Expr × Expr :=
  match e with
  | .forallE _ d b _ => splitBinders b (acc.push d)
  | .mdata _ b => splitBinders b acc
  | _ => (acc, e)

/-- The binder whose hash, with the numbers known so far, is least among those not yet taken, and
that hash. -/
partial def leastBinder (types : Array Expr) (taken : Array Bool) (n : Numbering) (i : Nat)
    (best? : Option (UInt64 × Nat)) : Option (UInt64 × Nat) :=
  if h : i < types.size then
    if (if h' : i < taken.size then taken[i] else true) then leastBinder types taken n (i + 1) best?
    else
      let (x, _) := shapeTerm true i 0 types[i] n
      let x := mixHash x (n.of i).toUInt64
      let best := match best? with
        | some (y, j) => if x < y then (x, i) else (y, j)
        | none => (x, i)
      leastBinder types taken n (i + 1) (some best)
  else best?

/-- `acc` combined with the hashes of the binders not yet taken, the least first. -/
partial def shapeBinders (types : Array Expr) (taken : Array Bool) (n : Numbering) (acc : UInt64) :
    UInt64 :=
  match leastBinder types taken n 0 none with
  | none => acc
  | some (_, i) =>
    if h : i < types.size then
      let (x, n) := shapeTerm false i 0 types[i] n
      let acc := mixHash acc (mixHash x (n.of i).toUInt64)
      shapeBinders types (taken.set! i true) n acc
    else acc

/-- Hash of a statement in 64 bits up to names of binders and universes and the order of its
binders. -/
def shapeHash (e : Expr) : UInt64 :=
  let (types, conclusion) := splitBinders e #[]
  let (x, n) := shapeTerm false types.size 0 conclusion { numbers := Array.replicate types.size 0 }
  shapeBinders types (Array.replicate types.size false) n x

end Aludel
