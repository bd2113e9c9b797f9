module
public import Lean
public import Aludel.Patterns
public import Aludel.Reached
public import Aludel.Same

/-!
Constants that a proof may not use, and ways from the proof to them. A use is a mention in what the
candidate declares, or in the value of a definition of the imports that is mentioned there, and so
on. Theorems of the imports are not looked into. What the statement itself mentions, and what that
is defined by, is given.
-/

public section

open Lean

namespace Aludel

/-! The order of the library: modules in the order of the imports, and within a module what the
places of declarations say. The embedded library does not hold those: there, what a type rests on
was declared before, and the rest is not known. -/

/-- A constant from which on the library is forbidden. -/
structure After where
  name : Name
  module : Nat
  /-- Constants of its module that its type rests on, which were declared before it. -/
  before : NameSet

/-- The index of the module that declares `n`. -/
def moduleIndex? (env : Environment) (n : Name) : Option Nat :=
  match env.getModuleIdxFor? n with
  | some i => some i.toNat
  | none => none

/-- Definitions that Lean makes of every inductive type. -/
def madeOfTypes : List String :=
  ["casesOn", "recOn", "below", "brecOn", "ibelow", "binductionOn", "noConfusion",
    "noConfusionType", "ctorIdx", "toCtorIdx", "ctorElim", "ctorElimType"]

/-- The constant with which `n` was declared: of what Lean makes of a type, the type. -/
def declaredWith (env : Environment) (n : Name) : Name :=
  let n := baseOf n
  match n with
  | .str p s =>
    if memStr s madeOfTypes then
      match env.find? p with
      | some (.inductInfo _) => rootOf env p
      | _ => rootOf env n
    else rootOf env n
  | _ => rootOf env n

/-- `seen` and what the constants of `waiting` rest on within the module `m`. -/
partial def restsOn (env : Environment) (m : Nat) (waiting : List Name) (seen : NameSet) :
    NameSet :=
  match waiting with
  | [] => seen
  | n :: waiting =>
    let n := declaredWith env n
    if seen.contains n || moduleIndex? env n != some m then restsOn env m waiting seen
    else
      let seen := seen.insert n
      match env.find? n with
      | some ci =>
        let used := mentionedBy env ci
        restsOn env m (foldArray used (fun l n => n :: l) waiting) seen
      | none => restsOn env m waiting seen

/-- A constant of the imports, from which on everything is forbidden. -/
def afterOf (env : Environment) (n : Name) : After :=
  let used := match env.find? n with
    | some ci => ci.type.getUsedConstants
    | none => #[]
  match moduleIndex? env n with
  | some m =>
    { name := declaredWith env n, module := m,
      before := restsOn env m (foldArray used (fun l n => n :: l) []) {} }
  | none => { name := n, module := 0, before := {} }

/-- The places of declarations that a module holds: a library's with its private parts. -/
unsafe def rangesOf (d : ModuleData) : Array (Name × DeclarationRanges) :=
  foldArray d.entries (fun (found : Array (Name × DeclarationRanges)) e =>
    if e.1 == `Lean.declRangeExt then unsafeCast e.2 else found) #[]

/-- Line and column of a declaration of the module `m`, where the module says them. -/
unsafe def declaredAt (env : Environment) (m : Nat) (n : Name) : Option (Nat × Nat) :=
  let data := env.header.moduleData
  if h : m < data.size then
    foldArray (rangesOf data[m]) (fun (found : Option (Nat × Nat)) p =>
      if p.1 == n then some (p.2.range.pos.line, p.2.range.pos.column) else found) none
  else none

/-- Whether `n` is `a` or was declared after it; `none` when that is not known. -/
unsafe def isAfter (env : Environment) (a : After) (n : Name) : Option Bool :=
  let n := declaredWith env n
  if n == a.name then some true
  else match moduleIndex? env n with
  | none => some false
  | some m =>
    if m != a.module then some (decide (a.module < m))
    else if a.before.contains n then some false
    else match declaredAt env m n, declaredAt env m a.name with
    | some (l, c), some (k, b) => some (decide (k < l) || (k == l && decide (b ≤ c)))
    | _, _ => none

/-! What terms mention. -/

/-- `acc`, followed by what a term mentions without a constant: structures of which it takes fields,
and the types of literals. -/
partial def unnamedIn (e : Expr) (acc : Array Name) : Array Name :=
  let found := e.find? fun x =>
    match unnamed? x with
    | some n => !memNameArray n acc
    | none => false
  match found with
  | some x =>
    match unnamed? x with
    | some n => unnamedIn e (acc.push n)
    | none => acc
  | none => acc
where
  unnamed? (e : Expr) : Option Name :=
    match e with
    | .proj s _ _ => some s
    | .lit (.natVal _) => some `Nat
    | .lit (.strVal _) => some `String
    | _ => none

/-- What a term mentions. -/
def usedIn (e : Expr) : Array Name := unnamedIn e e.getUsedConstants

/-- `acc`, followed by the types of a type and of its constructors. -/
def typesOfInductive (acc : Array Expr) (t : InductiveType) : Array Expr :=
  foldList t.ctors (fun acc c => acc.push c.type) (acc.push t.type)

/-- The types and values of a declaration. -/
def termsOf (d : Declaration) : Array Expr :=
  match d with
  | .thmDecl v => #[v.type, v.value]
  | .defnDecl v => #[v.type, v.value]
  | .opaqueDecl v => #[v.type, v.value]
  | .axiomDecl v => #[v.type]
  | .inductDecl _ _ types _ => foldList types typesOfInductive #[]
  | _ => #[]

/-- What a declaration mentions. -/
def usedBy (d : Declaration) : Array Name :=
  foldArray (termsOf d) (fun acc e => foldArray (usedIn e) (fun acc n => acc.push n) acc) #[]

/-- The type of which `n` is a constructor or recursor; else `n`. -/
def typeOfPart (env : Environment) (n : Name) : Name :=
  match env.find? n with
  | some (.ctorInfo v) => v.induct
  | some (.recInfo _) => n.getPrefix
  | _ => n

/-! The walk. -/

/-- A constant that is reached, and what forbids it. -/
structure Mention where
  name : Name
  pattern : String

/-- The state of a walk from the proof down. -/
structure Walk where
  env : Environment
  declarations : Array Declaration
  forbidding : Forbidding
  after : List After
  /-- Theorems of which none that says the same may be used. -/
  asked : List Asked
  /-- What the statement mentions. -/
  stated : NameSet
  /-- What that is defined by, and itself. -/
  given : NameSet
  /-- For each constant that was reached, from where; anonymous for the proof. -/
  origin : Table Name
  queue : Array Name := #[]
  uses : Array Mention := #[]
  /-- What could not be told to be forbidden or not, and why: `order` or `limit`. -/
  unsure : Array (Mention × String) := #[]

/-- The number of the declaration that makes a constant of the question. -/
def ownNumber? (n : Name) : Option Nat :=
  match n with
  | .num (.str .anonymous "_aludel") k => some k
  | .num p _ => ownNumber? p
  | .str p _ => ownNumber? p
  | .anonymous => none

/-- The name by which a walk knows the declaration of number `k`. -/
def ownNode (k : Nat) : Name := .num (.str .anonymous "_aludel") k

/-- The walk with a constant in its queue, unless it was there before. -/
def Walk.reach (w : Walk) (source n : Name) : Walk :=
  let n := match ownNumber? n with
    | some k => ownNode k
    | none => n
  match w.origin.find? n with
  | some _ => w
  | none => { w with origin := w.origin.alter n fun _ => source, queue := w.queue.push n }

/-- The walk with all of some constants in its queue. -/
def Walk.reachAll (w : Walk) (source : Name) (ns : Array Name) : Walk :=
  foldArray ns (fun w n => w.reach source n) w

/-- What the value of a definition mentions; nothing for anything else. -/
def definedBy (env : Environment) (n : Name) : Array Name :=
  match env.find? n with
  | some (.defnInfo v) => usedIn v.value
  | _ => #[]

/-- `seen` and what the constants of `waiting` are defined by. -/
partial def definitions (env : Environment) (waiting : List Name) (seen : NameSet) : NameSet :=
  match waiting with
  | [] => seen
  | n :: waiting =>
    if seen.contains n then definitions env waiting seen
    else
      definitions env (foldArray (definedBy env n) (fun l n => n :: l) waiting) (seen.insert n)

/-- The pattern by whose text `n` is forbidden. -/
def Walk.forbiddenBy? (w : Walk) (n : Name) : Option String :=
  let base := baseOf n
  let part := typeOfPart w.env n
  let type := if w.stated.contains part then n else part
  let named := foldArray w.forbidding.names (fun (found : Option String) f =>
    if found.isSome then found
    else if f == n || f == base || f == type then some f.toString else none) none
  match named with
  | some s => some s
  | none =>
    if w.forbidding.globs.size == 0 then none
    else
      let written := (writtenName n).toList
      let made := (writtenName base).toList
      foldArray w.forbidding.globs (fun (found : Option String) g =>
        if found.isSome then found
        else if g.fits written || g.fits made then some g.text else none) none

/-- The walk after comparing the order of `n` with that of the constants in `as`. -/
unsafe def Walk.ordered (w : Walk) (n : Name) (as : List After) : Walk × Bool :=
  match as with
  | [] => (w, false)
  | a :: rest =>
    let pattern := "after:" ++ a.name.toString
    match isAfter w.env a n with
    | some true => ({ w with uses := w.uses.push { name := n, pattern } }, true)
    | some false => w.ordered n rest
    | none =>
      ({ w with unsure := w.unsure.push ({ name := n, pattern }, "order") } : Walk).ordered n rest

/-- The walk after comparing what the constant `n` says. -/
def Walk.compared (w : Walk) (n : Name) : IO (Walk × Bool) := do
  match w.env.find? n with
  | none => return (w, false)
  | some ci =>
    match ← repeats? w.env w.asked ci with
    | .ok none => return (w, false)
    | .ok (some a) =>
      return ({ w with uses := w.uses.push { name := n, pattern := patternOf a } }, true)
    | .error _ =>
      let pattern := match w.asked with
        | a :: _ => patternOf a.info.name
        | [] => "self"
      return ({ w with unsure := w.unsure.push ({ name := n, pattern }, "limit") }, false)
where
  patternOf (a : Name) : String := if a == `_aludel.asked then "self" else a.toString

/-- The walk after looking at a constant of the imports. -/
unsafe def Walk.visit (w : Walk) (n : Name) : IO Walk := do
  if w.stated.contains n then return w
  match w.forbiddenBy? n with
  | some pattern => return { w with uses := w.uses.push { name := n, pattern } }
  | none =>
    let (w, found) := w.ordered n w.after
    if found then return w
    let (w, found) ← w.compared n
    if found then return w
    let base := baseOf n
    let (w, found) ← if base == n then pure (w, false) else w.compared base
    if found || w.given.contains n then return w
    return w.reachAll n (definedBy w.env n)

/-- The walk after looking at everything in its queue from index `i` on. -/
unsafe def Walk.finish (w : Walk) (i : Nat) : IO Walk := do
  if h : i < w.queue.size then
    let n := w.queue[i]
    match ownNumber? n with
    | some k =>
      if h' : k < w.declarations.size then
        (w.reachAll n (usedBy w.declarations[k])).finish (i + 1)
      else w.finish (i + 1)
    | none => (← w.visit n).finish (i + 1)
  else return w

/-- The way to `n`: constants from the proof on. -/
partial def Walk.path (w : Walk) (n : Name) (depth : Nat) (acc : List Name) : List Name :=
  match w.origin.find? n, depth with
  | some source, depth + 1 =>
    if source.isAnonymous then n :: acc else w.path source depth (n :: acc)
  | _, _ => n :: acc

/-- The longest way that is shown, and the most uses. -/
def maxShown : Nat := 40

/-- The asked theorem, if it is forbidden, and the theorems that are by their names. -/
def askedOf (env : Environment) (f : Forbidding) : List Asked :=
  let names := if f.self then f.names.push `_aludel.asked else f.names
  foldArray names (fun acc n => match env.find? n with
    | some ci =>
      if isTheorem env n ci then askedAs ci :: acc else acc
    | none => acc) []
where
  askedAs (ci : ConstantInfo) : Asked :=
    let type := writtenOut env ci.type
    let info := ConstantInfo.axiomInfo
      { name := ci.name, levelParams := ci.levelParams, type, isUnsafe := false }
    { info, outline := outlineOf env type }

/-- The type and the value of the asked declaration; `none` where no statement was asked. -/
def askedOf? (ds : Array Declaration) : Option (Name × Expr × Expr) :=
  if h : ds.size - 1 < ds.size then
    match ds[ds.size - 1] with
    | .thmDecl v => if v.name == `_aludel.asked then some (v.name, v.type, v.value) else none
    | .opaqueDecl v => if v.name == `_aludel.asked then some (v.name, v.type, v.value) else none
    | _ => none
  else none

/-- The uses of forbidden constants by declarations that `env` holds, over the imports. -/
unsafe def forbiddenUses (env : Environment) (f : Forbidding) (ds : Array Declaration) :
    IO Walk := do
  let asked? := askedOf? ds
  let statedNames := match asked? with
    | some (_, type, _) => usedIn type
    | none => #[]
  let stated := foldArray statedNames (fun (s : NameSet) n => s.insert n) {}
  let w : Walk :=
    { env, declarations := ds, forbidding := f, asked := askedOf env f, stated,
      after := foldArray f.after (fun l n => afterOf env n :: l) [],
      given := definitions env (foldArray statedNames (fun l n => n :: l) []) {},
      origin := Table.empty 1024 }
  let w := match asked? with
    | some (_, _, value) => w.reachAll .anonymous (usedIn value)
    | none => roots w 0
  w.finish 0
where
  roots (w : Walk) (i : Nat) : Walk :=
    if i < ds.size then roots (w.reach .anonymous (ownNode i)) (i + 1) else w
  termination_by ds.size - i

/-- A use as JSON. -/
def jsonUse (w : Walk) (u : Mention) (more : List (String × Json)) : Json :=
  Json.mkObj (("name", .str u.name.toString) :: ("pattern", .str u.pattern) ::
    ("path", jsonNames (nameArray (w.path u.name maxShown []))) :: more)

/-- What a walk found, the first of each kind. -/
def jsonWalk (w : Walk) : Json :=
  let uses := foldArray w.uses (fun (acc : Array Json) u =>
    if acc.size < maxShown then acc.push (jsonUse w u []) else acc) #[]
  let unsure := foldArray w.unsure (fun (acc : Array Json) p =>
    if acc.size < maxShown then acc.push (jsonUse w p.1 [("why", .str p.2)]) else acc) #[]
  Json.mkObj [("uses", .arr uses), ("unsure", .arr unsure)]

end Aludel
