module
public import Lean
public import Aludel.Basic

/-! Running `CoreM`, `MetaM` and `TermElabM` actions in a given environment. -/

public section

open Lean Meta Elab

namespace Aludel

/-- The message of an exception. -/
def exceptionText (e : Exception) : IO String := do
  match e with
  | .error _ m => m.toString
  | .internal id _ => return "internal exception " ++ toString id.idx

/-- An exception with the message `s`. -/
def textException (s : String) : Exception :=
  .error .missing (.ofFormat (.text s))

/-- The context of an action. Heartbeats are given in thousands, as `maxHeartbeats` is. -/
def coreContext (heartbeats : Nat) (opts : Options := {}) : Core.Context :=
  { fileName := "<request>", fileMap := default, options := opts,
    maxHeartbeats := heartbeats * 1000, maxRecDepth := 512 }

/-- The state in which an elaboration action starts, and the one it leaves. -/
structure ElabState where
  core : Core.State
  metaState : Meta.State := {}
  term : Term.State := {}

/-- The result and the final state of `x`, run in the state `s`. An exception is a value and the
state is then lost; its text costs more than many an action and is made only on demand
(`exceptionText`). -/
@[inline] def runTerm {α : Type} (heartbeats : Nat) (s : ElabState) (x : TermElabM α) :
    IO (Except Exception (α × ElabState)) := do
  let coreRef ← ST.Prim.mkRef (σ := IO.RealWorld) s.core
  let metaRef ← ST.Prim.mkRef (σ := IO.RealWorld) s.metaState
  let termRef ← ST.Prim.mkRef (σ := IO.RealWorld) s.term
  let start ← IO.getNumHeartbeats
  let ctx := { coreContext heartbeats with initHeartbeats := start }
  let act : EIO Exception α := x {} termRef {} metaRef ctx coreRef
  let r ← (show IO (Except Exception α) from EIO.toIO' act)
  match r with
  | .ok a =>
    let core ← ST.Prim.Ref.get coreRef
    let metaState ← ST.Prim.Ref.get metaRef
    let term ← ST.Prim.Ref.get termRef
    return .ok (a, { core, metaState, term })
  | .error e => return .error e

/-- The result of `x`, run in `env`. The state is forgotten. -/
@[inline] def runMeta {α : Type} (heartbeats : Nat) (env : Environment) (x : MetaM α)
    (opts : Options := {}) : IO (Except Exception α) := do
  let coreRef ← ST.Prim.mkRef (σ := IO.RealWorld) ({ env := env } : Core.State)
  let metaRef ← ST.Prim.mkRef (σ := IO.RealWorld) ({} : Meta.State)
  let start ← IO.getNumHeartbeats
  let ctx := { coreContext heartbeats opts with initHeartbeats := start }
  let act : EIO Exception α := x {} metaRef ctx coreRef
  let r ← (show IO (Except Exception α) from EIO.toIO' act)
  match r with
  | .ok a => return .ok a
  | .error e => return .error e

end Aludel
