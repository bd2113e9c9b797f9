module
public import Lean
public import Aludel.Constants

/-!
Retrieval of rewriting lemmas. `rw` abstracts its pattern with `kabstract`, which tries unification
only at subterms with the pattern's head and number of arguments; indexing by that pair therefore
misses nothing that `rw` would find.
-/

public section

open Lean Meta

namespace Aludel

/-- A lemma and the direction in which it is used. -/
structure RwLemma where
  name : Name
  symm : Bool

/-- A hash table from heads to lemmas; the library's tables cannot be specialised here. -/
structure Table where
  buckets : Array (List (Name × Array RwLemma))

def tableSize : Nat := 8192

def Table.empty : Table := { buckets := Array.replicate tableSize [] }

def slotOf (n : Name) : Nat := n.hash.toNat % tableSize

def findEntry (l : List (Name × Array RwLemma)) (n : Name) : Array RwLemma :=
  match l with
  | [] => #[]
  | (k, v) :: rest => if k == n then v else findEntry rest n

def pushEntry (l : List (Name × Array RwLemma)) (n : Name) (x : RwLemma) : List (Name × Array RwLemma) :=
  match l with
  | [] => [(n, #[x])]
  | (k, v) :: rest => if k == n then (k, v.push x) :: rest else (k, v) :: pushEntry rest n x

def Table.push (t : Table) (n : Name) (x : RwLemma) : Table :=
  let i := slotOf n
  if h : i < t.buckets.size then
    let old := t.buckets[i]
    { buckets := t.buckets.set i (pushEntry old n x) }
  else t

def Table.find (t : Table) (n : Name) : Array RwLemma :=
  let i := slotOf n
  if h : i < t.buckets.size then findEntry t.buckets[i] n else #[]

def withArity (n : Name) (arity : Nat) : Name := .num n arity

/-- Head symbol and number of arguments, as `kabstract` compares them; none for a variable head. -/
partial def headKey? (e : Expr) : Option Name :=
  let arity := e.getAppNumArgs
  match e.getAppFn with
  | .const n _ => some (withArity n arity)
  | .proj s i _ => some (withArity (.num (.str s "_proj") i) arity)
  | .lit (.natVal v) => some (withArity (.num `_nat v) arity)
  | .lit (.strVal v) => some (withArity (.str `_str v) arity)
  | .lam .. => some (withArity `_lam arity)
  | .forallE .. => some (withArity `_forall arity)
  | .sort _ => some (withArity `_sort arity)
  | .mdata _ e => if arity == 0 then headKey? e else none
  | _ => none

def conclusion (e : Expr) : Expr :=
  match e with
  | .forallE _ _ b _ => conclusion b
  | .mdata _ b => conclusion b
  | _ => e

/-- The two sides of an equation or equivalence. -/
def sides? (e : Expr) : Option (Expr × Expr) :=
  match e with
  | .app (.app (.app (.const n _) _) a) b => if n == ``Eq then some (a, b) else none
  | .app (.app (.const n _) a) b => if n == ``Iff then some (a, b) else none
  | _ => none

structure LemmaIndex where
  table : Table
  lemmas : Nat

def addSide (t : Table) (side : Expr) (l : RwLemma) : Table :=
  match headKey? side with
  | some k => t.push k l
  | none => t

def addLemma (x : LemmaIndex) (n : Name) (type : Expr) : LemmaIndex :=
  match sides? (conclusion type) with
  | some (a, b) =>
    let t := addSide x.table a { name := n, symm := false }
    let t := addSide t b { name := n, symm := true }
    { table := t, lemmas := x.lemmas + 1 }
  | none => x

/-- Whether a person would rewrite with it: not internal, not private, not support code of Lean's own tactics. -/
def isUsableLemma (n : Name) : Bool :=
  !isInternalName n && !isPrivateName n && n.getRoot != `Lean

/-- All equalities and equivalences of the imports that a person could name in a script. -/
def buildIndex (env : Environment) : LemmaIndex :=
  foldImported env (fun (x : LemmaIndex) n ci =>
    if isUsableLemma n && isTheorem env n ci then addLemma x n ci.type else x)
    { table := Table.empty, lemmas := 0 }

/-- Heads of a statement's subterms, each once. -/
structure Keys where
  set : NameSet := {}
  list : List Name := []

def Keys.add (k : Keys) (n : Name) : Keys :=
  if k.set.contains n then k else { set := k.set.insert n, list := n :: k.list }

/-- Heads of all subterms; `kabstract` visits partial applications too. -/
partial def subtermKeys (e : Expr) (acc : Keys := {}) : Keys :=
  let acc := match headKey? e with
    | some k => acc.add k
    | none => acc
  match e with
  | .app f a => subtermKeys a (subtermKeys f acc)
  | .lam _ d b _ => subtermKeys b (subtermKeys d acc)
  | .forallE _ d b _ => subtermKeys b (subtermKeys d acc)
  | .letE _ t v b _ => subtermKeys b (subtermKeys v (subtermKeys t acc))
  | .mdata _ b => subtermKeys b acc
  | .proj _ _ b => subtermKeys b acc
  | _ => acc

end Aludel
