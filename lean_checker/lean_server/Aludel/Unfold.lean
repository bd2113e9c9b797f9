module
public import Lean
public import Aludel.Constants
public import Aludel.Shape
public import Aludel.Tree

/-!
The forms of a term when instances and reducible definitions unfold. Terms of the target are
unfolded by Lean's own reduction, patterns with variables by reading the definitions.
-/

public section

open Lean Meta

namespace Aludel

/-- Runs an action on references, which cannot fail, in `MetaM`. -/
@[inline] def fromIO {α : Type} (x : IO α) : MetaM α := fun _ _ _ _ =>
  IO.toEIO (fun _ => textException "a reference cannot be read") x

/-! Patterns. -/

/-- `f` applied to the arguments. -/
def applyAll (f : Expr) (args : List Expr) : Expr :=
  match args with
  | [] => f
  | a :: rest => applyAll (.app f a) rest

/-- The value of a definition at the given universes. -/
def valueOf (env : Environment) (n : Name) (us : List Level) : Option Expr :=
  match env.find? n with
  | some (.defnInfo d) => some (d.value.instantiateLevelParams d.levelParams us)
  | _ => none

/-- An instance unfolded, at most `fuel` times, to an application of its class' constructor. -/
partial def instanceStructure (env : Environment) (e : Expr) (fuel : Nat) : Option Expr :=
  match fuel, e.getAppFn with
  | fuel + 1, .const n us =>
    match env.find? n with
    | some (.ctorInfo _) => some e
    | some (.defnInfo _) =>
      match valueOf env n us with
      | some v => instanceStructure env (applyAll v (argsOf e [])).headBeta fuel
      | none => none
    | _ => none
  | _, _ => none

/-- The element with index `i`. -/
def nthArg (l : List Expr) (i : Nat) : Option Expr :=
  match l, i with
  | [], _ => none
  | x :: _, 0 => some x
  | _ :: xs, i + 1 => nthArg xs i

/-- The elements from index `i` on. -/
def dropArgs (l : List Expr) (i : Nat) : List Expr :=
  match l, i with
  | l, 0 => l
  | [], _ => []
  | _ :: xs, i + 1 => dropArgs xs i

/-- A method applied to an instance, replaced by the instance's field. -/
def unfoldMethod (env : Environment) (p : ProjectionFunctionInfo) (args : List Expr) :
    Option Expr :=
  match nthArg args p.numParams with
  | none => none
  | some inst =>
    match instanceStructure env inst 8 with
    | none => none
    | some s =>
      match nthArg (argsOf s []) (p.numParams + p.i) with
      | none => none
      | some field => some (applyAll field (dropArgs args (p.numParams + 1))).headBeta

/-- One unfolding of a pattern's head; `none` when it does not unfold. -/
def unfoldPattern (c : KindCache) (e : Expr) : IO (Option Expr) := do
  match e.getAppFn with
  | .const n us =>
    let k ← c.kind n
    match k.behaviour with
    | .method =>
      match c.env.getProjectionFnInfo? n with
      | some p => return unfoldMethod c.env p (argsOf e [])
      | none => return none
    | .flexible =>
      match valueOf c.env n us with
      | some v => return some (applyAll v (argsOf e [])).headBeta
      | none => return none
    | _ => return none
  | _ => return none

/-- A pattern and its unfoldings, at most `fuel` of them. -/
partial def patternForms (c : KindCache) (e : Expr) (fuel : Nat) : IO (List Expr) := do
  if fuel == 0 then return [e]
  match ← unfoldPattern c e with
  | none => return [e]
  | some e' =>
    let rest ← patternForms c e' (fuel - 1)
    return e :: rest

/-! Terms. -/

/-- A term and its unfoldings, at most `fuel` of them. -/
partial def termForms (e : Expr) (fuel : Nat) : MetaM (List Expr) := do
  if fuel == 0 then return [e]
  let core ← whnfCore e
  if core == e then
    match ← unfoldDefinition? e with
    | some e' =>
      let rest ← termForms e' (fuel - 1)
      return e :: rest
    | none => return [e]
  else
    let rest ← termForms core (fuel - 1)
    return e :: rest

/-- The methods that the instances of an environment implement by each head, directly or through
other methods. -/
abbrev Implementations := Table (List Name)

/-- All that the offers of terms are computed from. -/
structure OfferInput where
  kinds : KindCache
  implementations : Implementations
  /-- Offers of terms seen before, by their hash. -/
  known : IO.Ref (Table (List (Expr × Offer)))

/-- The input with no offers known. -/
def OfferInput.new (kinds : KindCache) (implementations : Implementations) : IO OfferInput := do
  let known ← ST.Prim.mkRef (σ := IO.RealWorld) (Table.empty 256 : Table (List (Expr × Offer)))
  return { kinds, implementations, known }

/-- The offer of `e` among those known. -/
def findOffer (l : List (Expr × Offer)) (e : Expr) : Option Offer :=
  match l with
  | [] => none
  | (k, v) :: rest => if k == e then some v else findOffer rest e

/-- A term and its unfoldings at the transparency of instances. -/
def forms (e : Expr) : MetaM (List Expr) := withReducibleAndInstances (termForms e 12)

/-- Whether the head stays what it is even where every definition unfolds. Other terms offer
anything there. -/
def isFixedHead (k : ConstKind) : Bool :=
  match k.behaviour with
  | .rigid => !k.isDefinition
  | _ => false

mutual
/-- The offer of a term. `unfolded` says that it stands where Lean unfolds every definition. -/
partial def offerOf (i : OfferInput) (unfolded : Bool) (e : Expr) : MetaM Offer := do
  let key := hashName (mixHash e.hash (if unfolded then 1 else 0))
  let t ← fromIO (ST.Prim.Ref.get i.known)
  match findOffer (t.list key) e with
  | some o => return o
  | none =>
    let o ← makeOffer i unfolded e
    let t ← fromIO (ST.Prim.Ref.get i.known)
    fromIO (ST.Prim.Ref.set i.known (t.push key (e, o)))
    return o
/-- The offer of a term that is not yet known. -/
partial def makeOffer (i : OfferInput) (unfolded : Bool) (e : Expr) : MetaM Offer := do
  match e.getAppFn with
  | .const n us =>
    -- below a binder of its own, a term is taken as it stands
    if unfolded || e.hasLooseBVars then
      let k ← fromIO (do let k ← i.kinds.kind n; return k)
      let fixed := if unfolded then isFixedHead k else match k.behaviour with
        | .rigid => true
        | _ => false
      if fixed then offerOne i unfolded n us k e [] [] [] else return .any
    else
      let es ← forms e
      offerForms i es [] []
  | .fvar _ => return .views [] []
  | .bvar _ => return .views [] []
  | .forallE _ d b _ =>
    if e.isForall then
      let domain ← offerOf i unfolded d
      let body ← offerOf i unfolded b
      return .views [.mk (withArity `_forall 0) [domain, body]] []
    else return .any
  | .sort _ => return .views [.mk (withArity `_sort 0) []] []
  | .mdata _ e => offerOf i unfolded e
  | _ => return .any
/-- The offer of a term with the forms `es`, after the views and methods of earlier forms. -/
partial def offerForms (i : OfferInput) (es : List Expr) (views : List View) (methods : List Name) :
    MetaM Offer := do
  match es with
  | [] => return .views views methods
  | e :: rest =>
    match e.getAppFn with
    | .const n us =>
      let k ← fromIO (do let k ← i.kinds.kind n; return k)
      match k.behaviour with
      | .numeral | .structure => return .any
      | .method => if e.hasFVar then offerOne i false n us k e rest views methods else return .any
      | _ => offerOne i false n us k e rest views methods
    | .fvar _ => offerForms i rest views methods
    | .sort _ => offerForms i rest (.mk (withArity `_sort 0) [] :: views) methods
    | _ => return .any
/-- The offer of a term with the form `e`, an application of the constant `n`, and the forms
`rest`. -/
partial def offerOne (i : OfferInput) (unfolded : Bool) (n : Name) (us : List Level) (k : ConstKind)
    (e : Expr) (rest : List Expr) (views : List View) (methods : List Name) : MetaM Offer := do
  let compared := comparedArgs (i.kinds.env.find? n) us k.args (argsOf e []) 0
  let args ← offerArgs i unfolded compared
  let view := View.mk (withArity n e.getAppNumArgs) args
  let methods :=
    foldList (i.implementations.list n) (fun l m => if memName m l then l else m :: l) methods
  offerForms i rest (view :: views) methods
/-- The offers of compared arguments. One that may be a proof offers anything. -/
partial def offerArgs (i : OfferInput) (unfolded : Bool) (args : List (Option Compared)) :
    MetaM (List Offer) := do
  match args with
  | [] => return []
  | a :: rest =>
    let o ← match a with
      | some a => offerOf i (unfolded || a.unfolded) a.arg
      | none => pure Offer.any
    let os ← offerArgs i unfolded rest
    return o :: os
end

/-- The offers of a term's arguments, for a lookup that compares the head first. -/
def offersBelow (i : OfferInput) (e : Expr) : MetaM (List Offer) := do
  match e.getAppFn with
  | .const n us =>
    let k ← fromIO (do let k ← i.kinds.kind n; return k)
    offerArgs i false (comparedArgs (i.kinds.env.find? n) us k.args (argsOf e []) 0)
  | .forallE _ d b _ =>
    let domain ← offerOf i false d
    let body ← offerOf i false b
    return [domain, body]
  | _ => return []

/-! Implementations. -/

/-- `acc` with the head of each field of an instance, paired with the method it implements. -/
def fieldHeads (fields : List Expr) (methods : Array Name) (i : Nat) (acc : List (Name × Name)) :
    List (Name × Name) :=
  match fields with
  | [] => acc
  | f :: rest =>
    let acc := if h : i < methods.size then
        match (body f).getAppFn with
        | .const n _ => (n, methods[i]) :: acc
        | _ => acc
      else acc
    fieldHeads rest methods (i + 1) acc
where
  body (e : Expr) : Expr :=
    match e with
    | .lam _ _ b _ => body b
    | .mdata _ b => body b
    | _ => e

/-- `acc` with the pairs of `fieldHeads` for the instance `n`. -/
def instanceHeads (env : Environment) (n : Name) (ci : ConstantInfo) (acc : List (Name × Name)) :
    List (Name × Name) :=
  if !isInstanceCore env n then acc
  else match ci with
    | .defnInfo d =>
      let value := fieldHeads.body d.value
      match value.getAppFn with
      | .const c _ =>
        match env.find? c with
        | some (.ctorInfo ctor) =>
          match getStructureInfo? env ctor.induct with
          | some s => fieldHeads (dropArgs (argsOf value []) ctor.numParams) (projections s) 0 acc
          | none => acc
        | _ => acc
      | _ => acc
    | _ => acc
where
  projections (s : StructureInfo) : Array Name :=
    foldArray s.fieldInfo (fun acc f => acc.push f.projFn) #[]

/-- Methods by the heads that implement them, while they are collected: each pair once, which
walking the lists would cost their length each time. -/
structure Collected where
  methods : Implementations := Table.empty 2048
  seen : HashSet64 := {}
  /-- The pairs of a head and a method that have been added. -/
  pairs : List (Name × Name) := []

/-- With one more method of a head. -/
def Collected.add (c : Collected) (head method : Name) : Collected :=
  let key := mixHash head.hash method.hash
  if c.seen.contains key then c
  else { methods := c.methods.push head method, seen := c.seen.insert key,
         pairs := (head, method) :: c.pairs }

/-- With one more step: methods implemented by methods. -/
def closeOnce (c : Collected) (pairs : List (Name × Name)) : Collected :=
  foldList pairs (fun c p => foldList (c.methods.list p.2) (fun c m => c.add p.1 m) c) c

/-- The methods that the instances of `env` implement by each head. -/
def implementationsOf (env : Environment) : Implementations :=
  let pairs :=
    foldImported env (fun (acc : List (Name × Name)) n ci => instanceHeads env n ci acc) []
  let c := foldList pairs (fun (c : Collected) p => c.add p.1 p.2) {}
  let direct := c.pairs
  (closeOnce (closeOnce c direct) direct).methods

end Aludel
