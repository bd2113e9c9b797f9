module
public import Lean
public import Aludel.Pattern
public import Aludel.Screen

/-!
The operation `search`: lemmas of an import set by a pattern, by what they would prove of a goal, or
both. A search that runs out of its budget answers what it has found and says so.
-/

public section

open Lean Meta Elab

namespace Aludel

/-- What a search may cost, and what it has cost when it began. -/
structure SearchBudget where
  /-- Heartbeats, not in thousands. -/
  heartbeats : Nat
  startHeartbeats : Nat
  /-- The clock's milliseconds at the end; 0 where there is none. -/
  endMs : Nat

/-- Thousands of heartbeats that one lemma may cost. -/
def heartbeatsOfOne : Nat := 2000

/-- Whether nothing is left. -/
def SearchBudget.isSpent (b : SearchBudget) : IO Bool := do
  let used ← IO.getNumHeartbeats
  if used - b.startHeartbeats > b.heartbeats then return true
  if b.endMs == 0 then return false
  let now ← IO.monoMsNow
  return now > b.endMs

/-- All that one search works with. -/
structure SearchInput where
  env : Environment
  index : SearchIndex
  budget : SearchBudget
  limit : Nat
  pattern? : Option LemmaPattern
  emit : Json → IO Unit

/-- What became of a search. -/
structure Searched where
  found : Nat := 0
  tried : Nat := 0
  /-- Whether every lemma that could be an answer was tried, or there were enough answers. -/
  complete : Bool := true

/-- The protocol's word for a place. -/
def placeName (p : FoundIn) : String :=
  match p with
  | .conclusion => "conclusion"
  | .hypothesis => "hypothesis"

/-- Name, module and docstring of a lemma, before other fields. Docstrings are `null` where the
toolchain has no files that hold them. -/
def listedFields (env : Environment) (n : Name) (fields : List (String × Json)) :
    IO (List (String × Json)) := do
  let doc ← findDocString? env n
  return ("name", .str n.toString) :: ("module", .str (moduleOf env n).toString) ::
    ("doc", jsonOptStr doc) :: fields

/-- The most statements that are kept in print. -/
def maxPrinted : Nat := 20000

/-- The statement `n` in print, which is kept: printing takes longer than finding. -/
def printedOf (x : SearchIndex) (n : Name) (type : Expr) : IO Json := do
  let known ← ST.Prim.Ref.get x.printed
  match known.find? n with
  | some s => return .str s
  | none =>
    match ← runMeta 200000 x.kinds.env (do let f ← ppExpr type; return f.pretty) with
    | .error _ => return .null
    | .ok s =>
      let kept := if known.count < maxPrinted then known else Table.empty 1024
      ST.Prim.Ref.set x.printed (kept.alter n fun _ => s)
      return .str s

/-- A lemma as an item of the answer. -/
def foundJson (x : SearchIndex) (n : Name) (fields : List (String × Json)) : IO Json := do
  let type ← match x.kinds.env.find? n with
    | none => pure Json.null
    | some ci => printedOf x n ci.type
  return Json.mkObj (("type", type) :: (← listedFields x.kinds.env n fields))

/-- The answer of a search. -/
def searchedJson (x : SearchIndex) (r : Searched) : Json :=
  Json.mkObj [("found", jsonNat r.found), ("tried", jsonNat r.tried),
    ("complete", .bool r.complete), ("lemmas", jsonNat x.lemmas.size)]

/-! ## By a pattern -/

/-- `r` after one more lemma. -/
def tryPattern (i : SearchInput) (p : LemmaPattern) (n : Name) (type : Expr) (r : Searched) :
    IO Searched := do
  let r := { r with tried := r.tried + 1 }
  match ← findPattern i.index heartbeatsOfOne p n type with
  | .error _ => return { r with complete := false }
  | .ok none => return r
  | .ok (some place) =>
    i.emit (← foundJson i.index n [("place", .str (placeName place))])
    return { r with found := r.found + 1 }

/-- Whether the search ends here, and `r` with what that means for it. -/
def ending (i : SearchInput) (r : Searched) : IO (Bool × Searched) := do
  if r.found ≥ i.limit then return (true, r)
  if ← i.budget.isSpent then return (true, { r with complete := false })
  return (false, r)

/-- Tries the lemmas at the places `l`, as far as they are in all of `others`. -/
partial def scanPlaces (i : SearchInput) (p : LemmaPattern) (l : List Nat)
    (others : List (List Nat)) (r : Searched) : IO Searched := do
  match l with
  | [] => return r
  | place :: rest =>
    let rest := fromPlace rest (place + 1)
    let (others, all) := allFrom others place
    if !all then return ← scanPlaces i p rest others r
    let (ends, r) ← ending i r
    if ends then return r
    let lemmas := i.index.lemmas
    let r ← if h : place < lemmas.size then tryPattern i p lemmas[place].1 lemmas[place].2 r
      else pure r
    scanPlaces i p rest others r

/-- Tries the lemmas of the names from index `k` on, in their order. -/
partial def scanNames (i : SearchInput) (p : LemmaPattern) (names : Array String) (k : Nat)
    (r : Searched) : IO Searched := do
  if h : k < names.size then
    let (ends, r) ← ending i r
    if ends then return r
    let n := nameOfString names[k]
    let r ← match i.env.find? n with
      | some ci => tryPattern i p n ci.type r
      | none => pure r
    scanNames i p names (k + 1) r
  else return r

/-- The places of the statements that mention each of the constants, the shortest list first. -/
def placesOf (x : SearchIndex) (constants : List Name) : List (List Nat) :=
  shortestFirst (foldList constants (fun acc n =>
    let l := x.holding.list n
    (countList l, l) :: acc) [])

/-- Searches by a pattern alone, among all lemmas or those of the names. -/
def searchPattern (i : SearchInput) (p : LemmaPattern) (names? : Option (Array String)) :
    IO Searched := do
  match names? with
  | some names => scanNames i p names 0 {}
  | none =>
    match placesOf i.index p.constants with
    | l :: others => scanPlaces i p l others {}
    | [] => return {}

/-! ## By a goal -/

/-- A goal with its hypotheses. -/
structure SearchGoal where
  state : ElabState
  goal : MVarId
  heartbeats : Nat

/-- A lemma that would apply. -/
structure Applicable where
  name : Name
  left : Nat
  /-- How much its conclusion says. -/
  depth : Nat

/-- Whether a hypothesis is the proposition `type`. -/
partial def closedBy (hypotheses : List LocalDecl) (type : Expr) : MetaM Bool := do
  match hypotheses with
  | [] => return false
  | h :: rest =>
    if h.isImplementationDetail then closedBy rest type
    else if ← isDefEq h.type type then return true
    else closedBy rest type

/-- The premises that are still to be proved, after `acc`; `none` where an instance is missing. -/
partial def openPremises (hypotheses : List LocalDecl) (xs : List Expr) (infos : List BinderInfo)
    (acc : List Expr) : MetaM (Option (List Expr)) := do
  match xs, infos with
  | x :: xs, info :: infos =>
    let value ← instantiateMVars x
    if !value.isMVar then return ← openPremises hypotheses xs infos acc
    let d ← value.mvarId!.getDecl
    let type ← instantiateMVars d.type
    if info.isInstImplicit then
      match ← synthInstance? type with
      | some v =>
        if ← isDefEq value v then openPremises hypotheses xs infos acc else return none
      | none => return none
    else if ← isProp type then
      if ← closedBy hypotheses type then openPremises hypotheses xs infos acc
      else openPremises hypotheses xs infos (type :: acc)
    else openPremises hypotheses xs infos acc
  | _, _ => return some acc

/-- The elements of an array from index `i` on. -/
partial def elementsFrom {α : Type} (a : Array α) (i : Nat := 0) : List α :=
  if h : i < a.size then a[i] :: elementsFrom a (i + 1) else []

/-- The premises that are left when the lemma is applied to the goal, the last one first; `none`
where it does not apply. -/
def premisesLeft (g : MVarId) (ci : ConstantInfo) : MetaM (Option (List Expr)) := do
  let d ← g.getDecl
  let target ← instantiateMVars d.type
  let us ← mkFreshLevelMVarsFor ci
  let (xs, infos, conclusion) ← forallMetaTelescope (ci.instantiateTypeLevelParams us)
  if ← isDefEq conclusion target then
    openPremises (localDecls d.lctx 0) (elementsFrom xs) (elementsFrom infos) []
  else return none

/-- Runs `x` in the context of the goal. -/
@[inline] def SearchGoal.run {α : Type} (g : SearchGoal) (x : MetaM α) :
    IO (Except Exception (α × ElabState)) :=
  let act : MetaM α := withReducibleAndInstances (inContextOf g.goal x)
  runTerm g.heartbeats g.state (do let r ← act; return r)

/-- The lemmas whose conclusions may be the goal's. -/
def candidatesFor (i : SearchInput) (g : SearchGoal) : IO (Except Exception (List Use)) := do
  let (heads, implementations) ← conclusionsOf i.index
  let offers ← OfferInput.new i.index.kinds implementations
  match ← g.run (do
      let d ← g.goal.getDecl
      let target ← instantiateMVars d.type
      let es ← forms target
      let l ← concluding i.index offers heads es []
      return l) with
  | .ok (l, _) => return .ok l
  | .error e => return .error e

/-- `acc` with the lemma if it applies, and fits the pattern where there is one; the truth value
says whether that could be told. -/
def tryGoal (i : SearchInput) (g : SearchGoal) (n : Name) (acc : List Applicable) :
    IO (List Applicable × Bool) := do
  match i.env.find? n with
  | none => return (acc, true)
  | some ci =>
    let fits : Except Exception Bool ← match i.pattern? with
      | none => pure (Except.ok true)
      | some p => match ← findPattern i.index heartbeatsOfOne p n ci.type with
        | .ok place => pure (.ok place.isSome)
        | .error e => pure (.error e)
    match fits with
    | .error _ => return (acc, false)
    | .ok false => return (acc, true)
    | .ok true =>
      match ← g.run (do let r ← premisesLeft g.goal ci; return r) with
      | .error e => return (acc, !isExhaustion e)
      | .ok (none, _) => return (acc, true)
      | .ok (some left, _) =>
        let depth := (conclusion ci.type).approxDepth.toNat
        return ({ name := n, left := countList left, depth } :: acc, true)

/-- Tries the candidates, each name once and only those in `among?`. -/
partial def scanGoal (i : SearchInput) (g : SearchGoal) (among? : Option NameSet) (l : List Use)
    (seen : NameSet) (acc : List Applicable) (r : Searched) :
    IO (List Applicable × Searched) := do
  match l with
  | [] => return (acc, r)
  | u :: rest =>
    let wanted := match among? with
      | some names => names.contains u.name
      | none => true
    if seen.contains u.name || !wanted then return ← scanGoal i g among? rest seen acc r
    if ← i.budget.isSpent then return (acc, { r with complete := false })
    let (acc, told) ← tryGoal i g u.name acc
    scanGoal i g among? rest (seen.insert u.name) acc
      { r with tried := r.tried + 1, complete := r.complete && told }

/-- Whether `a` comes before `b`: fewer premises left, then a conclusion that says more, then a
shorter name. -/
def Applicable.before (a b : Applicable) : Bool :=
  if a.left != b.left then a.left < b.left
  else if a.depth != b.depth then a.depth > b.depth
  else
    let x := a.name.toString
    let y := b.name.toString
    if x.length != y.length then x.length < y.length else x < y

/-- Sorts by merging; the library's sorts cannot be specialised here. -/
partial def sortApplicable (l : List Applicable) : List Applicable :=
  match l with
  | [] => []
  | [x] => [x]
  | _ =>
    let (a, b) := split l [] []
    merge (sortApplicable a) (sortApplicable b) []
where
  split (l a b : List Applicable) : List Applicable × List Applicable :=
    match l with
    | [] => (a, b)
    | x :: xs => split xs b (x :: a)
  merge (a b acc : List Applicable) : List Applicable :=
    match a, b with
    | [], b => reverseOnto acc b
    | a, [] => reverseOnto acc a
    | x :: xs, y :: ys =>
      if y.before x then merge (x :: xs) ys (y :: acc) else merge xs (y :: ys) (x :: acc)

/-- The terms in print, the last one first. -/
def printedBack (es : List Expr) (acc : List Json) : MetaM (List Json) := do
  match es with
  | [] => return acc
  | e :: rest =>
    let e ← instantiateMVars e
    let f ← ppExpr e
    printedBack rest (.str f.pretty :: acc)

/-- The premises that the lemma leaves, in print. -/
def leftJson (i : SearchInput) (g : SearchGoal) (n : Name) : IO Json := do
  match i.env.find? n with
  | none => return .arr #[]
  | some ci =>
    let r ← g.run (do
      match ← premisesLeft g.goal ci with
      | some left => printedBack left []
      | none => return [])
    match r with
    | .ok (l, _) => return .arr (foldList l (fun (acc : Array Json) j => acc.push j) #[])
    | .error _ => return .arr #[]

/-- Emits the first `n` of the lemmas; returns `count` plus their number. -/
partial def emitApplicable (i : SearchInput) (g : SearchGoal) (n : Nat) (l : List Applicable)
    (count : Nat) : IO Nat := do
  match n, l with
  | n + 1, a :: rest =>
    let left ← leftJson i g a.name
    i.emit (← foundJson i.index a.name [("left", left)])
    emitApplicable i g n rest (count + 1)
  | _, _ => return count

/-- Searches for what applies to a goal. -/
def searchGoal (i : SearchInput) (g : SearchGoal) (names? : Option (Array String)) :
    IO (Except BadRequest Searched) := do
  match ← candidatesFor i g with
  | .error e => return .error { field := "goal", message := ← exceptionText e }
  | .ok l =>
    let among? := match names? with
      | some names => some (foldArray names (fun (s : NameSet) t => s.insert (nameOfString t)) {})
      | none => none
    let (applicable, r) ← scanGoal i g among? l {} [] {}
    let found ← emitApplicable i g i.limit (sortApplicable applicable) 0
    return .ok { r with found }

/-! ## The operation -/

/-- A goal of the given type with all its binders introduced. -/
def introduced (type : Expr) : MetaM MVarId := do
  let goal ← mkFreshExprMVar type .syntheticOpaque
  let (_, g) ← goal.mvarId!.introNP (countBinders type 0)
  return g

/-- The goal that a statement's header asks for, with all its binders introduced. -/
def readGoal (env : Environment) (heartbeats : Nat) (header : String) :
    IO (Except BadRequest SearchGoal) := do
  match ← startState env heartbeats [("relaxedAutoImplicit", .bool false)] with
  | .error m => return .error { field := "goal", message := m }
  | .ok start =>
    match ← elabStatement start header with
    | .error e => return .error { field := "goal", message := e.message }
    | .ok s =>
      match ← runTerm heartbeats { core := { env } }
          (do let g ← introduced s.type; return g) with
      | .ok (goal, state) => return .ok { state, goal, heartbeats := heartbeatsOfOne }
      | .error e => return .error { field := "goal", message := ← exceptionText e }

/-- The pattern of a request, if it has one. -/
def patternOf (env : Environment) (heartbeats : Nat) (j : Json) :
    IO (Except BadRequest (Option LemmaPattern)) := do
  match getStr? j "pattern" with
  | none => return .ok none
  | some text =>
    match ← readPattern env heartbeats text (getBool j "conclusion" false) with
    | .ok p => return .ok (some p)
    | .error message => return .error { field := "pattern", message }

/-- Emits every lemma that can be found, without its statement. -/
def listAll (i : SearchInput) : IO Searched := do
  let n ← foldArrayIO i.index.lemmas (fun (n : Nat) p => do
    i.emit (Json.mkObj (← listedFields i.env p.1 []))
    return n + 1) 0
  return { found := n }

/-- Emits the lemmas of the names that are there. -/
def describe (i : SearchInput) (names : Array String) : IO Searched := do
  let n ← foldArrayIO names (fun (n : Nat) text => do
    let name := nameOfString text
    match i.env.find? name with
    | none => return n
    | some _ =>
      i.emit (← foundJson i.index name [])
      return n + 1) 0
  return { found := n }

/-- The search that a request asks for. Without a pattern and a goal the names are described, or all
are listed, or only the index is made. -/
def runSearch (i : SearchInput) (j : Json) (heartbeats : Nat) : IO Answer := do
  let names? := getStrs? j "names"
  match getStr? j "goal", i.pattern? with
  | some header, _ =>
    match ← readGoal i.env heartbeats header with
    | .error e => return .error e
    | .ok g =>
      match ← searchGoal i g names? with
      | .error e => return .error e
      | .ok r => return .ok (searchedJson i.index r)
  | none, some p =>
    let r ← searchPattern i p names?
    return .ok (searchedJson i.index r)
  | none, none =>
    match names? with
    | some names => return .ok (searchedJson i.index (← describe i names))
    | none =>
      if getBool j "list" false then return .ok (searchedJson i.index (← listAll i))
      if getBool j "goals" false then
        let _ ← conclusionsOf i.index
      return .ok (searchedJson i.index {})

/-- Answers the operation `search`. -/
unsafe def search (state : ServerState) (cache : SearchCache) (j : Json) (emit : Json → IO Unit) :
    IO Answer := do
  let imports := normalImports (importsOf j)
  let beginMs ← IO.monoMsNow
  let startHeartbeats ← IO.getNumHeartbeats
  match ← loadImports state "imports" imports with
  | .error e => return .error e
  | .ok env =>
    let index ← searchIndexOf cache env imports
    let heartbeats := getNat j "heartbeats" 200000
    match ← patternOf env heartbeats j with
    | .error e => return .error e
    | .ok pattern? =>
      let wall := getNat j "wall_ms" 0
      let endMs := if wall == 0 then 0 else beginMs + wall
      let budget : SearchBudget := { heartbeats := 1000 * heartbeats, startHeartbeats, endMs }
      runSearch { env, index, budget, limit := getNat j "limit" 10, pattern?, emit } j heartbeats

end Aludel
