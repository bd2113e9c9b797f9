module
public import Lean
public import Aludel.Basic

/-!
Declarations read from data (`Terms.Write`), in a process that elaborates nothing of the
candidate's. Data that is not well-formed gives `none`.
-/

public section

open Lean

namespace Aludel.Terms

/-- Tables read so far. Index 0 of the names is the anonymous one. -/
structure Reader where
  names : Array Name := #[.anonymous]
  levels : Array Level := #[]
  exprs : Array Expr := #[]

/-- The natural number that `j` is, or `none`. -/
def nat? (j : Json) : Option Nat :=
  match j with
  | .num n => if n.exponent == 0 && n.mantissa ≥ 0 then some n.mantissa.toNat else none
  | _ => none

/-- `acc`, followed by the numbers of `a` from index `i` on; `none` if an element is no number. -/
partial def natsFrom (a : Array Json) (i : Nat) (acc : Array Nat) : Option (Array Nat) :=
  if h : i < a.size then
    match nat? a[i] with
    | some n => natsFrom a (i + 1) (acc.push n)
    | none => none
  else some acc

/-- The natural numbers of an array, or `none`. -/
def nats? (j : Json) : Option (Array Nat) :=
  match j with
  | .arr a => natsFrom a 0 #[]
  | _ => none

/-- An entry of a table: a word and numbers, or a word and a text. -/
inductive Entry where
  | numbers (word : String) (args : Array Nat)
  | text (word text : String)

/-- The entry that `j` is, or `none`. -/
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

/-- The name with index `i`. -/
def nameAt (r : Reader) (i : Nat) : Option Name :=
  if h : i < r.names.size then some r.names[i] else none
/-- The level with index `i`. -/
def levelAt (r : Reader) (i : Nat) : Option Level :=
  if h : i < r.levels.size then some r.levels[i] else none
/-- The term with index `i`. -/
def exprAt (r : Reader) (i : Nat) : Option Expr :=
  if h : i < r.exprs.size then some r.exprs[i] else none
/-- The `i`-th number of an entry. For one that is missing, an index beyond every table, so that
looking it up fails. -/
def argAt (a : Array Nat) (i : Nat) : Nat := if h : i < a.size then a[i] else 1000000000000

/-- The tables with one more name. -/
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

/-- The tables with the level `u`. -/
def pushLevel (r : Reader) (u : Option Level) : Option Reader :=
  match u with
  | some u => some { r with levels := r.levels.push u }
  | none => none

/-- The level `max` or `imax` of an entry. -/
def twoLevels (r : Reader) (a : Array Nat) (isMax : Bool) : Option Level :=
  match levelAt r (argAt a 0), levelAt r (argAt a 1) with
  | some u, some v => some (if isMax then .max u v else .imax u v)
  | _, _ => none

/-- The tables with one more level. -/
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

/-- The levels of the indices `a` from `i` on. -/
partial def levelList (r : Reader) (a : Array Nat) (i : Nat) : Option (List Level) :=
  if h : i < a.size then
    match levelAt r a[i], levelList r a (i + 1) with
    | some u, some us => some (u :: us)
    | _, _ => none
  else some []

/-- The names of the indices `a` from `i` on. -/
partial def nameListAt (r : Reader) (a : Array Nat) (i : Nat) : Option (List Name) :=
  if h : i < a.size then
    match nameAt r a[i], nameListAt r a (i + 1) with
    | some n, some ns => some (n :: ns)
    | _, _ => none
  else some []

/-- The reducibility hint of a code of `hintCode`. -/
def hintOf (code : Nat) : ReducibilityHints :=
  match code with
  | 0 => .opaque
  | 1 => .abbrev
  | n => .regular (n - 2).toUInt32

/-- The binder's form of a code of `binderCode`. -/
def binderOf (code : Nat) : BinderInfo :=
  match code with
  | 1 => .implicit
  | 2 => .strictImplicit
  | 3 => .instImplicit
  | _ => .default

/-- The number that a text of digits spells. -/
def numeral? (s : String) : Option Nat := s.toNat?

/-- The function or `∀` of an entry. Constructors of the library cannot be passed as functions here,
hence the flag. -/
def readBinder (r : Reader) (a : Array Nat) (isLambda : Bool) : Option Expr :=
  match nameAt r (argAt a 0), exprAt r (argAt a 1), exprAt r (argAt a 2) with
  | some n, some d, some b =>
    let i := binderOf (argAt a 3)
    some (if isLambda then .lam n d b i else .forallE n d b i)
  | _, _, _ => none

/-- The term of an entry of numbers. -/
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
    match nameAt r (argAt a 0), exprAt r (argAt a 1), exprAt r (argAt a 2),
        exprAt r (argAt a 3) with
    | some n, some t, some v, some b => some (.letE n t v b (argAt a 4 == 1))
    | _, _, _, _ => none
  | "j" =>
    match nameAt r (argAt a 0), exprAt r (argAt a 2) with
    | some n, some b => some (.proj n (argAt a 1) b)
    | _, _ => none
  | _ => none

/-- The tables with one more term. -/
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

/-- The elements of the array in field `key`; none if there is no array. -/
def elements (j : Json) (key : String) : Array Json :=
  match j.getObjVal? key with
  | .ok (.arr a) => a
  | _ => #[]

/-- The tables after reading the entries `a` from index `i` on with `f`. -/
partial def readTable (f : Reader → Json → Option Reader) (a : Array Json) (i : Nat) (r : Reader) :
    Option Reader :=
  if h : i < a.size then
    match f r a[i] with
    | some r => readTable f a (i + 1) r
    | none => none
  else some r

/-- The theorem, definition, opaque constant or axiom that `a` describes. -/
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
              if kind == "thm" then
                some (.thmDecl { name, levelParams, type, value, all := [name] })
              else if kind == "opq" then
                some
                  (.opaqueDecl { name, levelParams, type, value, isUnsafe := false, all := [name] })
              else if kind == "def" then
                let hints := hintOf (if h5 : 5 < a.size then (nat? a[5]).getD 0 else 0)
                some (.defnDecl
                  { name, levelParams, type, value, hints, safety := .safe, all := [name] })
              else none
        else none
      | _, _, _ => none
    | _, _, _ => none
  else none

/-- The constructors that the elements of `a` from index `i` on describe. -/
partial def readCtors (r : Reader) (a : Array Json) (i : Nat) : Option (List Constructor) :=
  if h : i < a.size then
    match nats? a[i], readCtors r a (i + 1) with
    | some ns, some rest =>
      match nameAt r (argAt ns 0), exprAt r (argAt ns 1) with
      | some name, some type => some ({ name, type } :: rest)
      | _, _ => none
    | _, _ => none
  else some []

/-- The inductive types that the elements of `a` from index `i` on describe. -/
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

/-- The declaration that `j` describes. -/
def readDeclaration (r : Reader) (j : Json) : Option Declaration :=
  match j with
  | .arr a =>
    if h : 3 < a.size then
      match a[0] with
      | .str "quo" => some .quotDecl
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

/-- `acc`, followed by the declarations that the elements of `a` from index `i` on describe. -/
partial def readDeclarations (r : Reader) (a : Array Json) (i : Nat) (acc : Array Declaration) :
    Option (Array Declaration) :=
  if h : i < a.size then
    match readDeclaration r a[i] with
    | some d => readDeclarations r a (i + 1) (acc.push d)
    | none => none
  else some acc

/-- The declarations that `Terms.writeAll` wrote, or `none` if the data is not well-formed. -/
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
