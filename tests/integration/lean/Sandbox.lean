module
public import Lean
/-! Tries to get out of the host, and prints what came of each attempt as one JSON object. -/
public section
open Lean

abbrev Report := List (String × Json)

/-- Runs `act`; what it returns or how it was refused goes into the report. -/
unsafe def attempt (report : IO.Ref Report) (name : String) (act : IO String) : IO Unit := do
  let result ← try
      let r ← act
      pure r
    catch e => pure ("refused: " ++ toString e)
  let old ← ST.Prim.Ref.get report
  ST.Prim.Ref.set report ((name, .str result) :: old)

def names (entries : Array IO.FS.DirEntry) (i : Nat) (acc : String) : String :=
  if _h : i < entries.size then names entries (i + 1) (acc ++ entries[i].fileName ++ " ") else acc

unsafe def list (report : IO.Ref Report) (path : String) : IO Unit :=
  attempt report ("list " ++ path) do
    let entries ← System.FilePath.readDir path
    return names entries 0 ""

unsafe def read (report : IO.Ref Report) (path : String) : IO Unit :=
  attempt report ("read " ++ path) do
    let bytes ← IO.FS.readBinFile path
    return toString bytes.size

unsafe def write (report : IO.Ref Report) (path : String) : IO Unit := do
  attempt report ("write " ++ path) do
    IO.FS.writeFile path "x"
    return "written"
  attempt report ("append " ++ path) do
    let handle ← IO.FS.Handle.mk path .append
    handle.putStr "x"
    handle.flush
    return "written"
  attempt report ("update " ++ path) do
    let handle ← IO.FS.Handle.mk path .readWrite
    handle.putStr "x"
    handle.flush
    return "written"
  attempt report ("remove " ++ path) do
    IO.FS.removeFile path
    return "removed"
  attempt report ("rename " ++ path) do
    IO.FS.rename path "/lib/lean/renamed"
    return "renamed"

unsafe def main (arguments : List String) : IO Unit := do
  let report ← ST.Prim.mkRef (σ := IO.RealWorld) ([] : Report)
  write report "/lib/lean/Init.olean"
  write report "/program/Sandbox.lean"
  write report "/new"
  write report "/tmp/new"
  write report "/home/new"
  attempt report "make folder" do
    IO.FS.createDir "/lib/lean/new"
    return "made"
  list report "/"
  list report "/tmp"
  list report "/home"
  list report "/lib/lean"
  read report "/lib/lean/Init.olean"
  read report "/lib/lean/../manifest.json"
  read report "/lib/lean/Init/../../manifest.json"
  read report "/etc/passwd"
  match arguments with
  | secret :: _ => read report secret
  | [] => pure ()
  attempt report "spawn" do
    let output ← IO.Process.output { cmd := "/bin/sh", args := #["-c", "id"] }
    return output.stdout
  attempt report "folder" do
    let folder ← IO.currentDir
    return toString folder
  attempt report "program" do
    let path ← IO.appPath
    return toString path
  attempt report "PATH" do
    let path ← IO.getEnv "PATH"
    return toString path
  let found ← ST.Prim.Ref.get report
  let output ← IO.getStdout
  output.putStrLn (Json.mkObj found).compress
  output.flush
  IO.Process.exit 0
