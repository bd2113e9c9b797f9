module
public import Lean

/-!
A library of any size for the index of lemmas: one small theory, stated by hand, and copies of it
with names of their own. Every constant of a copy goes through the kernel; only elaboration is
saved.
-/

public section

open Lean Elab

namespace Synthetic

/-- The theory: two definitions and twenty theorems about them. No side of an equation fits every
sum, and no premise every inequality: a library in which each copy had such a lemma would have ever
more answers to one question. -/
def theory : String := "
def Theory.op (a b : Nat) : Nat := a + b
def Theory.le (a b : Nat) : Prop := a ≤ b
theorem Theory.op_comm (a b : Nat) : Theory.op a b = Theory.op b a := Nat.add_comm a b
theorem Theory.op_assoc (a b c : Nat) :
    Theory.op (Theory.op a b) c = Theory.op a (Theory.op b c) := Nat.add_assoc a b c
theorem Theory.op_zero (a : Nat) : Theory.op a 0 = a := rfl
theorem Theory.zero_op (a : Nat) : Theory.op 0 a = a := Nat.zero_add a
theorem Theory.add_op (a b c : Nat) : a + Theory.op b c = Theory.op (a + b) c :=
  (Nat.add_assoc a b c).symm
theorem Theory.op_add (a b c : Nat) : Theory.op a b + c = Theory.op a (b + c) := Nat.add_assoc a b c
theorem Theory.op_succ (a b : Nat) : Theory.op a (Nat.succ b) = Nat.succ (Theory.op a b) := rfl
theorem Theory.succ_op (a b : Nat) : Theory.op (Nat.succ a) b = Nat.succ (Theory.op a b) :=
  Nat.succ_add a b
theorem Theory.le_refl (a : Nat) : Theory.le a a := Nat.le_refl a
theorem Theory.le_trans (a b c : Nat) : Theory.le a b → Theory.le b c → Theory.le a c :=
  @Nat.le_trans a b c
theorem Theory.op_eq_of_le (a b c : Nat) :
    Theory.le a b → Theory.le b a → Theory.op a c = Theory.op b c :=
  fun h g => congrArg (fun x => Theory.op x c) (Nat.le_antisymm h g)
theorem Theory.op_le_op_iff (a b c : Nat) :
    Theory.le (Theory.op a c) (Theory.op b c) ↔ Theory.le a b := @Nat.add_le_add_iff_right c a b
theorem Theory.nat_le_op (a b c : Nat) : Theory.le a b → a ≤ Theory.op b c :=
  fun h => Nat.le_trans h (Nat.le_add_right b c)
theorem Theory.le_of_op_le (a b c : Nat) : Theory.op a c ≤ b → Theory.le a b :=
  fun h => Nat.le_trans (Nat.le_add_right a c) h
theorem Theory.le_op_right (a b : Nat) : Theory.le a (Theory.op a b) := Nat.le_add_right a b
theorem Theory.le_op_left (a b : Nat) : Theory.le b (Theory.op a b) := Nat.le_add_left b a
theorem Theory.op_le_op_right (a b c : Nat) :
    Theory.le a b → Theory.le (Theory.op a c) (Theory.op b c) :=
  fun h => Nat.add_le_add_right h c
theorem Theory.op_le_op_left (a b c : Nat) :
    Theory.le a b → Theory.le (Theory.op c a) (Theory.op c b) :=
  fun h => Nat.add_le_add_left h c
theorem Theory.op_eq_op_swap (a b c d : Nat) :
    Theory.op a b = Theory.op c d → Theory.op b a = Theory.op d c :=
  fun h => (Nat.add_comm b a).trans (h.trans (Nat.add_comm c d))
theorem Theory.zero_le (a : Nat) : Theory.le 0 a := Nat.zero_le a
"

/-- The name of a constant of the theory in the copy with the root `root`; others keep theirs. -/
def renamed (root : Name) (n : Name) : Name :=
  match n with
  | .str (.str .anonymous "Theory") s => .str root s
  | _ => n

/-- A term of the theory in a copy. -/
def copied (root : Name) (e : Expr) : Expr :=
  e.replace fun e =>
    match e with
    | .const n us => some (.const (renamed root n) us)
    | _ => none

/-- A constant of the theory as a declaration of a copy. -/
def copy? (root : Name) (ci : ConstantInfo) : Option Declaration :=
  match ci with
  | .thmInfo v =>
    some (.thmDecl {
      name := renamed root v.name, levelParams := v.levelParams, type := copied root v.type,
      value := copied root v.value, all := [renamed root v.name] })
  | .defnInfo v =>
    some (.defnDecl {
      name := renamed root v.name, levelParams := v.levelParams, type := copied root v.type,
      value := copied root v.value, hints := v.hints, safety := v.safety,
      all := [renamed root v.name] })
  | _ => none

/-- `env` with a copy of the constants, those from index `i` on. -/
partial def addCopy (root : Name) (theory : Array ConstantInfo) (env : Environment) (i : Nat) :
    IO Environment :=
  if h : i < theory.size then
    match copy? root theory[i] with
    | none => throw (IO.userError "the theory holds what cannot be copied")
    | some d =>
      match env.addDeclCore 0 d none with
      | .ok env => addCopy root theory env (i + 1)
      | .error _ => throw (IO.userError ("the kernel refuses a copy at " ++ root.toString))
  else return env

/-- `env` with the copies numbered from `k` to `stop`. -/
partial def addCopies (theory : Array ConstantInfo) (env : Environment) (k stop : Nat) :
    IO Environment := do
  if k < stop then
    let root := Name.str .anonymous ("Theory" ++ toString k)
    addCopies theory (← addCopy root theory env 0) (k + 1) stop
  else return env

/-- The names that a text declares, in order: the second word of each line that begins with one. -/
def declared (lines : List String) : List Name :=
  match lines with
  | [] => []
  | line :: rest =>
    match line.splitOn " " with
    | "def" :: n :: _ => n.toName :: declared rest
    | "theorem" :: n :: _ => n.toName :: declared rest
    | _ => declared rest

/-- The constants of these names. -/
def found (env : Environment) (names : List Name) (acc : Array ConstantInfo) :
    IO (Array ConstantInfo) :=
  match names with
  | [] => return acc
  | n :: rest =>
    match env.find? n with
    | some ci => found env rest (acc.push ci)
    | none => throw (IO.userError ("the theory does not declare " ++ n.toString))

/-- The theory's constants, elaborated from its text. -/
unsafe def elaborated (env : Environment) : IO (Array ConstantInfo) := do
  let (env, _) ← Lean.Elab.process theory env {}
  found env (declared (theory.splitOn "\n")) #[]

end Synthetic

open Synthetic in
/-- Writes a module: its name, the file, and the first and the last number of its copies. -/
unsafe def main (words : List String) : IO Unit := do
  match words with
  | [module, file, first, stop] =>
    let (some first, some stop) := (first.toNat?, stop.toNat?)
      | throw (IO.userError "FIRST and STOP are numbers")
    initSearchPath "/lib/lean"
    let env ← importModules #[{ module := `Init }] {} 0 #[] true true
    let constants ← elaborated env
    let env ← addCopies constants (env.setMainModule module.toName) first stop
    writeModule env file
    IO.println "done"
  | _ => throw (IO.userError "MODULE FILE FIRST STOP")
