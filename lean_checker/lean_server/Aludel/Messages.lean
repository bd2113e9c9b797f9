module
public import Lean
public import Aludel.Basic

/-! Lean's messages as diagnostics of the protocol. -/

public section

open Lean

namespace Aludel

structure Diagnostics where
  items : Array Json := #[]
  /-- Bytes of their texts. -/
  bytes : Nat := 0
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

/-- Lean marks its limits with tags, which no text of a candidate (`fail "…"`) carries. -/
def isLimit (m : MessageData) (text : String) : Bool :=
  m.hasTag (fun n => n == `runtime.maxHeartbeats) || text == "(kernel) deterministic timeout"

def isRecursion (m : MessageData) : Bool := m.hasTag (fun n => n == `runtime.maxRecDepth)

def categoryOf (parsing : Bool) (m : MessageData) (text : String) : String :=
  if parsing then "parse"
  else if isLimit m text then "limit"
  else if isRecursion m then "recursion"
  else if text.startsWith "unsolved goals" then "unsolved_goals"
  else if hasPart "declaration uses" text && hasPart "sorry" text then "sorry"
  else "elaboration"

/-! A candidate decides how much Lean says; the answer has to stay a line of bounded length. -/

def maxMessage : Nat := 20000
def maxMessageBytes : Nat := 2000000
def maxMessages : Nat := 1000

partial def cutAt (text : String) (p : String.Pos.Raw) : String :=
  if p.isValid text then String.Pos.Raw.extract text ⟨0⟩ p ++ "… (cut)" else cutAt text ⟨p.byteIdx + 1⟩

/-- The beginning of a long text. -/
def cut (text : String) (limit : Nat := maxMessage) : String :=
  if text.utf8ByteSize ≤ limit then text else cutAt text ⟨limit⟩

def addMessage (parsing : Bool) (d : Diagnostics) (m : Message) : IO Diagnostics := do
  let whole ← m.data.toString
  let category := categoryOf parsing m.data whole
  let text := cut whole (if d.bytes < maxMessageBytes then maxMessage else 200)
  let item := Json.mkObj
    [("severity", .str (severityText m.severity)), ("category", .str category), ("message", .str text),
     ("start", jsonPosition m.pos), ("end", jsonPosition? m.endPos)]
  let firstError? := match d.firstError?, m.severity with
    | none, .error => some text
    | known, _ => known
  let room := if m.severity == .error then 2 * maxMessages else maxMessages
  let items := if d.items.size < room then d.items.push item else d.items
  return { items, bytes := d.bytes + text.utf8ByteSize, limitHit := d.limitHit || category == "limit", firstError? }

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
