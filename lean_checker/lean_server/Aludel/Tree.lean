module
public import Lean
public import Aludel.Kinds

/-!
A discrimination tree. A pattern is the list of its keys, in the order of its text: a constant with
its number of arguments, or a star where anything may stand. A term offers, at each place, the keys
under which it could unify with a pattern; an uncertain one follows every branch, so that nothing
that unifies at the transparency of instances is missed.
-/

public section

open Lean Meta

namespace Aludel

/-- A key and the number of arguments that follow it in a path. The star has no name. -/
structure Key where
  name : Name
  arity : Nat

/-- The key that matches any term. -/
def Key.star : Key := { name := .anonymous, arity := 0 }

/-- A head symbol and its number of arguments as one name. -/
def withArity (n : Name) (arity : Nat) : Name := .num n arity

/-- Head symbol and number of arguments, as `kabstract` compares them; `none` for a variable
head. -/
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

/-- One way to use a lemma: an equation in a direction, an implication, one of its premises. -/
structure Use where
  name : Name
  symm : Bool := false
  premise : Nat := 0
  /-- Whether some variable of an equation does not occur in the side that is rewritten, and stays
  open. -/
  leavesOpen : Bool := false

/-- A discrimination tree: the uses whose pattern ends here, and the subtrees by key with its
arity. -/
inductive Trie where
  | node (values : List Use) (children : List (Name × Nat × Trie))

instance : Inhabited Trie := ⟨.node [] []⟩

/-- A pattern that is to go into a tree, from some place on, and its use. -/
structure Entry where
  path : List Key
  use : Use

/-- The entries by their first key, without it, and the keys in the order of their first entries.
Looking each key up among those before it would cost the square of their number: a large library has
thousands below one head. -/
def byFirstKey (entries : List Entry) : Table (List Entry) × List Key :=
  foldList entries (fun (s : Table (List Entry) × List Key) e =>
    match e.path with
    | [] => s
    | k :: rest =>
      let keys := if (s.1.find? k.name).isSome then s.2 else k :: s.2
      (s.1.push k.name { e with path := rest }, keys)) (Table.empty 4, [])

/-- The tree of the entries. -/
partial def Trie.build (entries : List Entry) : Trie :=
  let values := foldList entries (fun (l : List Use) e =>
    match e.path with
    | [] => e.use :: l
    | _ => l) []
  let (groups, keys) := byFirstKey entries
  .node values (children groups keys [])
where
  children (groups : Table (List Entry)) (keys : List Key) (acc : List (Name × Nat × Trie)) :
      List (Name × Nat × Trie) :=
    match keys with
    | [] => acc
    | k :: rest =>
      let child := Trie.build (groups.list k.name)
      children groups rest ((k.name, k.arity, child) :: acc)

/-! Patterns. Variables of a lemma are its loose bound variables; those bound inside are stars as
well. -/

mutual
/-- The keys of a pattern, then `rest`. `unfolded` says that it stands where Lean unfolds every
definition. -/
partial def patternPath (c : KindCache) (unfolded : Bool) (e : Expr) (rest : List Key) :
    IO (List Key) := do
  match e with
  | .sort _ => return { name := withArity `_sort 0, arity := 0 } :: rest
  | .mdata _ e => patternPath c unfolded e rest
  | .forallE _ d b _ =>
    let body ← patternPath c unfolded b rest
    let path ← patternPath c unfolded d body
    return { name := withArity `_forall 0, arity := 2 } :: path
  | _ =>
    match e.getAppFn with
    | .const n us =>
      let k ← c.kind n
      if unfolded && k.isDefinition then return Key.star :: rest
      match k.behaviour with
      | .rigid => constantPath c unfolded n us k e rest
      -- a closed one may be computed
      | .method =>
        if e.hasLooseBVars then constantPath c unfolded n us k e rest
        else return Key.star :: rest
      | _ => return Key.star :: rest
    | _ => return Key.star :: rest
/-- The keys of an application of the constant `n`, then `rest`. -/
partial def constantPath (c : KindCache) (unfolded : Bool) (n : Name) (us : List Level)
    (k : ConstKind) (e : Expr) (rest : List Key) : IO (List Key) := do
  let compared := comparedArgs (c.env.find? n) us k.args (argsOf e []) 0
  let path ← argumentPaths c unfolded compared rest
  return { name := withArity n e.getAppNumArgs, arity := countList compared } :: path
/-- The keys of compared arguments, then `rest`. Arguments that may be proofs are stars. -/
partial def argumentPaths (c : KindCache) (unfolded : Bool) (args : List (Option Compared))
    (rest : List Key) : IO (List Key) := do
  match args with
  | [] => return rest
  | a :: others =>
    let path ← argumentPaths c unfolded others rest
    match a with
    | some a => patternPath c (unfolded || a.unfolded) a.arg path
    | none => return Key.star :: path
end

/-- Whether `n` is a reducible definition whose arguments unify whenever its applications do. -/
def isTransparent (n : Name) : Bool := n == ``Ne || n == ``GT.gt || n == ``GE.ge

/-- The keys that follow the head of a pattern that stands alone. -/
def topPath (c : KindCache) (e : Expr) : IO (List Key) := do
  match e.getAppFn with
  | .const n us =>
    let k ← c.kind n
    let compared := comparedArgs (c.env.find? n) us k.args (argsOf e []) 0
    let known := match k.behaviour with
      | .flexible => isTransparent n
      | .numeral => false
      | _ => true
    if known then argumentPaths c false compared []
    else argumentPaths c false (foldList compared (fun l _ => none :: l) []) []
  | .forallE _ d b _ =>
    let body ← patternPath c false b []
    patternPath c false d body
  | _ => return []

/-! Terms. -/

mutual
/-- The patterns that a term could unify with at one place. -/
inductive Offer where
  | any
  /-- Keys with the offers of their arguments, and methods that instances implement by one of the
  keys. -/
  | views (vs : List View) (methods : List Name)
/-- A key that a term offers, and what its arguments offer. -/
inductive View where
  | mk (key : Name) (args : List Offer)
end

instance : Inhabited Offer := ⟨.any⟩

/-- The head symbol of a key made by `withArity`. -/
def keyConst (n : Name) : Name :=
  match n with
  | .num p _ => p
  | _ => n

mutual
/-- `acc` with the uses of all patterns that the offers, one after the other, may unify with. -/
partial def Trie.find (t : Trie) (stack : List Offer) (acc : List Use) : List Use :=
  match t, stack with
  | .node values _, [] => reverseOnto values acc
  | .node _ children, o :: rest => Trie.findIn children o rest acc
/-- `acc` with the uses in the subtrees that the offer `o` allows, continued with `rest`. -/
partial def Trie.findIn (children : List (Name × Nat × Trie)) (o : Offer) (rest : List Offer)
    (acc : List Use) : List Use :=
  match children with
  | [] => acc
  | (n, arity, c) :: others =>
    let acc :=
      if n.isAnonymous then Trie.find c rest acc
      else match o with
        | .any => Trie.skip c arity rest acc
        | .views vs methods =>
          if memName (keyConst n) methods then Trie.skip c arity rest acc
          else Trie.findBelow c n vs rest acc
    Trie.findIn others o rest acc
/-- `acc` with the uses in the subtree of the key `n`, for each view under that key, continued with
`rest`. -/
partial def Trie.findBelow (c : Trie) (n : Name) (vs : List View) (rest : List Offer)
    (acc : List Use) : List Use :=
  match vs with
  | [] => acc
  | .mk key args :: others =>
    let acc := if key == n then Trie.find c (reverseOnto (reverseOnto args []) rest) acc else acc
    Trie.findBelow c n others rest acc
/-- `acc` with the uses after any terms in the next `count` places, continued with `rest`. -/
partial def Trie.skip (t : Trie) (count : Nat) (rest : List Offer) (acc : List Use) : List Use :=
  match count with
  | 0 => Trie.find t rest acc
  | count + 1 =>
    match t with
    | .node _ children => Trie.skipIn children count rest acc
/-- `acc` with the uses in all subtrees, after their arguments and `count` more places, continued
with `rest`. -/
partial def Trie.skipIn (children : List (Name × Nat × Trie)) (count : Nat) (rest : List Offer)
    (acc : List Use) : List Use :=
  match children with
  | [] => acc
  | (_, arity, c) :: others => Trie.skipIn others count rest (Trie.skip c (count + arity) rest acc)
end

end Aludel
