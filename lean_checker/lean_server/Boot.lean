/-
Starts the precompiled server program.

`lean -o` writes a module's compiled code beside its `.olean`, as `.ir`; this build of Lean does not
load such files when it imports a module. `#boot` reads those listed in `modules.txt` beside this
file, in that order, and adds their declarations to the environment, where `lean --run` then finds
`main`. Nothing of the program is elaborated again, so starting does not depend on its size.

The package of this Lean holds no code of imported polymorphic functions; hence the plain recursion.
-/
module
public meta import Lean
open Lean Elab Command

/-- Adds the compiled modules of the program to the environment. -/
syntax (name := boot) "#boot" : command

/-- Adds the compiled declarations of one module (the entries of `declMapExt`) from index `i` on. -/
public meta unsafe def addEntries (entries : Array (Name × Array EnvExtensionEntry)) (i : Nat) :
    CoreM Unit :=
  if h : i < entries.size then do
    if entries[i].1 == ``Lean.IR.declMapExt then IR.addDecls (unsafeCast entries[i].2)
    addEntries entries (i + 1)
  else return ()

/-- Reads the compiled modules named by `lines` and adds their declarations. -/
public meta unsafe def loadModules (folder : System.FilePath) (lines : List String)
    (state : IO.Ref Core.State) : IO Unit :=
  match lines with
  | [] => pure ()
  | line :: rest => do
    if line.isEmpty then loadModules folder rest state
    else
      let (data, _) ← readModuleData (System.FilePath.join folder line)
      match ← (addEntries data.entries 0
          { fileName := "<boot>", fileMap := default } state).toBaseIO with
      | .ok _ => loadModules folder rest state
      | .error e => throw (IO.userError s!"{line}: {← e.toMessageData.toString}")

/-- The environment with all modules of the program added. -/
public meta unsafe def bootEnvironment (file : String) (env : Environment) : IO Environment := do
  let folder := match System.FilePath.parent file with
    | some folder => folder
    | none => "."
  let state ← ST.Prim.mkRef (σ := IO.RealWorld) ({ env := env } : Core.State)
  let text ← IO.FS.readFile (System.FilePath.join folder "modules.txt")
  loadModules folder (text.splitOn "\n") state
  return (← ST.Prim.Ref.get state).env

/-- Elaborates `#boot`: the environment gains the declarations of the modules listed in
`modules.txt`. -/
@[command_elab boot] public meta unsafe def elabBoot : CommandElab := fun _ context ref => do
  let state ← ST.Prim.Ref.get ref
  match ← (bootEnvironment context.fileName state.env).toBaseIO with
  | .ok env => ST.Prim.Ref.set ref { state with env := env }
  | .error e => throw (Exception.error .missing (.ofFormat (.text (toString e))))

#boot
