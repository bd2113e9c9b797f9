module
public import Lean
public import Aludel.Kinds
public import Aludel.Shape

/-! Opening a theorem, so that its binders are local hypotheses, and closing statements over such
hypotheses. -/

public section

open Lean Meta

namespace Aludel

/-- A binder of an opened statement: the variable that stands for it, its name, type and form. -/
structure Atom where
  x : Expr
  name : Name
  type : Expr
  info : BinderInfo

/-- A theorem whose binders are local hypotheses. `atoms` are named so that a script can name
them. -/
structure Opened where
  name : Name
  levelParams : List Name
  goal : MVarId
  target : Expr
  atoms : Array Atom

/-- Runs `x` in the local context of the goal `g`. -/
@[inline] def inContextOf {α : Type} (g : MVarId) (x : MetaM α) : MetaM α := do
  let d ← g.getDecl
  fun ctx s cctx cs => x { ctx with lctx := d.lctx, localInstances := d.localInstances } s cctx cs

/-- The first of `base` followed by `i`, `i + 1`, … that is not used. -/
partial def freshName (used : List Name) (base : String) (i : Nat) : Name :=
  let n := Name.mkSimple (base ++ toString i)
  if memName n used then freshName used base (i + 1) else n

/-- Whether the name is a single word that a script can use. -/
def isPlain (n : Name) : Bool :=
  match n with
  | .str .anonymous s => !n.hasMacroScopes && !s.startsWith "_"
  | _ => false

/-- `n` itself when a script can use it and no other binder has it; otherwise a fresh name. -/
def usableName (used : List Name) (n : Name) (base : String) : Name :=
  if isPlain n && !memName n used then n else freshName used base 1

/-- `acc`, followed by a name for each binder of `e`: unique, without macro scopes, a plain word. -/
partial def binderNames (e : Expr) (used : List Name) (acc : Array (Name × BinderInfo)) :
    Array (Name × BinderInfo) :=
  match e with
  | .forallE n _ b bi =>
    let base := match bi with
      | .instImplicit => "inst"
      | _ => if b.hasLooseBVar 0 then "x" else "h"
    let name := usableName used n base
    binderNames b (name :: used) (acc.push (name, bi))
  | .mdata _ b => binderNames b used acc
  | _ => acc

/-- The type of the local hypothesis `x` of the goal `g`. -/
def typeOfVariable (g : MVarId) (x : Expr) : MetaM Expr := do
  let d ← g.getDecl
  match d.lctx.find? x.fvarId! with
  | some decl => instantiateMVars decl.type
  | none => throw (textException "unknown local hypothesis")

/-- `acc`, followed by the atoms of the hypotheses `fvars` from index `i` on. -/
partial def atomsOf (g : MVarId) (fvars : Array FVarId) (names : Array (Name × BinderInfo))
    (i : Nat) (acc : Array Atom) : MetaM (Array Atom) := do
  if h : i < fvars.size then
    if h' : i < names.size then
      let x := Expr.fvar fvars[i]
      let (name, info) := names[i]
      let type ← typeOfVariable g x
      atomsOf g fvars names (i + 1) (acc.push { x, name, type, info })
    else return acc
  else return acc

/-- The theorem `n` with all its binders introduced. -/
def openTheorem (n : Name) (ci : ConstantInfo) : MetaM Opened := do
  let goal ← mkFreshExprMVar ci.type .syntheticOpaque
  let names := binderNames ci.type [] #[]
  let (fvars, g) ← goal.mvarId!.introN names.size
    (nameList (foldArray names (fun acc p => acc.push p.1) #[]))
  let atoms ← atomsOf g fvars names 0 #[]
  let target ← g.getType
  return { name := n, levelParams := ci.levelParams, goal := g, target, atoms }

/-- The names of the binders as a list, the last one first. -/
def Opened.usedNames (o : Opened) : List Name := foldArray o.atoms (fun l a => a.name :: l) []

/-- The names of the binders in order. -/
def Opened.names (o : Opened) : Array Name := foldArray o.atoms (fun acc a => acc.push a.name) #[]

/-- The old theorem applied to its own variables, the argument at the given index replaced. -/
def Opened.proof (o : Opened) (replaced? : Option (Nat × Expr)) : Expr :=
  let us := foldListBack o.levelParams
  (foldArray o.atoms (fun (acc : Expr × Nat) a =>
    let arg := match replaced? with
      | some (k, e) => if k == acc.2 then e else a.x
      | none => a.x
    (Expr.app acc.1 arg, acc.2 + 1)) (Expr.const o.name us, 0)).1
where
  foldListBack (ns : List Name) : List Level :=
    match ns with
    | [] => []
    | n :: ns => .param n :: foldListBack ns

/-- The variables that stand for the atoms. -/
def variablesOf (atoms : Array Atom) : Array Expr := foldArray atoms (fun acc a => acc.push a.x) #[]

/-- Binds the first `i` atoms around `body`, by `fun` or by `∀`. `xs` are the variables of all
atoms. -/
partial def bindFrom (atoms : Array Atom) (xs : Array Expr) (asFun : Bool) (i : Nat) (body : Expr) :
    Expr :=
  match i with
  | 0 => body
  | i + 1 =>
    if h : i < atoms.size then
      let a := atoms[i]
      let type := a.type.abstractRange i xs
      let body := if asFun then .lam a.name type body a.info else .forallE a.name type body a.info
      bindFrom atoms xs asFun i body
    else body

/-- Binds all atoms around `body`, by `fun` or by `∀`. -/
def bindAll (atoms : Array Atom) (body : Expr) (asFun : Bool) : Expr :=
  let xs := variablesOf atoms
  bindFrom atoms xs asFun atoms.size (body.abstractRange atoms.size xs)

/-- Whether the term has no free variables, metavariables or loose bound variables. -/
def isClosed (e : Expr) : Bool := !e.hasFVar && !e.hasMVar && !e.hasLooseBVars

/-- The atoms of `a`, then those of `b`. -/
def appendAtoms (a b : Array Atom) : Array Atom := foldArray b (fun acc x => acc.push x) a

/-- The atoms before index `i`, and those after it. -/
def splitAtoms (a : Array Atom) (i : Nat) : Array Atom × Array Atom :=
  let (before, after, _) := foldArray a (fun (s : Array Atom × Array Atom × Nat) x =>
    let (before, after, k) := s
    if k < i then (before.push x, after, k + 1)
    else if k == i then (before, after, k + 1)
    else (before, after.push x, k + 1)) (#[], #[], 0)
  (before, after)

/-- Whether the variable `x` occurs in the type of an atom or in the target. -/
def isUsedIn (atoms : Array Atom) (target x : Expr) : Bool :=
  foldArray atoms (fun found a => found || a.type.containsFVar x.fvarId!)
    (target.containsFVar x.fvarId!)

end Aludel
