module
public import Lean
public import Aludel.Basic

/-! Lean's messages as diagnostics of the protocol. -/

public section

open Lean

namespace Aludel

/-- Messages of an elaboration in the form of the protocol. -/
structure Diagnostics where
  items : Array Json := #[]
  /-- Bytes of all texts so far. -/
  bytes : Nat := 0
  /-- Whether some message came from the deterministic time limit. -/
  limitHit : Bool := false
  firstError? : Option String := none

/-- The protocol's word for a severity. -/
def severityText (s : MessageSeverity) : String :=
  match s with
  | .error => "error"
  | .warning => "warning"
  | .information => "info"

/-- A position as JSON: line from 1, column from 0 in code points. -/
def jsonPosition (p : Position) : Json := .arr #[jsonNat p.line, jsonNat p.column]

/-- A position as JSON; `null` for `none`. -/
def jsonPosition? (p : Option Position) : Json :=
  match p with
  | some p => jsonPosition p
  | none => .null

/-- Whether the characters `part` occur in `s` without a gap. -/
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

/-- Whether `part` occurs in `s`. -/
def hasPart (part s : String) : Bool := hasPartFrom part.toList s.toList

/-- Whether the message reports that heartbeats ran out. Lean marks its limits with tags, which no
text of a candidate (`fail "…"`) carries. -/
def isLimit (m : MessageData) (text : String) : Bool :=
  m.hasTag (fun n => n == `runtime.maxHeartbeats) || text == "(kernel) deterministic timeout"

/-- Whether the message reports that the recursion depth was exceeded. -/
def isRecursion (m : MessageData) : Bool := m.hasTag (fun n => n == `runtime.maxRecDepth)

/-- The protocol's category of a message. -/
def categoryOf (parsing : Bool) (m : MessageData) (text : String) : String :=
  if parsing then "parse"
  else if isLimit m text then "limit"
  else if isRecursion m then "recursion"
  else if text.startsWith "unsolved goals" then "unsolved_goals"
  else if hasPart "declaration uses" text && hasPart "sorry" text then "sorry"
  else "elaboration"

/-! Bounds on messages: a candidate can make Lean report any amount, and an answer is a line of
bounded length. -/

/-- The most bytes of one message's text. -/
def maxMessage : Nat := 20000
/-- The bytes of all texts after which later ones are cut to 200 bytes. -/
def maxMessageBytes : Nat := 2000000
/-- The most messages of an answer; as many again are kept for errors. -/
def maxMessages : Nat := 1000

/-- The text up to the first valid position from `p` on, marked as cut. -/
partial def cutAt (text : String) (p : String.Pos.Raw) : String :=
  if p.isValid text then String.Pos.Raw.extract text ⟨0⟩ p ++ "… (cut)"
  else cutAt text ⟨p.byteIdx + 1⟩

/-- The text, cut to about `limit` bytes when it is longer. -/
def cut (text : String) (limit : Nat := maxMessage) : String :=
  if text.utf8ByteSize ≤ limit then text else cutAt text ⟨limit⟩

/-- The diagnostics with one more message. `parsing` says that it comes from the parser. -/
def addMessage (parsing : Bool) (d : Diagnostics) (m : Message) : IO Diagnostics := do
  let whole ← m.data.toString
  let category := categoryOf parsing m.data whole
  let text := cut whole (if d.bytes < maxMessageBytes then maxMessage else 200)
  let item := Json.mkObj
    [("severity", .str (severityText m.severity)), ("category", .str category),
     ("message", .str text),
     ("start", jsonPosition m.pos), ("end", jsonPosition? m.endPos)]
  let firstError? := match d.firstError?, m.severity with
    | none, .error => some text
    | known, _ => known
  let room := if m.severity == .error then 2 * maxMessages else maxMessages
  let items := if d.items.size < room then d.items.push item else d.items
  return { items, bytes := d.bytes + text.utf8ByteSize, limitHit := d.limitHit ||
    category == "limit", firstError? }

mutual
/-- The diagnostics with the messages below a node of a persistent array. -/
partial def addNode (parsing : Bool) (d : Diagnostics) (n : PersistentArrayNode Message) :
    IO Diagnostics :=
  match n with
  | .leaf ms => foldArrayIO ms (addMessage parsing) d
  | .node ns => addNodes parsing d ns 0
/-- The diagnostics with the messages below the nodes `ns` from index `i` on. -/
partial def addNodes (parsing : Bool) (d : Diagnostics) (ns : Array (PersistentArrayNode Message))
    (i : Nat) : IO Diagnostics := do
  if h : i < ns.size then
    let d ← addNode parsing d ns[i]
    addNodes parsing d ns (i + 1)
  else return d
end

/-- The diagnostics with all messages of the log, in order. `parsing` says that they come from the
parser. -/
def addLog (d : Diagnostics) (log : MessageLog) (parsing : Bool := false) : IO Diagnostics := do
  let ms := log.unreported
  let d ← addNode parsing d ms.root
  foldArrayIO ms.tail (addMessage parsing) d

end Aludel
