module
public import Lean
public import Aludel.Check
public import Aludel.Goals
public import Aludel.Mutate
public import Aludel.Restate
public import Aludel.Screen
public import Aludel.Sessions
public import Aludel.States

/-!
The Lean server: one request per line on stdin, answers on stdout
(`docs/reference/lean-server-protocol.md`).
-/

public section

open Lean

namespace Aludel

def protocolVersion : Nat := 1

unsafe def dispatch (state : ServerState) (cache : IndexCache) (table : SessionTable) (j : Json)
    (emit : Json → IO Unit) : IO Answer := do
  let op := getStr j "op"
  if op == "check" then check state j
  else if op == "replay" then replay state j
  else if op == "goals" then goals state j
  else if op == "constants" then constants state j emit
  else if op == "mutate" then mutate state cache j emit
  else if op == "restate" then restate state j emit
  else if op == "screen" then screen state j emit
  else if op == "session_open" then sessionOpen state table j
  else if op == "session_step" then sessionStep table j emit
  else if op == "session_forget" then sessionForget table j
  else if op == "session_close" then sessionClose table j
  else if op == "states" then states state j emit
  else if op == "ping" then
    let loaded ← ST.Prim.Ref.get state.loaded
    return .ok (Json.mkObj [("imports", jsonImportSets loaded)])
  else return .error { field := "op", message := "unknown operation `" ++ op ++ "`" }

def errorJson (id code field message : String) : Json :=
  Json.mkObj [("id", .str id), ("ok", .bool false),
    ("error", Json.mkObj [("code", .str code), ("field", .str field), ("message", .str message)])]

/-- Writes one line and flushes it. -/
def writeLine (output : IO.FS.Stream) (j : Json) : IO Unit := do
  output.putStrLn j.compress
  output.flush

unsafe def answer (state : ServerState) (cache : IndexCache) (table : SessionTable) (j : Json) (startMs : Nat) (output : IO.FS.Stream) :
    IO Json := do
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

unsafe def serve (state : ServerState) (cache : IndexCache) (table : SessionTable) (input output : IO.FS.Stream) : IO Unit := do
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
unsafe def main (_ : List String) : IO Unit := do
  let startMs ← IO.monoMsNow
  match ← IO.getEnv "LEAN_SYSROOT" with
  | some root => initSearchPath root
  | none => initSearchPath (← findSysroot)
  enableInitializersExecution
  let loaded ← ST.Prim.mkRef (σ := IO.RealWorld) (#[] : Array LoadedImports)
  let state : ServerState := { loaded }
  let entries ← ST.Prim.mkRef (σ := IO.RealWorld) ([] : List (Array Name × LemmaIndex))
  let _ ← loadImports state "imports" #[]
  let output ← IO.getStdout
  let endMs ← IO.monoMsNow
  let ready := Json.mkObj [("ready", .bool true), ("lean", .str Lean.versionString), ("commit", .str Lean.githash),
    ("protocol", jsonNat protocolVersion), ("ms", jsonNat (endMs - startMs))]
  writeLine output ready
  let sessions ← ST.Prim.mkRef (σ := IO.RealWorld) ([] : List Session)
  serve state { entries } { sessions } (← IO.getStdin) output
