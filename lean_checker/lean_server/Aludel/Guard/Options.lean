module
public import Lean
public import Aludel.Guard.Words

/-! Which options the guard refuses: `set_option` of any syntax category, values of tactic
options. -/

public section

open Lean

namespace Aludel

/-- Whether the option weakens checks or runs code. -/
def refusedOption (n : Name) : Bool :=
  match n.getRoot with
  | .str .anonymous s =>
    memStr s ["debug", "compiler", "interpreter", "Elab", "bootstrap", "doc", "internal",
      "profiler"] || n == `trace.profiler || (`trace.profiler).isPrefixOf n
  | _ => false

/-! Values of tactic options: `(maxSteps := 5)`, `(config := { decide := true })`. Lean evaluates
them as programs. What the candidate declares has no code (`Code`), no macro of the candidate's may
stand for a literal (`Guard.Templates`), and a value holds no name that a local definition or an
opened namespace could give another meaning, so that literals are the only programs left. -/

/-- Whether nodes of the kind may occur in a literal value. -/
def isLiteralKind (k : Name) : Bool :=
  memStr (lastPart k) ["num", "str", "char", "scientific", "null", "structInst", "structInstFields",
    "structInstField", "structInstFieldDef", "structInstLVal", "optEllipsis", "anonymousCtor",
    "paren", "tuple", "hygienicLParen", "hygieneInfo", "term[_]", "«term[_]»", "term#[_,]",
    "«term#[_,]»", "term-_", "«term-_»", "dotIdent", "app", "ident"]

mutual
/-- Whether `word` occurs in `s`, as an atom or as the last component of an identifier. -/
partial def mentions (word : String) (s : Syntax) : Bool :=
  match s with
  | .node _ _ args => mentionsAny word args 0
  | .ident _ _ n _ => lastPart n == word
  | .atom _ w => w == word
  | .missing => false
/-- Whether `word` occurs in an element of `a` from index `i` on. -/
partial def mentionsAny (word : String) (a : Array Syntax) (i : Nat) : Bool :=
  if h : i < a.size then
    if mentions word a[i] then true else mentionsAny word a (i + 1)
  else false
end

/-- Whether the kind is that of a list or array literal. -/
def isListKind (k : Name) : Bool :=
  memStr (lastPart k) ["term[_]", "«term[_]»", "term#[_,]", "«term#[_,]»"]

/-- Whether `n` is `true` or `false`, the only plain names in a value (`settleBooleans`). -/
def isBoolean (n : Name) : Bool := n == `true || n == `false

mutual
/-- Whether a term is built from numbers, `true` and `false`, records and `.constructor`s only. With
`list`, it may be a list; a list stands only among the arguments of a constructor, since elsewhere
it may be coerced, as texts may be, and a coercion of the candidate's is unfolded into the value. -/
partial def isLiteral (list : Bool) (s : Syntax) : Bool :=
  match s with
  | .node _ k args =>
    let part := lastPart k
    if memStr part ["structInstLVal", "hygieneInfo", "dotIdent"] then true
    else if part == "optEllipsis" then !mentions ".." s
    else if memStr part ["str", "char"] then false
    else if part == "app" then
      if h : 0 < args.size then isDotted args[0] && areLiterals true args 1 else false
    else if isListKind k then list && areLiterals false args 0
    else isLiteralKind k && areLiterals (list && part == "null") args 0
  | .ident _ _ n _ => isBoolean n
  | .atom .. => true
  | .missing => false
/-- Whether `isLiteral` holds for all elements of `a` from index `i` on. -/
partial def areLiterals (list : Bool) (a : Array Syntax) (i : Nat) : Bool :=
  if h : i < a.size then
    if isLiteral list a[i] then areLiterals list a (i + 1) else false
  else true
/-- Whether `s` is written `.name`. -/
partial def isDotted (s : Syntax) : Bool :=
  match s with
  | .node _ k _ => lastPart k == "dotIdent"
  | _ => false
end

/-- The index after the first `:=` in `a` from index `i` on, if there is one. -/
partial def afterAssign (a : Array Syntax) (i : Nat) : Option Nat :=
  if h : i < a.size then
    match a[i] with
    | .atom _ w => if trimmed w == ":=" then some (i + 1) else afterAssign a (i + 1)
    | _ => afterAssign a (i + 1)
  else none

/-- Whether the parts are those of `(config := …)`, `(simp_config := …)` and the like, which
packages define under kinds of their own. -/
def namesConfig (args : Array Syntax) : Bool :=
  match afterAssign args 0 with
  | none => false
  | some _ => foldArray args (fun found s =>
      match s with
      | .atom _ w => found || (trimmed w).endsWith "config"
      | _ => found) false

/-- Whether the node gives a tactic option a value. -/
def isConfigItem (k : Name) (args : Array Syntax) : Bool :=
  memStr (lastPart k) ["valConfigItem", "config"] || namesConfig args

/-- The refusal of an item of tactic options. Items are known by the names of their kinds in Lean,
Std, Aesop and Mathlib. -/
def configRefused? (native : Bool) (k : Name) (s : Syntax) (args : Array Syntax) :
    Option Forbidden :=
  let part := lastPart k
  if memStr part ["posConfigItem", "negConfigItem"] then
    if mentions "native" s && !native then
      some (nativeForbidden "+native" s)
    else if h : 1 < args.size then
      match args[1] with
      | .ident .. => none
      | _ =>
        some { construct := "option", message := "an option's name must be written out", stx := s }
    else none
  else if isConfigItem k args then
    if mentions "native" s && !native then
      some (nativeForbidden "native := true" s)
    else
      let literal := match afterAssign args 0 with
        | some i => areLiterals false args i
        | none => false
      if literal then none
      else some
        { construct := "option value", stx := s,
          message := "the value of a tactic's option would run as a program inside the checker; \
            only literals are allowed here: numbers, `true`, `false`, `{ … }`, `.constructor`" }
  else none

mutual
/-- `s` with `true` as `.true` in the values of options, and `false` likewise, so that no local
definition of that name is meant. `inside` says that `s` is part of a value. -/
partial def settleBooleans (inside : Bool) (s : Syntax) : Syntax :=
  match s with
  | .node i k args =>
    if lastPart k == "structInstLVal" then s
    else .node i k (settleAll (isConfigItem k args) inside args 0 #[])
  | .ident info _ n _ =>
    if inside && isBoolean n then .node info `Lean.Parser.Term.dotIdent #[.atom info ".", s] else s
  | _ => s
/-- `acc`, followed by the settled elements of `a` from index `i` on. The value of an `item` begins
after its `:=`. -/
partial def settleAll (item inside : Bool) (a : Array Syntax) (i : Nat) (acc : Array Syntax) :
    Array Syntax :=
  if h : i < a.size then
    let inside := match a[i] with
      | .atom _ w => inside || (item && trimmed w == ":=")
      | _ => inside
    settleAll item inside a (i + 1) (acc.push (settleBooleans inside a[i]))
  else acc
end

/-- The name in a `set_option` of any syntax category; anonymous when it is not written out, `none`
for other nodes. -/
def optionName? (args : Array Syntax) : Option Name :=
  if h : 1 < args.size then
    match args[0] with
    | .atom _ w =>
      if trimmed w == "set_option" then
        match args[1] with
        | .ident _ _ n _ => some n
        | _ => some .anonymous
      else none
    | _ => none
  else none

/-- Whether the value of a `set_option` in a macro is a parameter, as in
`set_option maxHeartbeats $n`: no number that could be cut to the budget. -/
partial def hasAntiquotValue (args : Array Syntax) : Bool :=
  foldArray args (fun found s =>
    match s with
    | .node _ (.str _ "antiquot") _ => true
    | .node _ `choice parts => found || hasAntiquotValue parts
    | _ => found) false

/-- The refusal of a `set_option`. -/
def optionRefused? (s : Syntax) (args : Array Syntax) : Option Forbidden :=
  match optionName? args with
  | none => none
  | some .anonymous =>
    some { construct := "set_option", message := "an option's name must be written out", stx := s }
  | some n =>
    if hasAntiquotValue args then
      some
        { construct := "set_option", message := "an option's value must be written out", stx := s }
    else if refusedOption n then
      some
        { construct := "set_option " ++ n.toString,
          message := "option `" ++ n.toString ++ "` weakens what is checked", stx := s }
    else none

/-! Limits: a candidate may ask for fewer heartbeats than the budget, not for more, and not for no
limit; and for a recursion that the stack can bear. -/

/-- The most that `set_option maxRecDepth` gives. Lean's default is 512; libraries ask for some
thousands. -/
def maxDepth : Nat := 100000

/-- The most that an option may be set to, and whether 0 stands for no limit; `none` for options
without a bound. -/
def optionLimit? (heartbeats : Nat) (n : Name) : Option (Nat × Bool) :=
  match lastPart n with
  | "maxHeartbeats" => some (heartbeats, true)
  | "maxRecDepth" => some (maxDepth, false)
  | _ => none

/-- The number literal `s`, replaced by `limit` if it is larger, or 0 where that means no limit. -/
def clampNumber (limit : Nat) (zero : Bool) (s : Syntax) : Syntax :=
  match s with
  | .node i `num args =>
    match s.isNatLit? with
    | some n =>
      if (zero && n == 0) || n > limit then
        if h : 0 < args.size then
          match args[0] with
          | .atom info _ => .node i `num #[.atom info (toString limit)]
          | _ => s
        else s
      else s
    | none => s
  | _ => s

mutual
/-- `s` with larger values of `set_option maxHeartbeats` replaced by `limit`, and of `maxRecDepth`
by `maxDepth`. -/
partial def clampLimits (limit : Nat) (s : Syntax) : Syntax :=
  match s with
  | .node i k args =>
    match optionName? args with
    | some n =>
      match optionLimit? limit n with
      | some (most, zero) => .node i k (clampNumbers limit most zero args 0 #[])
      | none => .node i k (clampAll limit args 0 #[])
    | none => .node i k (clampAll limit args 0 #[])
  | _ => s
/-- `acc`, followed by the elements of `a` from index `i` on under `clampLimits`. -/
partial def clampAll (limit : Nat) (a : Array Syntax) (i : Nat) (acc : Array Syntax) :
    Array Syntax :=
  if h : i < a.size then clampAll limit a (i + 1) (acc.push (clampLimits limit a[i])) else acc
/-- `acc`, followed by the elements of `a` from index `i` on, number literals cut to `most`. -/
partial def clampNumbers (limit most : Nat) (zero : Bool) (a : Array Syntax) (i : Nat)
    (acc : Array Syntax) : Array Syntax :=
  if h : i < a.size then
    clampNumbers limit most zero a (i + 1)
      (acc.push (clampNumber most zero (clampLimits limit a[i])))
  else acc
end

end Aludel
