module
public import Lean
public import Aludel.Constants
public import Aludel.Terms.Write

/-!
The operation `export`: the constants of an import set as data, module by module, for a kernel
outside Lean. Each answer is a table that stands alone. A constant comes as what it is, a theorem or
definition whose body the import hides without one.
-/

public section

open Lean

namespace Aludel

namespace Terms

/-- 1 for true, 0 for false. -/
def bit (b : Bool) : Json := jsonNat (if b then 1 else 0)

/-- Tables, and the index of a term, or null where there is none. -/
def writeBody (w : Writer) (value? : Option Expr) : Writer × Json :=
  match value? with
  | none => (w, .null)
  | some v =>
    let (w, i) := writeExpr w v
    (w, jsonNat i)

/-- A word, name, universe parameters and type, followed by what is particular to the kind. -/
def writeHead (w : Writer) (word : String) (ci : ConstantInfo) (rest : Array Json) :
    Writer × Json :=
  let (w, n) := writeName w ci.name
  let (w, lps) := writeNames w ci.levelParams #[]
  let (w, t) := writeExpr w ci.type
  let head := #[Json.str word, jsonNat n, jsonNats lps, jsonNat t]
  (w, .arr (foldArray rest (fun acc j => acc.push j) head))

/-- 0 for safe, 1 for unsafe, 2 for partial. -/
def safetyCode (s : DefinitionSafety) : Nat :=
  match s with
  | .safe => 0
  | .unsafe => 1
  | .partial => 2

/-- The rules of a recursor: constructor, number of fields, value. -/
def writeRules (w : Writer) (rules : List RecursorRule) (acc : Array Json) : Writer × Json :=
  match rules with
  | [] => (w, .arr acc)
  | r :: rules =>
    let (w, c) := writeName w r.ctor
    let (w, v) := writeExpr w r.rhs
    writeRules w rules (acc.push (jsonNats #[c, r.nfields, v]))

/-- The entry of an inductive type: its numbers, its block and its constructors. -/
def writeInductive (w : Writer) (v : InductiveVal) : Writer × Json :=
  let (w, all) := writeNames w v.all #[]
  let (w, ctors) := writeNames w v.ctors #[]
  let numbers := Json.arr #[jsonNat v.numParams, jsonNat v.numIndices, bit v.isRec,
    jsonNat v.numNested, bit v.isUnsafe]
  writeHead w "ind" (.inductInfo v) #[numbers, jsonNats all, jsonNats ctors]

/-- The entry of a constructor: its type, its place among the constructors, and its numbers. -/
def writeConstructor (w : Writer) (v : ConstructorVal) : Writer × Json :=
  let (w, i) := writeName w v.induct
  let numbers := Json.arr #[jsonNat i, jsonNat v.cidx, jsonNat v.numParams, jsonNat v.numFields,
    bit v.isUnsafe]
  writeHead w "ctr" (.ctorInfo v) #[numbers]

/-- The entry of a recursor: its numbers, its block and its rules. -/
def writeRecursor (w : Writer) (v : RecursorVal) : Writer × Json :=
  let (w, all) := writeNames w v.all #[]
  let (w, rules) := writeRules w v.rules #[]
  let numbers := Json.arr #[jsonNat v.numParams, jsonNat v.numIndices, jsonNat v.numMotives,
    jsonNat v.numMinors, bit v.k, bit v.isUnsafe]
  writeHead w "rec" (.recInfo v) #[numbers, jsonNats all, rules]

/-- The number by which the tables call a constant of the quotient type. -/
def quotCode (k : QuotKind) : Nat :=
  match k with
  | .type => 0
  | .ctor => 1
  | .lift => 2
  | .ind => 3

/-- A constant whose body the import hides, by what it was when it was declared. -/
def writeHidden (w : Writer) (env : Environment) (ci : ConstantInfo) : Writer × Json :=
  match originalKind? env ci.name with
  | some .thm => writeHead w "thm" ci #[.null]
  | some .defn => writeHead w "def" ci #[.null, jsonNat 0, bit ci.isUnsafe]
  | some .opaque => writeHead w "opq" ci #[.null, bit ci.isUnsafe]
  | _ => writeHead w "axm" ci #[bit ci.isUnsafe]

/-- A constant of the environment. -/
def writeInfo (w : Writer) (env : Environment) (ci : ConstantInfo) : Writer × Json :=
  match ci with
  | .axiomInfo _ => writeHidden w env ci
  | .thmInfo v =>
    let (w, b) := writeBody w (some v.value)
    writeHead w "thm" ci #[b]
  | .defnInfo v =>
    let (w, b) := writeBody w (some v.value)
    writeHead w "def" ci #[b, jsonNat (hintCode v.hints), jsonNat (safetyCode v.safety)]
  | .opaqueInfo v =>
    let (w, b) := writeBody w (some v.value)
    writeHead w "opq" ci #[b, bit v.isUnsafe]
  | .quotInfo v => writeHead w "quo" ci #[jsonNat (quotCode v.kind)]
  | .inductInfo v => writeInductive w v
  | .ctorInfo v => writeConstructor w v
  | .recInfo v => writeRecursor w v

end Terms

open Terms

/-- Constants in one answer at most. -/
def exportChunk : Nat := 300

/-- Slots of the hash tables of one answer. -/
def exportSlots : Nat := 2048

/-- Emits one answer, unless it holds nothing. -/
def emitChunk (emit : Json → IO Unit) (module : Name) (w : Writer) (out : Array Json) :
    IO Unit := do
  if out.size != 0 then
    emit (Json.mkObj [("module", .str module.toString), ("names", .arr w.names),
      ("levels", .arr w.levels), ("exprs", .arr w.exprs), ("constants", .arr out)])

/-- Emits the constants of a module from index `i` on; returns `count` plus their number. A constant
that several modules hold is exported with the module that the environment has it from. -/
partial def exportModule (env : Environment) (emit : Json → IO Unit) (module : Name)
    (names : Array Name) (i : Nat) (w : Writer) (out : Array Json) (count : Nat) : IO Nat := do
  if h : i < names.size then
    let n := names[i]
    match env.find? n with
    | none => exportModule env emit module names (i + 1) w out count
    | some ci =>
      if moduleOf env n != module then
        exportModule env emit module names (i + 1) w out count
      else
        let (w, j) := writeInfo w env ci
        let out := out.push j
        if out.size >= exportChunk then
          emitChunk emit module w out
          exportModule env emit module names (i + 1) (writerOf exportSlots) #[] (count + 1)
        else exportModule env emit module names (i + 1) w out (count + 1)
  else
    emitChunk emit module w out
    return count

/-- Emits the constants of all modules from index `i` on; returns `count` plus their number. -/
partial def exportModules (env : Environment) (emit : Json → IO Unit) (i : Nat) (count : Nat) :
    IO Nat := do
  let names := env.header.moduleNames
  let data := env.header.moduleData
  if h : i < data.size then
    if h' : i < names.size then
      let count ← exportModule env emit names[i] data[i].constNames 0
        (writerOf exportSlots) #[] count
      exportModules env emit (i + 1) count
    else return count
  else return count

/-- The operation `export`. -/
unsafe def exportConstants (state : ServerState) (j : Json) (emit : Json → IO Unit) :
    IO Answer := do
  match ← loadImports state "imports" (importsOf j) with
  | .error e => return .error e
  | .ok env =>
    let count ← exportModules env emit 0 0
    return .ok (Json.mkObj [("count", jsonNat count)])

end Aludel
