module
public import Lean
public import Aludel.Basic

/-!
Declarations as data: tables of names, levels and terms, each entry made of earlier ones, so that shared
terms stay shared. Written after the kernel accepted them, read in another process, which elaborates
nothing of the candidate's.
-/

public section

open Lean

namespace Aludel.Terms

/-! Writing. The library's hash maps cannot be specialised here: tables of buckets of our own. -/

structure Buckets (α : Type) where
  slots : Array (List (α × Nat))

def slotCount : Nat := 65536

def slotOf (h : UInt64) : Nat := (h % 65536).toNat

partial def emptySlots {α : Type} (n : Nat) (acc : Array (List (α × Nat))) : Array (List (α × Nat)) :=
  if n == 0 then acc else emptySlots (n - 1) (acc.push [])

def findName (n : Name) (l : List (Name × Nat)) : Option Nat :=
  match l with
  | [] => none
  | (m, i) :: rest => if m == n then some i else findName n rest

def findLevel (u : Level) (l : List (Level × Nat)) : Option Nat :=
  match l with
  | [] => none
  | (v, i) :: rest => if v == u then some i else findLevel u rest

/-- Equal up to the names of binders. -/
def findExpr (e : Expr) (l : List (Expr × Nat)) : Option Nat :=
  match l with
  | [] => none
  | (f, i) :: rest => if f == e then some i else findExpr e rest

structure Writer where
  names : Array Json := #[.null]
  levels : Array Json := #[]
  exprs : Array Json := #[]
  knownNames : Array (List (Name × Nat))
  knownLevels : Array (List (Level × Nat))
  knownExprs : Array (List (Expr × Nat))

def emptyWriter : Writer :=
  { knownNames := emptySlots slotCount #[], knownLevels := emptySlots slotCount #[],
    knownExprs := emptySlots slotCount #[] }

def slotAt {α : Type} (slots : Array (List (α × Nat))) (i : Nat) : List (α × Nat) :=
  if h : i < slots.size then slots[i] else []

/-- Index 0 is the anonymous name. -/
partial def writeName (w : Writer) (n : Name) : Writer × Nat :=
  match n with
  | .anonymous => (w, 0)
  | .str p s => entry w p (.str s)
  | .num p k => entry w p (jsonNat k)
where
  entry (w : Writer) (p : Name) (last : Json) : Writer × Nat :=
    let slot := slotOf n.hash
    match findName n (slotAt w.knownNames slot) with
    | some i => (w, i)
    | none =>
      let (w, pi) := writeName w p
      let i := w.names.size
      let known := (n, i) :: slotAt w.knownNames slot
      ({ w with names := w.names.push (.arr #[jsonNat pi, last]), knownNames := w.knownNames.set! slot known }, i)

def tag (s : String) (args : Array Nat) : Json :=
  .arr (foldArray args (fun acc n => acc.push (jsonNat n)) #[.str s])

partial def writeLevel (w : Writer) (u : Level) : Writer × Nat :=
  let slot := slotOf u.hash
  match findLevel u (slotAt w.knownLevels slot) with
  | some i => (w, i)
  | none =>
    let (w, j) := match u with
      | .zero => (w, tag "z" #[])
      | .succ v =>
        let (w, i) := writeLevel w v
        (w, tag "s" #[i])
      | .max a b =>
        let (w, i) := writeLevel w a
        let (w, k) := writeLevel w b
        (w, tag "m" #[i, k])
      | .imax a b =>
        let (w, i) := writeLevel w a
        let (w, k) := writeLevel w b
        (w, tag "i" #[i, k])
      | .param n =>
        let (w, i) := writeName w n
        (w, tag "p" #[i])
      | .mvar _ => (w, tag "?" #[])
    let i := w.levels.size
    let known := (u, i) :: slotAt w.knownLevels slot
    ({ w with levels := w.levels.push j, knownLevels := w.knownLevels.set! slot known }, i)

def writeLevels (w : Writer) (us : List Level) (acc : Array Nat) : Writer × Array Nat :=
  match us with
  | [] => (w, acc)
  | u :: us =>
    let (w, i) := writeLevel w u
    writeLevels w us (acc.push i)

def binderCode (i : BinderInfo) : Nat :=
  match i with
  | .default => 0
  | .implicit => 1
  | .strictImplicit => 2
  | .instImplicit => 3

/-- Metadata is left out; free variables and metavariables have no form. -/
partial def writeExpr (w : Writer) (e : Expr) : Writer × Nat :=
  match e with
  | .mdata _ b => writeExpr w b
  | _ =>
    let slot := slotOf e.hash
    match findExpr e (slotAt w.knownExprs slot) with
    | some i => (w, i)
    | none =>
      let (w, j) := entry w e
      let i := w.exprs.size
      let known := (e, i) :: slotAt w.knownExprs slot
      ({ w with exprs := w.exprs.push j, knownExprs := w.knownExprs.set! slot known }, i)
where
  binder (w : Writer) (t : String) (n : Name) (d b : Expr) (bi : BinderInfo) : Writer × Json :=
    let (w, n) := writeName w n
    let (w, d) := writeExpr w d
    let (w, b) := writeExpr w b
    (w, tag t #[n, d, b, binderCode bi])
  entry (w : Writer) (e : Expr) : Writer × Json :=
    match e with
    | .bvar i => (w, tag "b" #[i])
    | .sort u =>
      let (w, u) := writeLevel w u
      (w, tag "s" #[u])
    | .const n us =>
      let (w, n) := writeName w n
      let (w, us) := writeLevels w us #[n]
      (w, tag "c" us)
    | .app f a =>
      let (w, f) := writeExpr w f
      let (w, a) := writeExpr w a
      (w, tag "a" #[f, a])
    | .lam n d b bi => binder w "l" n d b bi
    | .forallE n d b bi => binder w "p" n d b bi
    | .letE n t v b nondep =>
      let (w, n) := writeName w n
      let (w, t) := writeExpr w t
      let (w, v) := writeExpr w v
      let (w, b) := writeExpr w b
      (w, tag "e" #[n, t, v, b, if nondep then 1 else 0])
    | .lit (.natVal n) => (w, .arr #[.str "n", .str (toString n)])
    | .lit (.strVal s) => (w, .arr #[.str "t", .str s])
    | .proj n i b =>
      let (w, n) := writeName w n
      let (w, b) := writeExpr w b
      (w, tag "j" #[n, i, b])
    | .mdata .. | .fvar _ | .mvar _ => (w, tag "?" #[])

def writeNames (w : Writer) (ns : List Name) (acc : Array Nat) : Writer × Array Nat :=
  match ns with
  | [] => (w, acc)
  | n :: ns =>
    let (w, i) := writeName w n
    writeNames w ns (acc.push i)

def jsonNats (a : Array Nat) : Json := .arr (foldArray a (fun acc n => acc.push (jsonNat n)) #[])

/-- How eagerly the kernel unfolds a definition: 0 never, 1 at once, more by height. -/
def hintCode (h : ReducibilityHints) : Nat :=
  match h with
  | .opaque => 0
  | .abbrev => 1
  | .regular n => 2 + n.toNat

def hintOf (code : Nat) : ReducibilityHints :=
  match code with
  | 0 => .opaque
  | 1 => .abbrev
  | n => .regular (n - 2).toUInt32

def withHint (j : Json) (h : ReducibilityHints) : Json :=
  match j with
  | .arr a => .arr (a.push (jsonNat (hintCode h)))
  | j => j

def writeConstant (w : Writer) (kind : String) (n : Name) (lps : List Name) (type : Expr) (value? : Option Expr) :
    Writer × Json :=
  let (w, n) := writeName w n
  let (w, lps) := writeNames w lps #[]
  let (w, t) := writeExpr w type
  match value? with
  | none => (w, .arr #[.str kind, jsonNat n, jsonNats lps, jsonNat t])
  | some v =>
    let (w, v) := writeExpr w v
    (w, .arr #[.str kind, jsonNat n, jsonNats lps, jsonNat t, jsonNat v])

def writeCtors (w : Writer) (cs : List Constructor) (acc : Array Json) : Writer × Array Json :=
  match cs with
  | [] => (w, acc)
  | c :: cs =>
    let (w, n) := writeName w c.name
    let (w, t) := writeExpr w c.type
    writeCtors w cs (acc.push (jsonNats #[n, t]))

def writeTypes (w : Writer) (ts : List InductiveType) (acc : Array Json) : Writer × Array Json :=
  match ts with
  | [] => (w, acc)
  | t :: ts =>
    let (w, n) := writeName w t.name
    let (w, ty) := writeExpr w t.type
    let (w, cs) := writeCtors w t.ctors #[]
    writeTypes w ts (acc.push (.arr #[jsonNat n, jsonNat ty, .arr cs]))

/-- A declaration as the kernel got it. -/
def writeDeclaration (w : Writer) (d : Declaration) : Writer × Json :=
  match d with
  | .thmDecl v => writeConstant w "thm" v.name v.levelParams v.type (some v.value)
  | .defnDecl v =>
    let (w, j) := writeConstant w "def" v.name v.levelParams v.type (some v.value)
    (w, withHint j v.hints)
  | .opaqueDecl v => writeConstant w "opq" v.name v.levelParams v.type (some v.value)
  | .axiomDecl v => writeConstant w "axm" v.name v.levelParams v.type none
  | .inductDecl lps nparams types _ =>
    let (w, lps) := writeNames w lps #[]
    let (w, types) := writeTypes w types #[]
    (w, .arr #[.str "ind", jsonNats lps, jsonNat nparams, .arr types])
  | _ => (w, .arr #[.str "?"])

def writeAll (ds : Array Declaration) : Json :=
  let (w, out) := foldArray ds (fun (s : Writer × Array Json) d =>
    let (w, j) := writeDeclaration s.1 d
    (w, s.2.push j)) (emptyWriter, #[])
  Json.mkObj [("names", .arr w.names), ("levels", .arr w.levels), ("exprs", .arr w.exprs), ("declarations", .arr out)]

/-! Reading. Whatever is not well-formed is no declaration. -/

structure Reader where
  names : Array Name := #[.anonymous]
  levels : Array Level := #[]
  exprs : Array Expr := #[]

def nat? (j : Json) : Option Nat :=
  match j with
  | .num n => if n.exponent == 0 && n.mantissa ≥ 0 then some n.mantissa.toNat else none
  | _ => none

/-- The numbers of an array from `i` on. -/
partial def natsFrom (a : Array Json) (i : Nat) (acc : Array Nat) : Option (Array Nat) :=
  if h : i < a.size then
    match nat? a[i] with
    | some n => natsFrom a (i + 1) (acc.push n)
    | none => none
  else some acc

def nats? (j : Json) : Option (Array Nat) :=
  match j with
  | .arr a => natsFrom a 0 #[]
  | _ => none

/-- A word and numbers, or a word and a text. -/
inductive Entry where
  | numbers (word : String) (args : Array Nat)
  | text (word text : String)

def entry? (j : Json) : Option Entry :=
  match j with
  | .arr a =>
    if h : 0 < a.size then
      match a[0] with
      | .str word =>
        if h1 : 1 < a.size then
          match a[1] with
          | .str t => some (.text word t)
          | _ => numbers word a
        else numbers word a
      | _ => none
    else none
  | _ => none
where
  numbers (word : String) (a : Array Json) : Option Entry :=
    match natsFrom a 1 #[] with
    | some ns => some (.numbers word ns)
    | none => none

def nameAt (r : Reader) (i : Nat) : Option Name := if h : i < r.names.size then some r.names[i] else none
def levelAt (r : Reader) (i : Nat) : Option Level := if h : i < r.levels.size then some r.levels[i] else none
def exprAt (r : Reader) (i : Nat) : Option Expr := if h : i < r.exprs.size then some r.exprs[i] else none
def argAt (a : Array Nat) (i : Nat) : Nat := if h : i < a.size then a[i] else 1000000000000

def readName (r : Reader) (j : Json) : Option Reader :=
  match j with
  | .arr a =>
    if h : a.size = 2 then
      match nat? a[0] with
      | none => none
      | some p =>
        match nameAt r p, a[1] with
        | some p, .str s => some { r with names := r.names.push (.str p s) }
        | some p, j =>
          match nat? j with
          | some k => some { r with names := r.names.push (.num p k) }
          | none => none
        | none, _ => none
    else none
  | _ => none

def pushLevel (r : Reader) (u : Option Level) : Option Reader :=
  match u with
  | some u => some { r with levels := r.levels.push u }
  | none => none

def twoLevels (r : Reader) (a : Array Nat) (isMax : Bool) : Option Level :=
  match levelAt r (argAt a 0), levelAt r (argAt a 1) with
  | some u, some v => some (if isMax then .max u v else .imax u v)
  | _, _ => none

def readLevel (r : Reader) (j : Json) : Option Reader :=
  match entry? j with
  | some (.numbers "z" _) => pushLevel r (some .zero)
  | some (.numbers "s" a) =>
    match levelAt r (argAt a 0) with
    | some u => pushLevel r (some (.succ u))
    | none => none
  | some (.numbers "m" a) => pushLevel r (twoLevels r a true)
  | some (.numbers "i" a) => pushLevel r (twoLevels r a false)
  | some (.numbers "p" a) =>
    match nameAt r (argAt a 0) with
    | some n => pushLevel r (some (.param n))
    | none => none
  | _ => none

partial def levelList (r : Reader) (a : Array Nat) (i : Nat) : Option (List Level) :=
  if h : i < a.size then
    match levelAt r a[i], levelList r a (i + 1) with
    | some u, some us => some (u :: us)
    | _, _ => none
  else some []

partial def nameListAt (r : Reader) (a : Array Nat) (i : Nat) : Option (List Name) :=
  if h : i < a.size then
    match nameAt r a[i], nameListAt r a (i + 1) with
    | some n, some ns => some (n :: ns)
    | _, _ => none
  else some []

def binderOf (code : Nat) : BinderInfo :=
  match code with
  | 1 => .implicit
  | 2 => .strictImplicit
  | 3 => .instImplicit
  | _ => .default

def numeral? (s : String) : Option Nat := s.toNat?

-- constructors of the library cannot be passed as functions here
def readBinder (r : Reader) (a : Array Nat) (isLambda : Bool) : Option Expr :=
  match nameAt r (argAt a 0), exprAt r (argAt a 1), exprAt r (argAt a 2) with
  | some n, some d, some b =>
    let i := binderOf (argAt a 3)
    some (if isLambda then .lam n d b i else .forallE n d b i)
  | _, _, _ => none

def numberedExpr (r : Reader) (word : String) (a : Array Nat) : Option Expr :=
  match word with
  | "b" => some (.bvar (argAt a 0))
  | "s" =>
    match levelAt r (argAt a 0) with
    | some u => some (.sort u)
    | none => none
  | "c" =>
    match nameAt r (argAt a 0), levelList r a 1 with
    | some n, some us => some (.const n us)
    | _, _ => none
  | "a" =>
    match exprAt r (argAt a 0), exprAt r (argAt a 1) with
    | some f, some x => some (.app f x)
    | _, _ => none
  | "l" => readBinder r a true
  | "p" => readBinder r a false
  | "e" =>
    match nameAt r (argAt a 0), exprAt r (argAt a 1), exprAt r (argAt a 2), exprAt r (argAt a 3) with
    | some n, some t, some v, some b => some (.letE n t v b (argAt a 4 == 1))
    | _, _, _, _ => none
  | "j" =>
    match nameAt r (argAt a 0), exprAt r (argAt a 2) with
    | some n, some b => some (.proj n (argAt a 1) b)
    | _, _ => none
  | _ => none

def readExpr (r : Reader) (j : Json) : Option Reader :=
  let e := match entry? j with
    | some (.numbers word a) => numberedExpr r word a
    | some (.text "n" t) =>
      match numeral? t with
      | some n => some (.lit (.natVal n))
      | none => none
    | some (.text "t" t) => some (.lit (.strVal t))
    | _ => none
  match e with
  | some e => some { r with exprs := r.exprs.push e }
  | none => none

def elements (j : Json) (key : String) : Array Json :=
  match j.getObjVal? key with
  | .ok (.arr a) => a
  | _ => #[]

partial def readTable (f : Reader → Json → Option Reader) (a : Array Json) (i : Nat) (r : Reader) : Option Reader :=
  if h : i < a.size then
    match f r a[i] with
    | some r => readTable f a (i + 1) r
    | none => none
  else some r

def readConstant (r : Reader) (kind : String) (a : Array Json) : Option Declaration :=
  if h : 3 < a.size then
    match nat? a[1], nats? a[2], nat? a[3] with
    | some n, some lps, some t =>
      match nameAt r n, nameListAt r lps 0, exprAt r t with
      | some name, some levelParams, some type =>
        if kind == "axm" then some (.axiomDecl { name, levelParams, type, isUnsafe := false })
        else if h4 : 4 < a.size then
          match nat? a[4] with
          | none => none
          | some v =>
            match exprAt r v with
            | none => none
            | some value =>
              if kind == "thm" then some (.thmDecl { name, levelParams, type, value, all := [name] })
              else if kind == "opq" then
                some (.opaqueDecl { name, levelParams, type, value, isUnsafe := false, all := [name] })
              else if kind == "def" then
                let hints := hintOf (if h5 : 5 < a.size then (nat? a[5]).getD 0 else 0)
                some (.defnDecl { name, levelParams, type, value, hints, safety := .safe, all := [name] })
              else none
        else none
      | _, _, _ => none
    | _, _, _ => none
  else none

partial def readCtors (r : Reader) (a : Array Json) (i : Nat) : Option (List Constructor) :=
  if h : i < a.size then
    match nats? a[i], readCtors r a (i + 1) with
    | some ns, some rest =>
      match nameAt r (argAt ns 0), exprAt r (argAt ns 1) with
      | some name, some type => some ({ name, type } :: rest)
      | _, _ => none
    | _, _ => none
  else some []

partial def readTypes (r : Reader) (a : Array Json) (i : Nat) : Option (List InductiveType) :=
  if h : i < a.size then
    match a[i], readTypes r a (i + 1) with
    | .arr t, some rest =>
      if h3 : t.size = 3 then
        match nat? t[0], nat? t[1], t[2] with
        | some n, some ty, .arr cs =>
          match nameAt r n, exprAt r ty, readCtors r cs 0 with
          | some name, some type, some ctors => some ({ name, type, ctors } :: rest)
          | _, _, _ => none
        | _, _, _ => none
      else none
    | _, _ => none
  else some []

def readDeclaration (r : Reader) (j : Json) : Option Declaration :=
  match j with
  | .arr a =>
    if h : 3 < a.size then
      match a[0] with
      | .str "ind" =>
        match nats? a[1], nat? a[2], a[3] with
        | some lps, some nparams, .arr ts =>
          match nameListAt r lps 0, readTypes r ts 0 with
          | some lps, some types => some (.inductDecl lps nparams types false)
          | _, _ => none
        | _, _, _ => none
      | .str kind => readConstant r kind a
      | _ => none
    else none
  | _ => none

partial def readDeclarations (r : Reader) (a : Array Json) (i : Nat) (acc : Array Declaration) :
    Option (Array Declaration) :=
  if h : i < a.size then
    match readDeclaration r a[i] with
    | some d => readDeclarations r a (i + 1) (acc.push d)
    | none => none
  else some acc

def readAll (j : Json) : Option (Array Declaration) :=
  match readTable readName (elements j "names") 1 {} with
  | none => none
  | some r =>
    match readTable readLevel (elements j "levels") 0 r with
    | none => none
    | some r =>
      match readTable readExpr (elements j "exprs") 0 r with
      | none => none
      | some r => readDeclarations r (elements j "declarations") 0 #[]

end Aludel.Terms
