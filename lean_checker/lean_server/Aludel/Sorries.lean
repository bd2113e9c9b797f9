module
public import Lean
public import Aludel.States

/-!
The operation `sorries`: the places of a candidate at which it says `sorry`, each with the goal that
it leaves open. The candidate passes the guard as in `check`. No verdict is made here.
-/

public section

open Lean Meta Elab

namespace Aludel

/-- A `sorry` of the text, as an info tree records it. -/
structure OpenPlace where
  stx : Syntax
  context : CommandContextInfo
  info : Info

/-- The syntax of a `sorry` or `admit` that stands in the text. -/
def sorrySyntax? (i : Info) : Option Syntax :=
  match i with
  | .ofTermInfo t =>
    if t.stx.getKind == `Lean.Parser.Term.sorry && isOriginal t.stx then some t.stx else none
  | .ofTacticInfo t =>
    let k := t.stx.getKind
    if (k == `Lean.Parser.Tactic.tacticSorry || k == `Lean.Parser.Tactic.tacticAdmit) &&
        isOriginal t.stx
    then some t.stx else none
  | _ => none

/-- `acc` with one node of an info tree, if it is a `sorry` at a new place. -/
def addOpen (context? : Option CommandContextInfo) (acc : Array OpenPlace) (i : Info) :
    Array OpenPlace :=
  match context?, sorrySyntax? i with
  | some context, some stx =>
    let known := foldArray acc (fun found p => found || p.stx.getPos? == stx.getPos?) false
    if known then acc else acc.push { stx, context, info := i }
  | _, _ => acc

mutual
/-- `acc` with the places in an info tree. -/
partial def openPlaces (context? : Option CommandContextInfo) (acc : Array OpenPlace)
    (t : InfoTree) : Array OpenPlace :=
  match t with
  | .context (.commandCtx c) t => openPlaces (some c) acc t
  | .context _ t => openPlaces context? acc t
  | .node i ts =>
    let acc := openPlacesNode context? (addOpen context? acc i) ts.root
    foldArray ts.tail (openPlaces context?) acc
  | .hole _ => acc
/-- `acc` with the places in the info trees below a node of a persistent array. -/
partial def openPlacesNode (context? : Option CommandContextInfo) (acc : Array OpenPlace)
    (n : PersistentArrayNode InfoTree) : Array OpenPlace :=
  match n with
  | .leaf ts => foldArray ts (openPlaces context?) acc
  | .node ns => foldArray ns (openPlacesNode context?) acc
end

/-- `acc` with the places in one info tree of a command, its holes filled. -/
def openPlacesTree (info : InfoState) (acc : Array OpenPlace) (t : InfoTree) : Array OpenPlace :=
  openPlaces none acc (InfoTree.substitute t info.assignment)

mutual
/-- `acc` with the places in a command's info trees below a node of a persistent array. -/
partial def openPlacesRoot (info : InfoState) (acc : Array OpenPlace)
    (n : PersistentArrayNode InfoTree) : Array OpenPlace :=
  match n with
  | .leaf ts => foldArray ts (openPlacesTree info) acc
  | .node ns => openPlacesRoots info acc ns 0
/-- `acc` with the places below the nodes `ns` from index `i` on. -/
partial def openPlacesRoots (info : InfoState) (acc : Array OpenPlace)
    (ns : Array (PersistentArrayNode InfoTree)) (i : Nat) : Array OpenPlace :=
  if h : i < ns.size then openPlacesRoots info (openPlacesRoot info acc ns[i]) ns (i + 1) else acc
end

/-- The places in a command's info trees. -/
def openPlacesOf (info : InfoState) : Array OpenPlace :=
  foldArray info.trees.tail (openPlacesTree info) (openPlacesRoot info #[] info.trees.root)

/-- The goal that a term of type `type` would close, in print. -/
def goalOfType (lctx : LocalContext) (type : Expr) : MetaM String := do
  let goal ← mkFreshExprMVarAt lctx #[] type
  let shown ← Meta.ppGoal goal.mvarId!
  return shown.pretty

/-- The goal that a `sorry` leaves open, in print; `none` where it cannot be shown. -/
def openGoal? (heartbeats : Nat) (env : Environment) (p : OpenPlace) : IO (Option String) := do
  match p.info with
  | .ofTacticInfo t =>
    match t.goalsBefore with
    | [] => return none
    | goal :: _ =>
      match ← printGoals heartbeats env p.context t.mctxBefore [goal] with
      | .ok shown => return if h : 0 < shown.texts.size then some shown.texts[0] else none
      | .error _ => return none
  | .ofTermInfo t =>
    match t.expectedType? with
    | none => return none
    | some type =>
      let coreRef ← ST.Prim.mkRef (σ := IO.RealWorld)
        ({ env := env, ngen := p.context.ngen } : Core.State)
      let metaRef ← ST.Prim.mkRef (σ := IO.RealWorld) ({ mctx := p.context.mctx } : Meta.State)
      let start ← IO.getNumHeartbeats
      let ctx := { coreContext heartbeats p.context.options with
        initHeartbeats := start, currNamespace := p.context.currNamespace,
        openDecls := p.context.openDecls }
      let act : EIO Exception String := goalOfType t.lctx type {} metaRef ctx coreRef
      match ← (show IO (Except Exception String) from EIO.toIO' act) with
      | .ok text => return some text
      | .error _ => return none
  | _ => return none

/-- The most places of an answer. -/
def maxOpenPlaces : Nat := 200

/-- `acc` with the places of one command as JSON. -/
def commandSorries (c : Candidate) (acc : Array Json) (r : Recorded) : IO (Array Json) :=
  foldArrayIO (openPlacesOf r.info) (fun (acc : Array Json) p => do
    if acc.size ≥ maxOpenPlaces then return acc
    let goal? ← openGoal? c.input.heartbeats r.env p
    let place := fun (pos? : Option String.Pos.Raw) =>
      match pos? with
      | some pos => jsonPosition (c.ictx.fileMap.toPosition pos)
      | none => .null
    let goal := match goal? with
      | some text => Json.str (cut text)
      | none => .null
    return acc.push (Json.mkObj [("goal", goal), ("start", place p.stx.getPos?),
      ("end", place p.stx.getTailPos?)])) acc

/-- Answers the operation `sorries`. -/
unsafe def sorries (state : ServerState) (j : Json) : IO Answer := do
  match ← elabCandidate state j record with
  | .error e => return .error e
  | .ok c =>
    let found ← foldArrayIO c.elaborated.recorded (commandSorries c) #[]
    return .ok (Json.mkObj [("sorries", .arr found)])

end Aludel
