module
public import Lean
public import Aludel.Open

/-!
What nobody needs among the binders of a statement: variables that nothing mentions, hypotheses
about variables of which neither the goal nor another hypothesis speaks.
-/

public section

open Lean Meta

namespace Aludel

/-- A binder of an opened statement. -/
structure Binding where
  decl : LocalDecl
  /-- Whether it is a hypothesis. -/
  prop : Bool

/-- Whether the binder is an instance, which proofs use without naming it. -/
def Binding.isInstance (b : Binding) : Bool := b.decl.binderInfo.isInstImplicit

/-- The name of the binder, as the statement writes it. -/
def Binding.text (b : Binding) : Json := .str b.decl.userName.eraseMacroScopes.toString

/-- Whether a type surely has an element. -/
def isInhabited (type : Expr) : MetaM Bool := do
  let u ← getLevel type
  match ← synthInstance? (mkApp (mkConst `Nonempty [u]) type) with
  | some _ => return true
  | none => return false

/-- The declarations as binders. -/
partial def bindingsOf (decls : List LocalDecl) : MetaM (List Binding) := do
  match decls with
  | [] => return []
  | d :: ds =>
    let prop ← isProp d.type
    let rest ← bindingsOf ds
    return { decl := d, prop } :: rest

/-- Whether the target or the type of a binder, instances aside, mentions `x`. -/
def isMentioned (bs : List Binding) (target : Expr) (x : FVarId) : Bool :=
  match bs with
  | [] => target.containsFVar x
  | b :: rest => (!b.isInstance && b.decl.type.containsFVar x) || isMentioned rest target x

/-- `acc` and the names of the binders that `e` mentions. -/
def spokenOf (bs : List Binding) (e : Expr) (acc : List Name) : List Name :=
  match bs with
  | [] => acc
  | b :: rest =>
    let n := b.decl.fvarId.name
    spokenOf rest e (if !memName n acc && e.containsFVar b.decl.fvarId then n :: acc else acc)

/-- Whether `e` mentions one of `names`. -/
def speaksOfAny (names : List Name) (e : Expr) : Bool :=
  match names with
  | [] => false
  | n :: ns => e.containsFVar ⟨n⟩ || speaksOfAny ns e

/-- `reached`, and what the binders in it and the hypotheses about it mention. -/
def reachOnce (all bs : List Binding) (reached : List Name) : List Name :=
  match bs with
  | [] => reached
  | b :: rest =>
    let n := b.decl.fvarId.name
    let joins := memName n reached ||
      (b.prop && !b.isInstance && speaksOfAny reached b.decl.type)
    let reached := if joins then
        spokenOf all b.decl.type (if memName n reached then reached else n :: reached)
      else reached
    reachOnce all rest reached

/-- The binders that the goal speaks of, through hypotheses and types. -/
partial def reachAll (bs : List Binding) (reached : List Name) : List Name :=
  let more := reachOnce bs bs reached
  if countList more == countList reached then reached else reachAll bs more

/-- The most binders among which this is looked for; it takes their square. -/
def maxBindings : Nat := 100

/-- What nobody needs among the binders of a statement. -/
structure Idle where
  /-- Variables of inhabited types that nothing mentions. -/
  variables : Array Json := #[]
  /-- Variables that nothing mentions, whose existence may be of use. -/
  doubtful : Array Json := #[]
  /-- Hypotheses about variables of which neither the goal nor another hypothesis speaks. -/
  apart : Array Json := #[]
  /-- Hypotheses that the statement does not mention. -/
  unmentioned : Array Json := #[]

/-- What nobody needs among the binders; `reached` are those that the goal speaks of, none where it
speaks of none. -/
partial def idleAmong (all bs : List Binding) (target : Expr) (reached : List Name) (r : Idle) :
    MetaM Idle := do
  match bs with
  | [] => return r
  | b :: rest =>
    if b.isInstance || isMentioned all target b.decl.fvarId then
      idleAmong all rest target reached r
    else if b.prop then
      let isApart := countList reached > 0 && !memName b.decl.fvarId.name reached &&
        countList (spokenOf all b.decl.type []) > 0
      idleAmong all rest target reached { r with
        unmentioned := r.unmentioned.push b.text,
        apart := if isApart then r.apart.push b.text else r.apart }
    else if ← isInhabited b.decl.type then
      idleAmong all rest target reached { r with variables := r.variables.push b.text }
    else idleAmong all rest target reached { r with doubtful := r.doubtful.push b.text }

/-- What nobody needs among the binders of an opened statement. -/
def idleIn (bs : List Binding) (target : Expr) (refutes : Bool) : MetaM Idle :=
  idleAmong bs bs target (if refutes then [] else reachAll bs (spokenOf bs target [])) {}

end Aludel
