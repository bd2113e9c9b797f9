module
public import Lean
public import Aludel.Compat
public import Aludel.Messages
public import Aludel.Run

/-!
Constants that an environment adds to its imports, and the code compiled from them. A candidate's
definitions keep no code, so that nothing evaluated during elaboration (values of options, right
sides of macros) can be a program of the candidate's.
-/

public section

open Lean

namespace Aludel

mutual
/-- `acc`, followed by the names below a node of a map of constants. -/
partial def namesOfNode (acc : Array Name) (n : PersistentHashMap.Node Name ConstantInfo) :
    Array Name :=
  match n with
  | .entries es => namesOfEntries acc es 0
  | .collision ks _ _ => foldArray ks (fun acc k => acc.push k) acc
/-- `acc`, followed by the names below the entries `es` from index `i` on. -/
partial def namesOfEntries (acc : Array Name)
    (es : Array
      (PersistentHashMap.Entry Name ConstantInfo (PersistentHashMap.Node Name ConstantInfo)))
    (i : Nat) : Array Name :=
  if h : i < es.size then
    let acc := match es[i] with
      | .entry n _ => acc.push n
      | .ref node => namesOfNode acc node
      | .null => acc
    namesOfEntries acc es (i + 1)
  else acc
end

/-- Names of the constants that `env` declares itself. -/
def ownConstants (env : Environment) : Array Name :=
  namesOfNode #[] env.constants.map₂.root

/-- Names of the constants of `env` that `before` does not have. -/
def newConstants (before env : Environment) : Array Name :=
  foldArray (ownConstants env)
    (fun acc n => if (before.find? n).isSome then acc else acc.push n) #[]

/-- A declaration of the same type without a body. Running it raises an error. -/
def bodiless (d : IR.Decl) : IR.Decl :=
  match d with
  | .fdecl f xs type _ _ => .extern f xs type { entries := [] }
  | d => d

/-- The declaration without what could be inlined elsewhere. -/
def withoutBody (d : PhaseDecl) : PhaseDecl :=
  { d with value := .extern { entries := [] }, inlineAttr? := .none }

/-- The environment without the body of `n` in the compiler's earlier phases, which could inline it
elsewhere. -/
def dropInlined (env : Environment) (n : Name) : Environment :=
  let env := match Compiler.LCNF.getDeclCore? env Compiler.LCNF.baseExt n with
    | some d => Compiler.LCNF.saveBaseDeclCore env (withoutBody d)
    | .none => env
  match Compiler.LCNF.getDeclCore? env Compiler.LCNF.monoExt n with
  | some d => Compiler.LCNF.saveMonoDeclCore env (withoutBody d)
  | .none => env

/-- Whether `n` is the constant that Lean makes for the tactic of an automatic argument or field,
`(h : p := by simp)`. Such a constant holds the tactic's syntax as data. -/
def isAutomaticTactic (env : Environment) (n : Name) : Bool :=
  match n, env.find? n with
  | .str _ s, some ci => hasPart "_auto" s && ci.type == mkConst `Lean.Syntax
  | _, _ => false

/-- `env` without the code of whatever was declared since `before`. With `automatic`, automatic
tactics keep theirs. -/
def dropCode (before env : Environment) (automatic : Bool) : IO Environment := do
  let new := foldArray (newConstants before env) (fun acc n =>
    if automatic && isAutomaticTactic env n then acc else acc.push n) #[]
  let env := foldArray new dropInlined env
  let decls := foldArray new (fun (acc : Array IR.Decl) n =>
    match IR.findEnvDecl env n with
    | some d => acc.push (bodiless d)
    | none => acc) #[]
  if decls.size == 0 then return env
  let ref ← ST.Prim.mkRef (σ := IO.RealWorld) ({ env := env } : Core.State)
  let act : EIO Exception Unit := IR.addDecls decls (coreContext 0) ref
  match ← (show IO (Except Exception Unit) from EIO.toIO' act) with
  | .ok _ => return (← ST.Prim.Ref.get ref).env
  | .error e => throw (IO.userError (← exceptionText e))

/-- The first constant used by a new constant of `env` that is not new itself and that neither the
imports nor `allowed` hold. -/
def strayUse? (before env : Environment) (allowed : Array Name) : Option Name :=
  let new := newConstants before env
  foldArray new (fun (found : Option Name) n =>
    match found, env.find? n with
    | none, some ci => foldArray (usedBy ci)
      (fun found c => if found.isSome || isKnown new c then found else some c) none
    | found, _ => found) none
where
  usedBy (ci : ConstantInfo) : Array Name :=
    match ci.value? with
    | some v => foldArray v.getUsedConstants (fun acc c => acc.push c) ci.type.getUsedConstants
    | none => ci.type.getUsedConstants
  isKnown (new : Array Name) (c : Name) : Bool :=
    (env.getModuleIdxFor? c).isSome || memNameArray c new || memNameArray c allowed

end Aludel
