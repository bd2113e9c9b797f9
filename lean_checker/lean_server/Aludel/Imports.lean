module
public import Lean
public import Aludel.Asked
public import Aludel.Basic
public import Aludel.Compat
public import Aludel.Table

/-! Import sets: each is loaded once and kept; no request changes a kept environment. -/

public section

open Lean

namespace Aludel

/-- What a constant of an import set rests on. -/
structure Reached where
  /-- Axioms, each once. -/
  axioms : List Name := []
  /-- Whether the bodies of all that it rests on could be looked into. -/
  whole : Bool := true

/-- An import set with its environment. -/
structure LoadedImports where
  modules : Array Name
  env : Environment
  /-- What has been found out so far about its constants. -/
  reached : IO.Ref (Table Reached)

/-- The import sets loaded so far, and what was asked last. -/
structure ServerState where
  loaded : IO.Ref (Array LoadedImports)
  asked : IO.Ref AskedBefore

/-- Whether two arrays of equal size agree from index `i` on. -/
def sameNames (a b : Array Name) (i : Nat := 0) : Bool :=
  if a.size != b.size then false
  else if h : i < a.size then
    if h' : i < b.size then
      if a[i] == b[i] then sameNames a b (i + 1) else false
    else false
  else true
termination_by a.size - i

/-- The import set of these modules, if it was loaded before. -/
def findLoaded (ls : Array LoadedImports) (ms : Array Name) (i : Nat := 0) : Option LoadedImports :=
  if h : i < ls.size then
    if sameNames ls[i].modules ms then some ls[i] else findLoaded ls ms (i + 1)
  else none
termination_by ls.size - i

/-- `Init` first, then the others in the order given, each once. -/
def normalImports (ms : Array Name) : Array Name :=
  foldArray ms (fun acc m => if memNameArray m acc then acc else acc.push m) #[`Init]

/-- Module names as imports. -/
def toImports (ms : Array Name) : Array Import :=
  foldArray ms (fun acc m => acc.push { module := m }) #[]

/-- The first line of an error message. Lean lists its search path below it, which is of no use to
the caller. -/
def firstLine (s : String) : String :=
  match s.splitOn "\n" with
  | line :: _ => line
  | [] => s

/-- Whether a slash or backslash occurs. -/
def hasSlash (l : List Char) : Bool :=
  match l with
  | [] => false
  | c :: cs => if c == '/' || c == '\\' then true else hasSlash cs

/-- Whether the file of the module could lie outside the library. -/
def leavesLibrary (n : Name) : Bool :=
  match n with
  | .str p s => s == "" || s == "." || s == ".." || hasSlash s.toList || leavesLibrary p
  | .num .. => true
  | .anonymous => false

/-- The first name that `leavesLibrary`. -/
def strayImport? (names : Array Name) : Option Name :=
  foldArray names (fun found n => if found.isNone && leavesLibrary n then some n else found) none

/-- Whether all modules are those of Lean's own library. -/
def isLibrary (names : Array Name) : Bool :=
  foldArray names (fun all n => all && memNameArray n.getRoot #[`Init, `Std, `Lean]) true

/-- Whether other modules than the library's, and others than `names`, are loaded. Extensions that a
project registers lie outside of environments made before them, so such an import set has a process
to itself; who lends processes sees to that, and this is what happens where it does not. -/
def holdsOthers (ls : Array LoadedImports) (names : Array Name) : Bool :=
  foldArray ls (fun found l => found || (!isLibrary l.modules && !sameNames l.modules names)) false

/-- An import set, loaded if it was not before. `field` is reported when an import is at fault. -/
unsafe def loadImportSet (s : ServerState) (field : String) (names : Array Name) :
    IO (Except BadRequest LoadedImports) := do
  let names := normalImports names
  if let some n := strayImport? names then
    return .error { field, message := "`" ++ n.toString ++ "` is not the name of a module" }
  let loaded ← ST.Prim.Ref.get s.loaded
  if holdsOthers loaded names then
    throw (IO.userError "this process holds another project's import set")
  match findLoaded loaded names with
  | some set => return .ok set
  | none =>
    try
      -- each import ends by switching them off
      enableInitializersExecution
      let env ← importAll (toImports names)
      let reached ← ST.Prim.mkRef (σ := IO.RealWorld) (Table.empty 1024 : Table Reached)
      let set : LoadedImports := { modules := names, env, reached }
      ST.Prim.Ref.set s.loaded (loaded.push set)
      return .ok set
    catch e => return .error { field, message := firstLine (toString e) }

/-- The environment of an import set, loaded if it was not before. `field` is reported when an
import is at fault. -/
unsafe def loadImports (s : ServerState) (field : String) (names : Array Name) :
    IO (Except BadRequest Environment) := do
  match ← loadImportSet s field names with
  | .ok set => return .ok set.env
  | .error e => return .error e

/-- The modules that a request names under `imports`; none when it names none. -/
def importsOf (j : Json) : Array Name :=
  match getStrs? j "imports" with
  | some names => foldArray names (fun acc s => acc.push (nameOfString s)) #[]
  | none => #[]

/-- Answers the operation `load`: the import set is there for the requests that follow. -/
unsafe def load (s : ServerState) (j : Json) : IO Answer := do
  match ← loadImports s "imports" (importsOf j) with
  | .ok _ => return .ok (Json.mkObj [])
  | .error e => return .error e

/-- The loaded import sets as a JSON array. -/
def jsonImportSets (ls : Array LoadedImports) : Json :=
  .arr (foldArray ls (fun acc l => acc.push (jsonNames l.modules)) #[])

end Aludel
