module
public import Lean
public import Aludel.Audit
public import Aludel.Check
public import Aludel.Export
public import Aludel.Goals
public import Aludel.Judge
public import Aludel.Mutate
public import Aludel.Restate
public import Aludel.Screen
public import Aludel.Search
public import Aludel.Sessions
public import Aludel.Sorries
public import Aludel.States

/-!
The Lean server: one request per line on stdin, answers on stdout
(`docs/reference/lean-server-protocol.md`).
-/

public section

open Lean

namespace Aludel

/-- The version of the protocol, announced when the server is ready. -/
def protocolVersion : Nat := 1

/-- The indexes of import sets: for mutations, and for searches. -/
structure Indexes where
  mutation : IndexCache
  search : SearchCache

/-- A handler of one operation. It answers a request and may emit items before the answer. -/
abbrev Handler :=
  ServerState → Indexes → SessionTable → Json → (Json → IO Unit) → IO Answer

/-- Answers the operation `ping` with the import sets loaded so far. -/
def ping (state : ServerState) : IO Answer := do
  let loaded ← ST.Prim.Ref.get state.loaded
  return .ok (Json.mkObj [("imports", jsonImportSets loaded)])

/-- The operations of the protocol with their handlers. -/
unsafe def operations : Array (String × Handler) := #[
  ("audit", fun state _ _ j emit => audit state j emit),
  ("check", fun state _ _ j _ => check state j),
  ("statement", fun state _ _ j _ => statement state j),
  ("judge", fun state _ _ j _ => judge state j),
  ("forbidden", fun state _ _ j _ => forbidden state j),
  ("goals", fun state _ _ j _ => goals state j),
  ("constants", fun state _ _ j emit => constants state j emit),
  ("export", fun state _ _ j emit => exportConstants state j emit),
  ("load", fun state _ _ j _ => load state j),
  ("index", fun state cache _ j _ => index state cache.mutation j),
  ("mutate", fun state cache _ j emit => mutate state cache.mutation j emit),
  ("restate", fun state _ _ j emit => restate state j emit),
  ("screen", fun state _ _ j emit => screen state j emit),
  ("search", fun state cache _ j emit => search state cache.search j emit),
  ("session_open", fun state _ table j _ => sessionOpen state table j),
  ("session_step", fun _ _ table j emit => sessionStep table j emit),
  ("session_forget", fun _ _ table j _ => sessionForget table j),
  ("session_close", fun _ _ table j _ => sessionClose table j),
  ("sorries", fun state _ _ j _ => sorries state j),
  ("states", fun state _ _ j emit => states state j emit),
  ("ping", fun state _ _ _ _ => ping state)]

/-- The handler of the operation `op` among the elements of `table` from index `i` on. -/
partial def findHandler (table : Array (String × Handler)) (op : String) (i : Nat := 0) :
    Option Handler :=
  if h : i < table.size then
    if table[i].1 == op then some table[i].2 else findHandler table op (i + 1)
  else none

/-- The answer to a request, from the handler of its operation. -/
unsafe def dispatch (state : ServerState) (cache : Indexes) (table : SessionTable) (j : Json)
    (emit : Json → IO Unit) : IO Answer := do
  let op := getStr j "op"
  match findHandler operations op with
  | some handler => handler state cache table j emit
  | none => return .error { field := "op", message := "unknown operation `" ++ op ++ "`" }

/-- An answer that reports an error. -/
def errorJson (id code field message : String) : Json :=
  Json.mkObj [("id", .str id), ("ok", .bool false),
    ("error", Json.mkObj [("code", .str code), ("field", .str field), ("message", .str message)])]

/-- Writes one line and flushes it. -/
def writeLine (output : IO.FS.Stream) (j : Json) : IO Unit := do
  output.putStrLn j.compress
  output.flush

/-- The answer to one request, with the time and the heartbeats it took. Items go to `output` on the
way. -/
unsafe def answer (state : ServerState) (cache : Indexes) (table : SessionTable) (j : Json)
    (startMs : Nat) (output : IO.FS.Stream) : IO Json := do
  let id := getStr j "id"
  let emit := fun item => writeLine output (Json.mkObj [("id", .str id), ("item", item)])
  let startHeartbeats ← IO.getNumHeartbeats
  try
    let r ← dispatch state cache table j emit
    let endMs ← IO.monoMsNow
    let endHeartbeats ← IO.getNumHeartbeats
    match r with
    | .ok result =>
      return Json.mkObj [("id", .str id), ("ok", .bool true), ("ms", jsonNat (endMs - startMs)),
        ("heartbeats", jsonNat ((endHeartbeats - startHeartbeats) / 1000)), ("result", result)]
    | .error e => return errorJson id "invalid_request" e.field e.message
  catch e => return errorJson id "internal" "" (toString e)

/-- Answers requests until the end of the input. -/
unsafe def serve (state : ServerState) (cache : Indexes) (table : SessionTable)
    (input output : IO.FS.Stream) : IO Unit := do
  let line ← input.getLine
  if line.isEmpty then return
  let startMs ← IO.monoMsNow
  let reply ← match Json.parse line with
    | .ok j => answer state cache table j startMs output
    | .error m => pure (errorJson "" "invalid_request" "line" m)
  writeLine output reply
  serve state cache table input output

end Aludel

open Aludel in
/-- Loads `Init`, announces that the server is ready, and answers requests. -/
unsafe def main (_ : List String) : IO Unit := do
  let startMs ← IO.monoMsNow
  match ← IO.getEnv "LEAN_SYSROOT" with
  | some root => initSearchPath root
  | none => initSearchPath (← findSysroot)
  let loaded ← ST.Prim.mkRef (σ := IO.RealWorld) (#[] : Array LoadedImports)
  let asked ← ST.Prim.mkRef (σ := IO.RealWorld) ([] : AskedBefore)
  let state : ServerState := { loaded, asked }
  let entries ← ST.Prim.mkRef (σ := IO.RealWorld) ([] : List (Array Name × LemmaIndex))
  let searches ← ST.Prim.mkRef (σ := IO.RealWorld) ([] : List (Array Name × SearchIndex))
  let _ ← loadImports state "imports" #[]
  let output ← IO.getStdout
  let endMs ← IO.monoMsNow
  let ready := Json.mkObj
    [("ready", .bool true), ("lean", .str Lean.versionString), ("commit", .str Lean.githash),
     ("protocol", jsonNat protocolVersion), ("ms", jsonNat (endMs - startMs))]
  writeLine output ready
  let sessions ← ST.Prim.mkRef (σ := IO.RealWorld) ([] : List Session)
  let indexes : Indexes := { mutation := { entries }, search := { entries := searches } }
  serve state indexes { sessions } (← IO.getStdin) output
