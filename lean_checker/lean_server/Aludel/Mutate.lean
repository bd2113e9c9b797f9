module
public import Lean
public import Aludel.Proofs

/-!
The operation `mutate`: new statements from a theorem and the lemmas of the library (Alchemy, ICLR
2025, Alg. 1-2), on terms. A statement counts only if what is printed elaborates back to the term it
came from.
-/

public section

open Lean Meta Elab

namespace Aludel

/-- Counts of the attempts of a mutation by their outcome. -/
structure Tally where
  attempted : Nat := 0
  constructed : Nat := 0
  notInvocable : Nat := 0
  unchanged : Nat := 0
  trivial : Nat := 0
  notRoundTrip : Nat := 0
  tooLarge : Nat := 0
  duplicate : Nat := 0
  inLibrary : Nat := 0
  /-- Whether the time was up before the other limits were reached. -/
  timedOut : Bool := false
  /-- Hashes of the statements made so far, the target's included. -/
  seen : HashSet64 := {}

/-- The form in which variants are answered. -/
inductive Output where
  | scripts
  | terms
  /-- Hashes of the statements only: nothing is printed, nothing left out. -/
  | hashes

/-- The options of a mutation request. -/
structure MutateSettings where
  heartbeats : Nat
  limit : Nat
  maxAttempts : Nat
  /-- Milliseconds after which no further trial begins; 0 where there is no such limit. -/
  wallMs : Nat
  seed : UInt64
  names? : Option (Array String)
  rules : Rules
  /-- Try every lemma at every position instead of asking the index. -/
  brute : Bool
  output : Output

/-- All that the attempts of one mutation share. -/
structure MutateInput where
  env : Environment
  start : Command.State
  index : LemmaIndex
  opened : Opened
  openedState : ElabState
  settings : MutateSettings
  /-- The clock's milliseconds when the request began. -/
  beginMs : Nat
  emit : Json → IO Unit

/-- The most characters of a variant's header. -/
def maxHeader : Nat := 4000

/-- The protocol's word for a rule. -/
def ruleName (r : Rule) : String :=
  match r with
  | .rw => "rw"
  | .apply => "apply"
  | .forward => "forward"

/-- The fields of a variant that say which lemma was applied, how and where. -/
def matchFields (o : Opened) (v : Variant) : List (String × Json) :=
  let t := v.trial
  let direction := match t.rule with
    | .rw => Json.str (if t.use.symm then "backward" else "forward")
    | _ => .null
  let hypothesis := match t.hypothesis? with
    | some k => if h : k < o.atoms.size then Json.str o.atoms[k].name.toString else .null
    | none => .null
  [("rule", .str (ruleName t.rule)), ("lemma", .str t.use.name.toString), ("direction", direction),
   ("position", .str (if t.hypothesis?.isSome then "hypothesis" else "goal")),
   ("hypothesis", hypothesis),
   ("term_hash", .str (toString (termHash v.type).toNat))]

/-- The variant's proof as a term, everything written out; the error's text where it cannot be
printed. -/
def wholeProof (i : MutateInput) (v : Variant) : IO String := do
  match ← termText i.env i.settings.heartbeats v with
  | .ok text => return text
  | .error m => return m

/-- The variant's proof in the form that the settings ask for. -/
def proofText (i : MutateInput) (v : Variant) : IO String := do
  match i.settings.output with
  | .terms => wholeProof i v
  | _ =>
    let old ← oldText i.settings.heartbeats i.openedState i.opened v
    return scriptText i.opened v old

/-- Emits one variant with its header and proof. -/
def emitVariant (i : MutateInput) (v : Variant) (shape : UInt64) (p : Printed) : IO Unit := do
  -- at the last level of printing binders have other names than those of a script
  let proof ← if p.level == wholeLevel then wholeProof i v else proofText i v
  i.emit (Json.mkObj
    (("header", .str p.header) :: ("proof", .str proof) :: ("print_level", jsonNat p.level) ::
    ("shape_hash", .str (toString shape.toNat)) :: matchFields i.opened v))

/-- `t` after a new variant: dropped as a duplicate, as known to the library, as unprintable or too
large, or else emitted. -/
def finish (i : MutateInput) (t : Tally) (v : Variant) : IO Tally := do
  let shape := shapeHash v.type
  if t.seen.contains shape then return { t with duplicate := t.duplicate + 1 }
  let t := { t with seen := t.seen.insert shape }
  if ← isInLibrary i.index v.type shape then return { t with inLibrary := t.inLibrary + 1 }
  match ← roundTrip i.start i.env i.settings.heartbeats i.opened.levelParams v.type 0 with
  | none => return { t with notRoundTrip := t.notRoundTrip + 1 }
  | some p =>
    if p.header.length > maxHeader then return { t with tooLarge := t.tooLarge + 1 }
    emitVariant i v shape p
    return { t with constructed := t.constructed + 1 }

/-- `t` after carrying out one trial. -/
def attempt (i : MutateInput) (t : Tally) (trial : Trial) : IO Tally := do
  let t := { t with attempted := t.attempted + 1 }
  let s := i.settings
  match ← runTerm s.heartbeats i.openedState
      (do let v ← carryOut i.opened trial s.rules.conditional; return v) with
  | .error _ => return { t with notInvocable := t.notInvocable + 1 }
  | .ok (v, _) =>
    match s.output with
    | .hashes =>
      i.emit (Json.mkObj (matchFields i.opened v))
      return { t with constructed := t.constructed + 1 }
    | _ =>
      match v.change with
      | .new => finish i t v
      | .unchanged => return { t with unchanged := t.unchanged + 1 }
      | .trivial => return { t with trivial := t.trivial + 1 }

/-- Whether the limit of variants or of attempts is reached. -/
def isDone (i : MutateInput) (t : Tally) : Bool :=
  t.constructed ≥ i.settings.limit || t.attempted ≥ i.settings.maxAttempts

/-- Whether the time of the request is up. A request that ends itself leaves its process, and the
index in it, to the next one. -/
def isLate (i : MutateInput) : IO Bool := do
  if i.settings.wallMs == 0 then return false
  let nowMs ← IO.monoMsNow
  return i.beginMs + i.settings.wallMs ≤ nowMs

/-- `t` after the trials of `l`, up to the limits. -/
partial def tryAll (i : MutateInput) (l : List Trial) (t : Tally) : IO Tally := do
  match l with
  | [] => return t
  | trial :: rest =>
    if isDone i t then return t
    if ← isLate i then return { t with timedOut := true }
    let t ← attempt i t trial
    tryAll i rest t

/-! Trials. -/

/-- Whether one of the rules asked for has a use for the lemma. -/
def fits (rules : Rules) (u : AllUses) : Bool :=
  (rules.rw && countList u.rw > 0) || (rules.apply && countList u.apply > 0) ||
    (rules.forward && countList u.forward > 0)

/-- The lemmas asked for by name; each must be of use to one of the rules. -/
def namedLemmas (env : Environment) (rules : Rules) (names : Array String) :
    Except BadRequest (List Name) :=
  foldArray names (fun acc s =>
    match acc with
    | .error e => .error e
    | .ok l =>
      let n := nameOfString s
      match env.find? n with
      | none => .error { field := "lemmas", message := "`" ++ s ++ "` is not in the import set" }
      | some ci =>
        if isTheorem env n ci && fits rules (usesOf env [n]) then .ok (n :: l)
        else
          let wanted := if rules.rw && !rules.apply && !rules.forward
            then "neither an equation nor an equivalence"
            else "of no use to the operations asked for"
          .error { field := "lemmas", message := "`" ++ s ++ "` is " ++ wanted })
    (.ok [])

/-- The trials to carry out: of the lemmas named, of all lemmas, or of those that the index
retrieves. -/
def trialsOf (i : MutateInput) (ps : List Position) : IO (Except BadRequest (List Trial)) := do
  let s := i.settings
  match s.names? with
  | some names =>
    match namedLemmas i.env s.rules names with
    | .error e => return .error e
    | .ok l => return .ok (everywhere s.rules i.opened.name (usesOf i.env l) ps)
  | none =>
    if s.brute then return .ok (everywhere s.rules i.opened.name (usesOf i.env i.index.lemmas) ps)
    let offers ← OfferInput.new i.index.kinds i.index.implementations
    match ← runTerm s.heartbeats i.openedState
        (do let l ← retrieve i.index offers s.rules i.opened ps; return l) with
    | .error e => return .error { field := "target", message := ← exceptionText e }
    | .ok (l, _) => return .ok l

/-- The answer of `mutate`. -/
def tallyJson (i : MutateInput) (type : String) (retrieved : Nat) (t : Tally) : Json :=
  Json.mkObj
    [("target", .str i.opened.name.toString), ("type", .str type), ("retrieved", jsonNat retrieved),
     ("attempted", jsonNat t.attempted), ("constructed", jsonNat t.constructed),
     ("complete", .bool (!isDone i t && !t.timedOut)), ("timed_out", .bool t.timedOut),
     ("dropped", Json.mkObj
       [("not_invocable", jsonNat t.notInvocable), ("unchanged", jsonNat t.unchanged),
        ("trivial", jsonNat t.trivial),
        ("not_roundtrip", jsonNat t.notRoundTrip), ("too_large", jsonNat t.tooLarge),
        ("duplicate", jsonNat t.duplicate), ("in_library", jsonNat t.inLibrary)])]

/-- Mutates one theorem and answers with the tally; variants are emitted on the way. -/
def runMutation (env : Environment) (index : LemmaIndex) (start : Command.State) (target : Name)
    (ci : ConstantInfo) (settings : MutateSettings) (emit : Json → IO Unit) : IO Answer := do
  let beginMs ← IO.monoMsNow
  match ← runTerm settings.heartbeats { core := { env := env } }
      (do let r ← openPositions target ci; return r) with
  | .error e => return .error { field := "target", message := ← exceptionText e }
  | .ok ((opened, positions), openedState) =>
    let i : MutateInput :=
        { env, start, index, opened, openedState, settings, beginMs, emit }
    match ← trialsOf i positions with
    | .error e => return .error e
    | .ok trials =>
      let t ← tryAll i (orderTrials settings.seed trials)
        { seen := HashSet64.insert {} (shapeHash ci.type) }
      let type ← printType env ci.type
      return .ok (tallyJson i type (countList trials) t)

/-- Indexes of lemmas by import set, each built once. -/
structure IndexCache where
  entries : IO.Ref (List (Array Name × LemmaIndex))

/-- The index of an import set, if it was built before. -/
def findIndex (l : List (Array Name × LemmaIndex)) (ms : Array Name) : Option LemmaIndex :=
  match l with
  | [] => none
  | (k, v) :: rest => if sameNames k ms then some v else findIndex rest ms

/-- The index of an import set, built when first asked for. -/
def indexOf (cache : IndexCache) (env : Environment) (imports : Array Name) : IO LemmaIndex := do
  let known ← ST.Prim.Ref.get cache.entries
  match findIndex known imports with
  | some x => return x
  | none =>
    let x ← buildIndex env
    ST.Prim.Ref.set cache.entries ((imports, x) :: known)
    return x

/-- Answers the operation `index`: the index of an import set is there for the requests that
follow. -/
unsafe def index (state : ServerState) (cache : IndexCache) (j : Json) : IO Answer := do
  let imports := normalImports (importsOf j)
  match ← loadImports state "imports" imports with
  | .error e => return .error e
  | .ok env =>
    let x ← indexOf cache env imports
    return .ok (Json.mkObj [("lemmas", jsonNat (countList x.lemmas))])

/-- Whether `s` is an element of `a`. -/
def hasString (a : Array String) (s : String) : Bool :=
  foldArray a (fun found x => found || x == s) false

/-- The options of a mutation request, with defaults for those it leaves out. -/
def settingsOf (j : Json) (heartbeats : Nat) : MutateSettings :=
  let rules := match getStrs? j "rules" with
    | some a => a
    | none => #["rw"]
  let output := match getStr j "output" "scripts" with
    | "terms" => Output.terms
    | "hashes" => .hashes
    | _ => .scripts
  { heartbeats, limit := getNat j "limit" 50, maxAttempts := getNat j "max_attempts" 2000,
    wallMs := getNat j "wall_ms" 0, seed := (getNat j "seed" 0).toUInt64,
    names? := getStrs? j "lemmas",
    rules :=
      { rw := hasString rules "rw", conditional := getBool j "conditional" false,
        apply := hasString rules "apply", forward := hasString rules "forward" },
    brute := getStr j "method" == "brute", output }

/-- Why a theorem that the preamble declares can be no target; `none` when it can. A variant's
statement stands by itself, so the theorem's must rest on the imports alone. -/
def unfitTarget? (base : Environment) (heartbeats : Nat) (j : Json) (env : Environment)
    (ci : ConstantInfo) : IO (Option String) := do
  match foreignConstant? base (unfoldPassing none env maxUnfolding ci.type) with
  | some n =>
    return some ("its statement uses `" ++ n.toString ++ "`, which is no part of the imports; " ++
      "variants are statements of their own, so write out what it means")
  | none =>
    match blackboard? (undeclared [] ci.type) with
    | none => return none
    | some n =>
      match ← startState base heartbeats (("autoImplicit", .bool false) :: optionsOf j) with
      | .error _ => return some (blackboardMessage n)
      | .ok closed =>
        match ← elabText closed "preamble" (getStr j "preamble") with
        | .ok _ => return none
        | .error _ => return some (blackboardMessage n)

/-- Answers the operation `mutate`. -/
unsafe def mutate (state : ServerState) (cache : IndexCache) (j : Json) (emit : Json → IO Unit) :
    IO Answer := do
  let imports := normalImports (importsOf j)
  match ← loadImports state "imports" imports with
  | .error e => return .error e
  | .ok base =>
    let target := nameOfString (getStr j "target")
    let heartbeats := getNat j "heartbeats" 200000
    match ← startState base heartbeats (optionsOf j) with
    | .error m => return .error { field := "options", message := m }
    | .ok state =>
      match ← elabText state "preamble" (getStr j "preamble") with
      | .error e => return .error e
      | .ok start =>
        let env := start.env
        match env.find? target with
        | none =>
          return .error
            { field := "target",
              message := "`" ++ target.toString ++ "` is not in the import set" }
        | some ci =>
          if !isTheorem env target ci then
            return .error
              { field := "target", message := "`" ++ target.toString ++ "` is not a theorem" }
          if (base.find? target).isNone then
            if let some m := ← unfitTarget? base heartbeats j env ci then
              return .error { field := "target", message := m }
          let index ← indexOf cache base imports
          -- a statement must mean without the preamble what it means after it
          runMutation env index state target ci (settingsOf j heartbeats) emit

end Aludel
