module
public import Lean
public import Aludel.Print
public import Aludel.Trials

/-!
Proofs of variants: scripts after the templates of Alchemy (ICLR 2025, Fig. 2), as a person would
write them, or the term that the step built.
-/

public section

open Lean Meta

namespace Aludel

/-- The texts, each after a space. -/
def spaced (names : List String) : String :=
  match names with
  | [] => ""
  | n :: ns => " " ++ n ++ spaced ns

/-- The explicit arguments of the old theorem from index `i` on, the one at `replaced?` written
`this`. -/
partial def arguments (o : Opened) (replaced? : Option Nat) (i : Nat) : List String :=
  if h : i < o.atoms.size then
    let a := o.atoms[i]
    let name := match replaced? with
      | some k => if k == i then "this" else a.name.toString
      | none => a.name.toString
    if a.info.isExplicit then name :: arguments o replaced? (i + 1)
    else arguments o replaced? (i + 1)
  else []

/-- The old theorem as a text names it: a private one without the prefix that Lean gives it. -/
def theoremName (o : Opened) : String := (userName o.name).toString
where
  userName (n : Name) : Name :=
    match privateToUserName? n with
    | some shown => shown
    | none => n

/-- The old theorem applied to the variant's binders, with `@` when implicit ones could not be
inferred. -/
def oldTheorem (o : Opened) : String :=
  if foldArray o.atoms (fun (known : Bool) a => known && a.info.isExplicit) true then
    theoremName o ++ spaced (arguments o none 0)
  else "@" ++ theoremName o ++
    spaced (reverseOnto (foldArray o.atoms (fun l a => a.name.toString :: l) []) [])

/-- The old theorem applied to the other binders, the one at index `i` written `this`. -/
def oldTheoremAt (o : Opened) (i : Nat) : String :=
  let isExplicit := if h : i < o.atoms.size then o.atoms[i].info.isExplicit else true
  if isExplicit then theoremName o ++ spaced (arguments o (some i) 0)
  else
    let (texts, _) := foldArray o.atoms (fun (s : List String × Nat) a =>
      ((if s.2 == i then "this" else a.name.toString) :: s.1, s.2 + 1)) ([], 0)
    "@" ++ theoremName o ++ spaced (reverseOnto texts [])

/-- The lemma as `rw` takes it, with an arrow when used from right to left. -/
def rewriteRule (u : Use) : String := (if u.symm then "← " else "") ++ u.name.toString

/-- The tactic that ends the script with `said`. Binders of a new conclusion are printed before the
colon, like any other, and must be introduced first. -/
def closing (v : Variant) (said : String) : String :=
  if v.quantified then "intros\n  apply " ++ said ++ " <;> assumption" else "exact " ++ said

/-- The proof as a script. `old` is the text of the hypothesis before the step. -/
def scriptText (o : Opened) (v : Variant) (old : String) : String :=
  let u := v.trial.use
  match v.trial.rule, v.trial.hypothesis? with
  | .rw, none =>
    let start := "by\n  have := " ++ oldTheorem o ++ "\n  rw [" ++ rewriteRule u ++ "] at this"
    if v.conditions then start ++ "\n  · " ++ closing v "this" ++ "\n  all_goals assumption"
    else start ++ "\n  " ++ closing v "this"
  | .rw, some i =>
    let name := if h : i < o.atoms.size then o.atoms[i].name.toString else "this"
    let close := if v.conditions then "\n    · exact " ++ name ++ "\n    all_goals assumption"
      else "\n    exact " ++ name
    "by\n  have : " ++ old ++ " := by\n    rw [" ++ rewriteRule u ++ "]" ++ close ++ "\n  exact " ++
      oldTheoremAt o i
  | .apply, some i =>
    "by\n  have : " ++ old ++ " := " ++ v.application ++ "\n  exact " ++ oldTheoremAt o i
  | _, _ => "by\n  have := " ++ oldTheorem o ++ "\n  " ++
    closing v (if v.quantified then "(" ++ v.application ++ ")" else v.application)

/-- A term as text that Lean reads again. -/
def readableText (e : Expr) : MetaM String :=
  fun ctx s cctx cs => do
    let f ← ppExpr e ctx s { cctx with options := printOptionsFor 0 e } cs
    return f.pretty

/-- The text of the hypothesis before the step; empty for a step at the conclusion. -/
def oldText (heartbeats : Nat) (s : ElabState) (o : Opened) (v : Variant) : IO String := do
  match v.trial.hypothesis? with
  | none => return ""
  | some i =>
    if h : i < o.atoms.size then
      let type := o.atoms[i].type
      match ← runTerm heartbeats s
          (do let text ← inContextOf o.goal (readableText type); return text) with
      | .ok (text, _) => return text
      | .error e => exceptionText e
    else return ""

/-- The proof as a term, everything written out. -/
def termText (env : Environment) (heartbeats : Nat) (v : Variant) : IO (Except String String) :=
  wholeText env heartbeats (renamed 0 v.value).2

end Aludel
