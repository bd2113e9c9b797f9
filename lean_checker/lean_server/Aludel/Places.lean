module
public import Lean
public import Aludel.Basic

/-!
Places of tactics in the text of a proof. A step is a member of a sequence of tactics, as in
LeanDojo's traces: `t₁ <;> t₂` and `rw [a, b]` are one each. Sequences inside it (`·`, `case`,
`have … := by`) hold steps of their own, unless a combinator may run them several times, or undo
what they did.
-/

public section

open Lean

namespace Aludel

/-- A tactic in the text. `parent?` is the index of the tactic around it. -/
structure TacticPlace where
  stx : Syntax
  start : String.Pos.Raw
  stop : String.Pos.Raw
  depth : Nat
  parent? : Option Nat

/-- Tactics that may run others on several states, or undo their effect. -/
def combinators : List Name :=
  [`Lean.Parser.Tactic.first, `Lean.Parser.Tactic.tacticTry_, `Lean.Parser.Tactic.tacticRepeat_,
   `Lean.Parser.Tactic.repeat', `Lean.Parser.Tactic.repeat1', `Lean.Parser.Tactic.tacticIterate____,
   `Lean.Parser.Tactic.allGoals, `Lean.Parser.Tactic.anyGoals, `Lean.Parser.Tactic.«tactic_<;>_»,
   `Lean.Parser.Tactic.failIfSuccess, `Lean.Parser.Tactic.attemptAll, `Lean.solveTactic,
   `Lean.Parser.Tactic.Conv.conv]

/-- Whether nodes of the kind are not part of the proof, or may be run by a tactic any number of
times. -/
def isOutsideProof (k : Name) : Bool :=
  memName k
    [`Lean.Parser.Command.declSig, `Lean.Parser.Command.optDeclSig,
     `Lean.Parser.Command.declModifiers,
     `Lean.Parser.Term.quot, `Lean.Parser.Tactic.quot, `Lean.Parser.Tactic.quotSeq,
     `Lean.Parser.Tactic.discharger]

/-- Whether the kind is that of a sequence of tactics. -/
def isSequence (k : Name) : Bool :=
  k == `Lean.Parser.Tactic.tacticSeq1Indented || k == `Lean.Parser.Tactic.tacticSeqBracketed

/-- Whether the syntax comes from the text rather than from a macro. -/
def isOriginal (s : Syntax) : Bool :=
  match s.getHeadInfo with
  | .original .. => true
  | _ => false

mutual
/-- `acc`, followed by the tactics in `s`, which stands `depth` deep in `parent?`. -/
partial def addPlaces (parent? : Option Nat) (depth : Nat) (acc : Array TacticPlace) (s : Syntax) :
    Array TacticPlace :=
  match s with
  | .node _ k args =>
    if isOutsideProof k then acc
    else if isSequence k then foldArray args (addMembers parent? depth) acc
    else foldArray args (addPlaces parent? depth) acc
  | _ => acc
/-- `acc`, followed by the tactics of a sequence. Separators are atoms or empty nodes. -/
partial def addMembers (parent? : Option Nat) (depth : Nat) (acc : Array TacticPlace) (s : Syntax) :
    Array TacticPlace :=
  match s with
  | .node _ `null members => foldArray members (addMember parent? depth) acc
  | _ => acc
/-- `acc`, followed by the tactic `s` of a sequence and, unless it is a combinator, the tactics
inside it. -/
partial def addMember (parent? : Option Nat) (depth : Nat) (acc : Array TacticPlace) (s : Syntax) :
    Array TacticPlace :=
  match s.getPos?, s.getTailPos? with
  | some start, some stop =>
    match s with
    | .node _ k args =>
      let acc := acc.push { stx := s, start, stop, depth, parent? }
      if memName k combinators then acc
      else foldArray args (addPlaces (some (acc.size - 1)) (depth + 1)) acc
    | _ => acc
  | _, _ => acc
end

/-- The index between `low` and `high` of the first place that begins at `p` or later. `places` are
in the order of the text. -/
partial def firstFrom (places : Array TacticPlace) (p : String.Pos.Raw) (low high : Nat) : Nat :=
  if low < high then
    let middle := (low + high) / 2
    if h : middle < places.size then
      if places[middle].start.byteIdx < p.byteIdx then firstFrom places p (middle + 1) high
      else firstFrom places p low middle
    else low
  else low

/-- Whether the tactic `a` of the text has the kind of `b`. An ambiguous one may have any. -/
def sameKind (a b : Syntax) : Bool :=
  a.getKind == b.getKind || a.getKind == `choice

/-- The index of the place whose tactic is `s`. -/
partial def placeOf? (places : Array TacticPlace) (s : Syntax) : Option Nat :=
  match s.getPos?, s.getTailPos? with
  | some start, some stop => search start stop (firstFrom places start 0 places.size)
  | _, _ => none
where
  search (start stop : String.Pos.Raw) (i : Nat) : Option Nat :=
    if h : i < places.size then
      if places[i].start != start then none
      else if places[i].stop == stop && sameKind places[i].stx s && isOriginal s then some i
      else search start stop (i + 1)
    else none

end Aludel
