module
public import Lean
public import Aludel.Frontend

/-! The asked statement: the header of one declaration, elaborated alone in the import environment. -/

public section

open Lean Meta Elab

namespace Aludel

structure Statement where
  name : Name
  type : Expr
  levelParams : List Name
  /-- Syntax of `declSig`/`optDeclSig`, positions in the statement's own text. -/
  signature : Syntax

/-- The declaration inside `open … in` and the like. -/
partial def innerDeclaration (stx : Syntax) : Syntax :=
  match stx with
  | .node _ k args =>
    if k == `Lean.Parser.Command.in then
      if h : 2 < args.size then innerDeclaration args[2] else stx
    else stx
  | _ => stx

/-- Name and signature of a declaration whose value is the text appended at `bodyPos`. -/
def readHeader (stx : Syntax) (bodyPos : String.Pos.Raw) : Except String (Name × Syntax) :=
  match innerDeclaration stx with
  | .node _ `Lean.Parser.Command.declaration args =>
    if h : 1 < args.size then
      match args[1] with
      | .node _ k parts =>
        if k == `Lean.Parser.Command.theorem || k == `Lean.Parser.Command.definition ||
            k == `Lean.Parser.Command.abbrev then
          if h : 3 < parts.size then
            let name := parts[1].getArg 0 |>.getId
            match parts[3].getPos? with
            | some p => if p == bodyPos then .ok (name, parts[2]) else .error "the header already has a value"
            | none => .error "the header already has a value"
          else .error "incomplete header"
        else .error "expected the header of a theorem, def or abbrev"
      | _ => .error "expected the header of a declaration"
    else .error "expected the header of a declaration"
  | _ => .error "expected the header of one declaration, for example `theorem swap (a b : Nat) : a + b = b + a`"

end Aludel
