module
public import Lean
public import Aludel.Basic
public import Aludel.Compat

/-!
Elaborating without code. Lean compiles what it declares while it elaborates: helpers of a
theorem have code before the proof that the theorem ends is made, and tactics, options and
conversions may run what has code. So the compiler's passes are replaced by one that drops every
declaration, except in commands whose declarations must run (`Guard.Templates`).
-/

public section

open Lean Compiler LCNF

/-- The library's function of that name: sets the state of an extension. It is named here because
its body, which the compiler would put in its place, mentions a constant that the package of this
Lean does not show. -/
@[extern "aludel_set_pass_manager"]
opaque Lean.PersistentEnvExtension.setState._redArg
    (ext : PersistentEnvExtension Name (Name × PassManager) (List Name × PassManager))
    (env : Environment) (state : List Name × PassManager) : Environment

namespace Aludel

/-- The environment with other passes of the compiler. -/
def setPasses (env : Environment) (passes : PassManager) : Environment :=
  Lean.PersistentEnvExtension.setState._redArg passManagerExt env ([], passes)

/-- Whether a type is that of syntax. -/
def isSyntaxType (type : Expr) : Bool :=
  match type with
  | .const n _ => n == `Lean.Syntax
  | _ => false

/-- Whether a declaration is a value of a tactic's option, which Lean compiles, runs and forgets;
the guard has seen that it is a literal. Lean marks it as unsafe, as no text of a candidate's may.
-/
def isOptionValue (d : PhaseDecl) : Bool :=
  !d.safe && d.name.eraseMacroScopes == `_tmp

/-- Whether a declaration is what Lean makes of an automatic tactic. -/
def isAutomaticDecl (d : PhaseDecl) : Bool :=
  match d.name with
  | .str _ s => s.startsWith "_auto" && isSyntaxType d.type
  | _ => false

/-- The declarations that are kept; of the others the compiler's own notes are erased, as it
demands. -/
partial def keptDecls (automatic : Bool) (ds : Array PhaseDecl) (i : Nat) (acc : Array PhaseDecl) :
    CompilerM (Array PhaseDecl) := do
  if h : i < ds.size then
    if isOptionValue ds[i] || (automatic && isAutomaticDecl ds[i]) then
      keptDecls automatic ds (i + 1) (acc.push ds[i])
    else
      eraseDecl ds[i]
      keptDecls automatic ds (i + 1) acc
  else return acc

/-- The pass that drops declarations. -/
def dropPass (automatic : Bool) : Pass :=
  { phase := .base, name := `aludelDrop, run := fun ds => keptDecls automatic ds 0 #[] }

/-- Passes with another one before them. -/
def prependTo (p : Pass) (passes : Array Pass) : Array Pass :=
  foldArray passes (fun acc q => acc.push q) #[p]

/-- The environment in which Lean compiles nothing; `automatic` leaves it automatic tactics. -/
def withoutCompiler (automatic : Bool) (env : Environment) : Environment :=
  setPasses env { builtinPassManager with
    basePasses := prependTo (dropPass automatic) builtinPassManager.basePasses }

/-- The environment in which Lean compiles as it does by itself. -/
def withCompiler (env : Environment) : Environment := setPasses env builtinPassManager

end Aludel
