module
public import Lean
public import Aludel.Guard.Names

/-!
An account of what a text declares: which names it writes down itself, and whether Lean left a
constant for each of its declarations. `example`s are given names, so that their terms stay in the
environment and are examined.
-/

public section

open Lean

namespace Aludel

mutual
/-- A command with every `example …` in it as `def _aludel_example_N …`, and how many there have
been so far. -/
partial def nameExamples (s : Syntax) (count : Nat) : Syntax × Nat :=
  match s with
  | .node i k args =>
    if k == `Lean.Parser.Command.declaration then
      match nameExample (count + 1) args with
      | some args => (.node i k args, count + 1)
      | none => (s, count)
    else if k == `Lean.Parser.Command.in || k == `Lean.Parser.Command.mutual || k == nullKind then
      let (args, count) := nameAll args 0 #[] count
      (.node i k args, count)
    else (s, count)
  | _ => (s, count)
/-- The same for parts from `i` on, after `acc`. -/
partial def nameAll (a : Array Syntax) (i : Nat) (acc : Array Syntax) (count : Nat) :
    Array Syntax × Nat :=
  if h : i < a.size then
    let (s, count) := nameExamples a[i] count
    nameAll a (i + 1) (acc.push s) count
  else (acc, count)
/-- The parts of an `example` as those of a definition. -/
partial def nameExample (n : Nat) (args : Array Syntax) : Option (Array Syntax) :=
  if h : 1 < args.size then
    match args[1] with
    | .node j `Lean.Parser.Command.example parts =>
      if h : 2 < parts.size then
        let declId :=
          .node j `Lean.Parser.Command.declId #[mkIdent (exampleName n), .node j `null #[]]
        let keyword := match parts[0] with
          | .atom info _ => .atom info "def"
          | s => s
        let d := .node j `Lean.Parser.Command.definition
          #[keyword, declId, parts[1], parts[2], .node j `null #[]]
        some (args.set! 1 d)
      else none
    | _ => none
  else none
end

/-! Names that stand in the text. -/

mutual
/-- The first identifier in `s`. -/
partial def firstIdentifier? (s : Syntax) : Option Name :=
  match s with
  | .ident _ _ n _ => some n
  | .node _ _ args => firstIdentifierOf? args 0
  | _ => none
/-- The first identifier in parts from `i` on. -/
partial def firstIdentifierOf? (a : Array Syntax) (i : Nat) : Option Name :=
  if h : i < a.size then
    match firstIdentifier? a[i] with
    | some n => some n
    | none => firstIdentifierOf? a (i + 1)
  else none
end

/-- The last part of the name that a node declares, if it declares one. -/
def namedBy? (k : Name) (args : Array Syntax) : Option String :=
  let first := if k == `Lean.Parser.Command.declId then firstIdentifierOf? args 0
    else if k == `Lean.Parser.Term.letRecDecl then firstIdentifierOf? args 2
    else none
  match first with
  | some n => some (lastPart n.eraseMacroScopes)
  | none => none

mutual
/-- The names that `s` declares: those of declarations, and of local recursive ones (`let rec`,
`where`). -/
partial def namedIn (acc : Array String) (s : Syntax) : Array String :=
  match s with
  | .node _ k args =>
    let acc := match namedBy? k args with
      | some name => acc.push name
      | none => acc
    namedInAll acc args 0
  | _ => acc
/-- The names that parts from `i` on declare, after `acc`. -/
partial def namedInAll (acc : Array String) (a : Array Syntax) (i : Nat) : Array String :=
  if h : i < a.size then namedInAll (namedIn acc a[i]) a (i + 1) else acc
end

/-- The first name in an array of which `p` holds. -/
def firstName? (p : Name → Bool) (a : Array Name) : Option Name :=
  foldArray a (fun found n =>
    match found with
    | some n => some n
    | none => if p n then some n else none) none

/-! Declarations of which nothing is left. -/

/-- Whether `n` ends with `id`, as a name declared as `id` in some namespace does. -/
def endsWith (n id : Name) : Bool :=
  match n, id with
  | _, .anonymous => true
  | .str p s, .str q t => s == t && endsWith p q
  | _, _ => false

/-- A name as declared, without `_root_`. -/
def unrooted (n : Name) : Name := n.replacePrefix `_root_ .anonymous

/-- Whether one of `new` is what a declaration declares. -/
def isLeft (new : Array Name) (args : Array Syntax) : Bool :=
  match declId? args 0 with
  | none => new.size > 0
  | some id =>
    let id := unrooted id.eraseMacroScopes
    (firstName? (fun n => endsWith (plainName n) id) new).isSome
where
  declId? (args : Array Syntax) (i : Nat) : Option Name :=
    if h : 1 < args.size then
      match args[1] with
      | .node _ _ parts => foldArray parts (fun found s =>
          match found, s with
          | none, .node _ `Lean.Parser.Command.declId ids => firstIdentifierOf? ids i
          | none, .node _ `null #[.node _ `Lean.Parser.Command.declId ids] =>
            firstIdentifierOf? ids i
          | found, _ => found) none
      | _ => none
    else none

mutual
/-- `acc`, with the declarations of a command that left none of `new`. -/
partial def droppedFrom (new : Array Name) (s : Syntax) (acc : Array Syntax) : Array Syntax :=
  match s with
  | .node _ k args =>
    if k == `Lean.Parser.Command.declaration then if isLeft new args then acc else acc.push s
    else if k == `Lean.Parser.Command.in || k == `Lean.Parser.Command.mutual || k == nullKind then
      droppedAll new args 0 acc
    else acc
  | _ => acc
/-- The same for parts from `i` on. -/
partial def droppedAll (new : Array Name) (a : Array Syntax) (i : Nat) (acc : Array Syntax) :
    Array Syntax :=
  if h : i < a.size then droppedAll new a (i + 1) (droppedFrom new a[i] acc) else acc
end

/-! Helpers are told by what they are. -/

/-- How Lean names what it derives, on demand, from constants of the library. -/
def isDerivedPart (s : String) : Bool :=
  s.startsWith "_" || s.startsWith "match_" || s.startsWith "eq_" || s.startsWith "congr_" ||
    memStr s ["splitter", "induct", "induct_unfolding", "fun_cases", "fun_cases_unfolding",
      "hcongr", "noConfusion"]

/-- Whether Lean derived `n` from a constant of the imports. -/
partial def isDerived (base : Environment) (n : Name) : Bool :=
  match n with
  | .str p s => isDerivedPart s && ((base.find? p).isSome || isDerived base p)
  | .num p _ => isDerived base p
  | .anonymous => false

/-- Whether a text is in an array. -/
def memString (s : String) (a : Array String) : Bool :=
  foldArray a (fun found x => found || x == s) false

/-- The constants left by the command that left `n`. -/
def madeWith (made : Array (Array Name)) (n : Name) : Array Name :=
  foldArray made (fun found names => if memNameArray n names then names else found) #[]

/-- Whether `n` is a declaration besides `main`: it has a name of its own in the text, or another
command made it. What Lean made along with `main`, or derived from the library, is none. -/
def isHelper (base : Environment) (named : Array String) (withMain : Array Name) (main n : Name) :
    Bool :=
  if n == main then false
  else memString (lastPart (plainName n)) named ||
    !(memNameArray n withMain || isDerived base (plainName n))

/-- What the command of `main` declares besides it, in its text. -/
def companions (named : Array String) (withMain : Array Name) (main : Name) : Array Name :=
  foldArray withMain (fun acc n =>
    if n != main && memString (lastPart (plainName n)) named then acc.push n else acc) #[]

end Aludel
