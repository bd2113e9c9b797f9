module
public import Lean
public import Aludel.Constants
public import Aludel.Imports
public import Aludel.Replay

/-!
What a request forbids: constants by name, by a pattern over names, the asked theorem itself, and
what comes after a name; and the operation `forbidden`, by which a misspelt pattern is noticed.
-/

public section

open Lean

namespace Aludel

/-- A pattern with `*`, and the pieces between its stars. -/
structure Glob where
  text : String
  pieces : List (List Char)

/-- What a request forbids. -/
structure Forbidding where
  /-- Whether the asked theorem is. -/
  self : Bool
  names : Array Name
  globs : Array Glob
  after : Array Name

/-- The name without the parts that Lean appends for constants it makes of another. -/
def baseOf (n : Name) : Name :=
  let base := strip n
  if base.isAnonymous then n else base
where
  strip (n : Name) : Name :=
    match n with
    | .str p s => if isInternalPart s then strip p else n
    | .num p _ => strip p
    | .anonymous => n

/-- What is left of `s` after `p`, with which it begins. -/
def afterStart? (p s : List Char) : Option (List Char) :=
  match p, s with
  | [], s => some s
  | a :: p, b :: s => if a == b then afterStart? p s else none
  | _, [] => none

/-- What is left of `s` after the first occurrence of `p`. -/
def afterFirst? (p s : List Char) : Option (List Char) :=
  match afterStart? p s with
  | some rest => some rest
  | none =>
    match s with
    | [] => none
    | _ :: s => afterFirst? p s

/-- Whether `s` ends with `p`. -/
def endsIn (p s : List Char) : Bool :=
  match afterStart? p s with
  | some [] => true
  | _ =>
    match s with
    | [] => false
    | _ :: s => endsIn p s

/-- Whether `s`, of which a star has taken a beginning, goes on as the pieces say. -/
def goesOn (pieces : List (List Char)) (s : List Char) : Bool :=
  match pieces with
  | [] => (s matches [])
  | [p] => endsIn p s
  | p :: ps =>
    match afterFirst? p s with
    | some rest => goesOn ps rest
    | none => false

/-- Whether a text is of the form of a pattern. -/
def Glob.fits (g : Glob) (s : List Char) : Bool :=
  match g.pieces with
  | [] => false
  | p :: ps =>
    match afterStart? p s with
    | some rest => goesOn ps rest
    | none => false

/-- The text of a name without marks around its parts; that of a private one as it was written. -/
def writtenName (n : Name) : String :=
  match n with
  | .anonymous => ""
  | .str p s =>
    let before := writtenName p
    if before == "" then s else before ++ "." ++ s
  | .num p k => if p.getRoot == `_private then "" else writtenName p ++ "." ++ toString k

/-- The pattern that is given as the texts between its stars. -/
def globOf (a : Array Json) : Glob :=
  let (text, pieces) := foldArray a (fun (acc : String × List (List Char)) x => match x with
    | .str s => (if acc.2 matches [] then s else acc.1 ++ "*" ++ s, s.toList :: acc.2)
    | _ => acc) ("", [])
  { text, pieces := reverseOnto pieces [] }

/-- The names in field `k`. -/
def namesIn (j : Json) (k : String) : Array Name :=
  match getStrs? j k with
  | some a => foldArray a (fun acc s => acc.push (nameOfString s)) #[]
  | none => #[]

/-- What a request forbids; `none` when it says nothing of that. -/
def forbiddingOf? (j : Json) : Option Forbidding :=
  match j.getObjVal? "forbidden" with
  | .ok (.obj o) =>
    let j := Json.obj o
    let globs := match j.getObjVal? "globs" with
      | .ok (.arr a) => foldArray a (fun (acc : Array Glob) x => match x with
        | .arr pieces => acc.push (globOf pieces)
        | _ => acc) #[]
      | _ => #[]
    some { self := getBool j "self" false, names := namesIn j "names", globs,
           after := namesIn j "after" }
  | _ => none

/-! Patterns that mean something in the imports. -/

/-- The names that are no constants. -/
def unknownNames (env : Environment) (ns : Array Name) : Array Name :=
  foldArray ns (fun acc n => if (env.find? n).isSome then acc else acc.push n) #[]

/-- The patterns that match none of the constants. -/
def unmatched (env : Environment) (globs : Array Glob) : Array Glob :=
  if globs.size == 0 then globs
  else foldImported env (fun (left : Array Glob) n _ =>
    if left.size == 0 || isInternalName n then left
    else
      let s := (writtenName n).toList
      foldArray left (fun acc g => if g.fits s then acc else acc.push g) #[]) globs

/-- The last part of a name. -/
def lastText (n : Name) : String :=
  match n with
  | .str _ s => s
  | _ => ""

/-- Whether `a` may have been meant by `b`: the same last part, or the same namespace. -/
def mayMean (a b : Name) : Bool :=
  lastText a == lastText b || (!b.getPrefix.isAnonymous && a.getPrefix == b.getPrefix)

/-- The most names that are offered for unknown ones. -/
def maxOffered : Nat := 4000

/-- Names that may have been meant by those that are no constants. -/
def offered (env : Environment) (unknown : Array Name) : Array Name :=
  if unknown.size == 0 then #[]
  else foldImported env (fun (acc : Array Name) n _ =>
    if acc.size < maxOffered && !isInternalName n && anyName (mayMean n) unknown then acc.push n
    else acc) #[]

/-- Names of the request that are no constants, or `none` where all are. -/
def misnamed? (env : Environment) (f : Forbidding) : Option (Array Name) :=
  let unknown := unknownNames env (foldArray f.after (fun acc n => acc.push n) f.names)
  if unknown.size == 0 then none else some unknown

/-- The operation `forbidden`: what of a policy means nothing in the imports. -/
unsafe def forbidden (state : ServerState) (j : Json) : IO Answer := do
  match ← loadImportSet state "imports" (importsOf j), forbiddingOf? j with
  | .error e, _ => return .error e
  | .ok _, none => return .error { field := "forbidden", message := "nothing is forbidden" }
  | .ok set, some f =>
    let unknown := match misnamed? set.env f with
      | some ns => ns
      | none => #[]
    let globs := foldArray (unmatched set.env f.globs)
      (fun (acc : Array Json) g => acc.push (.str g.text)) #[]
    return .ok <| Json.mkObj [("imports", jsonNames set.modules), ("unknown", jsonNames unknown),
      ("unmatched", .arr globs), ("offered", jsonNames (offered set.env unknown))]

end Aludel
