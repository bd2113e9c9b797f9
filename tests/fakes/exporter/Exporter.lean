module
public import Lean
public import Aludel.Terms.Write

/-!
Stands in for `lean4export` on the embedded Lean: `MODULE -- NAME` writes the constant and all that
it rests on, NDJSON in format 3.1. A body that the embedded library hides makes an axiom.
-/

public section

open Lean Aludel Aludel.Terms

/-- What was written so far: entries, how many of each are printed, and constants. -/
structure Exported where
  writer : Writer
  names : Nat := 1
  levels : Nat := 1
  exprs : Nat := 0
  done : NameSet := {}

/-- Two lists of fields, one after the other. -/
def fields (a b : List (String × Json)) : List (String × Json) :=
  match a with
  | [] => b
  | x :: rest => x :: fields rest b

/-- Two lists of names, one after the other. -/
def joined (a b : List Name) : List Name :=
  match a with
  | [] => b
  | x :: rest => x :: joined rest b

/-- The element with index `i`. -/
def part (a : Array Json) (i : Nat) : Json := if h : i < a.size then a[i] else .null

/-- The elements from index `i` on. -/
partial def parts (a : Array Json) (i : Nat) (acc : Array Json := #[]) : Json :=
  if h : i < a.size then parts a (i + 1) (acc.push a[i]) else .arr acc

/-- A name's entry as an object. -/
def nameLine (a : Array Json) : List (String × Json) :=
  match part a 1 with
  | .str s => [("str", Json.mkObj [("pre", part a 0), ("str", .str s)])]
  | k => [("num", Json.mkObj [("pre", part a 0), ("i", k)])]

/-- A level's entry as an object. -/
def levelLine (a : Array Json) : List (String × Json) :=
  match part a 0 with
  | .str "s" => [("succ", part a 1)]
  | .str "m" => [("max", parts a 1)]
  | .str "i" => [("imax", parts a 1)]
  | _ => [("param", part a 1)]

/-- A binder's entry as an object. -/
def binderLine (a : Array Json) : Json :=
  Json.mkObj [("name", part a 1), ("type", part a 2), ("body", part a 3),
    ("binderInfo", .str "default")]

/-- A term's entry as an object. -/
def exprLine (a : Array Json) : List (String × Json) :=
  match part a 0 with
  | .str "b" => [("bvar", part a 1)]
  | .str "s" => [("sort", part a 1)]
  | .str "c" => [("const", Json.mkObj [("name", part a 1), ("us", parts a 2)])]
  | .str "a" => [("app", Json.mkObj [("fn", part a 1), ("arg", part a 2)])]
  | .str "l" => [("lam", binderLine a)]
  | .str "p" => [("forallE", binderLine a)]
  | .str "e" => [("letE", Json.mkObj [("name", part a 1), ("type", part a 2), ("value", part a 3),
      ("body", part a 4), ("nondep", .bool false)])]
  | .str "n" => [("natVal", part a 1)]
  | .str "t" => [("strVal", part a 1)]
  | _ => [("proj", Json.mkObj [("typeName", part a 1), ("idx", part a 2), ("struct", part a 3)])]

/-- Prints a line. -/
def say (line : List (String × Json)) : IO Unit := do
  (← IO.getStdout).putStrLn (Json.mkObj line).compress

/-- Prints the entries of a table from index `i` on. -/
partial def sayTable (key : String) (line : Array Json → List (String × Json)) (a : Array Json)
    (i : Nat) : IO Unit := do
  if h : i < a.size then
    match a[i] with
    | .arr entry => say (fields (line entry) [(key, jsonNat i)])
    | _ => return
    sayTable key line a (i + 1)

/-- Prints what the writer has more than was printed, and then a declaration. -/
def declare (s : Exported) (kind : String) (body : Json) : IO Exported := do
  let w := s.writer
  sayTable "in" nameLine w.names s.names
  sayTable "il" levelLine w.levels s.levels
  sayTable "ie" exprLine w.exprs s.exprs
  say [(kind, body)]
  return { s with names := w.names.size, levels := w.levels.size, exprs := w.exprs.size }

/-- Name, universe parameters and type, with what is particular to the kind. -/
def head (w : Writer) (ci : ConstantInfo) (more : List (String × Json)) : Writer × Json :=
  let (w, n) := writeName w ci.name
  let (w, us) := writeNames w ci.levelParams #[]
  let (w, t) := writeExpr w ci.type
  let own := [("name", jsonNat n), ("levelParams", jsonNats us), ("type", jsonNat t)]
  (w, Json.mkObj (fields own more))

/-- A declaration with a value. -/
def withValue (s : Exported) (kind : String) (ci : ConstantInfo) (value : Expr)
    (more : List (String × Json)) : IO Exported := do
  let (w, v) := writeExpr s.writer value
  let (w, j) := head w ci (("value", jsonNat v) :: more)
  declare { s with writer := w } kind j

/-- The names `ns` as indices. -/
def indices (w : Writer) (ns : List Name) : Writer × Json :=
  let (w, a) := writeNames w ns #[]
  (w, jsonNats a)

/-- The rules of a recursor. -/
def rulesOf (w : Writer) (rules : List RecursorRule) (acc : Array Json) : Writer × Array Json :=
  match rules with
  | [] => (w, acc)
  | r :: rest =>
    let (w, c) := writeName w r.ctor
    let (w, v) := writeExpr w r.rhs
    rulesOf w rest (acc.push (Json.mkObj
      [("ctor", jsonNat c), ("nfields", jsonNat r.nfields), ("rhs", jsonNat v)]))

/-- A member of a block. -/
def member (w : Writer) (ci : ConstantInfo) : Writer × Json :=
  match ci with
  | .inductInfo v =>
    let (w, all) := indices w v.all
    let (w, ctors) := indices w v.ctors
    head w ci [("numParams", jsonNat v.numParams), ("numIndices", jsonNat v.numIndices),
      ("all", all), ("ctors", ctors), ("numNested", jsonNat v.numNested), ("isRec", .bool v.isRec),
      ("isReflexive", .bool v.isReflexive), ("isUnsafe", .bool v.isUnsafe)]
  | .ctorInfo v =>
    let (w, i) := writeName w v.induct
    head w ci [("induct", jsonNat i), ("cidx", jsonNat v.cidx), ("numParams", jsonNat v.numParams),
      ("numFields", jsonNat v.numFields), ("isUnsafe", .bool v.isUnsafe)]
  | .recInfo v =>
    let (w, all) := indices w v.all
    let (w, rules) := rulesOf w v.rules #[]
    head w ci [("all", all), ("numParams", jsonNat v.numParams),
      ("numIndices", jsonNat v.numIndices), ("numMotives", jsonNat v.numMotives),
      ("numMinors", jsonNat v.numMinors), ("rules", .arr rules), ("k", .bool v.k),
      ("isUnsafe", .bool v.isUnsafe)]
  | _ => head w ci []

/-- The constants of the given names that are there, as members of a block. -/
def members (env : Environment) (w : Writer) (ns : List Name) (acc : Array Json) :
    Writer × Array Json :=
  match ns with
  | [] => (w, acc)
  | n :: rest =>
    match env.find? n with
    | none => members env w rest acc
    | some ci =>
      let (w, j) := member w ci
      members env w rest (acc.push j)

/-- The constructors of the types of a block. -/
def ctorNames (env : Environment) (types : List Name) : List Name :=
  match types with
  | [] => []
  | t :: rest =>
    match env.find? t with
    | some (.inductInfo v) => joined v.ctors (ctorNames env rest)
    | _ => ctorNames env rest

/-- The recursors of the types of a block. -/
def recNames (types : List Name) : List Name :=
  match types with
  | [] => []
  | t :: rest => .str t "rec" :: recNames rest

/-- The set with the names `ns`. -/
def withAll (done : NameSet) (ns : List Name) : NameSet :=
  match ns with
  | [] => done
  | n :: rest => withAll (done.insert n) rest

/-- Whether a term has a text in it. -/
def hasText (e : Expr) : Bool :=
  match e.find? (fun part => match part with | .lit (.strVal _) => true | _ => false) with
  | some _ => true
  | none => false

/-- The constants that a term rests on, those behind a text included. -/
def behind (e : Expr) : List Name :=
  let used := nameList e.getUsedConstants
  if hasText e then `Char.ofNat :: `String.ofList :: used else used

mutual

/-- Exports the constants of the given names. -/
partial def exportList (env : Environment) (s : Exported) (ns : List Name) : IO Exported := do
  match ns with
  | [] => return s
  | n :: rest => exportList env (← exportConstant env s n) rest

/-- Exports the constants in the types of those of the given names. -/
partial def exportTypes (env : Environment) (s : Exported) (ns : List Name) : IO Exported := do
  match ns with
  | [] => return s
  | n :: rest =>
    match env.find? n with
    | some ci => exportTypes env (← exportList env s (behind ci.type)) rest
    | none => exportTypes env s rest

/-- Exports a block of inductive types, after what their constructors need. -/
partial def exportBlock (env : Environment) (s : Exported) (types : List Name) : IO Exported := do
  let (ctors, recs) := (ctorNames env types, recNames types)
  let s := { s with done := withAll (withAll (withAll s.done types) ctors) recs }
  let s ← exportTypes env s types
  let s ← exportTypes env s ctors
  let (w, types) := members env s.writer types #[]
  let (w, ctors) := members env w ctors #[]
  let (w, recs) := members env w recs #[]
  declare { s with writer := w } "inductive"
    (Json.mkObj [("types", .arr types), ("ctors", .arr ctors), ("recs", .arr recs)])

/-- Exports a constant, after all that it rests on. -/
partial def exportConstant (env : Environment) (s : Exported) (n : Name) : IO Exported := do
  if s.done.contains n then return s
  match env.find? n with
  | none =>
    (← IO.getStderr).putStrLn ("PANIC: Constant " ++ n.toString ++ " not found in environment.")
    return s
  | some ci =>
    match ci with
    | .inductInfo v => exportBlock env s v.all
    | .ctorInfo v => exportConstant env s v.induct
    | .recInfo v => exportList env s v.all
    | .quotInfo _ =>
      let s ← exportConstant env s `Eq
      let s ← quotient s `Quot "type"
      let s ← quotient s `Quot.mk "ctor"
      let s ← quotient s `Quot.lift "lift"
      quotient s `Quot.ind "ind"
    | _ =>
      let s := { s with done := s.done.insert n }
      let s ← exportList env s (behind ci.type)
      let s ← match ci.value? with
        | some v => exportList env s (behind v)
        | none => pure s
      let all := fun (w : Writer) => indices w [n]
      match ci with
      | .thmInfo v =>
        let (w, a) := all s.writer
        withValue { s with writer := w } "thm" ci v.value [("all", a)]
      | .defnInfo v =>
        let (w, a) := all s.writer
        withValue { s with writer := w } "def" ci v.value
          [("all", a), ("hints", .str "abbrev"), ("safety", .str "safe")]
      | .opaqueInfo v =>
        let (w, a) := all s.writer
        withValue { s with writer := w } "opaque" ci v.value
          [("all", a), ("isUnsafe", .bool v.isUnsafe)]
      | _ =>
        let (w, j) := head s.writer ci [("isUnsafe", .bool ci.isUnsafe)]
        declare { s with writer := w } "axiom" j
where
  quotient (s : Exported) (n : Name) (kind : String) : IO Exported := do
    match env.find? n with
    | some ci =>
      let (w, j) := head s.writer ci [("kind", .str kind)]
      declare { s with writer := w, done := s.done.insert n } "quot" j
    | none => return s

end

/-- Writes the line that says which format this is, then the constant and all that it rests on. -/
unsafe def main (arguments : List String) : IO Unit := do
  match arguments with
  | [module, _, name] =>
    let env ← importModules #[{ module := module.toName, importAll := true }] {} (trustLevel := 0)
    let version := Json.mkObj [("version", .str "3.1.0"), ("name", .str "lean4export")]
    let lean := Json.mkObj [("version", .str Lean.versionString), ("githash", .str Lean.githash)]
    say [("meta", Json.mkObj [("exporter", version), ("lean", lean), ("format", version)])]
    let (w, _) := writeLevel (writerOf 4096) .zero
    let s ← exportConstant env { writer := w } `Nat
    let _ ← exportConstant env s name.toName
    (← IO.getStdout).flush
  | _ => (← IO.getStderr).putStrLn "MODULE -- NAME"
  IO.Process.exit 0 -- the finalisers of this build crash
