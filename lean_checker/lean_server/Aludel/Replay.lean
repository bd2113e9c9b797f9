module
public import Lean
public import Aludel.Basic
public import Aludel.Code
public import Aludel.Compat
public import Aludel.Guard.Names
public import Aludel.Messages
public import Aludel.Run

/-!
Replay, on which soundness rests: the wanted constant and every new constant it reaches are taken
from the candidate's environment as terms and added to the clean import environment through the
kernel (`addToKernel`, which no option of the candidate can weaken). Axioms are
collected there, relative to the imports.
-/

public section

open Lean Meta

namespace Aludel

/-- The state of adding declarations to the import environment. -/
structure Replay where
  /-- The import environment, extended by what the kernel accepted. -/
  env : Environment
  added : Array (Name × String) := #[]
  /-- The declarations added, in order. -/
  declarations : Array Declaration := #[]
  rejected : Array (Name × String) := #[]
  /-- Axioms declared by the candidate. -/
  newAxioms : Array Name := #[]
  /-- Axioms of the import environment that the added declarations rest on. -/
  baseAxioms : Array Name := #[]
  visited : NameSet := {}
  /-- Whether definitions are compiled after the kernel accepted them, without any attribute of the
  candidate's: for proofs by `native_decide`, where the policy allows those. -/
  native : Bool := false
  /-- Definitions that are not compiled, for what they compute is not what the kernel says of them.
  -/
  uncompiled : NameSet := {}
  /-- Proofs that want code which is not there, though nothing is wrong with them. -/
  lacking : Array Name := #[]

/-- Whether the imports declare `n` as an axiom. Theorems and definitions whose bodies the import
hides load as axioms but are none. -/
def isAxiomOf (base : Environment) (n : Name) : Bool :=
  match base.find? n with
  | some (.axiomInfo _) =>
    match originalKind? base n with
    | some .axiom => true
    | some _ => false
    | none => true
  | _ => false

/-- The protocol's word for the kind of a constant. -/
def kindText (ci : ConstantInfo) : String :=
  match ci with
  | .thmInfo _ => "theorem"
  | .defnInfo _ => "def"
  | .opaqueInfo _ => "opaque"
  | .axiomInfo _ => "axiom"
  | .inductInfo _ => "inductive"
  | .ctorInfo _ => "constructor"
  | .recInfo _ => "recursor"
  | .quotInfo _ => "quot"

/-- The constructors of the given names, without those that `full` lacks. -/
def ctorsOf (full : Environment) (names : List Name) : List Constructor :=
  match names with
  | [] => []
  | n :: ns =>
    match full.find? n with
    | some ci => { name := n, type := ci.type } :: ctorsOf full ns
    | none => ctorsOf full ns

/-- The inductive types of the given names, without those that `full` lacks. -/
def inductiveTypes (full : Environment) (names : List Name) : List InductiveType :=
  match names with
  | [] => []
  | n :: ns =>
    match full.find? n with
    | some (.inductInfo v) =>
      { name := n, type := v.type, ctors := ctorsOf full v.ctors } :: inductiveTypes full ns
    | _ => inductiveTypes full ns

/-- Whether the kernel unfolds `n` by running compiled code, whatever the axioms say. -/
def trustsCompiler (n : Name) : Bool := n == `Lean.reduceBool || n == `Lean.reduceNat

/-- `r` after reaching the imported constant `n`: notes the axiom it is, or the trust in the
compiler it needs. -/
def reachImported (base : Environment) (r : Replay) (n : Name) : Replay :=
  if isAxiomOf base n then { r with baseAxioms := r.baseAxioms.push n }
  else if trustsCompiler n && !memNameArray `Lean.trustCompiler r.baseAxioms then
    { r with
      baseAxioms := r.baseAxioms.push `Lean.trustCompiler,
      visited := r.visited.insert `Lean.trustCompiler }
  else r

/-- `acc`, followed by the constants in the types of constructors. -/
def constructorConstants (cs : List Constructor) (acc : Array Name) : Array Name :=
  match cs with
  | [] => acc
  | c :: cs =>
    constructorConstants cs (foldArray c.type.getUsedConstants (fun acc n => acc.push n) acc)

/-- `acc`, followed by the constants in the types and constructors of inductive types. -/
def inductiveConstants (ts : List InductiveType) (acc : Array Name) : Array Name :=
  match ts with
  | [] => acc
  | t :: ts =>
    let acc := foldArray t.type.getUsedConstants (fun acc n => acc.push n) acc
    inductiveConstants ts (constructorConstants t.ctors acc)

/-- Constants that a declaration mentions. -/
def mentioned (d : Declaration) : Array Name :=
  let both := fun (t v : Expr) =>
    foldArray v.getUsedConstants (fun acc n => acc.push n) t.getUsedConstants
  match d with
  | .thmDecl v => both v.type v.value
  | .defnDecl v => both v.type v.value
  | .opaqueDecl v => both v.type v.value
  | .axiomDecl v => v.type.getUsedConstants
  | .inductDecl _ _ types _ => inductiveConstants types #[]
  | _ => #[]

/-! Compiled proofs. Code is made of what the kernel accepted, where it computes what the kernel
says: not of the names that the compiler gives a meaning to, not of words whose size is the
machine's, and not of input and output. -/

/-- Names whose meaning is the machine's, or that reach out of it. -/
def isMachineName (n : Name) : Bool :=
  match n.getRoot with
  | .str .anonymous s =>
    memStr s ["USize", "ISize", "System", "IO", "BaseIO", "EIO", "EST", "ST", "Void", "runEST",
      "runST", "unsafeIO", "unsafeBaseIO", "unsafeEIO", "Task", "Float", "Float32", "Runtime",
      "ShareCommon", "ShareCommonT", "dbgTrace", "ptrEq"]
  | _ => false

/-- Whether `p` holds of a name in an array. -/
def anyName (p : Name → Bool) (a : Array Name) : Bool :=
  foldArray a (fun found n => found || p n) false

/-- Whether a constant, or its type, is the machine's. -/
def isMachine (env : Environment) (n : Name) : Bool :=
  isMachineName n || match env.find? n with
    | some ci => anyName isMachineName ci.type.getUsedConstants
    | none => false

/-- Whether code may be made of a definition; none was made of `uncompiled`. -/
def mayCompile (env : Environment) (uncompiled : NameSet) (d : Declaration) : Bool :=
  !anyName (fun n => uncompiled.contains n || isMachine env n) (mentioned d)

/-- The environment with code for a definition as the kernel accepted it. No attribute of the
candidate's has an effect on that code. -/
def compileAdded (env : Environment) (n : Name) : IO Environment := do
  let ref ← ST.Prim.mkRef (σ := IO.RealWorld) ({ env := env } : Core.State)
  let act : EIO Exception Unit := compileDecls #[n] false (coreContext 0) ref
  let _ ← (show IO (Except Exception Unit) from EIO.toIO' act)
  let s ← ST.Prim.Ref.get ref
  return s.env

/-- Whether nothing so far rests on `sorry` or an axiom of the candidate's. With either, unequal
types could be taken for equal, and compiled code could do anything. -/
def restsOnNothing (r : Replay) : Bool :=
  r.newAxioms.size == 0 && !memNameArray `sorryAx r.baseAxioms

/-- `r` with `n` noted as rejected, without asking the kernel. -/
def refuse (r : Replay) (n : Name) (why : String) : Replay :=
  { r with rejected := r.rejected.push (n, why) }

/-- Whether an error of the kernel's says that code to run was missing. -/
def wantsCode (text : String) : Bool :=
  hasPart "(interpreter)" text || hasPart "native implementation" text

/-- Whether all code was there that may be: a proof that wants more wants code of the library's. -/
def isAllCompiled (r : Replay) : Bool := r.native && restsOnNothing r && r.uncompiled.isEmpty

/-- Whether a definition of the name `T.casesOn`, for which the compiler makes a case distinction
whatever it says, is the one that Lean derives. -/
def isGenuine (env : Environment) (n : Name) (d : Declaration) : IO Bool := do
  match n, d with
  | .str p "casesOn", .defnDecl v =>
    match env.find? p with
    | some (.inductInfo _) =>
      match ← runMeta 200000 env (do mkCasesOn p; getConstInfo n) with
      | .ok (.defnInfo own) => return own.type == v.type && own.value == v.value
      | _ => return false
    | _ => return true
  | _, _ => return true

/-- `r` after giving a declaration to the kernel: added, or noted as rejected or lacking code. -/
def addDeclaration (r : Replay) (n : Name) (kind : String) (d : Declaration) : IO Replay := do
  if r.native && hasReservedPart { examples := true } (plainName n) then
    return refuse r n "Lean's compiler gives a meaning to this name"
  if r.native && !(← isGenuine r.env n d) then
    return refuse r n "Lean derives another definition of this name"
  match addToKernel r.env d with
  | .ok env =>
    let compiles := r.native && kind == "def" && restsOnNothing r
    let may := compiles && mayCompile r.env r.uncompiled d
    let env ← if may then compileAdded env n else pure env
    let uncompiled := if compiles && !may then r.uncompiled.insert n else r.uncompiled
    return { r with
      env, uncompiled, added := r.added.push (n, kind), declarations := r.declarations.push d }
  | .error e =>
    let text ← (e.toMessageData {}).toString
    if wantsCode text && isAllCompiled r then return { r with lacking := r.lacking.push n }
    else return refuse r n text

/-- Whether a part of a name is that under which Lean puts what a program computed. -/
def isNativeName (n : Name) : Bool :=
  match n with
  | .str p s => s == "_native" || isNativeName p
  | .num p _ => isNativeName p
  | .anonymous => false

/-- What a program must have computed for an axiom to hold: since Lean 4.29 (PR 12217), a proof by
`native_decide` is an axiom `e = true` of its own. The program is run again here instead: a
definition of `e`, and the proof that the kernel accepts when running that gives `true`. The name
alone is no ground for anything. -/
def recomputed? (v : AxiomVal) : Option (DefinitionVal × TheoremVal) :=
  match v.levelParams, v.type with
  | [], .app (.app (.app (.const eq _) bool) e) value =>
    if isNativeName v.name && eq == ``Eq && bool.isConstOf ``Bool && value.isConstOf ``true then
      let name := Name.str v.name "computed"
      let self := mkConst name
      let proof := mkApp3 (mkConst ``Lean.ofReduceBool) self value
        (mkApp2 (mkConst ``Eq.refl [levelOne]) bool value)
      some (mkDefinitionValEx name [] bool e .abbrev .safe [name],
        { name := v.name, levelParams := [], type := v.type, value := proof })
    else none
  | _, _ => none

/-- `r` after adding `n` and, before it, the constants in its type and value. -/
partial def replayConstant (full base : Environment) (r : Replay) (n : Name) : IO Replay := do
  if r.visited.contains n then return r
  let r := { r with visited := r.visited.insert n }
  if (base.find? n).isSome then
    return reachImported base r n
  match full.find? n with
  | none => return refuse r n "unknown constant"
  | some ci =>
    match ci with
    | .thmInfo v => valueConstant r n v.type v.value (.thmDecl v)
    | .defnInfo v =>
      match v.safety with
      | .safe => valueConstant r n v.type v.value (.defnDecl v)
      | _ => return refuse r n "unsafe or partial definition"
    | .opaqueInfo v =>
      if v.isUnsafe then return refuse r n "unsafe constant"
      else valueConstant r n v.type v.value (.opaqueDecl v)
    | .axiomInfo v =>
      let r ← constants r v.type.getUsedConstants
      match if r.native then recomputed? v else none with
      | some (d, t) =>
        let r ← addDeclaration r d.name "def" (.defnDecl d)
        let r ← constants r #[``Lean.ofReduceBool, ``Eq.refl, ``true]
        addDeclaration r n "theorem" (.thmDecl t)
      | none =>
        let r := { r with newAxioms := r.newAxioms.push n }
        addDeclaration r n "axiom" (.axiomDecl v)
    | .inductInfo v => inductiveBlock r n v
    | .ctorInfo v => replayConstant full base r v.induct
    | .recInfo v => replayConstant full base r (recursorOwner v)
    | .quotInfo _ => return refuse r n "quotient primitive"
where
  constants (r : Replay) (ns : Array Name) : IO Replay :=
    foldArrayIO ns (replayConstant full base) r
  valueConstant (r : Replay) (n : Name) (type value : Expr) (d : Declaration) : IO Replay := do
    let r ← constants r type.getUsedConstants
    let r ← constants r value.getUsedConstants
    let kind := match full.find? n with | some ci => kindText ci | none => "constant"
    addDeclaration r n kind d
  recursorOwner (v : RecursorVal) : Name :=
    match v.all with
    | n :: _ => n
    | [] => .anonymous
  inductiveBlock (r : Replay) (n : Name) (v : InductiveVal) : IO Replay := do
    if v.isUnsafe then return refuse r n "unsafe inductive type"
    let types := inductiveTypes full v.all
    -- the members of the block must not be visited again through each other
    let r := { r with visited := insertAll r.visited v.all }
    let r ← blockDependencies r types
    addDeclaration r n "inductive" (.inductDecl v.levelParams v.numParams types false)
  insertAll (s : NameSet) (ns : List Name) : NameSet :=
    match ns with
    | [] => s
    | n :: ns => insertAll (s.insert n) ns
  blockDependencies (r : Replay) (ts : List InductiveType) : IO Replay := do
    match ts with
    | [] => return r
    | t :: ts =>
      let r := { r with visited := insertCtors r.visited t.ctors }
      let r ← constants r t.type.getUsedConstants
      let r ← ctorDependencies r t.ctors
      blockDependencies r ts
  insertCtors (s : NameSet) (cs : List Constructor) : NameSet :=
    match cs with
    | [] => s
    | c :: cs => insertCtors (s.insert c.name) cs
  ctorDependencies (r : Replay) (cs : List Constructor) : IO Replay := do
    match cs with
    | [] => return r
    | c :: cs =>
      let r ← constants r c.type.getUsedConstants
      ctorDependencies r cs

end Aludel
