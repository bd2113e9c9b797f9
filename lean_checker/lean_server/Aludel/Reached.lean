module
public import Lean
public import Aludel.Imports
public import Aludel.Replay

/-!
What constants of the imports rest on, through the bodies that the imports hold. A project's
modules hold the bodies of their theorems, the embedded library those of some definitions. Found out
once per constant and import set.
-/

public section

open Lean

namespace Aludel

/-- The names of a list as an array. -/
def nameArray (l : List Name) : Array Name :=
  foldList l (fun (acc : Array Name) n => acc.push n) #[]

/-- Whatever either rests on. -/
def Reached.union (a b : Reached) : Reached :=
  { axioms := foldList b.axioms (fun l n => if memName n l then l else n :: l) a.axioms,
    whole := a.whole && b.whole }

/-- The constant that stands for `n`: for a constructor or recursor, the first type of its block. -/
def rootOf (env : Environment) (n : Name) : Name :=
  match env.find? n with
  | some (.ctorInfo v) => firstOfBlock v.induct
  | some (.recInfo v) =>
    match v.all with
    | m :: _ => firstOfBlock m
    | [] => n
  | some (.inductInfo _) => firstOfBlock n
  | _ => n
where
  firstOfBlock (n : Name) : Name :=
    match env.find? n with
    | some (.inductInfo v) =>
      match v.all with
      | m :: _ => m
      | [] => n
    | _ => n

/-- The constants that a constant's type and body mention; those of a whole block of types. -/
def mentionedBy (env : Environment) (ci : ConstantInfo) : Array Name :=
  match ci with
  | .inductInfo v => inductiveConstants (inductiveTypes env v.all) #[]
  | .thmInfo v => both v.type v.value
  | .defnInfo v => both v.type v.value
  | .opaqueInfo v => both v.type v.value
  | _ => ci.type.getUsedConstants
where
  both (t v : Expr) : Array Name :=
    foldArray v.getUsedConstants (fun acc n => acc.push n) t.getUsedConstants

/-- What a constant rests on by itself. -/
def reachedItself (env : Environment) (n : Name) (ci : ConstantInfo) : Reached :=
  if isAxiomOf env n then { axioms := [n] }
  else if trustsCompiler n then { axioms := [`Lean.trustCompiler] }
  else match ci with
    | .axiomInfo _ => { whole := false }
    | _ => {}

/-- What `n` rests on, and the table with that entry and those below it. -/
partial def reachedFrom (env : Environment) (t : Table Reached) (n : Name) :
    IO (Table Reached × Reached) := do
  let n := rootOf env n
  match t.find? n, env.find? n with
  | some r, _ => return (t, r)
  | none, none => return (t, {})
  | none, some ci =>
    let own := reachedItself env n ci
    -- the types of a block mention themselves: this stands until all of it has been seen
    let t := t.alter n fun _ => own
    let (t, r) ← foldArrayIO (mentionedBy env ci) (fun (s : Table Reached × Reached) m => do
      let (t, r) ← reachedFrom env s.1 m
      return (t, s.2.union r)) (t, own)
    return (t.alter n fun _ => r, r)

/-- A way from a constant that rests on `goal` down to it: the constants after `n`, ending in
`goal`. -/
partial def pathTo (env : Environment) (t : Table Reached) (goal n : Name) (depth : Nat) :
    List Name :=
  if n == goal || depth == 0 then []
  else match env.find? (rootOf env n) with
    | none => []
    | some ci =>
      match next (mentionedBy env ci) 0 with
      | some m => m :: pathTo env t goal m (depth - 1)
      | none => if goal == `Lean.trustCompiler then [goal] else []
where
  next (a : Array Name) (i : Nat) : Option Name :=
    if h : i < a.size then
      match t.find? (rootOf env a[i]) with
      | some r => if rootOf env a[i] != rootOf env n && memName goal r.axioms then some a[i]
          else next a (i + 1)
      | none => next a (i + 1)
    else none

/-- The longest way that is shown. -/
def maxPath : Nat := 40

/-- What some constants of an import set rest on. -/
structure Grounds where
  /-- Axioms, each with a way to it that begins at one of the constants. -/
  axioms : Array (Name × List Name) := #[]
  /-- How many of the constants are theorems whose proofs are hidden, here or further down. -/
  hidden : Nat := 0

/-- Whether `n` was declared as a theorem, whatever the import shows of it. -/
def isTheoremOf (env : Environment) (n : Name) : Bool :=
  match env.find? n with
  | some (.thmInfo _) => true
  | some (.axiomInfo _) =>
    match originalKind? env n with
    | some .thm => true
    | _ => false
  | _ => false

/-- Adds what `n` rests on. -/
def addGrounds (env : Environment) (t : Table Reached) (r : Reached) (n : Name) (g : Grounds) :
    Grounds :=
  let hidden := if !r.whole && isTheoremOf env n then g.hidden + 1 else g.hidden
  let axioms := foldList r.axioms (fun (acc : Array (Name × List Name)) a =>
    if foldArray acc (fun found p => found || p.1 == a) false then acc
    else acc.push (a, n :: pathTo env t a n maxPath)) g.axioms
  { axioms, hidden }

/-- What the constants of an import set rest on, those of `ns` that it holds. -/
def groundsOf (set : LoadedImports) (ns : Array Name) : IO Grounds := do
  let t ← ST.Prim.Ref.get set.reached
  -- the reference lets go of the table, which is then changed in place
  ST.Prim.Ref.set set.reached (Table.empty 1)
  let (t, g) ← foldArrayIO ns (fun (s : Table Reached × Grounds) n => do
    let (t, r) ← reachedFrom set.env s.1 n
    return (t, addGrounds set.env t r n s.2)) (t, {})
  ST.Prim.Ref.set set.reached t
  return g

end Aludel
