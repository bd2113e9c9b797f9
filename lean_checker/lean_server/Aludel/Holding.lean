module
public import Lean
public import Aludel.Index

/-!
What the search for lemmas asks: for each constant the statements that mention it, and the
statements by their conclusions. Both are made once for an import set, in linear time.
-/

public section

open Lean Meta

namespace Aludel

/-- The statements of an import set that can be found. -/
structure SearchIndex where
  kinds : KindCache
  /-- The statements, those that say least first. -/
  lemmas : Array (Name × Expr)
  /-- The places in `lemmas` of the statements that mention a constant, ascending. -/
  holding : Table (List Nat)
  /-- Whether a statement binds variables below its own binders, found out when first asked for. -/
  binding : IO.Ref (Table Bool)
  /-- Statements in print, as far as they were found before. -/
  printed : IO.Ref (Table String)
  /-- The statements by their conclusions, made when first asked for. -/
  conclusions : IO.Ref (Option (Heads × Implementations))

/-- The search indexes of import sets, each built once. -/
structure SearchCache where
  entries : IO.Ref (List (Array Name × SearchIndex))

/-! ## The order -/

/-- The number of classes by depth, and of those by the length of a name. -/
def orderClasses : Nat := 64

/-- `n`, or the last class. -/
def classOf (n : Nat) : Nat := if n < orderClasses then n else orderClasses - 1

/-- The class of a statement: by how deep it is, then by the length of its name. -/
def orderOf (n : Name) (type : Expr) : Nat :=
  classOf type.approxDepth.toNat * orderClasses + classOf n.toString.length

/-- The lists with one more statement in its class. -/
def placeInOrder (classes : Array (List (Name × Expr))) (n : Name) (type : Expr) :
    Array (List (Name × Expr)) :=
  let i := orderOf n type
  if h : i < classes.size then
    let old := classes[i]
    classes.set i ((n, type) :: old)
  else classes

/-- The statements of an environment that a person could name, those that say least first. -/
def findable (env : Environment) : Array (Name × Expr) :=
  let classes := foldImported env (fun (acc : Array (List (Name × Expr))) n ci =>
    if isUsableLemma n && isTheorem env n ci then placeInOrder acc n ci.type else acc)
    (Array.replicate (orderClasses * orderClasses) [])
  foldArray classes (fun (acc : Array (Name × Expr)) l =>
    foldList l (fun (acc : Array (Name × Expr)) x => acc.push x) acc) #[]

/-! ## Constants -/

/-- The constants that a reducible name of a relation stands for: `a > b` is `b < a`. -/
def standsFor (n : Name) : List Name :=
  if n == ``GT.gt then [``LT.lt]
  else if n == ``GE.ge then [``LE.le]
  else if n == ``Ne then [``Not, ``Eq]
  else []

/-- The table with the statement at place `i` under each of its constants. -/
def pushConstants (t : Table (List Nat)) (type : Expr) (i : Nat) : Table (List Nat) :=
  foldArray type.getUsedConstants (fun (t : Table (List Nat)) n =>
    foldList (standsFor n) (fun (t : Table (List Nat)) m => t.push m i) (t.push n i)) t

/-- The table with the statements before place `i`, the last one first. -/
partial def holdingBefore (lemmas : Array (Name × Expr)) (i : Nat) (t : Table (List Nat)) :
    Table (List Nat) :=
  match i with
  | 0 => t
  | i + 1 =>
    if h : i < lemmas.size then
      let type := lemmas[i].2
      holdingBefore lemmas i (pushConstants t type i)
    else t

/-- The search index of an environment. -/
def buildSearchIndex (env : Environment) : IO SearchIndex := do
  let kinds ← KindCache.new env
  let lemmas := findable env
  let holding := holdingBefore lemmas lemmas.size (Table.empty 16384)
  let conclusions ← ST.Prim.mkRef (σ := IO.RealWorld) (none : Option (Heads × Implementations))
  let binding ← ST.Prim.mkRef (σ := IO.RealWorld) (Table.empty 4096 : Table Bool)
  let printed ← ST.Prim.mkRef (σ := IO.RealWorld) (Table.empty 1024 : Table String)
  return { kinds, lemmas, holding, binding, printed, conclusions }

/-- The search index of an import set, if it was built before. -/
def findSearchIndex (l : List (Array Name × SearchIndex)) (ms : Array Name) : Option SearchIndex :=
  match l with
  | [] => none
  | (k, v) :: rest => if sameNames k ms then some v else findSearchIndex rest ms

/-- The search index of an import set, built when first asked for. -/
def searchIndexOf (cache : SearchCache) (env : Environment) (imports : Array Name) :
    IO SearchIndex := do
  let known ← ST.Prim.Ref.get cache.entries
  match findSearchIndex known imports with
  | some x => return x
  | none =>
    let x ← buildSearchIndex env
    ST.Prim.Ref.set cache.entries ((imports, x) :: known)
    return x

/-! ## Conclusions -/

/-- The conclusions of all statements by their heads. One whose head is a variable applies
everywhere and is left out. -/
def buildConclusions (x : SearchIndex) : IO Heads := do
  let uses ← foldArrayIO x.lemmas (fun (t : Table (List Use)) p => do
    let forms ← conclusionForms x.kinds p.2
    return pushForms t forms { name := p.1 }) (Table.empty 8192)
  newHeads .conclusion uses

/-- The most statements of one head whose tree may be left to the first goal that asks. -/
def maxUngrown : Nat := 1000

/-- Grows the trees below the heads that have very many statements: the first goal would wait. -/
def growLarge (c : KindCache) (h : Heads) : IO Unit :=
  foldArrayIO h.uses.buckets (fun _ bucket =>
    foldListIO bucket (fun _ entry => do
      if countList entry.2 > maxUngrown then
        let _ ← treeOf c h entry.1
      return ()) ()) ()

/-- The table of conclusions and the implementations of methods, made when first asked for. -/
def conclusionsOf (x : SearchIndex) : IO (Heads × Implementations) := do
  let known ← ST.Prim.Ref.get x.conclusions
  match known with
  | some made => return made
  | none =>
    let heads ← buildConclusions x
    growLarge x.kinds heads
    let made := (heads, implementationsOf x.kinds.env)
    ST.Prim.Ref.set x.conclusions (some made)
    return made

/-- `acc` with the statements whose conclusion may be one of the terms `es`. -/
partial def concluding (x : SearchIndex) (i : OfferInput) (h : Heads) (es : List Expr)
    (acc : List Use) : MetaM (List Use) := do
  match es with
  | [] => return acc
  | e :: rest =>
    match headKey? e with
    | none => concluding x i h rest acc
    | some key =>
      let offers ← offersBelow i e
      let t ← fromIO (do let t ← treeOf x.kinds h key; return t)
      concluding x i h rest (t.find offers acc)

/-! ## Walking -/

/-- The list from its first element on that is not below `i`. -/
def fromPlace (l : List Nat) (i : Nat) : List Nat :=
  match l with
  | [] => []
  | x :: xs => if x < i then fromPlace xs i else l

/-- The lists from their first elements on that are not below `i`, and whether all begin with
`i`. -/
def allFrom (ls : List (List Nat)) (i : Nat) : List (List Nat) × Bool :=
  match ls with
  | [] => ([], true)
  | l :: rest =>
    let l := fromPlace l i
    let (rest, all) := allFrom rest i
    match l with
    | [] => ([] :: rest, false)
    | x :: _ => (l :: rest, all && x == i)

/-- The lists, the shortest first. -/
def shortestFirst (ls : List (Nat × List Nat)) : List (List Nat) :=
  foldList (foldList ls (fun acc l => insert l acc) []) (fun acc l => l.2 :: acc) [] |> back []
where
  insert (x : Nat × List Nat) (l : List (Nat × List Nat)) : List (Nat × List Nat) :=
    match l with
    | [] => [x]
    | y :: ys => if x.1 ≤ y.1 then x :: l else y :: insert x ys
  back (acc l : List (List Nat)) : List (List Nat) :=
    match l with
    | [] => acc
    | x :: xs => back (x :: acc) xs

end Aludel
