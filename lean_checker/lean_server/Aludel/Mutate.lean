module
public import Lean
public import Aludel.Check
public import Aludel.Index

/-!
The operation `mutate`: rewriting a theorem's statement with lemmas (Alchemy, ICLR 2025, Alg. 1-2),
on terms. A statement counts only if what is printed elaborates back to the term it came from.
-/

public section

open Lean Meta Elab

namespace Aludel

/-- A theorem, opened: its binders as named, accessible local hypotheses. -/
structure Opened where
  name : Name
  levelParams : List Name
  goal : MVarId
  vars : Array Expr
  names : Array Name
  /-- Which binders are explicit. -/
  explicit : Array Bool

/-- What rewriting did to a proposition. -/
inductive Change where
  | new
  | unchanged
  /-- Holds by reflexivity, so that `rw` itself would close it. -/
  | trivial

/-- One new statement as a closed term, and how it came about. -/
structure Mutant where
  type : Expr
  lemma : RwLemma
  change : Change
  /-- Index of the rewritten hypothesis; the conclusion when absent. -/
  hypothesis? : Option Nat
  /-- The hypothesis before rewriting, printed. -/
  oldText : String := ""
  /-- Whether the rewritten conclusion is itself a `∀` or an implication. -/
  quantified : Bool := false

@[inline] def inContextOf {α : Type} (g : MVarId) (x : MetaM α) : MetaM α := do
  let d ← g.getDecl
  fun ctx s cctx cs => x { ctx with lctx := d.lctx, localInstances := d.localInstances } s cctx cs

def localDecl (g : MVarId) (x : Expr) : MetaM LocalDecl := do
  let d ← g.getDecl
  match d.lctx.find? x.fvarId! with
  | some decl => return decl
  | none => throw (textException "unknown local hypothesis")

partial def freshName (used : List Name) (base : String) (i : Nat) : Name :=
  let n := Name.mkSimple (base ++ toString i)
  if memName n used then freshName used base (i + 1) else n

/-- Names a script can use: unique, without macro scopes, a plain word each. -/
partial def binderNames (e : Expr) (used : List Name) (acc : Array Name) (explicit : Array Bool) :
    Array Name × Array Bool :=
  match e with
  | .forallE n _ b bi =>
    let plain := match n with
      | .str .anonymous s => !n.hasMacroScopes && !s.startsWith "_" && !memName n used
      | _ => false
    let base := match bi with
      | .instImplicit => "inst"
      | _ => if b.hasLooseBVar 0 then "x" else "h"
    let name := if plain then n else freshName used base 1
    binderNames b (name :: used) (acc.push name) (explicit.push bi.isExplicit)
  | .mdata _ b => binderNames b used acc explicit
  | _ => (acc, explicit)

def openTheorem (n : Name) (ci : ConstantInfo) : MetaM Opened := do
  let goal ← mkFreshExprMVar ci.type .syntheticOpaque
  let (names, explicit) := binderNames ci.type [] #[] #[]
  let (fvars, g) ← goal.mvarId!.introN names.size (nameList names)
  let vars := foldArray fvars (fun acc f => acc.push (.fvar f)) #[]
  return { name := n, levelParams := ci.levelParams, goal := g, vars, names, explicit }

def slice (a : Array Expr) (start stop : Nat) (acc : Array Expr := #[]) : Array Expr :=
  if h : start < a.size then
    if start < stop then slice a (start + 1) stop (acc.push a[start]) else acc
  else acc
termination_by a.size - start

/-- Rewrites `e` and gives the result when no goal but the main one is left. -/
def rewriteWith (g : MVarId) (e : Expr) (l : RwLemma) : MetaM Expr := do
  let lemmaConst ← mkConstWithFreshMVarLevels l.name
  let r ← g.rewrite e lemmaConst l.symm
  match r.mvarIds with
  | [] =>
    let eNew ← instantiateMVars r.eNew
    if eNew.hasMVar then throw (textException "metavariables are left")
    return eNew
  | _ => throw (textException "side goals are left")

def changeOf (old new : Expr) : MetaM Change := do
  if new == old then return .unchanged
  match sides? new with
  | some (a, b) =>
    let same ← withReducible (isDefEq a b)
    return if same then .trivial else .new
  | none => return .new

def rewriteGoal (o : Opened) (l : RwLemma) : MetaM Mutant :=
  inContextOf o.goal do
    let old ← o.goal.getType
    let new ← rewriteWith o.goal old l
    let change ← changeOf old new
    let type ← mkForallFVars o.vars new
    return { type, lemma := l, change, hypothesis? := none, quantified := new.isForall }

def rewriteHypothesis (o : Opened) (l : RwLemma) (i : Nat) (h : i < o.vars.size) : MetaM Mutant :=
  inContextOf o.goal do
    let x := o.vars[i]
    let decl ← localDecl o.goal x
    let old ← instantiateMVars decl.type
    let new ← rewriteWith o.goal old l
    let change ← changeOf old new
    let target ← o.goal.getType
    let rest ← mkForallFVars (slice o.vars (i + 1) o.vars.size) target
    if rest.containsFVar x.fvarId! then throw (textException "later binders depend on the hypothesis")
    let type ← mkForallFVars (slice o.vars 0 i) (.forallE decl.userName new rest decl.binderInfo)
    if type.hasFVar then throw (textException "the new hypothesis uses later binders")
    let oldText ← ppExpr old
    return { type, lemma := l, change, hypothesis? := some i, oldText := oldText.pretty }

/-! Printing, and elaborating back. -/

structure Printed where
  header : String
  level : Nat

def printOptions (level : Nat) : Options :=
  let o : Options := {}
  match level with
  | 0 => o
  | 1 => (o.setBool `pp.numericTypes true).setBool `pp.coercions.types true
  | 2 => (o.setBool `pp.explicit true).setBool `pp.notation false
  | _ => ((o.setBool `pp.explicit true).setBool `pp.universes true).setBool `pp.notation false

def variantName : Name := `aludel_variant

def universeList (ns : List Name) (acc : String) : String :=
  match ns with
  | [] => acc
  | n :: ns => universeList ns (if acc == "" then n.toString else acc ++ ", " ++ n.toString)

/-- What stands between `theorem NAME` and `:=`. -/
def printHeader (env : Environment) (heartbeats : Nat) (levelParams : List Name) (type : Expr) (level : Nat) :
    IO (Except String String) := do
  let ax : AxiomVal := { name := variantName, levelParams, type, isUnsafe := false }
  match env.addDeclCore 0 (.axiomDecl ax) none with
  | .error _ => return .error "the kernel refuses the statement"
  | .ok env =>
    let r ← runMeta heartbeats env (opts := printOptions level) do
      let f ← PrettyPrinter.ppSignature variantName
      return f.fmt.pretty
    match r with
    | .error e => return .error (← exceptionText e)
    | .ok text =>
      -- the printer repeats the name (and, at the last level, its universes): they are ours to write
      let skip := variantName.toString.utf8ByteSize
      let rest := String.Pos.Raw.extract text ⟨skip⟩ text.rawEndPos
      let universes := universeList levelParams ""
      let parameters := if universes == "" || rest.startsWith ".{" then "" else ".{" ++ universes ++ "}"
      return .ok (parameters ++ rest)

partial def roundTrip (start : Command.State) (env : Environment) (heartbeats : Nat) (levelParams : List Name)
    (type : Expr) (level : Nat) : IO (Option Printed) := do
  if level > 3 then return none
  match ← printHeader env heartbeats levelParams type level with
  | .error _ => return none
  | .ok header =>
    match ← elabStatement start ("theorem " ++ variantName.toString ++ header) with
    | .ok s =>
      if s.type == type && sameLength s.levelParams levelParams then return some { header, level }
      else roundTrip start env heartbeats levelParams type (level + 1)
    | .error _ => roundTrip start env heartbeats levelParams type (level + 1)

/-! Proofs from the paper's templates. -/

def spaced (names : List String) : String :=
  match names with
  | [] => ""
  | n :: ns => " " ++ n ++ spaced ns

/-- The arguments of the old theorem, the `i`-th one replaced by `this`. -/
partial def arguments (o : Opened) (replaced? : Option Nat) (i : Nat) : List String :=
  if h : i < o.names.size then
    let name := match replaced? with
      | some k => if k == i then "this" else o.names[i].toString
      | none => o.names[i].toString
    let isExplicit := if h' : i < o.explicit.size then o.explicit[i] else true
    if isExplicit then name :: arguments o replaced? (i + 1) else arguments o replaced? (i + 1)
  else []

/-- The old theorem at the variant's binders; `@` when implicit ones could not be inferred. -/
def oldTheorem (o : Opened) : String :=
  if foldArray o.explicit (fun (known : Bool) e => known && e) true then o.name.toString ++ spaced (arguments o none 0)
  else "@" ++ o.name.toString ++ spaced (nameTexts o 0)
where
  nameTexts (o : Opened) (i : Nat) : List String :=
    if h : i < o.names.size then o.names[i].toString :: nameTexts o (i + 1) else []
  termination_by o.names.size - i

def proofText (o : Opened) (m : Mutant) : String :=
  let arrow := if m.lemma.symm then "← " else ""
  let rule := arrow ++ m.lemma.name.toString
  match m.hypothesis? with
  | none =>
    let old := oldTheorem o
    -- binders of the new conclusion are printed before the colon, like any other
    let close := if m.quantified then "intros\n  apply this <;> assumption" else "exact this"
    "by\n  have := " ++ old ++ "\n  rw [" ++ rule ++ "] at this\n  " ++ close
  | some i =>
    let old := o.name.toString ++ spaced (arguments o m.hypothesis? 0)
    let h := if hi : i < o.names.size then o.names[i].toString else "this"
    "by\n  have : " ++ m.oldText ++ " := by\n    rw [" ++ rule ++ "]\n    exact " ++ h ++ "\n  exact " ++ old

/-! The loop over lemmas and positions. -/

def levelHash (u : Level) : UInt64 :=
  match u with
  | .zero => 11
  | .succ u => mixHash 13 (levelHash u)
  | .max u v => mixHash 17 (mixHash (levelHash u) (levelHash v))
  | .imax u v => mixHash 19 (mixHash (levelHash u) (levelHash v))
  | .param n => mixHash 23 n.hash
  | .mvar _ => 29

def levelsHash (us : List Level) : UInt64 :=
  match us with
  | [] => 31
  | u :: us => mixHash (levelHash u) (levelsHash us)

/-- 64 bits over a closed term, binder names and annotations left out (`Expr.hash` has only 32). -/
def termHash (e : Expr) : UInt64 :=
  match e with
  | .bvar i => mixHash 37 i.toUInt64
  | .sort u => mixHash 41 (levelHash u)
  | .const n us => mixHash 43 (mixHash n.hash (levelsHash us))
  | .app f a => mixHash 47 (mixHash (termHash f) (termHash a))
  | .lam _ d b _ => mixHash 53 (mixHash (termHash d) (termHash b))
  | .forallE _ d b _ => mixHash 59 (mixHash (termHash d) (termHash b))
  | .letE _ t v b _ => mixHash 61 (mixHash (termHash t) (mixHash (termHash v) (termHash b)))
  | .lit (.natVal v) => mixHash 67 v.toUInt64
  | .lit (.strVal s) => mixHash 71 s.hash
  | .mdata _ b => termHash b
  | .proj n i b => mixHash 73 (mixHash n.hash (mixHash i.toUInt64 (termHash b)))
  | .fvar _ => 79
  | .mvar _ => 83

structure Tally where
  attempted : Nat := 0
  constructed : Nat := 0
  notInvocable : Nat := 0
  unchanged : Nat := 0
  trivial : Nat := 0
  notRoundTrip : Nat := 0
  tooLarge : Nat := 0
  duplicate : Nat := 0
  /-- Hashes of the statements made so far, the target's own first. -/
  seen : List UInt64 := []

def memHash (h : UInt64) (l : List UInt64) : Bool :=
  match l with
  | [] => false
  | x :: xs => if x == h then true else memHash h xs

structure MutateInput where
  env : Environment
  start : Command.State
  heartbeats : Nat
  target : Name
  info : ConstantInfo
  opened : Opened
  openedState : ElabState
  limit : Nat
  maxAttempts : Nat
  emit : Json → IO Unit

def maxHeader : Nat := 4000

def mutantJson (i : MutateInput) (m : Mutant) (p : Printed) : Json :=
  let hypothesis := match m.hypothesis? with
    | some k => if h : k < i.opened.names.size then Json.str i.opened.names[k].toString else .null
    | none => .null
  Json.mkObj
    [("rule", .str "rw"), ("lemma", .str m.lemma.name.toString),
     ("direction", .str (if m.lemma.symm then "backward" else "forward")),
     ("position", .str (if m.hypothesis?.isSome then "hypothesis" else "goal")), ("hypothesis", hypothesis),
     ("header", .str p.header), ("proof", .str (proofText i.opened m)),
     ("term_hash", .str (toString (termHash m.type).toNat)), ("print_level", jsonNat p.level)]

def finish (i : MutateInput) (t : Tally) (m : Mutant) : IO Tally := do
  let hash := termHash m.type
  if memHash hash t.seen then return { t with duplicate := t.duplicate + 1 }
  let t := { t with seen := hash :: t.seen }
  match ← roundTrip i.start i.env i.heartbeats i.opened.levelParams m.type 0 with
  | none => return { t with notRoundTrip := t.notRoundTrip + 1 }
  | some p =>
    if p.header.length > maxHeader then return { t with tooLarge := t.tooLarge + 1 }
    i.emit (mutantJson i m p)
    return { t with constructed := t.constructed + 1 }

def attempt (i : MutateInput) (t : Tally) (x : MetaM Mutant) : IO Tally := do
  let t := { t with attempted := t.attempted + 1 }
  let r ← runTerm i.heartbeats i.openedState (do let m ← x; return m)
  match r with
  | .ok (m, _) =>
    match m.change with
    | .new => finish i t m
    | .unchanged => return { t with unchanged := t.unchanged + 1 }
    | .trivial => return { t with trivial := t.trivial + 1 }
  | .error _ => return { t with notInvocable := t.notInvocable + 1 }

def isDone (i : MutateInput) (t : Tally) : Bool :=
  t.constructed ≥ i.limit || t.attempted ≥ i.maxAttempts

/-- Where a lemma is tried: the conclusion and the hypotheses that contain its head. -/
structure Position where
  hypothesis? : Option Nat
  keys : Keys

def hasLemmaKey (keys : Keys) (env : Environment) (l : RwLemma) : Bool :=
  match env.find? l.name with
  | some ci =>
    match sides? (conclusion ci.type) with
    | some (a, b) =>
      match headKey? (if l.symm then b else a) with
      | some k => keys.set.contains k
      | none => false
    | none => false
  | none => false

partial def tryPositions (i : MutateInput) (l : RwLemma) (ps : List Position) (t : Tally) : IO Tally := do
  match ps with
  | [] => return t
  | p :: rest =>
    if isDone i t then return t
    if !hasLemmaKey p.keys i.env l then tryPositions i l rest t
    else
      let t ← match p.hypothesis? with
        | none => attempt i t (rewriteGoal i.opened l)
        | some k => if h : k < i.opened.vars.size then attempt i t (rewriteHypothesis i.opened l k h) else pure t
      tryPositions i l rest t

partial def tryLemmas (i : MutateInput) (ls : List (UInt64 × RwLemma)) (ps : List Position) (t : Tally) : IO Tally := do
  match ls with
  | [] => return t
  | (_, l) :: rest =>
    if isDone i t then return t
    let t ← tryPositions i l ps t
    tryLemmas i rest ps t

/-- Smallest hash first: an order that depends on the seed and on nothing else. -/
partial def sortByHash (l : List (UInt64 × RwLemma)) : List (UInt64 × RwLemma) :=
  match l with
  | [] => []
  | [x] => [x]
  | _ =>
    let (a, b) := split l [] []
    merge (sortByHash a) (sortByHash b) []
where
  split (l a b : List (UInt64 × RwLemma)) : List (UInt64 × RwLemma) × List (UInt64 × RwLemma) :=
    match l with
    | [] => (a, b)
    | x :: xs => split xs b (x :: a)
  before (x y : UInt64 × RwLemma) : Bool :=
    if x.1 == y.1 then x.2.name.toString < y.2.name.toString else x.1 < y.1
  merge (a b acc : List (UInt64 × RwLemma)) : List (UInt64 × RwLemma) :=
    match a, b with
    | [], b => back acc b
    | a, [] => back acc a
    | x :: xs, y :: ys =>
      if before x y then merge xs (y :: ys) (x :: acc) else merge (x :: xs) ys (y :: acc)
  back (acc l : List (UInt64 × RwLemma)) : List (UInt64 × RwLemma) :=
    match acc with
    | [] => l
    | x :: xs => back xs (x :: l)

def withHash (seed : UInt64) (l : RwLemma) : UInt64 × RwLemma :=
  (mixHash seed (mixHash l.name.hash (if l.symm then 1 else 0)), l)

def pushCandidates (target : Name) (seed : UInt64) (ls : Array RwLemma) (acc : List (UInt64 × RwLemma)) :
    List (UInt64 × RwLemma) :=
  foldArray ls (fun acc l => if l.name == target then acc else withHash seed l :: acc) acc

/-- Lemmas of the index whose head occurs in the statement. -/
partial def retrieveFrom (index : LemmaIndex) (target : Name) (seed : UInt64) (keys : List Name)
    (acc : List (UInt64 × RwLemma)) : List (UInt64 × RwLemma) :=
  match keys with
  | [] => acc
  | k :: ks => retrieveFrom index target seed ks (pushCandidates target seed (index.table.find k) acc)

/-- Both directions of the lemmas asked for by name. -/
def namedLemmas (env : Environment) (seed : UInt64) (names : Array String) :
    Except BadRequest (List (UInt64 × RwLemma)) :=
  foldArray names (fun acc s =>
    match acc with
    | .error e => .error e
    | .ok l =>
      let n := nameOfString s
      match env.find? n with
      | none => .error { field := "lemmas", message := "`" ++ s ++ "` is not in the import set" }
      | some ci =>
        match sides? (conclusion ci.type) with
        | none => .error { field := "lemmas", message := "`" ++ s ++ "` is neither an equation nor an equivalence" }
        | some _ =>
          .ok (withHash seed { name := n, symm := false } :: withHash seed { name := n, symm := true } :: l))
    (.ok [])

partial def hypothesisPositions (o : Opened) (i : Nat) : MetaM (List Position) := do
  if h : i < o.vars.size then
    let decl ← localDecl o.goal o.vars[i]
    let rest ← hypothesisPositions o (i + 1)
    let prop ← isProp decl.type
    if prop then return { hypothesis? := some i, keys := subtermKeys decl.type } :: rest
    else return rest
  else return []

/-- The theorem opened, its positions, and the elaboration state they live in. -/
def openPositions (n : Name) (ci : ConstantInfo) : MetaM (Opened × List Position) := do
  let o ← openTheorem n ci
  inContextOf o.goal do
    let goalType ← o.goal.getType
    let hs ← hypothesisPositions o 0
    return (o, { hypothesis? := none, keys := subtermKeys goalType } :: hs)

def countLemmas (l : List (UInt64 × RwLemma)) (n : Nat) : Nat :=
  match l with
  | [] => n
  | _ :: rest => countLemmas rest (n + 1)

def tallyJson (i : MutateInput) (type : String) (retrieved : Nat) (t : Tally) : Json :=
  Json.mkObj
    [("target", .str i.target.toString), ("type", .str type), ("retrieved", jsonNat retrieved),
     ("attempted", jsonNat t.attempted), ("constructed", jsonNat t.constructed),
     ("complete", .bool (!isDone i t)),
     ("dropped", Json.mkObj
       [("not_invocable", jsonNat t.notInvocable), ("unchanged", jsonNat t.unchanged), ("trivial", jsonNat t.trivial),
        ("not_roundtrip", jsonNat t.notRoundTrip), ("too_large", jsonNat t.tooLarge),
        ("duplicate", jsonNat t.duplicate)])]

structure MutateSettings where
  heartbeats : Nat
  limit : Nat
  maxAttempts : Nat
  seed : UInt64
  names? : Option (Array String)

def candidates (env : Environment) (index : Unit → IO LemmaIndex) (target : Name) (ci : ConstantInfo) (s : MutateSettings) :
    IO (Except BadRequest (List (UInt64 × RwLemma))) := do
  match s.names? with
  | some names => return namedLemmas env s.seed names
  | none =>
    let keys := (subtermKeys ci.type).list
    let index ← index ()
    return .ok (retrieveFrom index target s.seed keys [])

def runMutation (env : Environment) (index : Unit → IO LemmaIndex) (start : Command.State) (target : Name)
    (ci : ConstantInfo) (s : MutateSettings) (emit : Json → IO Unit) : IO Answer := do
  match ← candidates env index target ci s with
  | .error e => return .error e
  | .ok ls =>
    match ← runTerm s.heartbeats { core := { env := env } } (do let r ← openPositions target ci; return r) with
    | .error e => return .error { field := "target", message := ← exceptionText e }
    | .ok ((opened, positions), openedState) =>
      let i : MutateInput :=
        { env, start, heartbeats := s.heartbeats, target, info := ci, opened, openedState, limit := s.limit,
          maxAttempts := s.maxAttempts, emit }
      let t ← tryLemmas i (sortByHash ls) positions { seen := [termHash ci.type] }
      let type ← printType env ci.type
      return .ok (tallyJson i type (countLemmas ls 0) t)

/-- Indexes are built once per import set. -/
structure IndexCache where
  entries : IO.Ref (List (Array Name × LemmaIndex))

def findIndex (l : List (Array Name × LemmaIndex)) (ms : Array Name) : Option LemmaIndex :=
  match l with
  | [] => none
  | (k, v) :: rest => if sameNames k ms then some v else findIndex rest ms

def indexOf (cache : IndexCache) (env : Environment) (imports : Array Name) : IO LemmaIndex := do
  let known ← ST.Prim.Ref.get cache.entries
  match findIndex known imports with
  | some x => return x
  | none =>
    let x := buildIndex env
    ST.Prim.Ref.set cache.entries ((imports, x) :: known)
    return x

unsafe def mutate (state : ServerState) (cache : IndexCache) (j : Json) (emit : Json → IO Unit) : IO Answer := do
  let imports := normalImports (importsOf j)
  match ← loadImports state "imports" imports with
  | .error e => return .error e
  | .ok env =>
    let target := nameOfString (getStr j "target")
    let heartbeats := getNat j "heartbeats" 200000
    match env.find? target with
    | none => return .error { field := "target", message := "`" ++ target.toString ++ "` is not in the import set" }
    | some ci =>
      if !isTheorem env target ci then
        return .error { field := "target", message := "`" ++ target.toString ++ "` is not a theorem" }
      match ← startState env heartbeats (optionsOf j) with
      | .error m => return .error { field := "options", message := m }
      | .ok start =>
        let settings : MutateSettings :=
          { heartbeats, limit := getNat j "limit" 50, maxAttempts := getNat j "max_attempts" 2000,
            seed := (getNat j "seed" 0).toUInt64, names? := getStrs? j "lemmas" }
        runMutation env (fun _ => indexOf cache env imports) start target ci settings emit

end Aludel
