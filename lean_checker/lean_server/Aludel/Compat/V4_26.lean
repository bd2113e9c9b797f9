module
public import Lean

/-!
What differs between releases of Lean, as Lean 4.26 has it. The program imports this file
as `Aludel.Compat`; which of the files in this folder that is, the release decides before compiling
(`docs/reference/lean-versions.md`, where the source of each signature stands).
A file says `module` here only with the option
`experimental.module`, which is given on the command line (PR 11637 ends that).
-/

public section

open Lean

namespace Aludel

/-- A declaration in the phases of the compiler that hold bodies for inlining. Without a purity: to
4.28. -/
abbrev PhaseDecl := Compiler.LCNF.Decl

/-- The environment of some modules with the state of their extensions. Since 4.22,
`importModules` takes plugins, `leakEnv` and `loadExts`. -/
unsafe def importAll (imports : Array Import) : IO Environment :=
  importModules imports {} 1024 #[] true true

/-- The environment with a declaration, or why the kernel does not take it. Bounded by
heartbeats alone: to 4.32. -/
def addToKernel (env : Environment) (d : Declaration) : Except Kernel.Exception Environment :=
  env.addDeclCore 0 d none

/-- What a constant was declared as, whatever the import shows of it. Since 4.19. -/
def originalKind? (env : Environment) (n : Name) : Option ConstantKind :=
  getOriginalConstKind? env n

/-- A text without white space around it. `String.trim` to 4.26. -/
def trimmed (s : String) : String := s.trim

end Aludel
