module
public import Lean
/-! The self-test that `aludel toolchain install` runs to check that the host works: one line in,
one line out. -/

public section
open Lean

/-- Whether the kernel accepts `theorem selfTest : type := value` in `env`. -/
def kernelAccepts (env : Environment) (type value : Expr) : Bool :=
  let declaration := Declaration.thmDecl { name := `selfTest, levelParams := [], type, value }
  match env.addDeclCore 0 declaration none with
  | .ok _ => true
  | .error _ => false

/-- The outcome of writing a file, which must be refused: "written", or the error's text. -/
def write (path : String) : IO String := do
  try
    IO.FS.writeFile path "x"
    return "written"
  catch e => return toString e

/-- Reads one line and reports its length, what the kernel accepts, and whether files can be
written. -/
unsafe def main (_ : List String) : IO Unit := do
  initSearchPath "/"
  let env ← importModules #[{ module := `Init }] {} (trustLevel := 0)
  let line ← (← IO.getStdin).getLine
  let eq := fun (a b : Nat) =>
    mkApp3 (mkConst ``Eq [levelOne]) (mkConst ``Nat) (mkRawNatLit a) (mkRawNatLit b)
  let proof := mkApp2 (mkConst ``Eq.refl [levelOne]) (mkConst ``Nat) (mkRawNatLit 2)
  let anywhere ← write "/self-test"
  let library ← write "/lib/lean/Init.olean"
  let answer := Json.mkObj [("length", .num (JsonNumber.fromNat (line.length - 1))),
    ("accepted", .bool (kernelAccepts env (eq 2 2) proof)),
    ("refused", .bool (!kernelAccepts env (eq 1 2) proof)),
    ("anywhere", .str anywhere), ("library", .str library)]
  let output ← IO.getStdout
  output.putStrLn answer.compress
  output.flush
  IO.Process.exit 0 -- the finalisers of this build crash
