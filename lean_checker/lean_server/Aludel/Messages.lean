module
public import Lean
public import Aludel.Basic

/-! Lean's messages as diagnostics of the protocol. -/

public section

open Lean

namespace Aludel

structure Diagnostics where
  items : Array Json := #[]
  /-- Some message came from the deterministic time limit. -/
  limitHit : Bool := false
  firstError? : Option String := none

def severityText (s : MessageSeverity) : String :=
  match s with
  | .error => "error"
  | .warning => "warning"
  | .information => "info"

/-- Line from 1, column from 0 in code points. -/
def jsonPosition (p : Position) : Json := .arr #[jsonNat p.line, jsonNat p.column]

def jsonPosition? (p : Option Position) : Json :=
  match p with
  | some p => jsonPosition p
  | none => .null

/-- Whether `part` occurs in `s`. -/
partial def hasPartFrom (part s : List Char) : Bool :=
  if startsWith part s then true
  else match s with
    | [] => false
    | _ :: rest => hasPartFrom part rest
where
  startsWith (p s : List Char) : Bool :=
    match p, s with
    | [], _ => true
    | _, [] => false
    | a :: p, b :: s => if a == b then startsWith p s else false

def hasPart (part s : String) : Bool := hasPartFrom part.toList s.toList

def isLimitText (s : String) : Bool :=
  s.startsWith "(deterministic) timeout" || hasPart "maximum number of heartbeats" s

def isRecursionText (s : String) : Bool := s.startsWith "maximum recursion depth has been reached"

def categoryOf (parsing : Bool) (text : String) : String :=
  if parsing then "parse"
  else if isLimitText text then "limit"
  else if isRecursionText text then "recursion"
  else if text.startsWith "unsolved goals" then "unsolved_goals"
  else if hasPart "declaration uses" text && hasPart "sorry" text then "sorry"
  else "elaboration"

def addMessage (parsing : Bool) (d : Diagnostics) (m : Message) : IO Diagnostics := do
  let text ← m.data.toString
  let category := categoryOf parsing text
  let item := Json.mkObj
    [("severity", .str (severityText m.severity)), ("category", .str category), ("message", .str text),
     ("start", jsonPosition m.pos), ("end", jsonPosition? m.endPos)]
  let firstError? := match d.firstError?, m.severity with
    | none, .error => some text
    | known, _ => known
  return { items := d.items.push item, limitHit := d.limitHit || category == "limit", firstError? }

mutual
partial def addNode (parsing : Bool) (d : Diagnostics) (n : PersistentArrayNode Message) : IO Diagnostics :=
  match n with
  | .leaf ms => foldArrayIO ms (addMessage parsing) d
  | .node ns => addNodes parsing d ns 0
partial def addNodes (parsing : Bool) (d : Diagnostics) (ns : Array (PersistentArrayNode Message)) (i : Nat) :
    IO Diagnostics := do
  if h : i < ns.size then
    let d ← addNode parsing d ns[i]
    addNodes parsing d ns (i + 1)
  else return d
end

/-- Adds all messages of the log, in order; `parsing` says that they come from the parser. -/
def addLog (d : Diagnostics) (log : MessageLog) (parsing : Bool := false) : IO Diagnostics := do
  let ms := log.unreported
  let d ← addNode parsing d ms.root
  foldArrayIO ms.tail (addMessage parsing) d

end Aludel
