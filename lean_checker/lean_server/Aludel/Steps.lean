module
public import Lean
public import Aludel.Index
public import Aludel.Open

/-!
Single mutation steps: rewriting the conclusion or a hypothesis, replacing a hypothesis by the
premises of a lemma, giving the conclusion to a premise of a lemma. All unify at the transparency of
`rw`: instances and reducible definitions unfold, nothing else does.
-/

public section

open Lean Meta

namespace Aludel

/-- The ways in which a lemma makes a new statement. -/
inductive Rule where
  | rw
  | apply
  | forward

/-- A lemma to try, how, and where: at a hypothesis by its index, or at the conclusion. -/
structure Trial where
  rule : Rule
  use : Use
  hypothesis? : Option Nat
  /-- Whether it is tried after the others, because the lemma applies everywhere. -/
  late : Bool := false

/-- How a new statement relates to the old one. -/
inductive Change where
  | new
  | unchanged
  /-- Holds by reflexivity, so that `rw` itself would close it. -/
  | trivial

/-- A new statement with its proof, both closed. -/
structure Variant where
  trial : Trial
  type : Expr
  value : Expr
  change : Change
  /-- Whether the new conclusion is itself a `∀` or an implication. -/
  quantified : Bool := false
  /-- The lemma applied, as a script writes it; `this` is the old theorem. -/
  application : String := ""
  /-- Whether the statement has new hypotheses that the lemma asks for. -/
  conditions : Bool := false

/-! Metavariables that a step leaves become binders. -/

/-- The base of a name for a new binder. -/
def baseName (isProof : Bool) : String := if isProof then "h" else "x"

/-- The binder that the open metavariable `m` becomes. Raises an exception for an instance or an
open universe. -/
def atomOf (used : List Name) (m : MVarId) : MetaM Atom := do
  let d ← m.getDecl
  let type ← instantiateMVars d.type
  if type.hasLevelMVar then throw (textException "a universe is left open")
  let isClass ← isClass? type
  if isClass.isSome then throw (textException "an instance is missing")
  let proof ← isProp type
  return { x := .mvar m, name := usableName used d.userName.eraseMacroScopes (baseName proof), type,
           info := .default }

/-- The binders that the open ones among `ms` become, with distinct names. -/
partial def atomList (ms : List MVarId) (used : List Name) : MetaM (List Atom) := do
  match ms with
  | [] => return []
  | m :: rest =>
    let e ← instantiateMVars (.mvar m)
    if e.isMVar then
      let a ← atomOf used m
      let others ← atomList rest (a.name :: used)
      return a :: others
    else atomList rest used

/-- Whether the metavariable `x` occurs in `e`. -/
def occursIn (x e : Expr) : Bool := e.hasExprMVar && (e.abstractRange 1 #[x]).hasLooseBVars

/-- `acc`, followed by the atoms of `l`, each after those that its type mentions. `fuel` bounds the
number of steps. -/
partial def orderAtoms (l : List Atom) (acc : Array Atom) (fuel : Nat) : Array Atom :=
  match fuel with
  | 0 => foldList l (fun acc a => acc.push a) acc
  | fuel + 1 =>
    match l with
    | [] => acc
    | a :: rest =>
      if foldList rest (fun found b => found || occursIn b.x a.type) false then
        orderAtoms (reverseOnto (reverseOnto rest []) [a]) acc fuel
      else orderAtoms rest (acc.push a) fuel

/-- The binders that the metavariables left by a step become, in an order in which they can be
bound. -/
def newAtoms (o : Opened) (ms : List MVarId) : MetaM (Array Atom) := do
  let l ← atomList ms o.usedNames
  let n := countList l
  return orderAtoms l #[] (n * n + n)

/-! Closing. -/

/-- Raises an exception unless both terms are closed. -/
def checkClosed (type value : Expr) : MetaM Unit := do
  if !isClosed type || !isClosed value then throw (textException "it cannot be closed")

/-- The statement and its proof with the atoms bound around them. -/
def closeOver (atoms : Array Atom) (target proof : Expr) : MetaM (Expr × Expr) := do
  let type := bindAll atoms target false
  let value := bindAll atoms proof true
  checkClosed type value
  return (type, value)

/-- The statement and its proof with new atoms in the place of the one at index `i`, or at the end
when they need later ones. -/
def closeInPlace (o : Opened) (i : Nat) (new : Array Atom) (proof : Expr) :
    MetaM (Expr × Expr) := do
  let (before, after) := splitAtoms o.atoms i
  let here := appendAtoms (appendAtoms before new) after
  let type := bindAll here o.target false
  if isClosed type then closeOver here o.target proof
  else closeOver (appendAtoms (appendAtoms before after) new) o.target proof

/-- How the proposition `new` relates to `old`. -/
def changeOf (old new : Expr) : MetaM Change := do
  if new == old then return .unchanged
  match sides? new with
  | some (a, b) =>
    let same ← withReducible (isDefEq a b)
    return if same then .trivial else .new
  | none => return .new

/-- The type with metavariables filled in and beta-reduced at its head. -/
def finalType (e : Expr) : MetaM Expr := do
  let e ← instantiateMVars e
  return e.headBeta

/-! Rewriting. -/

/-- The result of rewriting a proposition. -/
structure Rewritten where
  old : Expr
  new : Expr
  eqProof : Expr
  atoms : Array Atom

/-- The proposition `old` rewritten by the lemma. Side goals are an exception unless
`conditional`. -/
def rewriteAt (o : Opened) (old : Expr) (u : Use) (conditional : Bool) : MetaM Rewritten := do
  let lemmaConst ← mkConstWithFreshMVarLevels u.name
  let r ← o.goal.rewrite old lemmaConst u.symm
  let new ← instantiateMVars r.eNew
  let eqProof ← instantiateMVars r.eqProof
  let atoms ← newAtoms o r.mvarIds
  if atoms.size > 0 && !conditional then throw (textException "side goals are left")
  return { old, new, eqProof, atoms }

/-- The variant with its conclusion rewritten. -/
def rewriteConclusion (o : Opened) (t : Trial) (conditional : Bool) : MetaM Variant := do
  let r ← rewriteAt o o.target t.use conditional
  let change ← changeOf r.old r.new
  let proof ← mkEqMP r.eqProof (o.proof none)
  let (type, value) ← closeOver (appendAtoms o.atoms r.atoms) r.new proof
  return { trial := t, type, value, change, quantified := r.new.isForall,
           conditions := r.atoms.size > 0 }

/-- The variant with its hypothesis `a`, the one at index `i`, rewritten. -/
def rewriteHypothesis (o : Opened) (t : Trial) (i : Nat) (a : Atom) (conditional : Bool) :
    MetaM Variant := do
  if isUsedIn o.atoms o.target a.x then
    throw (textException "other binders depend on the hypothesis")
  let r ← rewriteAt o a.type t.use conditional
  let change ← changeOf r.old r.new
  let old ← mkEqMPR r.eqProof a.x
  let new := r.atoms.push { a with type := r.new }
  let (type, value) ← closeInPlace o i new (o.proof (some (i, old)))
  return { trial := t, type, value, change, conditions := r.atoms.size > 0 }

/-! Implications. -/

/-- The lemma's arguments as a script writes them: `_` for those that unification finds, nothing for
instances, which are found without a name. -/
partial def argumentTexts (type : Expr) (args : List Expr) (atoms : Array Atom)
    (fed? : Option Expr) : String :=
  match type, args with
  | .forallE n _ b bi, a :: rest =>
    let text := match fed? with
      | some x => if x == a then some "this" else nameOf a
      | none => nameOf a
    let own := match text with
      | some s =>
        if bi.isExplicit then " " ++ s else if bi.isInstImplicit then ""
        else " (" ++ n.toString ++ " := " ++ s ++ ")"
      | none => if bi.isExplicit then " _" else ""
    own ++ argumentTexts b rest atoms fed?
  | .mdata _ b, args => argumentTexts b args atoms fed?
  | _, _ => ""
where
  nameOf (a : Expr) : Option String :=
    foldArray atoms
      (fun (found : Option String) x => if x.x == a then some x.name.toString else found) none

/-- The lemma `n` with its arguments as a script writes them. `fed?` is the argument written
`this`. -/
def applicationText (n : Name) (proof : Expr) (atoms : Array Atom) (fed? : Option Expr) :
    MetaM String := do
  let ci ← getConstInfo n
  return n.toString ++ argumentTexts ci.type (argsOf proof []) atoms fed?

/-- The variant with its hypothesis `a` replaced by the premises from which the lemma proves it. -/
def replaceHypothesis (o : Opened) (t : Trial) (i : Nat) (a : Atom) : MetaM Variant := do
  if isUsedIn o.atoms o.target a.x then
    throw (textException "other binders depend on the hypothesis")
  let lemmaConst ← mkConstWithFreshMVarLevels t.use.name
  let goal ← mkFreshExprMVar a.type .syntheticOpaque
  let left ← withReducibleAndInstances (goal.mvarId!.apply lemmaConst)
  let proof ← instantiateMVars goal
  let atoms ← newAtoms o left
  let (type, value) ← closeInPlace o i atoms (o.proof (some (i, proof)))
  let application ← applicationText t.use.name proof atoms none
  return { trial := t, type, value, change := .new, application, conditions := true }

/-- Synthesises the instances among `ys`, from index `i` on, that unification did not find. -/
partial def fillInstances (ys : Array Expr) (bis : Array BinderInfo) (i : Nat) : MetaM Unit := do
  if h : i < ys.size then
    let isInstance := if h' : i < bis.size then bis[i].isInstImplicit else false
    if isInstance then
      let y ← instantiateMVars ys[i]
      if y.isMVar then
        let type ← inferType y
        let type ← instantiateMVars type
        match ← synthInstance? type with
        | some v =>
          let ok ← isDefEq y v
          if !ok then throw (textException "an instance does not fit")
        | none => throw (textException "an instance is missing")
    fillInstances ys bis (i + 1)
  else return ()

/-- The metavariables among `ys`, in order. -/
def mvarList (ys : Array Expr) : List MVarId :=
  reverseOnto (foldArray ys (fun l y => if y.isMVar then y.mvarId! :: l else l) []) []

/-- The variant that results from giving the theorem to a premise of the lemma. -/
def feedConclusion (o : Opened) (t : Trial) : MetaM Variant := do
  let lemmaConst ← mkConstWithFreshMVarLevels t.use.name
  let type ← inferType lemmaConst
  let (ys, bis, result) ← forallMetaTelescope type
  if h : t.use.premise < ys.size then
    let y := ys[t.use.premise]
    let premise ← inferType y
    let isProof ← isProp premise
    if !isProof then throw (textException "it is no premise")
    let same ← withReducibleAndInstances (isDefEq premise o.target)
    if !same then throw (textException "the premise is another")
    let old := o.proof none
    let fed ← withReducibleAndInstances (isDefEq y old)
    if !fed then throw (textException "the premise does not take the theorem")
    fillInstances ys bis 0
    let new ← finalType result
    let change ← changeOf o.target new
    let atoms ← newAtoms o (mvarList ys)
    let proof ← instantiateMVars (mkAppN lemmaConst ys)
    let (type, value) ← closeOver (appendAtoms o.atoms atoms) new proof
    let application ← applicationText t.use.name proof atoms (some old)
    return { trial := t, type, value, change, quantified := new.isForall, application,
             conditions := atoms.size > 0 }
  else throw (textException "it has no such premise")

/-- The variant of a trial, made in the context of the opened theorem. -/
def carryOut (o : Opened) (t : Trial) (conditional : Bool) : MetaM Variant :=
  inContextOf o.goal do
    match t.rule, t.hypothesis? with
    | .rw, none => rewriteConclusion o t conditional
    | .forward, _ => feedConclusion o t
    | .apply, none => throw (textException "it replaces hypotheses only")
    | rule, some i =>
      if h : i < o.atoms.size then
        match rule with
        | .rw => rewriteHypothesis o t i o.atoms[i] conditional
        | _ => replaceHypothesis o t i o.atoms[i]
      else throw (textException "there is no such hypothesis")

end Aludel
