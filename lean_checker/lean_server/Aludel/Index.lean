module
public import Lean
public import Aludel.Unfold

/-!
The index of an environment's lemmas: equations and equivalences by their sides, implications by
their conclusion and by each premise. The heads are tabulated at once; the tree below a head grows
when a statement first asks for it.
-/

public section

open Lean Meta

namespace Aludel

/-- The conclusion of a statement, below its binders. -/
def conclusion (e : Expr) : Expr := resultOf e

/-- The two sides of an equation or equivalence. -/
def sides? (e : Expr) : Option (Expr × Expr) :=
  match e with
  | .app (.app (.app (.const n _) _) a) b => if n == ``Eq then some (a, b) else none
  | .app (.app (.const n _) a) b => if n == ``Iff then some (a, b) else none
  | _ => none

/-- The part of a lemma a table indexes. -/
inductive Part where
  | side
  | conclusion
  | premise

/-- The table of one part of the lemmas: their uses by head, and for each head asked for, the tree
of the patterns below it. -/
structure Heads where
  part : Part
  uses : Table (List Use)
  trees : IO.Ref (Table Trie)

/-- The index of an environment's lemmas. -/
structure LemmaIndex where
  kinds : KindCache
  implementations : Implementations
  sides : Heads
  conclusions : Heads
  premises : Heads
  /-- Implications whose conclusion is a variable: they apply everywhere. -/
  universal : List Use
  /-- All lemmas that a person could name. -/
  lemmas : List Name
  /-- Lemmas by the head of their conclusion and the number of their binders. -/
  statements : Table (List Name)
  /-- Shapes of those statements, computed when first asked for. -/
  shapes : IO.Ref (Table HashSet64)

/-- Whether a person would use the lemma: not internal, not private, not support code of Lean's own
tactics. -/
def isUsableLemma (n : Name) : Bool :=
  !isInternalName n && !isPrivateName n && n.getRoot != `Lean

/-- Types of binders that may be propositions, with their positions. `ctx` as for `universeOf`. -/
partial def premisesOf (env : Environment) (ctx : List Expr) (i : Nat) (type : Expr) :
    List (Nat × Expr) :=
  match type with
  | .forallE _ d b _ =>
    let rest := premisesOf env (d :: ctx) (i + 1) b
    match universeOf env ctx d with
    | some u => if u.isNeverZero then rest else (i, d) :: rest
    | none => (i, d) :: rest
  | .mdata _ b => premisesOf env ctx i b
  | _ => []

/-- Whether the head of `e` is a bound variable. -/
def isVariable (e : Expr) : Bool :=
  match e.getAppFn with
  | .bvar _ => true
  | _ => false

/-- The last premise of a statement, as an implication with its conclusion. -/
def lastStep? (type : Expr) : Option Expr :=
  match type with
  | .forallE n d b i =>
    match b with
    | .forallE .. => lastStep? b
    | _ => some (.forallE n d b i)
  | .mdata _ b => lastStep? b
  | _ => none

/-- `¬ P` as the implication `P → False`, which Lean's unifier also takes it for. -/
def negation? (e : Expr) : Option Expr :=
  match e with
  | .app (.const n _) p =>
    if n == ``Not then some (.forallE `h p (.const ``False []) .default)
    else none
  | _ => none

/-- The terms, and for each negation among them its form as an implication too. -/
def withNegations (es : List Expr) : List Expr :=
  foldList es (fun l e => match negation? e with
    | some i => i :: e :: l
    | none => e :: l) []

/-- The forms in which the conclusion of a lemma may be used. A negation is an implication for Lean,
so a lemma that ends in `False` gives `¬ P` as well, and one that ends in `¬ P` gives `False`. -/
def conclusionForms (c : KindCache) (type : Expr) : IO (List Expr) := do
  let forms ← patternForms c (conclusion type) 4
  let forms := foldList (withNegations forms)
    (fun l e => if e.isForall then conclusion e :: e :: l else e :: l) []
  if (conclusion type).isConstOf ``False then
    match lastStep? type with
    | some e => return e :: forms
    | none => return forms
  else return forms

/-- The patterns of a lemma's use that a table for `part` holds. -/
def patternsOf (c : KindCache) (part : Part) (u : Use) (type : Expr) : IO (List Expr) := do
  match part with
  | .side =>
    match sides? (conclusion type) with
    | some (a, b) => return [if u.symm then b else a]
    | none => return []
  | .conclusion => conclusionForms c type
  | .premise =>
    match premiseAt (premisesOf c.env [] 0 type) u.premise with
    | some d => patternForms c d 4
    | none => return []
where
  premiseAt (l : List (Nat × Expr)) (i : Nat) : Option Expr :=
    match l with
    | [] => none
    | (j, d) :: rest => if i == j then some d else premiseAt rest i

/-- The table with the use `u` under the head of each term of `es`. -/
def pushForms (t : Table (List Use)) (es : List Expr) (u : Use) : Table (List Use) :=
  foldList es (fun (t : Table (List Use)) e => match headKey? e with
    | some k => t.push k u
    | none => t) t

/-- The tables of an index while they are filled. -/
structure Building where
  sides : Table (List Use) := Table.empty 4096
  conclusions : Table (List Use) := Table.empty 4096
  premises : Table (List Use) := Table.empty 4096
  universal : List Use := []
  lemmas : List Name := []
  statements : Table (List Name) := Table.empty 8192

/-- The head of a statement's conclusion and the number of its binders, as one name. -/
def statementKey (type : Expr) : Name :=
  let (binders, conclusion) := splitBinders type #[]
  match headKey? conclusion with
  | some k => withArity k binders.size
  | none => withArity `_variable binders.size

/-- `b` with the premises `l` of the lemma `n`, except those whose head is a variable. -/
def addPremises (c : KindCache) (n : Name) (l : List (Nat × Expr)) (b : Building) : IO Building :=
  foldListIO l (fun (b : Building) p => do
    if isVariable p.2 then return b
    let forms ← patternForms c p.2 4
    return { b with premises := pushForms b.premises forms { name := n, premise := p.1 } }) b

/-- Binders of a lemma, the last one first. -/
partial def bindersBack (e : Expr) (acc : List (Expr × BinderInfo)) : List (Expr × BinderInfo) :=
  match e with
  | .forallE _ d b i => bindersBack b ((d, i) :: acc)
  | .mdata _ b => bindersBack b acc
  | _ => acc

/-- Whether unifying the pattern leaves a binder open that is not an instance. A binder is found
through the pattern, through the type of another one, or with an instance. `fixed` are types of such
binders, each with the number of binders since. -/
partial def leavesOpen (pattern : Expr) (binders : List (Expr × BinderInfo)) (i : Nat)
    (fixed : List (Expr × Nat)) : Bool :=
  match binders with
  | [] => false
  | (d, info) :: rest =>
    let fixed := foldList fixed (fun acc p => (p.1, p.2 + 1) :: acc) []
    let isFound := info.isInstImplicit || pattern.hasLooseBVar i ||
      foldList fixed (fun found p => found || p.1.hasLooseBVar (p.2 - 1)) false
    if isFound then leavesOpen pattern rest (i + 1) ((d, 0) :: fixed) else true

/-- `b` with the lemma `n` of the given type. -/
def addLemma (c : KindCache) (b : Building) (n : Name) (type : Expr) : IO Building := do
  let result := conclusion type
  let b := { b with lemmas := n :: b.lemmas, statements := b.statements.push (statementKey type) n }
  let b := match sides? result with
    | some (x, y) =>
      let binders := bindersBack type []
      let sides := pushForms b.sides [x] { name := n, leavesOpen := leavesOpen x binders 0 [] }
      { b with
        sides := pushForms sides [y]
          { name := n, symm := true, leavesOpen := leavesOpen y binders 0 [] } }
    | none => b
  match premisesOf c.env [] 0 type with
  | [] => return b
  | l =>
    let b ← addPremises c n l b
    if isVariable result then return { b with universal := { name := n } :: b.universal }
    let forms ← conclusionForms c type
    return { b with conclusions := pushForms b.conclusions forms { name := n } }

/-- A table of `part` whose trees are still to be grown. -/
def newHeads (part : Part) (uses : Table (List Use)) : IO Heads := do
  let trees ← ST.Prim.mkRef (σ := IO.RealWorld) (Table.empty 512 : Table Trie)
  return { part, uses, trees }

/-- The index of all lemmas of the imports that a person could name. -/
def buildIndex (env : Environment) : IO LemmaIndex := do
  let kinds ← KindCache.new env
  let found := foldImported env (fun (acc : List (Name × Expr)) n ci =>
    if isUsableLemma n && isTheorem env n ci then (n, ci.type) :: acc else acc) []
  let b ← foldListIO found (fun (b : Building) p => addLemma kinds b p.1 p.2) {}
  let sides ← newHeads .side b.sides
  let conclusions ← newHeads .conclusion b.conclusions
  let premises ← newHeads .premise b.premises
  let shapes ← ST.Prim.mkRef (σ := IO.RealWorld) (Table.empty 1024 : Table HashSet64)
  let implementations := implementationsOf env
  return { kinds, implementations, sides, conclusions, premises, universal := b.universal,
           lemmas := b.lemmas, statements := b.statements, shapes }

/-! Retrieval. -/

/-- Whether `key` is the head of `e`. -/
def hasHead (key : Name) (e : Expr) : Bool :=
  match headKey? e with
  | some k => k == key
  | none => false

/-- The tree of the patterns below the head `key`. -/
def growTree (c : KindCache) (h : Heads) (key : Name) : IO Trie := do
  let entries ← foldListIO (h.uses.list key) (fun (acc : List Entry) u => do
    match c.env.find? u.name with
    | none => return acc
    | some ci =>
      let patterns ← patternsOf c h.part u ci.type
      foldListIO patterns (fun (acc : List Entry) e => do
        if hasHead key e then
          let path ← topPath c e
          return { path, use := u } :: acc
        else return acc) acc) []
  return Trie.build entries

/-- The tree of the patterns below the head `key`, grown when first asked for. -/
def treeOf (c : KindCache) (h : Heads) (key : Name) : IO Trie := do
  let known ← ST.Prim.Ref.get h.trees
  match known.find? key with
  | some t => return t
  | none =>
    let t ← growTree c h key
    let known ← ST.Prim.Ref.get h.trees
    ST.Prim.Ref.set h.trees (known.alter key fun _ => t)
    return t

/-- `acc` with the uses whose pattern may unify with `e`. Heads are compared without unfolding. -/
def lookUp (x : LemmaIndex) (i : OfferInput) (h : Heads) (e : Expr) (acc : List Use) :
    MetaM (List Use) := do
  match headKey? e with
  | none => return acc
  | some key =>
    match h.uses.find? key with
    | none => return acc
    | some _ =>
      let offers ← offersBelow i e
      let t ← fromIO (do let t ← treeOf x.kinds h key; return t)
      return t.find offers acc

/-- Closed subterms of a statement, each once. -/
structure Subterms where
  seen : NameSet := {}
  list : List Expr := []

/-- The set with `e`, if it is new. -/
def Subterms.add (s : Subterms) (e : Expr) : Subterms :=
  let key := hashName (termKey e)
  if s.seen.contains key then s else { seen := s.seen.insert key, list := e :: s.list }
where
  /-- Hash of a term in which free variables count, unlike in `termHash`. -/
  termKey (e : Expr) : UInt64 := mixHash e.hash e.approxDepth.toUInt64

/-- `acc` with all subterms of `e` that `kabstract` would examine. -/
partial def subterms (e : Expr) (acc : Subterms) : Subterms :=
  let acc := if e.hasLooseBVars then acc else acc.add e
  match e with
  | .app f a => subterms a (subterms f acc)
  | .lam _ d b _ => subterms b (subterms d acc)
  | .forallE _ d b _ => subterms b (subterms d acc)
  | .letE _ t v b _ => subterms b (subterms v (subterms t acc))
  | .mdata _ b => subterms b acc
  | .proj _ _ b => subterms b acc
  | _ => acc

/-- `acc` with the results of `lookUp` for each term of `es`. -/
partial def lookUpAll (x : LemmaIndex) (i : OfferInput) (h : Heads) (es : List Expr)
    (acc : List Use) : MetaM (List Use) := do
  match es with
  | [] => return acc
  | e :: rest =>
    let acc ← lookUp x i h e acc
    lookUpAll x i h rest acc

/-- Equations with a side that may rewrite a subterm of `e`. -/
def retrieveRewrites (x : LemmaIndex) (i : OfferInput) (e : Expr) : MetaM (List Use) :=
  lookUpAll x i x.sides (subterms e {}).list []

/-- Implications whose conclusion, or whose premise, may be the proposition `e`. -/
def retrieveWhole (x : LemmaIndex) (i : OfferInput) (h : Heads) (e : Expr) : MetaM (List Use) := do
  let es ← forms e
  lookUpAll x i h (withNegations es) []

/-! Statements of the library. -/

/-- The shapes of the library's statements under `key`, computed when first asked for. -/
def libraryShapes (x : LemmaIndex) (key : Name) : IO HashSet64 := do
  let known ← ST.Prim.Ref.get x.shapes
  match known.find? key with
  | some s => return s
  | none =>
    let s := foldList (x.statements.list key) (fun (s : HashSet64) n =>
      match x.kinds.env.find? n with
      | some ci => s.insert (shapeHash ci.type)
      | none => s) {}
    ST.Prim.Ref.set x.shapes (known.alter key fun _ => s)
    return s

/-- Whether the library states `type`, up to names and the order of binders. -/
def isInLibrary (x : LemmaIndex) (type : Expr) (shape : UInt64) : IO Bool := do
  let shapes ← libraryShapes x (statementKey type)
  return shapes.contains shape

end Aludel
