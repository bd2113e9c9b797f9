module
public import Lean
public import Aludel.Accounts
public import Aludel.Messages
public import Aludel.Replay
public import Aludel.Statement

/-! Parts of the answer of `check`: what was added, helpers, places, proofs that lack code. -/

public section

open Lean

namespace Aludel

/-- What was added, with whether it is a helper of `main`, where the text says so. -/
def jsonAdded (a : Array (Name × String)) (isHelper? : Option (Name → Bool)) : Json :=
  .arr (foldArray a (fun acc p =>
    let helper := match isHelper? with
      | some isHelper => [("helper", Json.bool (isHelper p.1))]
      | none => []
    acc.push (Json.mkObj (("name", .str p.1.toString) :: ("kind", .str (cut p.2)) :: helper))) #[])

/-- The places of pieces of syntax. -/
def jsonRanges (fileMap : FileMap) (a : Array Syntax) : Json :=
  let place := fun (p : Option String.Pos.Raw) =>
    match p with
    | some p => jsonPosition (fileMap.toPosition p)
    | none => .null
  .arr (foldArray a (fun acc s =>
    acc.push (Json.mkObj [("start", place s.getPos?), ("end", place s.getTailPos?)])) #[])

/-- The declaration that a text is about: the asked one, or else the last. -/
def mainOf (s? : Option Statement) (added : Array (Name × String)) : Name :=
  match s? with
  | some s => s.name
  | none => foldArray added (fun _ p => p.1) .anonymous

/-- Proofs that want code which this Lean does not have. -/
def lackingForbidden (r : Replay) (place : Name → Syntax) : Array Forbidden :=
  foldArray r.lacking (fun acc n =>
    acc.push (unavailable "native_decide" noCodeToRun (place n))) #[]

/-- Refusals as JSON objects. -/
def jsonForbidden (fileMap : FileMap) (a : Array Forbidden) : Json :=
  .arr (foldArray a (fun acc f => acc.push (forbiddenJson fileMap f)) #[])

end Aludel
