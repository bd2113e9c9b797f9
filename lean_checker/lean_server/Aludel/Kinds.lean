module
public import Lean
public import Aludel.Table
public import Aludel.Run

/-! Facts about constants for the index: which of their arguments tell terms apart, and which
constants unfold. -/

public section

open Lean Meta

namespace Aludel

/-- How an argument counts when two applications of the same constant are compared. -/
inductive ArgKind where
  /-- Not compared: an instance, which may unfold to another, or surely a proof, which is equal to
  any other. -/
  | skipped
  /-- Compared, unless the universe is `Prop`: then it is a proof. -/
  | compared (u : Level) (explicit : Bool)

/-- An argument that is compared. Lean unifies implicit ones with all definitions unfolded
(`isDefEqArgs`). -/
structure Compared where
  arg : Expr
  unfolded : Bool

/-- Whether some choice of its parameters could make the level 0. -/
partial def mayBeZero (u : Level) : Bool :=
  match u with
  | .zero => true
  | .succ _ => false
  | .max a b => mayBeZero a && mayBeZero b
  | .imax _ b => mayBeZero b
  | _ => true

/-- The type below all binders of `e`. -/
def resultOf (e : Expr) : Expr :=
  match e with
  | .forallE _ _ b _ => resultOf b
  | .mdata _ b => resultOf b
  | _ => e

/-- The universe in which the type `t` surely lives; `none` when unknown. `ctx` holds the types of
the binders around it, innermost first. -/
partial def universeOf (env : Environment) (ctx : List Expr) (t : Expr) : Option Level :=
  match t with
  | .forallE _ d b _ => universeOf env (d :: ctx) b
  | .mdata _ b => universeOf env ctx b
  | .sort u => some (.succ u)
  | _ =>
    match t.getAppFn with
    | .const n us =>
      match env.find? n with
      | some ci =>
        match resultOf ci.type with
        | .sort u => some (u.instantiateParams ci.levelParams us)
        | _ => none
      | none => none
    | .bvar i =>
      match nth ctx i with
      | some d =>
        match resultOf d with
        | .sort u => some u
        | _ => none
      | none => none
    | _ => none
where
  nth (l : List Expr) (i : Nat) : Option Expr :=
    match l, i with
    | [], _ => none
    | x :: _, 0 => some x
    | _ :: xs, i + 1 => nth xs i

/-- `acc`, followed by the kinds of the arguments of a constant of type `t`. -/
partial def argKinds (env : Environment) (ctx : List Expr) (t : Expr) (acc : Array ArgKind) :
    Array ArgKind :=
  match t with
  | .forallE _ d b i =>
    let kind := if i.isInstImplicit then ArgKind.skipped
      else match universeOf env ctx d with
        | some u => if u.isZero then .skipped else .compared u i.isExplicit
        | none => .skipped
    argKinds env (d :: ctx) b (acc.push kind)
  | .mdata _ b => argKinds env ctx b acc
  | _ => acc

/-- How a constant behaves when terms are unified at the transparency of `rw`: instances and
reducible definitions unfold. -/
inductive Behaviour where
  /-- Does not unfold. -/
  | rigid
  /-- A projection of a class: unfolds when its instance does. -/
  | method
  /-- May become anything: numerals, constructors of structures (by eta), recursors, matchers,
  reducible definitions. -/
  | flexible
  /-- A numeral, or built like one. -/
  | numeral
  /-- A constructor of a structure: equal, by eta, to anything of its type. -/
  | structure

/-- Facts about a constant that the index uses. -/
structure ConstKind where
  behaviour : Behaviour
  /-- Whether it is a definition, which unfolds where every definition does. -/
  isDefinition : Bool
  args : Array ArgKind

/-- Whether the constant is the constructor of a structure. -/
def isStructureConstructor (env : Environment) (ci : ConstantInfo) : Bool :=
  match ci with
  | .ctorInfo c =>
    match env.find? c.induct with
    | some (.inductInfo i) =>
      match i.ctors with
      | [_] => i.numIndices == 0 && !i.isRec
      | _ => false
    | _ => false
  | _ => false

/-- The behaviour of a constant. -/
def behaviourOf (env : Environment) (n : Name) (ci : ConstantInfo) : Behaviour :=
  if n == ``OfNat.ofNat || n == ``Nat.zero || n == ``Nat.succ then .numeral
  else if isStructureConstructor env ci then .structure
  else match ci with
    | .ctorInfo _ | .inductInfo _ | .axiomInfo _ | .thmInfo _ | .opaqueInfo _ => .rigid
    | .recInfo _ | .quotInfo _ => .flexible
    | .defnInfo _ =>
      match env.getProjectionFnInfo? n with
      | some p => if p.fromClass then .method else .flexible
      | none =>
        match getReducibilityStatusCore env n with
        | .reducible => .flexible
        | _ =>
          if isInstanceCore env n || isMatcherCore env n || isCasesOnLike n then .flexible
          else .rigid
where
  isCasesOnLike (n : Name) : Bool :=
    match n with
    | .str _ s => s == "casesOn" || s == "recOn" || s == "brecOn" || s == "below" ||
      s == "noConfusion" || s == "rec"
    | _ => false

/-- The facts about the constant `n`. An unknown name may be anything. -/
def kindOf (env : Environment) (n : Name) : ConstKind :=
  match env.find? n with
  | some ci =>
    let isDefinition := match ci with
      | .defnInfo _ => true
      | _ => false
    { behaviour := behaviourOf env n ci, isDefinition, args := argKinds env [] ci.type #[] }
  | none => { behaviour := .flexible, isDefinition := true, args := #[] }

/-- Kinds of constants, each computed once. -/
structure KindCache where
  env : Environment
  table : IO.Ref (Table ConstKind)

/-- An empty cache for `env`. -/
def KindCache.new (env : Environment) : IO KindCache := do
  let table ← ST.Prim.mkRef (σ := IO.RealWorld) (Table.empty 4096 : Table ConstKind)
  return { env, table }

/-- The kind of `n`, from the cache or computed now. The table is taken out of its reference while
it changes, so that it is updated in place. -/
def KindCache.kind (c : KindCache) (n : Name) : IO ConstKind := do
  let t ← ST.Prim.Ref.get c.table
  match t.find? n with
  | some k => return k
  | none =>
    let k := kindOf c.env n
    ST.Prim.Ref.set c.table (Table.empty 1)
    ST.Prim.Ref.set c.table (t.alter n fun _ => k)
    return k

/-- The arguments of an application that tell it from others with the same head; `none` in the place
of one that may be a proof, as far as its universe is known. -/
partial def comparedArgs (ci? : Option ConstantInfo) (us : List Level) (kinds : Array ArgKind)
    (args : List Expr) (i : Nat) : List (Option Compared) :=
  match args with
  | [] => []
  | a :: rest =>
    if h : i < kinds.size then
      match kinds[i] with
      | .skipped => comparedArgs ci? us kinds rest (i + 1)
      | .compared u explicit =>
        let isData := match ci? with
          | some ci => (u.instantiateParams ci.levelParams us).isNeverZero
          | none => false
        (if isData then some { arg := a, unfolded := !explicit } else none) ::
          comparedArgs ci? us kinds rest (i + 1)
    else none :: comparedArgs ci? us kinds rest (i + 1)

/-- Arguments of an application, first to last, then `acc`. `Expr.getAppArgs` needs an auxiliary
that has no code here. -/
def argsOf (e : Expr) (acc : List Expr) : List Expr :=
  match e with
  | .app f a => argsOf f (a :: acc)
  | _ => acc

end Aludel
