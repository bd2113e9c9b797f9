module
public import Lean
public import Aludel.Statement

/-!
Names that a statement does not bind and Lean binds itself: `(x y : ℝ)` without Mathlib is a
statement about any type at all, with a variable called `ℝ`.
-/

public section

open Lean

namespace Aludel

/-- `acc`, followed by the identifiers directly in `args` from index `i` on. -/
partial def identsOf (args : Array Syntax) (acc : List Name) (i : Nat := 0) : List Name :=
  if h : i < args.size then
    match args[i] with
    | .ident _ _ n _ => identsOf args (n.eraseMacroScopes :: acc) (i + 1)
    | .node _ `null inner => identsOf args (identsOf inner acc) (i + 1)
    | _ => identsOf args acc (i + 1)
  else acc

mutual
/-- `acc` and the names that the implicit binders in `s` declare. -/
partial def boundNames (acc : List Name) (s : Syntax) : List Name :=
  match s with
  | .node _ k args =>
    let acc := if k == `Lean.Parser.Term.implicitBinder ||
        k == `Lean.Parser.Term.strictImplicitBinder
      then if h : 1 < args.size then identsOf #[args[1]] acc else acc
      else acc
    boundNamesIn acc args 0
  | _ => acc
/-- `acc` and the names that the implicit binders in the elements of `a` from index `i` on
declare. -/
partial def boundNamesIn (acc : List Name) (a : Array Syntax) (i : Nat) : List Name :=
  if h : i < a.size then boundNamesIn (boundNames acc a[i]) a (i + 1) else acc
end

/-- The implicit binders at the front of a type whose names are not among `declared`. -/
def undeclared (declared : List Name) (e : Expr) : List Name :=
  match e with
  | .forallE n _ b .implicit =>
    if memName n declared then undeclared declared b else n :: undeclared declared b
  | .mdata _ b => undeclared declared b
  | _ => []

/-- The names that Lean may have bound itself in a statement. Whether it did is certain only when
the statement does not elaborate without that. -/
def suspectedAutoBound (s : Statement) : List Name := undeclared (boundNames [] s.signature) s.type

/-- Names as a JSON array, after those in `acc`. -/
def jsonNamesOf (ns : List Name) (acc : Array Json) : Json :=
  match ns with
  | [] => .arr acc
  | n :: ns => jsonNamesOf ns (acc.push (.str n.toString))

/-- Whether `c` is a blackboard letter such as `ℕ`, which stands for a set of numbers. -/
def isBlackboardLetter (c : Char) : Bool :=
  (0x1D538 ≤ c.toNat && c.toNat ≤ 0x1D551) ||
    match c with
    | 'ℂ' | 'ℍ' | 'ℕ' | 'ℙ' | 'ℚ' | 'ℝ' | 'ℤ' => true
    | _ => false

/-- Whether a name begins with a blackboard letter. -/
def isBlackboard (n : Name) : Bool :=
  match n.toString.toList with
  | c :: _ => isBlackboardLetter c
  | [] => false

/-- The first blackboard letter among the names. -/
def blackboard? (ns : List Name) : Option Name :=
  match ns with
  | [] => none
  | n :: ns => if isBlackboard n then some n else blackboard? ns

/-- The type of the library that a blackboard letter stands for; empty where it has none. -/
def libraryType (n : Name) : String :=
  match n.toString with
  | "ℕ" => "Nat"
  | "ℤ" => "Int"
  | "ℚ" => "Rat"
  | _ => ""

/-- Why a statement in which a blackboard letter became a variable is refused. -/
def blackboardMessage (n : Name) : String :=
  let said := "`" ++ n.toString ++ "` became a variable, because the imports give it no meaning " ++
    "(it is Mathlib's notation); "
  match libraryType n with
  | "" => said ++ "use a toolchain with Mathlib, or bind the name"
  | type => said ++ "write `" ++ type ++ "`"

end Aludel
