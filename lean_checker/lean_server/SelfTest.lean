module
public import Lean
/-! What `aludel toolchain install` runs to see that the host works: one line in, one line out. -/

public section
open Lean

/-- Whether the kernel accepts `theorem selfTest : type := value` in `env`. -/
def kernelAccepts (env : Environment) (type value : Expr) : Bool :=
  let declaration := Declaration.thmDecl { name := `selfTest, levelParams := [], type, value }
  match env.addDeclCore 0 declaration none with
  | .ok _ => true
  | .error _ => false

/-- Whether a file can be written; it must not. -/
def canWrite (path : String) : IO Bool := do
  try
    IO.FS.writeFile path "x"
    return true
  catch _ => return false

unsafe def main (_ : List String) : IO Unit := do
  initSearchPath "/"
  let env ← importModules #[{ module := `Init }] {} (trustLevel := 0)
  let line ← (← IO.getStdin).getLine
  let eq := fun (a b : Nat) =>
    mkApp3 (mkConst ``Eq [levelOne]) (mkConst ``Nat) (mkRawNatLit a) (mkRawNatLit b)
  let proof := mkApp2 (mkConst ``Eq.refl [levelOne]) (mkConst ``Nat) (mkRawNatLit 2)
  let anywhere ← canWrite "/self-test"
  let library ← canWrite "/lib/lean/Init.olean"
  let program ← canWrite "/program/Boot.lean"
  let answer := Json.mkObj [("length", .num (JsonNumber.fromNat (line.length - 1))),
    ("accepted", .bool (kernelAccepts env (eq 2 2) proof)),
    ("refused", .bool (!kernelAccepts env (eq 1 2) proof)),
    ("write", .bool (anywhere || library || program))]
  let output ← IO.getStdout
  output.putStrLn answer.compress
  output.flush
  IO.Process.exit 0 -- the finalisers of this build crash
