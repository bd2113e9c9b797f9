module
public import Lean
public import Aludel.Imports
public import Aludel.Run

/-! The operation `constants`: theorems of an import set, by walking its map of constants. -/

public section

open Lean Meta

namespace Aludel

/-- Whether all characters are decimal digits. -/
def allDigits (l : List Char) : Bool :=
  match l with
  | [] => true
  | c :: cs => if c.isDigit then allDigits cs else false

/-- Whether `s` has the form `eq_1`, `eq_2`, …, as the equations of a definition are named. -/
def isEquationName (s : String) : Bool :=
  match s.toList with
  | 'e' :: 'q' :: '_' :: d :: ds => allDigits (d :: ds)
  | _ => false

/-- Whether Lean makes names with the component `s`: leading underscores, and the families generated
for every inductive type and definition. -/
def isInternalPart (s : String) : Bool :=
  s.startsWith "_" || s.startsWith "match_" || s.startsWith "proof_" || isEquationName s ||
  s == "eq_def" || s == "injEq" || s == "inj" || s == "sizeOf_spec" || s == "congr_simp" ||
  s == "hcongr"

/-- Whether Lean rather than a person made the name: it has a numeric component or one of Lean's own
(`isInternalPart`). -/
def isInternalName (n : Name) : Bool :=
  match n with
  | .anonymous => false
  | .num .. => true
  | .str p s => isInternalPart s || isInternalName p

/-- Whether `n` is a theorem. Theorems load as axioms when the import hides their proofs. -/
def isTheorem (env : Environment) (n : Name) (ci : ConstantInfo) : Bool :=
  match ci with
  | .thmInfo _ => true
  | .axiomInfo _ => wasOriginallyTheorem env n
  | _ => false

/-- Folds `f` over the constants of one bucket of a hash map. -/
@[specialize] partial def foldBucket {σ : Type} (f : σ → Name → ConstantInfo → σ)
    (l : Std.DHashMap.Internal.AssocList Name (fun _ => ConstantInfo)) (s : σ) : σ :=
  match l with
  | .nil => s
  | .cons n ci rest => foldBucket f rest (f s n ci)

/-- Folds `f` over the constants of the buckets `a` from index `i` on. -/
@[specialize] partial def foldBuckets {σ : Type} (f : σ → Name → ConstantInfo → σ)
    (a : Array (Std.DHashMap.Internal.AssocList Name (fun _ => ConstantInfo))) (i : Nat)
    (s : σ) : σ :=
  if h : i < a.size then foldBuckets f a (i + 1) (foldBucket f a[i] s) else s

/-- Folds `f` over the imported constants, in no particular order. -/
@[inline] def foldImported {σ : Type} (env : Environment) (f : σ → Name → ConstantInfo → σ)
    (s : σ) : σ :=
  foldBuckets f env.constants.map₁.inner.inner.buckets 0 s

/-- The module that declares `n`; anonymous for a constant of the environment itself. -/
def moduleOf (env : Environment) (n : Name) : Name :=
  match env.getModuleIdxFor? n with
  | some i =>
    let names := env.header.moduleNames
    if h : i.toNat < names.size then names[i.toNat] else .anonymous
  | none => .anonymous

/-- Theorems that a person named and whose names begin with `startsWith`, unsorted. -/
def theoremNames (env : Environment) (startsWith : String) : Array Name :=
  foldImported env (fun (acc : Array Name) n ci =>
    if !isInternalName n && isTheorem env n ci && n.toString.startsWith startsWith then acc.push n
    else acc) #[]

/-- Names sorted by their texts, by merging: the library's sorts cannot be specialised here. -/
partial def sortTexts (l : List (String × Name)) : List (String × Name) :=
  match l with
  | [] => []
  | [x] => [x]
  | _ =>
    let (a, b) := split l [] []
    merge (sortTexts a) (sortTexts b) []
where
  split (l a b : List (String × Name)) : List (String × Name) × List (String × Name) :=
    match l with
    | [] => (a, b)
    | x :: xs => split xs b (x :: a)
  merge (a b acc : List (String × Name)) : List (String × Name) :=
    match a, b with
    | [], b => back acc b
    | a, [] => back acc a
    | x :: xs, y :: ys =>
      if x.1 < y.1 then merge xs (y :: ys) (x :: acc)
      else merge (x :: xs) ys (y :: acc)
  back (acc l : List (String × Name)) : List (String × Name) :=
    match acc with
    | [] => l
    | x :: xs => back xs (x :: l)

/-- Names with their texts, sorted by text. -/
def sortNames (ns : Array Name) : List (String × Name) :=
  sortTexts (foldArray ns (fun acc n => (n.toString, n) :: acc) [])

/-- A theorem as an item of the answer to `constants`, with its printed type if `statements` asks
for it. -/
def theoremJson (env : Environment) (name : String) (n : Name) (statements : Bool) : IO Json := do
  let module := moduleOf env n
  let fields :=
    [("name", Json.str name), ("kind", .str "theorem"), ("module", .str module.toString)]
  if !statements then return Json.mkObj fields
  match env.find? n with
  | none => return Json.mkObj fields
  | some ci =>
    let r ← runMeta 200000 env do
      let f ← ppExpr ci.type
      return f.pretty
    match r with
    | .ok s => return Json.mkObj (("type", .str s) :: fields)
    | .error _ => return Json.mkObj fields

/-- Emits one item for each theorem of `l`; returns `count` plus their number. -/
partial def emitTheorems (env : Environment) (statements : Bool) (emit : Json → IO Unit)
    (l : List (String × Name)) (count : Nat) : IO Nat := do
  match l with
  | [] => return count
  | (s, n) :: rest =>
    emit (← theoremJson env s n statements)
    emitTheorems env statements emit rest (count + 1)

/-- The theorems that a request names, or else those with the prefix it gives. Names that are no
theorems are left out. -/
def requestedNames (env : Environment) (j : Json) : Array Name :=
  match getStrs? j "names" with
  | some names =>
    foldArray names (fun acc s =>
      let n := nameOfString s
      match env.find? n with
      | some ci => if isTheorem env n ci then acc.push n else acc
      | none => acc) #[]
  | none => theoremNames env (getStr j "prefix")

/-- Answers the operation `constants`. -/
unsafe def constants (state : ServerState) (j : Json) (emit : Json → IO Unit) : IO Answer := do
  match ← loadImports state "imports" (importsOf j) with
  | .error e => return .error e
  | .ok env =>
    let sorted := sortNames (requestedNames env j)
    let count ← emitTheorems env (getBool j "statements" false) emit sorted 0
    return .ok (Json.mkObj [("count", jsonNat count)])

end Aludel
