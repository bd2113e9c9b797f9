module
public import Lean

/-!
What differs between releases of Lean, as Lean 4.33 to 4.35 have it. The program imports this file
as `Aludel.Compat`; which of the files in this folder that is, the release decides before compiling
(`docs/reference/lean-versions.md`, where the source of each signature stands).
-/

public section

open Lean

namespace Aludel

/-- A declaration in the phases of the compiler that hold bodies for inlining. With a purity:
since 4.29 (PR 12214). -/
abbrev PhaseDecl := Compiler.LCNF.Decl .pure

/-- The environment of some modules with the state of their extensions. Since 4.22,
`importModules` takes plugins, `leakEnv` and `loadExts`. -/
unsafe def importAll (imports : Array Import) : IO Environment :=
  importModules imports {} 1024 #[] true true

/-- `maxRecDepth` for the kernel: 32 times Lean's default. -/
def maxKernelDepth : Nat := 16384

/-- The environment with a declaration, or why the kernel does not take it. Bounded in
its recursion since 4.33 (PR 13956). -/
def addToKernel (env : Environment) (d : Declaration) : Except Kernel.Exception Environment :=
  env.addDeclCore 0 maxKernelDepth.toUSize d none

/-- What a constant was declared as, whatever the import shows of it. Since 4.19. -/
def originalKind? (env : Environment) (n : Name) : Option ConstantKind :=
  getOriginalConstKind? env n

/-- A text without white space around it. `String.trimAscii` since 4.27, which gives a slice. -/
def trimmed (s : String) : String := s.trimAscii.toString

end Aludel
