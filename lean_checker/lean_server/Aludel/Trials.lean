module
public import Lean
public import Aludel.Steps

/-! Which lemmas are tried where, and in which order. -/

public section

open Lean Meta

namespace Aludel

/-- A proposition of the opened theorem: a hypothesis by its index, or the conclusion. -/
structure Position where
  hypothesis? : Option Nat
  type : Expr

/-- The hypotheses from index `i` on that are propositions. -/
partial def hypothesisPositions (o : Opened) (i : Nat) : MetaM (List Position) := do
  if h : i < o.atoms.size then
    let rest ← hypothesisPositions o (i + 1)
    let prop ← isProp o.atoms[i].type
    if prop then return { hypothesis? := some i, type := o.atoms[i].type } :: rest else return rest
  else return []

/-- The rules asked for. -/
structure Rules where
  rw : Bool
  /-- Whether rewriting may leave side goals. -/
  conditional : Bool
  apply : Bool
  forward : Bool

/-- The opened theorem with its positions, the conclusion first. -/
def openPositions (n : Name) (ci : ConstantInfo) : MetaM (Opened × List Position) := do
  let o ← openTheorem n ci
  inContextOf o.goal do
    let hs ← hypothesisPositions o 0
    return (o, { hypothesis? := none, type := o.target } :: hs)

/-- Hash of a use. -/
def useHash (u : Use) : UInt64 :=
  mixHash u.name.hash (mixHash (if u.symm then 1 else 0) u.premise.toUInt64)

/-- `acc` with a trial at `p` for each of the uses, except those of the target itself and repeated
ones. -/
def addTrials (rule : Rule) (p : Position) (late : Bool) (target : Name) (uses : List Use)
    (acc : List Trial) : List Trial :=
  (foldList uses (fun (s : List Trial × HashSet64) u =>
    let h := useHash u
    if u.name == target || s.2.contains h then s
    else ({ rule, use := u, hypothesis? := p.hypothesis?, late } :: s.1, s.2.insert h)) (acc, {})).1

/-- Whether `apply` may be tried at a position: a hypothesis that is not an implication or a `∀`,
for which it would not be determined which premises are the lemma's. -/
def takesApply (p : Position) : Bool := p.hypothesis?.isSome && !p.type.isForall

/-! Trials that the index retrieves. -/

/-- `acc` with the trials that the index retrieves for one position. -/
def retrieveAt (x : LemmaIndex) (i : OfferInput) (rules : Rules) (target : Name) (p : Position)
    (acc : List Trial) : MetaM (List Trial) := do
  let acc ← if rules.rw then
      let uses ← retrieveRewrites x i p.type
      let uses := if rules.conditional then uses
        else foldList uses (fun l u => if u.leavesOpen then l else u :: l) []
      pure (addTrials .rw p false target uses acc)
    else pure acc
  let acc ← if rules.apply && takesApply p then
      let uses ← retrieveWhole x i x.conclusions p.type
      pure (addTrials .apply p true target x.universal (addTrials .apply p false target uses acc))
    else pure acc
  if rules.forward && p.hypothesis?.isNone then
    let uses ← retrieveWhole x i x.premises p.type
    return addTrials .forward p false target uses acc
  else return acc

/-- `acc` with the trials that the index retrieves for the positions `ps`. -/
partial def retrieveFrom (x : LemmaIndex) (i : OfferInput) (rules : Rules) (target : Name)
    (ps : List Position) (acc : List Trial) : MetaM (List Trial) := do
  match ps with
  | [] => return acc
  | p :: rest =>
    let acc ← retrieveAt x i rules target p acc
    retrieveFrom x i rules target rest acc

/-- The trials that the index retrieves for an opened theorem. -/
def retrieve (x : LemmaIndex) (i : OfferInput) (rules : Rules) (o : Opened) (ps : List Position) :
    MetaM (List Trial) :=
  inContextOf o.goal (retrieveFrom x i rules o.name ps [])

/-! Trials of every lemma, everywhere. -/

/-- The uses of a lemma's premises, except those whose head is a variable. -/
def premiseUses (n : Name) (l : List (Nat × Expr)) : List Use :=
  foldList l (fun acc p => if isVariable p.2 then acc else { name := n, premise := p.1 } :: acc) []

/-- Uses of lemmas by rule. -/
structure AllUses where
  rw : List Use := []
  apply : List Use := []
  forward : List Use := []

/-- `acc` with all uses of the lemma `n`. -/
def addUses (env : Environment) (acc : AllUses) (n : Name) : AllUses :=
  match env.find? n with
  | none => acc
  | some ci =>
    let rw := match sides? (conclusion ci.type) with
      | some _ => { name := n } :: { name := n, symm := true } :: acc.rw
      | none => acc.rw
    match premisesOf env [] 0 ci.type with
    | [] => { acc with rw }
    | l =>
      { rw, apply := { name := n } :: acc.apply,
        forward := reverseOnto (premiseUses n l) acc.forward }

/-- All uses of the lemmas. -/
def usesOf (env : Environment) (names : List Name) : AllUses := foldList names (addUses env) {}

/-- A trial for every use at every position, by the rules asked for. -/
def everywhere (rules : Rules) (target : Name) (all : AllUses) (ps : List Position) : List Trial :=
  foldList ps (fun acc p =>
    let acc := if rules.rw then addTrials .rw p false target all.rw acc else acc
    let acc := if rules.apply && takesApply p then addTrials .apply p false target all.apply acc
      else acc
    if rules.forward && p.hypothesis?.isNone then addTrials .forward p false target all.forward acc
    else acc) []

/-! Order: smallest hash first. The hash depends on nothing but the trial and the seed. -/

/-- The number of a rule, for hashing. -/
def ruleNumber (r : Rule) : UInt64 :=
  match r with
  | .rw => 1
  | .apply => 2
  | .forward => 3

/-- Hash of a trial and the seed. -/
def trialHash (seed : UInt64) (t : Trial) : UInt64 :=
  let place := match t.hypothesis? with
    | some i => i.toUInt64 + 1
    | none => 0
  mixHash seed (mixHash (useHash t.use) (mixHash (ruleNumber t.rule) place))

/-- Whether the trial `x` is tried before `y`. -/
def earlier (x y : UInt64 × Trial) : Bool :=
  if x.2.late != y.2.late then y.2.late
  else if x.1 == y.1 then x.2.use.name.toString < y.2.use.name.toString else x.1 < y.1

/-- The sorted lists `a` and `b` merged, after the reverse of `acc`. -/
partial def mergeTrials (a b acc : List (UInt64 × Trial)) : List (UInt64 × Trial) :=
  match a, b with
  | [], b => reverseOnto acc b
  | a, [] => reverseOnto acc a
  | x :: xs, y :: ys =>
    if earlier x y then mergeTrials xs (y :: ys) (x :: acc) else mergeTrials (x :: xs) ys (y :: acc)

/-- The trials sorted by `earlier`. -/
partial def sortTrials (l : List (UInt64 × Trial)) : List (UInt64 × Trial) :=
  match l with
  | [] => []
  | [x] => [x]
  | _ =>
    let (a, b) := foldList l
      (fun (p : List (UInt64 × Trial) × List (UInt64 × Trial)) x => (p.2, x :: p.1)) ([], [])
    mergeTrials (sortTrials a) (sortTrials b) []

/-- The trials in the order that the seed gives. -/
def orderTrials (seed : UInt64) (l : List Trial) : List Trial :=
  let sorted := sortTrials (foldList l (fun acc t => (trialHash seed t, t) :: acc) [])
  reverseOnto (foldList sorted (fun acc p => p.2 :: acc) []) []

end Aludel
