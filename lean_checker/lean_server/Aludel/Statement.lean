module
public import Lean
public import Aludel.Asked
public import Aludel.Frontend

/-! The asked statement: the header of one declaration, elaborated alone in the import
environment. -/

public section

open Lean Meta Elab

namespace Aludel

/-! Elaborating a type may declare constants beside it, such as `t.match_1`. In another environment
a candidate could give their names to definitions of its own, so the types compared contain none of
them. -/

/-- Whether the name has a form that Lean gives to constants it declares on the way. -/
def madeByLean (n : Name) : Bool :=
  let part := lastPart n
  part.startsWith "match_" || part.startsWith "_"

/-- Whether `n` is to be unfolded: a constant that `start?` does not have, or, without `start?`, one
whose name is of Lean's making. -/
def isPassing (start? : Option Environment) (n : Name) : Bool :=
  match start? with
  | some start => (start.find? n).isNone
  | none => madeByLean n

/-- `e` with passing constants replaced by their values, and those in the values likewise, to the
given depth. -/
def unfoldPassing (start? : Option Environment) (env : Environment) (depth : Nat) (e : Expr) :
    Expr :=
  match depth with
  | 0 => e
  | depth + 1 => e.replace fun e =>
    match e with
    | .const n us =>
      if isPassing start? n then
        match env.find? n with
        | some (.defnInfo d) =>
          some (unfoldPassing start? env depth (d.value.instantiateLevelParams d.levelParams us))
        | some (.thmInfo d) =>
          some (unfoldPassing start? env depth (d.value.instantiateLevelParams d.levelParams us))
        | _ => none
      else none
    | _ => none

/-- The depth to which passing constants are unfolded. -/
def maxUnfolding : Nat := 4

/-- The first constant of `e` that `env` does not have. -/
def foreignConstant? (env : Environment) (e : Expr) : Option Name :=
  foldArray e.getUsedConstants (fun (found : Option Name) n =>
    if found.isSome || (env.find? n).isSome then found else some n) none

/-- A declared type as a statement: in terms of `start`, where its elaboration began, and nothing
else. -/
def closedStatement (start env : Environment) (name : Name) (ci : ConstantInfo)
    (signature : Syntax) : Except String Statement :=
  let type := unfoldPassing (some start) env maxUnfolding ci.type
  match foreignConstant? start type with
  | some n => .error ("it rests on `" ++ n.toString ++ "`, which is no part of the imports")
  | none =>
    .ok { name, type, shown := ci.type, shownIn := env, levelParams := ci.levelParams, signature }

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
            | some p =>
              if p == bodyPos then .ok (name, parts[2])
              else .error "the header already has a value"
            | none => .error "the header already has a value"
          else .error "incomplete header"
        else .error "expected the header of a theorem, def or abbrev"
      | _ => .error "expected the header of a declaration"
    else .error "expected the header of a declaration"
  | _ =>
    .error "expected the header of one declaration, for example `theorem swap (a b : Nat) : a + b \
      = b + a`"

/-! What a header may not hold, although a candidate may: a statement is read in a process that many
candidates rely on. -/

/-- Kinds of syntax that declare something inside a header. -/
def declaringKinds : List Name := [
  `Lean.Parser.Term.letrec, `Lean.Parser.Term.letRecDecl, `Lean.Parser.Term.whereDecls,
  `Lean.Parser.Term.letMVar, `Lean.Parser.Term.attrInstance]

mutual
/-- The kind of the first piece of `s` that declares something or gives an attribute. -/
partial def declaringKind? (s : Syntax) : Option Name :=
  match s with
  | .node _ k args => if memName k declaringKinds then some k else anyDeclaringKind? args 0
  | _ => none
/-- The first result of `declaringKind?` among the elements of `a` from index `i` on. -/
partial def anyDeclaringKind? (a : Array Syntax) (i : Nat) : Option Name :=
  if h : i < a.size then
    match declaringKind? a[i] with
    | some k => some k
    | none => anyDeclaringKind? a (i + 1)
  else none
end

/-- The place of the attributes among the modifiers of a declaration. -/
def attributesPlace : Nat := 1

/-- A declaration without its attributes, which say nothing about its type. -/
partial def bare (s : Syntax) : Syntax :=
  match s with
  | .node i k args =>
    if k == `Lean.Parser.Command.in then
      if h : 2 < args.size then .node i k (args.set 2 (bare args[2]) h) else s
    else if k == `Lean.Parser.Command.declaration then
      if h : 0 < args.size then
        match args[0] with
        | .node j `Lean.Parser.Command.declModifiers parts =>
          if h' : attributesPlace < parts.size then
            let parts := parts.set attributesPlace (.node .none nullKind #[]) h'
            .node i k (args.set 0 (.node j `Lean.Parser.Command.declModifiers parts) h)
          else s
        | _ => s
      else s
    else s
  | _ => s

/-- The next command of a text. -/
def nextCommand (ictx : Parser.InputContext) (state : Command.State)
    (ps : Parser.ModuleParserState) : Option (Syntax × Parser.ModuleParserState × MessageLog) :=
  match headScope? state with
  | none => none
  | some scope =>
    let pmctx : Parser.ParserModuleContext :=
      { env := state.env, options := scope.opts, currNamespace := scope.currNamespace,
        openDecls := scope.openDecls }
    some (Parser.parseCommand ictx pmctx ps {})

/-- What is wrong with a text that must be one header followed by a value at `bodyPos`; it is only
parsed. A text that does not parse is left to elaboration, which says why. -/
def headerFault? (ictx : Parser.InputContext) (state : Command.State) (bodyPos : String.Pos.Raw) :
    Option String :=
  match nextCommand ictx state {} with
  | none => none
  | some (stx, ps, messages) =>
    if messages.hasErrors then none
    else match readHeader stx bodyPos with
      | .error m => some m
      | .ok _ =>
        match declaringKind? (bare stx), nextCommand ictx state ps with
        | some k, _ => some ("a statement may not hold `" ++ k.toString ++ "`")
        | none, some (rest, _, _) =>
          if Parser.isTerminalCommand rest then none
          else some "expected the header of exactly one declaration"
        | none, none => none

end Aludel
