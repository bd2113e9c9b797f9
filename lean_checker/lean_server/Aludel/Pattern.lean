module
public import Lean
public import Aludel.Holding
public import Aludel.Goals

/-!
Patterns of the search: a term with holes, and where in a statement it stands. The variables of a
statement are what they are; only the holes of the pattern are filled.
-/

public section

open Lean Meta Elab

namespace Aludel

/-- The parts of a pattern that stand in a term as they are written. -/
inductive Skeleton where
  | any
  /-- A constant applied to all of its arguments. -/
  | node (head : Name) (args : List Skeleton)
  | numeral (n : Nat)

instance : Inhabited Skeleton := ⟨.any⟩

/-- A pattern that was read. -/
structure LemmaPattern where
  /-- The term, its holes abstracted. -/
  holes : AbstractMVarsResult
  /-- Constants that must occur in a statement. -/
  constants : List Name
  /-- What a term must look like that one of its forms stands for. -/
  skeletons : List Skeleton
  /-- Whether it is the whole conclusion, and not a part of a statement. -/
  conclusionOnly : Bool

/-- The part of a statement in which a pattern was found. -/
inductive FoundIn where
  | conclusion
  | hypothesis

/-! ## Reading -/

mutual
/-- Whether a proof by tactics, or a `sorry`, stands in the term. -/
partial def holdsProof (s : Syntax) : Bool :=
  match s with
  | .node _ k args =>
    k == `Lean.Parser.Term.byTactic || k == `Lean.Parser.Term.byTactic' ||
      k == `Lean.Parser.Term.sorry || holdsProofIn args 0
  | _ => false
/-- Whether `holdsProof` holds for an element of `a` from index `i` on. -/
partial def holdsProofIn (a : Array Syntax) (i : Nat) : Bool :=
  if h : i < a.size then holdsProof a[i] || holdsProofIn a (i + 1) else false
end

/-- What is wrong with the syntax of a pattern: the guard's refusal, or what is no part of a
term. -/
def patternFault? (stx : Syntax) : Option String :=
  match refused? false stx with
  | some f => some f.message
  | none =>
    if holdsProof stx then some "a pattern holds no proof by tactics and no `sorry`"
    else match declaringKind? stx with
      | some k => some ("a pattern may not hold `" ++ k.toString ++ "`")
      | none => none

/-- The term of a pattern, elaborated without defaults: `1 + _` is of any type. -/
def elabPattern (stx : Syntax) : TermElabM (Expr × AbstractMVarsResult) := do
  let e ← elabWithoutSorry stx
  Term.synthesizeSyntheticMVars .yes
  let e ← instantiateMVars e
  let holes ← abstractMVars e
  return (e, holes)
where
  elabWithoutSorry (stx : Syntax) : TermElabM Expr := fun ctx =>
    let act : TermElabM Expr := Term.elabTerm stx none
    act { ctx with errToSorry := false }

/-- Whether a statement may be matched without mentioning the constant: an instance, a numeral, or a
definition that is unfolded. -/
def mayBeAbsent (env : Environment) (n : Name) : Bool :=
  if n == ``OfNat.ofNat || n == ``Nat.zero || n == ``Nat.succ then true
  else if (env.getProjectionFnInfo? n).isSome then false
  else if isInstanceCore env n then true
  else match getReducibilityStatusCore env n with
    | .reducible => true
    | _ => false

/-- The constants that a statement must mention. -/
def neededConstants (env : Environment) (e : Expr) : List Name :=
  let all := e.getUsedConstants
  let needed := foldArray all (fun (l : List Name) n =>
    match standsFor n with
    | [] => if mayBeAbsent env n then l else n :: l
    | others => reverseOnto others l) []
  match needed with
  | [] => foldArray all (fun (l : List Name) n => if isInstanceCore env n then l else n :: l) []
  | _ => needed

/-- The forms in which a relation may stand in a statement, the one that was asked first. -/
def relationForms (e : Expr) : List Expr :=
  match e with
  | .app (.app (.app (.app (.const n us) t) i) a) b =>
    let swapped := fun (m : Name) => [e, .app (.app (.app (.app (.const m us) t) i) b) a]
    if n == ``GT.gt then swapped ``LT.lt
    else if n == ``LT.lt then swapped ``GT.gt
    else if n == ``GE.ge then swapped ``LE.le
    else if n == ``LE.le then swapped ``GE.ge
    else [e]
  | .app (.app (.app (.const n us) t) a) b =>
    if n == ``Ne then [e, .app (.const ``Not []) (.app (.app (.app (.const ``Eq us) t) a) b)]
    else [e]
  | .app (.const n _) (.app (.app (.app (.const m us) t) a) b) =>
    if n == ``Not && m == ``Eq then [e, .app (.app (.app (.const ``Ne us) t) a) b] else [e]
  | _ => [e]

mutual
/-- The skeleton of a pattern. -/
partial def skeletonOf (env : Environment) (e : Expr) : Skeleton :=
  match e with
  | .lit (.natVal n) => .numeral n
  | .mdata _ e => skeletonOf env e
  | _ =>
    match e.getAppFn with
    | .const n _ =>
      if n != ``OfNat.ofNat && mayBeAbsent env n then .any
      else .node n (skeletonsOf env (argsOf e []))
    | _ => .any
/-- The skeletons of the terms. -/
partial def skeletonsOf (env : Environment) (es : List Expr) : List Skeleton :=
  match es with
  | [] => []
  | e :: rest => skeletonOf env e :: skeletonsOf env rest
end

/-- The skeleton of a whole pattern: the relation that it states is written there, too. -/
def wholeSkeleton (env : Environment) (e : Expr) : Skeleton :=
  match e.getAppFn with
  | .const n _ =>
    match standsFor n with
    | [] => skeletonOf env e
    | _ => .node n (skeletonsOf env (argsOf e []))
  | _ => .any

/-- Whether a constant is a reducible definition, which may unfold to anything. -/
def isUnfolded (env : Environment) (n : Name) : Bool :=
  n != ``OfNat.ofNat && n != ``Nat.succ && n != ``Nat.zero && mayBeAbsent env n

mutual
/-- Whether a term may be what a pattern with the skeleton stands for. -/
partial def Skeleton.fits (env : Environment) (s : Skeleton) (e : Expr) : Bool :=
  match s with
  | .any => true
  | .numeral n => match e with
    | .lit (.natVal m) => n == m
    | _ => false
  | .node n args =>
    match e with
    | .mdata _ e => s.fits env e
    | _ =>
      match e.getAppFn with
      | .const m _ => if m == n then fitArgs env args (argsOf e []) else isUnfolded env m
      | _ => false
/-- Whether the arguments may be what those of a pattern stand for. -/
partial def fitArgs (env : Environment) (ss : List Skeleton) (es : List Expr) : Bool :=
  match ss, es with
  | [], [] => true
  | s :: ss, e :: es => s.fits env e && fitArgs env ss es
  | _, _ => false
end

/-- Whether one of the skeletons fits the term itself. Here nothing unfolds but what is below. -/
def fitsOne (env : Environment) (ss : List Skeleton) (e : Expr) : Bool :=
  match ss with
  | [] => false
  | .node n args :: rest =>
    (e.getAppFn.isConstOf n && fitArgs env args (argsOf e [])) || fitsOne env rest e
  | _ => true

/-- Whether the pattern could stand in a statement, by its skeletons. -/
def LemmaPattern.mayStandIn (env : Environment) (p : LemmaPattern) (type : Expr) : Bool :=
  if p.conclusionOnly then fitsOne env p.skeletons (resultOf type)
  else (type.find? (fun e => fitsOne env p.skeletons e)).isSome

/-- The pattern that a text spells. -/
def readPattern (env : Environment) (heartbeats : Nat) (text : String) (conclusionOnly : Bool) :
    IO (Except String LemmaPattern) := do
  match Parser.runParserCategory env `term text "<pattern>" with
  | .error m => return .error m
  | .ok stx =>
    if let some m := patternFault? stx then return .error m
    match ← runTerm heartbeats { core := { env } } (do let r ← elabPattern stx; return r) with
    | .error e => return .error (← exceptionText e)
    | .ok ((e, holes), state) =>
      let d ← addLog {} state.core.messages
      if let some m := d.firstError? then return .error m
      if e.hasSorry then return .error "it does not elaborate"
      if let some n := foreignConstant? env e then
        return .error ("it makes the constant `" ++ n.toString ++ "`, which no statement mentions")
      match neededConstants env e with
      | [] => return .error "it names no constant: every statement would match"
      | constants =>
        let skeletons := foldList (relationForms e)
          (fun (l : List Skeleton) f => wholeSkeleton env f :: l) []
        return .ok { holes, constants, skeletons, conclusionOnly }

/-! ## Matching -/

/-- `acc` with the bodies of all binders inside `e`, their variables replaced by unknowns; at most
`fuel` levels deep. -/
partial def bodiesIn (e : Expr) (fuel : Nat) (acc : List Expr) : MetaM (List Expr) := do
  match fuel with
  | 0 => return acc
  | fuel + 1 =>
    match e with
    | .app f a =>
      let acc ← bodiesIn a fuel acc
      bodiesIn f (fuel + 1) acc
    | .lam _ d b _ => below d b fuel acc
    | .forallE _ d b _ => below d b fuel acc
    | .letE _ t v b _ =>
      let acc ← bodiesIn v fuel acc
      below t b fuel acc
    | .mdata _ b => bodiesIn b fuel acc
    | .proj _ _ b => bodiesIn b fuel acc
    | _ => return acc
where
  below (d b : Expr) (fuel : Nat) (acc : List Expr) : MetaM (List Expr) := do
    let acc ← bodiesIn d fuel acc
    let x ← mkFreshExprMVar d .syntheticOpaque
    let body := b.instantiate1 x
    bodiesIn body fuel (body :: acc)

/-- How deep a binder may stand. -/
def maxBinderDepth : Nat := 64

/-- The terms as the arguments of a constant that no term has as its head. -/
def packed (es : List Expr) : Expr :=
  foldList es (fun acc e => .app acc e) (.const `_aludel [])

/-- The types of variables. -/
def typesOf (xs : Array Expr) (i : Nat) : MetaM (List Expr) := do
  if h : i < xs.size then
    let d ← xs[i].mvarId!.getDecl
    let rest ← typesOf xs (i + 1)
    return d.type :: rest
  else return []

/-- From here on, unknowns made so far are not filled any more. -/
def freeze : MetaM Unit := fun _ ref _ _ => do
  let s ← ST.Prim.Ref.get ref
  ST.Prim.Ref.set ref { s with mctx := s.mctx.incDepth }

/-- Whether one of the forms stands somewhere in `e`, outside of binders. -/
def standsIn (e : Expr) (forms : List Expr) : MetaM Bool := do
  match forms with
  | [] => return false
  | p :: rest =>
    let r ← kabstract e p
    if r.hasLooseBVars then return true
    standsIn e rest

/-- Whether one of the forms is `e`. -/
def isOneOf (e : Expr) (forms : List Expr) : MetaM Bool := do
  match forms with
  | [] => return false
  | p :: rest =>
    if e.getAppNumArgs == p.getAppNumArgs then
      if ← isDefEq p e then return true
    isOneOf e rest

/-- Whether the term binds a variable. -/
def bindsVariable (e : Expr) : Bool :=
  match e with
  | .lam .. | .forallE .. | .letE .. => true
  | _ => false

/-- Whether a binder stands in a type or in the conclusion of a statement. -/
partial def bindsInside (type : Expr) : Bool :=
  match type with
  | .forallE _ d b _ => (d.find? bindsVariable).isSome || bindsInside b
  | .mdata _ b => bindsInside b
  | e => (e.find? bindsVariable).isSome

/-- Whether a binder stands inside the statement `n`, found out once. -/
def knownToBind (x : SearchIndex) (n : Name) (type : Expr) : IO Bool := do
  let known ← ST.Prim.Ref.get x.binding
  match known.find? n with
  | some b => return b
  | none =>
    let b := bindsInside type
    ST.Prim.Ref.set x.binding (Table.empty 1)
    ST.Prim.Ref.set x.binding (known.alter n fun _ => b)
    return b

/-- Whether a pattern is the conclusion of a statement. -/
def isConclusion (p : LemmaPattern) (type : Expr) : MetaM Bool := do
  let (_, _, conclusion) ← forallMetaTelescope type .syntheticOpaque
  freeze
  let (_, _, e) ← openAbstractMVarsResult p.holes
  isOneOf conclusion (relationForms e)

/-- The place of a pattern in a statement, outside of the binders inside its conclusion and types.
-/
def outerPlace? (p : LemmaPattern) (type : Expr) : MetaM (Option FoundIn) := do
  let (xs, _, conclusion) ← forallMetaTelescope type .syntheticOpaque
  let hypotheses ← typesOf xs 0
  freeze
  let (_, _, e) ← openAbstractMVarsResult p.holes
  let forms := relationForms e
  if ← standsIn conclusion forms then return some .conclusion
  match hypotheses with
  | [] => return none
  | _ => if ← standsIn (packed hypotheses) forms then return some .hypothesis else return none

/-- The place of a pattern below the binders inside the conclusion and the types of a statement. -/
def innerPlace? (p : LemmaPattern) (type : Expr) : MetaM (Option FoundIn) := do
  let (xs, _, conclusion) ← forallMetaTelescope type .syntheticOpaque
  let hypotheses ← typesOf xs 0
  let deep ← bodiesIn conclusion maxBinderDepth []
  let deepHypotheses ← bodiesIn (packed hypotheses) maxBinderDepth []
  freeze
  let (_, _, e) ← openAbstractMVarsResult p.holes
  let forms := relationForms e
  if ← standsIn (packed deep) forms then return some .conclusion
  if ← standsIn (packed deepHypotheses) forms then return some .hypothesis
  return none

/-- The result of `x`, with instances and reducible definitions unfolded. -/
def matching {α : Type} (env : Environment) (heartbeats : Nat) (x : MetaM α) :
    IO (Except Exception α) :=
  runMeta heartbeats env (withReducibleAndInstances x)

/-- The place of a pattern in the statement `n`; an error where that cannot be told within
`heartbeats` (thousands). -/
def findPattern (x : SearchIndex) (heartbeats : Nat) (p : LemmaPattern) (n : Name) (type : Expr) :
    IO (Except Exception (Option FoundIn)) := do
  let env := x.kinds.env
  if !p.mayStandIn env type then return .ok none
  if p.conclusionOnly then
    match ← matching env heartbeats (do let b ← isConclusion p type; return b) with
    | .ok true => return .ok (some .conclusion)
    | .ok false => return .ok none
    | .error e => return .error e
  match ← matching env heartbeats (do let r ← outerPlace? p type; return r) with
  | .ok none =>
    if ← knownToBind x n type then
      matching env heartbeats (do let r ← innerPlace? p type; return r)
    else return .ok none
  | r => return r

end Aludel
