module
public import Lean
public import Aludel.Check
public import Aludel.Forbidden
public import Aludel.Reached
public import Aludel.Terms.Read

/-!
The operations that decide. `statement` reads the text of a statement, in a process that reads no
candidates; `judge` reads tables that Python wrote, in a process that reads no text at all, and asks
the kernel. Nothing of a candidate's is elaborated or printed here.
-/

public section

open Lean

namespace Aludel

/-- The operation `statement`: the type that a header declares, as tables of one declaration without
a value. -/
unsafe def statement (state : ServerState) (j : Json) : IO Answer := do
  match ← prepareCheck state j "imports" (importsOf j) with
  | .error e => return .error e
  | .ok i =>
    match i.statement with
    | none => return .error { field := "statement", message := "a statement is needed" }
    | some s =>
      let shown ← printType s.shownIn s.shown
      let kind := match s.shownIn.find? s.name with
        | some ci => kindText ci
        | none => "constant"
      let declaration : Declaration :=
        .axiomDecl
          { name := s.name, levelParams := s.levelParams, type := s.type, isUnsafe := false }
      return .ok <| Json.mkObj [("imports", jsonNames i.imports), ("kind", .str kind),
        ("shown", .str shown), ("tables", boundedTerms #[declaration])]

/-- The kernel's refusal in words; `true` when it only reached a limit. No term is printed. -/
def refusalText (e : Kernel.Exception) : String × Bool :=
  match e with
  | .unknownConstant _ n => ("unknown constant `" ++ n.toString ++ "`", false)
  | .alreadyDeclared _ n => ("`" ++ n.toString ++ "` is declared already", false)
  | .declTypeMismatch .. => ("declaration type mismatch", false)
  | .declHasMVars .. => ("a declaration holds metavariables", false)
  | .declHasFVars .. => ("a declaration holds free variables", false)
  | .funExpected .. => ("function expected", false)
  | .typeExpected .. => ("type expected", false)
  | .letTypeMismatch .. => ("type mismatch at a `let`", false)
  | .exprTypeMismatch .. => ("type mismatch", false)
  | .appTypeMismatch .. => ("application type mismatch", false)
  | .invalidProj .. => ("invalid projection", false)
  | .thmTypeIsNotProp .. => ("the type of a theorem is not a proposition", false)
  | .other m => (cut m 300, false)
  | .deterministicTimeout => ("deterministic timeout", true)
  | .excessiveMemory => ("excessive memory", true)
  | .deepRecursion => ("deep recursion", true)
  | .interrupted => ("interrupted", true)

/-- What became of declarations in the import environment. -/
structure Judged where
  env : Environment
  count : Nat := 0
  /-- Why the declaration after the first `count` was not added. -/
  refusal : Option (String × Bool) := none
  /-- Compile definitions after adding them, for proofs by `native_decide`. -/
  compile : Bool
  /-- Definitions of which no code is made, for what it computes is not what the kernel says. -/
  uncompiled : NameSet := {}

/-- The state after the kernel accepted a definition: with code for it, where that computes what the
kernel says. The tables come from a process that is not believed, so it is asked here too. -/
def withCode (j : Judged) (env : Environment) (n : Name) (d : Declaration) : IO Judged := do
  if !j.compile then return { j with env }
  let own := !hasReservedPart { examples := true } (plainName n)
  if own && mayCompile j.env j.uncompiled d && (← isGenuine j.env n d) then
    return { j with env := ← compileAdded env n }
  else return { j with env, uncompiled := j.uncompiled.insert n }

/-- Adds one declaration through the kernel, unless one before it was refused. -/
def judgeOne (j : Judged) (d : Declaration) : IO Judged := do
  if j.refusal.isSome then return j
  match addToKernel j.env d with
  | .ok env =>
    let j ← match d with
      | .defnDecl v => withCode j env v.name d
      | _ => pure { j with env }
    return { j with count := j.count + 1 }
  | .error e => return { j with refusal := some (refusalText e) }

/-- Names as a JSON array, from a list. -/
def jsonNameList (l : List Name) : Json := jsonNames (nameArray l)

/-- The answer of `judge`. -/
def judgedJson (imports : Array Name) (j : Judged) (g : Grounds) (forbidden : Json) : Json :=
  let refusal := match j.refusal with
    | some (message, limit) => Json.mkObj
        [("index", jsonNat j.count), ("message", .str message), ("limit", .bool limit)]
    | none => .null
  let axioms := foldArray g.axioms (fun (acc : Array Json) p => acc.push <| Json.mkObj
    [("name", .str p.1.toString), ("path", jsonNameList p.2)]) #[]
  Json.mkObj [("imports", jsonNames imports), ("accepted", jsonNat j.count), ("refusal", refusal),
    ("axioms", .arr axioms), ("hidden", jsonNat g.hidden), ("forbidden", forbidden)]

/-- The constants of `ns` that `env` has, each once. -/
def knownOf (env : Environment) (ns : Array Name) : Array Name :=
  (foldArray ns (fun (s : NameSet × Array Name) n =>
    if s.1.contains n then s
    else (s.1.insert n, if (env.find? n).isSome then s.2.push n else s.2)) ({}, #[])).2

/-- Axioms under which code may be compiled and run: no type is taken for another by them. -/
def harmlessAxioms : List Name := [
  `propext, `Classical.choice, `Quot.sound, `Lean.ofReduceBool, `Lean.ofReduceNat,
  `Lean.trustCompiler]

/-- What declarations are judged over: an import set, or with `bare` nothing at all. -/
unsafe def judgedOver (state : ServerState) (j : Json) : IO (Except BadRequest LoadedImports) := do
  if getBool j "bare" false then
    let env ← mkEmptyEnvironment
    let reached ← ST.Prim.mkRef (σ := IO.RealWorld) (Table.empty 1 : Table Reached)
    return .ok { modules := #[], env, reached }
  else loadImportSet state "imports" (importsOf j)

/-- The operation `judge`: whether the kernel accepts the declarations of some tables in the import
environment, what they rest on there, and which forbidden constants they use. -/
unsafe def judge (state : ServerState) (j : Json) : IO Answer := do
  match ← judgedOver state j with
  | .error e => return .error e
  | .ok set =>
    match Terms.readAll (match j.getObjVal? "tables" with | .ok t => t | .error _ => .null) with
    | none => return .error { field := "tables", message := "these are no declarations" }
    | some ds =>
      let used := foldArray ds (fun (acc : Array Name) d =>
        foldArray (mentioned d) (fun acc n => acc.push n) acc) #[]
      let grounds ← groundsOf set (knownOf set.env used)
      let harmless := foldArray grounds.axioms (fun ok p => ok && memName p.1 harmlessAxioms) true
      let compile := getBool j "allow_native" false && harmless
      let start : Judged := { env := set.env, compile }
      let r ← foldArrayIO ds judgeOne start
      match forbiddingOf? j with
      | none => return .ok (judgedJson set.modules r grounds .null)
      | some f =>
        if (misnamed? set.env f).isSome then
          return .error { field := "policy.forbidden", message := "a name is no constant" }
        -- what the kernel refuses is refused for that
        let found ← if r.refusal.isSome then pure Json.null
          else do pure (jsonWalk (← forbiddenUses r.env f ds))
        return .ok (judgedJson set.modules r grounds found)

end Aludel
