module
public import Lean
public import Aludel.AutoBound
public import Aludel.Explain
public import Aludel.Imports
public import Aludel.Messages
public import Aludel.Replay
public import Aludel.Reports
public import Aludel.Run
public import Aludel.Statement
public import Aludel.Terms.Write

/-! The operation `check`: facts about a candidate. The verdict is made from them outside of
Lean. -/

public section

open Lean Meta Elab

namespace Aludel

/-- The asked statement, obtained by elaborating `header := sorry` alone. An error names the field
`statement`. -/
def elabStatement (start : Command.State) (header : String) : IO (Except BadRequest Statement) := do
  let bad := fun m =>
    (Except.error { field := "statement", message := m } : Except BadRequest Statement)
  let header := header.crlfToLf
  let text := header ++ "\n:= sorry"
  let ictx := textContext text "<statement>"
  if let some m := headerFault? ictx start ⟨header.utf8ByteSize + 1⟩ then return bad m
  let e ← elabCommands false ictx {} { state := start, rewrite := bare }
  if h : 0 < e.forbidden.size then return bad e.forbidden[0].message
  if h : e.commands.size = 1 then
    match readHeader e.commands[0] ⟨header.utf8ByteSize + 1⟩ with
    | .error m => return bad m
    | .ok (name, signature) =>
      if let some m := e.diagnostics.firstError? then return bad m
      match e.state.env.find? name with
      | none => return bad ("it declares no `" ++ name.toString ++ "`")
      | some ci =>
        if ci.type.hasSorry then return bad "its type contains `sorry`"
        match closedStatement start.env e.state.env name ci signature with
        | .error m => return bad m
        | .ok s => return .ok s
  else match e.diagnostics.firstError? with
    | some m => return bad m
    | none => return bad "expected the header of exactly one declaration"

/-- The state after elaborating `text` from `start`. The first error message is reported as the
fault of `field`. -/
def elabText (start : Command.State) (field text : String) :
    IO (Except BadRequest Command.State) := do
  let e ← elabCommands false (textContext text ("<" ++ field ++ ">")) {} { state := start }
  if h : 0 < e.forbidden.size then return .error { field, message := e.forbidden[0].message }
  match e.diagnostics.firstError? with
  | some m => return .error { field, message := m }
  | none => return .ok e.state

/-- Universe parameters as levels. -/
def levelsOf (ns : List Name) : List Level :=
  match ns with
  | [] => []
  | n :: ns => .param n :: levelsOf ns

/-- Whether two lists of names are equally long. -/
def sameLength (a b : List Name) : Bool :=
  match a, b with
  | [], [] => true
  | _ :: a, _ :: b => sameLength a b
  | _, _ => false

/-- Whether the kernel accepts the declared constant as a proof of the asked type; `none` where the
kernel ran into a limit. -/
def kernelTakes? (env : Environment) (s : Statement) (n : Name) : Option Bool :=
  let value := mkConst n (levelsOf s.levelParams)
  let d :=
    mkDefinitionValEx `_aludel_asked s.levelParams s.type value .opaque .safe [`_aludel_asked]
  match addToKernel env (.defnDecl d) with
  | .ok _ => some true
  | .error .deterministicTimeout => none
  | .error .deepRecursion => none
  | .error .excessiveMemory => none
  | .error .interrupted => none
  | .error _ => some false

/-- `how`, if the kernel agrees; otherwise "different", or "undecided" where it ran into a limit. -/
def confirmedByKernel (env : Environment) (s : Statement) (n : Name) (how : String) : String :=
  match kernelTakes? env s n with
  | some true => how
  | some false => "different"
  | none => "undecided"

/-- How the declared type compares with the asked one in the clean environment: "identical",
"reducible_defeq", "different" or "undecided". A comparison that ends in an exception (a limit) has
decided nothing. -/
def compareTypes (heartbeats : Nat) (env : Environment) (s : Statement) (ci : ConstantInfo) :
    IO String := do
  if !sameLength s.levelParams ci.levelParams then return "different"
  let type := ci.type.instantiateLevelParams ci.levelParams (levelsOf s.levelParams)
  if type == s.type then return "identical"
  let type := unfoldPassing none env maxUnfolding type
  if type == s.type then return confirmedByKernel env s ci.name "identical"
  let r ← runMeta heartbeats env (withReducible (isDefEq type s.type))
  match r with
  | .ok true => return confirmedByKernel env s ci.name "reducible_defeq"
  | .ok false => return "different"
  | .error _ => return "undecided"

/-- Whether the binders of two types have the same forms: `(x : A)`, `{x : A}`, `[x : A]`. -/
def sameBinders (a b : Expr) : Bool :=
  match a, b with
  | .forallE _ _ a i, .forallE _ _ b j => i == j && sameBinders a b
  | .mdata _ a, b => sameBinders a b
  | a, .mdata _ b => sameBinders a b
  | .forallE .., _ => false
  | _, .forallE .. => false
  | _, _ => true
termination_by sizeOf a + sizeOf b

mutual
/-- The identifier under which `s` declares a name whose last component is `part`, or `none`. -/
partial def declaredAs (part : String) (s : Syntax) : Option Syntax :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Command.declId then
      if h : 0 < args.size then
        if lastPart args[0].getId == part then some args[0] else none
      else none
    else anyDeclaredAs part args 0
  | _ => none
/-- The first result of `declaredAs` among the elements of `a` from index `i` on. -/
partial def anyDeclaredAs (part : String) (a : Array Syntax) (i : Nat) : Option Syntax :=
  if h : i < a.size then
    match declaredAs part a[i] with
    | some s => some s
    | none => anyDeclaredAs part a (i + 1)
  else none
end

/-- The fields `start` and `end` of the first declaration in the candidate's text whose name ends as
`n` does; `null` where there is none. -/
def placeOf (fileMap : FileMap) (commands : Array Syntax) (n : Name) : List (String × Json) :=
  let place := fun (p : Option String.Pos.Raw) =>
    match p with
    | some p => jsonPosition (fileMap.toPosition p)
    | none => .null
  match anyDeclaredAs (lastPart n) commands 0 with
  | some s => [("start", place s.getPos?), ("end", place s.getTailPos?)]
  | none => [("start", .null), ("end", .null)]

/-- The type `e` as text, cut to the bound of a message; the error's text where printing fails. -/
def printType (env : Environment) (e : Expr) : IO String := do
  let r ← runMeta 200000 env do
    let f ← ppExpr e
    return f.pretty
  match r with
  | .ok s => return cut s
  | .error e => exceptionText e

/-- Pairs of a name and a text as JSON objects, the text under `key`. -/
def jsonPairs (key : String) (a : Array (Name × String)) : Json :=
  .arr (foldArray a
    (fun acc p => acc.push (Json.mkObj [("name", .str p.1.toString), (key, .str (cut p.2))])) #[])

/-- Names with the places where the candidate declares them, as JSON objects. -/
def jsonPlaces (fileMap : FileMap) (commands : Array Syntax) (a : Array Name) : Json :=
  .arr (foldArray a (fun acc n =>
    acc.push (Json.mkObj (("name", .str n.toString) :: placeOf fileMap commands n))) #[])

/-- The resource limits that elaboration ran into, as a JSON array. -/
def jsonLimits (d : Diagnostics) : Json := .arr (if d.limitHit then #[.str "heartbeats"] else #[])

/-- The elements of `a`, then those of `b`. `List.append` has no code here. -/
def appendFields (a b : List (String × Json)) : List (String × Json) :=
  match a with
  | [] => b
  | x :: xs => x :: appendFields xs b

/-- Facts about the declaration that should prove `s`: whether `full` declares it, how its type
compares, and both types as text. -/
def statementFacts (i : CheckInput) (s : Statement) (full : Environment) (r : Replay)
    (place : List (String × Json)) : IO Json := do
  let expected ← printType s.shownIn s.shown
  let common := [("name", Json.str s.name.toString), ("auto_bound", jsonNamesOf i.autoBound #[])]
  match full.find? s.name with
  | none =>
    return Json.mkObj (("declared", .bool false) :: ("match", .null) :: ("found", .null) ::
      ("expected", .str expected) :: common)
  | some ci =>
    -- what the kernel added, not what the candidate's environment says of it
    let added := match r.env.find? s.name with
      | some added => added
      | none => ci
    let m ← compareTypes i.heartbeats r.env s added
    let found ← printType full ci.type
    let d ← if m == "different"
      then differenceOf s.shownIn full s.shown ci.type s.levelParams ci.levelParams
      else pure { expected, found }
    let binders := if sameBinders s.type ci.type then "same" else "different"
    return Json.mkObj (("declared", .bool true) :: ("match", .str m) ::
      ("expected", .str d.expected) :: ("found", .str d.found) ::
      ("note", jsonOptStr d.note?) :: ("binders", .str binders) :: appendFields place common)

/-- The safe constants among `names`. Auxiliary unsafe ones, which `partial` makes, are left out. -/
def safeConstants (env : Environment) (names : Array Name) : Array Name :=
  foldArray names (fun acc n =>
    match env.find? n with
    | some ci => if ci.isUnsafe || ci.isPartial then acc else acc.push n
    | none => acc) #[]

/-- The axioms among `names`, without those that the replay proved by running what they are about.
-/
def newAxiomsOf (env : Environment) (names : Array Name) (r : Replay) : Array Name :=
  foldArray names (fun acc n =>
    match env.find? n, r.env.find? n with
    | some (.axiomInfo _), some (.thmInfo _) => acc
    | some (.axiomInfo _), _ => acc.push n
    | _, _ => acc) #[]

/-- The most bytes that the declarations may take in an answer, which is one line of bounded
length. -/
def maxTermBytes : Nat := 12000000

/-- The declarations as data; `null` when they exceed `maxTermBytes`. -/
def boundedTerms (ds : Array Declaration) : Json :=
  match Terms.writeWithin? maxTermBytes ds with
  | some terms => terms
  | none => .null

/-- The answer of `check`: facts about an elaborated candidate. Nothing is replayed when the guard
refused a construct. -/
def elaboratedFacts (i : CheckInput) (ictx : Parser.InputContext) (headerImports : Array Name)
    (e : Elaborated) : IO Json := do
  let d := e.diagnostics
  let full := e.state.env
  let own := ownConstants full
  let wanted := match i.statement with
    | some s => if (full.find? s.name).isSome then #[s.name] else #[]
    | none => safeConstants full own
  let refused := e.forbidden.size > 0
  let wanted := if refused then #[] else wanted
  let r ← foldArrayIO wanted (replayConstant full i.base) { env := i.base, native := i.native }
  let statement ← match i.statement with
    | some s =>
      if refused then pure Json.null
      else statementFacts i s full r (placeOf ictx.fileMap e.commands s.name)
    | none => pure Json.null
  let newAxioms := newAxiomsOf full own r
  let axioms := foldArray r.newAxioms (fun acc n => acc.push n) r.baseAxioms
  let place := fun n => match anyDeclaredAs (lastPart n) e.commands 0 with
    | some s => s
    | none => .missing
  let forbidden := foldArray (lackingForbidden r place) (fun acc f => acc.push f) e.forbidden
  let main := mainOf i.statement r.added
  let withMain := madeWith e.made main
  let isHelper := fun n => isHelper i.base e.named withMain main n
  let sound := r.rejected.size == 0 && newAxioms.size == 0 && d.firstError?.isNone &&
    forbidden.size == 0
  let terms := if sound then [("terms", boundedTerms r.declarations)] else []
  return Json.mkObj <| appendFields terms
    [("imports", jsonNames i.imports), ("header_imports", jsonNames headerImports),
     ("diagnostics", .arr d.items),
     ("forbidden", jsonForbidden ictx.fileMap forbidden),
     ("limits", jsonLimits d), ("statement", statement),
     ("declarations", jsonAdded r.added (some isHelper)),
     ("kernel_rejected", jsonPairs "message" r.rejected),
     ("axioms", jsonNames axioms), ("new_axioms", jsonNames newAxioms),
     ("examples", jsonNat e.examples),
     ("companions", jsonNames (companions e.named withMain main)),
     ("dropped", jsonRanges ictx.fileMap e.dropped),
     ("places", jsonPlaces ictx.fileMap e.commands
       (foldArray r.rejected (fun acc p => acc.push p.1) newAxioms))]

/-- The modules that a list of imports names. -/
def importNames (is : Array Import) : Array Name :=
  foldArray is (fun acc i => acc.push i.module) #[]

/-- One refusal for each module that the candidate's header names and the import set does not
contain. -/
def foreignImports (base : Environment) (header : Syntax) (names : Array Name) : Array Forbidden :=
  foldArray names (fun acc n =>
    match base.getModuleIdx? n with
    | some _ => acc
    | none =>
      let message := "`" ++ n.toString ++ "` is not in the import set of the request"
      acc.push { construct := "import " ++ n.toString, message := message, stx := header }) #[]

/-- The options of a request as pairs of name and value. -/
def optionsOf (j : Json) : List (String × Json) :=
  match j.getObjVal? "options" with
  | .ok (.obj kvs) => kvs.toList
  | _ => []

/-- The names that a statement leaves to Lean to bind; an error when one of them is a blackboard
letter, whose meaning is not in doubt. -/
def autoBoundOf (base : Environment) (heartbeats : Nat) (options : List (String × Json))
    (header : String) (s : Statement) : IO (Except BadRequest (List Name)) := do
  let suspected := suspectedAutoBound s
  if suspected matches [] then return .ok []
  match ← startState base heartbeats (("autoImplicit", .bool false) :: options) with
  | .error m => return .error { field := "options", message := m }
  | .ok closed =>
    match ← elabStatement closed header, blackboard? suspected with
    | .ok _, _ => return .ok []
    | .error _, some n => return .error { field := "statement", message := blackboardMessage n }
    | .error _, none => return .ok suspected

/-- The input of a check in the import environment `base`: start and statement. -/
unsafe def makeInput (base : Environment) (j : Json) (imports : Array Name) :
    IO (Except BadRequest CheckInput) := do
  let heartbeats := getNat j "heartbeats" 200000
  let options := optionsOf j
  match ← startState base heartbeats options with
  | .error m => return .error { field := "options", message := m }
  | .ok start =>
    let native := getBool j "allow_native" false
    let input : CheckInput :=
      { base, imports := normalImports imports, start, heartbeats, native, statement := none }
    match getStr? j "statement" with
    | none => return .ok input
    | some header =>
      -- a misspelt name in the statement must not become a variable of its own
      match ← startState base heartbeats (("relaxedAutoImplicit", .bool false) :: options) with
      | .error m => return .error { field := "options", message := m }
      | .ok strict =>
        match ← elabStatement strict header with
        | .error e => return .error e
        | .ok s =>
          match ← autoBoundOf base heartbeats options header s with
          | .error e => return .error e
          | .ok autoBound => return .ok { input with statement := some s, autoBound }

/-- The part of a request that the input of its check is made of, as a text. -/
def askedKey (j : Json) (imports : Array Name) : String :=
  let field := fun (k : String) =>
    (k, match j.getObjVal? k with | .ok v => v | .error _ => .null)
  (Json.mkObj [("imports", jsonNames (normalImports imports)), field "options", field "heartbeats",
    field "allow_native", field "statement"]).compress

/-- The input of a check without the candidate's declarations: environment, options and statement,
made once for the requests that ask for the same. `field` is reported when an import is at fault. -/
unsafe def prepareCheck (state : ServerState) (j : Json) (field : String) (imports : Array Name) :
    IO (Except BadRequest CheckInput) := do
  match ← loadImports state field imports with
  | .error e => return .error e
  | .ok base =>
    let key := askedKey j imports
    let before ← ST.Prim.Ref.get state.asked
    match findAsked before key with
    | some input => return .ok input
    | none =>
      match ← makeInput base j imports with
      | .error e => return .error e
      | .ok input =>
        ST.Prim.Ref.set state.asked ((key, input) :: newestAsked (maxAsked - 1) before)
        return .ok input

/-- An elaborated candidate, without a verdict. -/
structure Candidate where
  input : CheckInput
  ictx : Parser.InputContext
  headerImports : Array Name
  elaborated : Elaborated

/-- Elaborates the candidate of a request. `prepare` changes the state in which elaboration
starts. -/
unsafe def elabCandidate (state : ServerState) (j : Json)
    (prepare : Command.State → Command.State := id) : IO (Except BadRequest Candidate) := do
  let code := getStr j "code"
  let ictx := textContext code "<candidate>"
  let (header, ps, messages) ← Parser.parseHeader ictx
  let headerImports := importNames (Elab.headerToImports header)
  let asked := getStrs? j "imports"
  let (field, imports) := match asked with
    | some names => ("imports", foldArray names (fun acc s => acc.push (nameOfString s)) #[])
    | none => ("code", headerImports)
  match ← prepareCheck state j field imports with
  | .error e => return .error e
  | .ok i =>
    let diagnostics ← addLog {} messages (parsing := true)
    let forbidden := foreignImports i.base header.raw headerImports
    let heartbeatLimit? := if containsLimits code then some i.heartbeats else none
    let automatic := !namesAutomatic code
    let start : Elaborated :=
      { state := prepare i.start, diagnostics, forbidden, heartbeatLimit?, automatic }
    let elaborated ← if forbidden.size > 0 then pure start else elabCommands i.native ictx ps start
    return .ok { input := i, ictx, headerImports, elaborated }

/-- Answers the operation `check`. -/
unsafe def check (state : ServerState) (j : Json) : IO Answer := do
  match ← elabCandidate state j with
  | .error e => return .error e
  | .ok c => return .ok (← elaboratedFacts c.input c.ictx c.headerImports c.elaborated)

end Aludel
