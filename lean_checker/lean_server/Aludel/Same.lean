module
public import Lean
public import Aludel.Open
public import Aludel.Statement

/-!
Whether one theorem says what another says: up to names, kinds and order of binders, universes,
reducible definitions and instances, and the sides of an equation.
-/

public section

open Lean Meta

namespace Aludel

/-- An equation, equivalence or inequation with its sides exchanged. -/
def turned? (e : Expr) : Option Expr :=
  match e with
  | .app (.app (.app (.const n us) t) a) b =>
    if n == `Eq || n == `Ne then some (.app (.app (.app (.const n us) t) b) a) else none
  | .app (.app (.const `Iff us) a) b => some (.app (.app (.const `Iff us) b) a)
  | .app (.const `Not us) a =>
    match turned? a with
    | some b => some (.app (.const `Not us) b)
    | none => none
  | .mdata _ e => turned? e
  | _ => none

/-- The number of binders at the front. -/
def countForalls (e : Expr) : Nat :=
  match e with
  | .forallE _ _ b _ => countForalls b + 1
  | .letE _ _ _ b _ => countForalls b
  | .mdata _ b => countForalls b
  | _ => 0

/-- `acc`, followed by metavariables for the binders of a type, and what is below them. All may be
set by unification: instances too, which may be variables of the other theorem. -/
partial def freshArguments (type : Expr) (acc : Array Expr) : MetaM (Array Expr × Expr) := do
  match type with
  | .forallE _ d b _ =>
    let y ← mkFreshExprMVar d
    freshArguments (b.instantiate1 y) (acc.push y)
  | .mdata _ b => freshArguments b acc
  | _ => return (acc, type)

/-- `acc` and the names of the variables among `ys`, from index `i` on. -/
partial def variablesAmong (ys : Array Expr) (i : Nat) (acc : List Name) : MetaM (List Name) := do
  if h : i < ys.size then
    let y ← instantiateMVars ys[i]
    match y with
    | .fvar x => variablesAmong ys (i + 1) (x.name :: acc)
    | _ => variablesAmong ys (i + 1) acc
  else return acc

/-- Sets `y` to the first atom from index `i` on that is not taken and fits. -/
partial def setToFree (atoms : Array Atom) (taken : List Name) (y : Expr) (i : Nat) :
    MetaM Unit := do
  if h : i < atoms.size then
    let x := atoms[i].x
    if memName x.fvarId!.name taken then setToFree atoms taken y (i + 1)
    else
      let fits ← isDefEq y x
      if !fits then setToFree atoms taken y (i + 1)

/-- Sets what unification left open among the first `i` of `ys`, the last first: the types of
hypotheses determine what stands before them. -/
partial def setRest (atoms : Array Atom) (ys : Array Expr) (i : Nat) : MetaM Unit := do
  match i with
  | 0 => return ()
  | i + 1 =>
    if h : i < ys.size then
      let y ← instantiateMVars ys[i]
      if y.isMVar then
        let taken ← variablesAmong ys 0 []
        setToFree atoms taken y 0
    setRest atoms ys i

/-- Whether no name occurs twice. -/
def allDistinct (ns : List Name) : Bool :=
  match ns with
  | [] => true
  | n :: ns => !memName n ns && allDistinct ns

/-- Whether a conclusion is that of the opened theorem, or with its sides exchanged. -/
def concludes (asked : Opened) (result : Expr) : MetaM Bool := do
  let same ← isDefEq result asked.target
  if same then return true
  match turned? result with
  | some r => isDefEq r asked.target
  | none => return false

/-- Whether a statement, below its first `i` binders, goes on as the opened one does, binder by
binder. -/
partial def saysInOrder (asked : Opened) (type : Expr) (i : Nat) : MetaM Bool := do
  match type with
  | .forallE _ d b _ =>
    if h : i < asked.atoms.size then
      let fits ← isDefEq d asked.atoms[i].type
      if fits then saysInOrder asked (b.instantiate1 asked.atoms[i].x) (i + 1) else return false
    else return false
  | .mdata _ b => saysInOrder asked b i
  | _ => if i == asked.atoms.size then concludes asked type else return false

/-- Whether a statement is the opened one with its binders in another order. Its conclusion says
which is which, and the types of hypotheses. -/
def saysInAnyOrder (asked : Opened) (type : Expr) : MetaM Bool := do
  let (ys, result) ← freshArguments type #[]
  if ys.size != asked.atoms.size then return false
  let same ← concludes asked result
  if !same then return false
  setRest asked.atoms ys ys.size
  let found ← variablesAmong ys 0 []
  return countList found == ys.size && allDistinct found

/-- A type at universes that unification may choose. -/
def atAnyUniverses (levelParams : List Name) (type : Expr) : MetaM Expr := do
  let us ← mkFreshLevelMVars (countList levelParams)
  return type.instantiateLevelParams levelParams us

/-- Whether a statement says what the opened one does. -/
def saysSame (asked : Opened) (levelParams : List Name) (type : Expr) : MetaM Bool :=
  inContextOf asked.goal do
    withReducibleAndInstances do
      let here ← atAnyUniverses levelParams type
      let same ← saysInOrder asked here 0
      if same then return true
      let here ← atAnyUniverses levelParams type
      saysInAnyOrder asked here

/-- The class that a type is of, and at which universes. -/
def classOf? (env : Environment) (type : Expr) : Option (Name × List Level) :=
  match type.getAppFn with
  | .const c us => if isClass env c then some (c, us) else none
  | _ => none

/-- `head` applied to the arguments of an application. -/
def withHead (head e : Expr) : Expr :=
  match e with
  | .app f a => .app (withHead head f) a
  | .mdata _ e => withHead head e
  | _ => head

mutual
/-- `acc` and what the fields of an instance say, and those of its parents to the given depth, each
closed over the atoms. -/
partial def addFields (env : Environment) (atoms : Array Atom) (type inst : Expr) (depth : Nat)
    (acc : List Expr) : MetaM (List Expr) := do
  match classOf? env type, depth with
  | some (c, _), depth + 1 =>
    match getStructureInfo? env c with
    | some s => addEach env atoms type inst depth s.fieldInfo 0 acc
    | none => return acc
  | _, _ => return acc
/-- `acc` and what the fields from index `i` on say of an instance of the class `type`. -/
partial def addEach (env : Environment) (atoms : Array Atom) (type inst : Expr) (depth : Nat)
    (fields : Array StructureFieldInfo) (i : Nat) (acc : List Expr) : MetaM (List Expr) := do
  if h : i < fields.size then
    let us := match type.getAppFn with
      | .const _ us => us
      | _ => []
    let field := Expr.app (withHead (.const fields[i].projFn us) type) inst
    let said ← inferType field
    let said := said.headBeta
    let acc ← addFields env atoms said field depth (bindAll atoms said false :: acc)
    addEach env atoms type inst depth fields (i + 1) acc
  else return acc
end

/-- How far the parents of a class are followed. -/
def maxParents : Nat := 4

/-- What a theorem says: its statement and, where it is an instance of a class of propositions,
those of the fields. -/
def sayings (env : Environment) (ci : ConstantInfo) : MetaM (List Expr) := do
  if (classOf? env (resultOf ci.type)).isNone then return [ci.type]
  let o ← openTheorem ci.name ci
  inContextOf o.goal do
    addFields env o.atoms o.target (o.proof none) maxParents [ci.type]

/-- The constant at the head of a term, unless it may unfold where instances and reducible
definitions do. -/
def rigidHead? (env : Environment) (e : Expr) : Option Name :=
  match e.getAppFn with
  | .const n _ =>
    let n := if n == `Ne then `Not else n
    match env.find? n with
    | some ci =>
      match behaviourOf env n ci with
      | .rigid => some n
      | _ => none
    | none => none
  | _ => none

/-- What tells most statements apart at a glance: the number of binders, the head of the conclusion
and that of the type of an equation. -/
structure Outline where
  binders : Nat
  head? : Option Name
  type? : Option Name

/-- The outline of a statement. -/
def outlineOf (env : Environment) (type : Expr) : Outline :=
  let conclusion := resultOf type
  let type? := match conclusion with
    | .app (.app (.app (.const `Eq _) t) _) _ => rigidHead? env t
    | _ => none
  { binders := countForalls type, head? := rigidHead? env conclusion, type? }

/-- Whether two names are the same, or one is not known. -/
def mayEqual (a b : Option Name) : Bool :=
  match a, b with
  | some a, some b => a == b
  | _, _ => true

/-- Whether statements of these outlines may say the same. -/
def Outline.mayBe (a b : Outline) : Bool :=
  a.binders == b.binders && mayEqual a.head? b.head? && mayEqual a.type? b.type?

/-- A theorem with which others are compared. -/
structure Asked where
  info : ConstantInfo
  outline : Outline

/-- Heartbeats, in thousands, for the comparison of one theorem with the asked ones. -/
def comparisonHeartbeats : Nat := 20000

/-- A term with its `let`s written out. -/
partial def withoutLets (e : Expr) : Expr :=
  e.replace fun e =>
    match e with
    | .letE _ _ v b _ => some (withoutLets (b.instantiate1 v))
    | _ => none

/-- A statement without `let`, and without the constants that Lean made for the `match`es in it:
each declaration has its own, and in an asked statement they are unfolded. -/
def writtenOut (env : Environment) (type : Expr) : Expr :=
  withoutLets (unfoldPassing none env maxUnfolding type)

/-- Whether one of the sayings is that of the theorem `asked`. -/
def anySame (env : Environment) (asked : Asked) (levelParams : List Name) (said : List Expr) :
    MetaM Bool := do
  match said with
  | [] => return false
  | type :: rest =>
    if asked.outline.mayBe (outlineOf env type) then
      let o ← openTheorem asked.info.name asked.info
      let same ← saysSame o levelParams (writtenOut env type)
      if same then return true
    anySame env asked levelParams rest

/-- The first of the theorems `asked` that says what `ci` says. -/
def firstSame (env : Environment) (ci : ConstantInfo) (asked : List Asked) (said : List Expr) :
    MetaM (Option Name) := do
  match asked with
  | [] => return none
  | a :: rest =>
    let same ← anySame env a ci.levelParams said
    if same then return some a.info.name else firstSame env ci rest said

/-- Whether the outline is that of one of the theorems. -/
def anyOutline (asked : List Asked) (o : Outline) : Bool :=
  match asked with
  | [] => false
  | a :: rest => a.outline.mayBe o || anyOutline rest o

/-- Whether a constant may say what one of the theorems says: it is no type, constructor or
recursor, and of such an outline, or an instance. -/
def mayRepeat (env : Environment) (asked : List Asked) (ci : ConstantInfo) : Bool :=
  let isProof := match ci with
    | .thmInfo _ | .axiomInfo _ | .defnInfo _ | .opaqueInfo _ => true
    | _ => false
  isProof && !(asked matches []) &&
    ((classOf? env (resultOf ci.type)).isSome || anyOutline asked (outlineOf env ci.type))

/-- The first of the theorems `asked` that `ci` repeats; an error where a limit was reached. -/
def repeats? (env : Environment) (asked : List Asked) (ci : ConstantInfo) :
    IO (Except Exception (Option Name)) := do
  if !mayRepeat env asked ci then return .ok none
  runMeta comparisonHeartbeats env do
    let said ← sayings env ci
    firstSame env ci asked said

end Aludel
