"""A Lean server without Lean: speaks the protocol, answers from a script, misbehaves on demand.

Run as ``python fake_lean_server.py [CASES.json]``. A candidate is answered by

- what a comment in it says: ``-- fake: ACTION [ARGUMENT]``, see ACTIONS, else by
- the facts that the real server was recorded to give (``facts`` of a case in CASES.json), else by
- the error ``internal``.

Only the standard library is used, so that it starts quickly. The environment variable
``FAKE_START`` makes the start itself go wrong.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

Request = dict[str, Any]
QUESTION = ("statement", "imports", "options")
GOAL_CASES = Path(__file__).parents[1] / "contract" / "goal_cases.json"
# Who has read this statement reads another in every later one.
MISREAD = "theorem misread : True"
READ: set[str] = set()
DIRECTIVE = re.compile(r"-- fake: (\w+)(?: (\S+))?")


def write(message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def done(request: Request, result: Request, ms: int = 3, heartbeats: int = 7) -> None:
    write({"id": request["id"], "ok": True, "ms": ms, "heartbeats": heartbeats, "result": result})


def facts(request: Request, **changes: Any) -> Request:
    statement = request.get("statement")
    name = statement.split()[1] if statement else "t"
    return {
        "imports": ["Init", *(i for i in request.get("imports") or [] if i != "Init")],
        "header_imports": [],
        "diagnostics": [],
        "forbidden": [],
        "limits": [],
        "statement": statement
        and {
            "name": name,
            "declared": True,
            "match": "identical",
            "expected": "True",
            "found": "True",
        },
        "declarations": [{"name": name, "kind": "theorem"}],
        "kernel_rejected": [],
        "axioms": [],
        "new_axioms": [],
        "examples": 0,
        "terms": proof_of_true(name),
        **changes,
    }


def proof_of_true(name: str) -> Request:
    """Tables of a theorem of that name which proves ``True``."""
    return {
        "names": [None, [0, name], [0, "True"], [2, "intro"]],
        "levels": [],
        "exprs": [["c", 2], ["c", 3]],
        "declarations": [["thm", 1, [], 0, 1]],
    }


def statement(request: Request, cases: list[Request]) -> None:
    """Answer what was recorded for the statement, or that it is ``True``."""
    text = request["statement"]
    asked = {**request, "options": request["options"]}
    for case in cases:
        known = case.get("asked") and case["statement"] == text
        if known and case.get("options", {}) == asked["options"]:
            done(request, {**case["asked"], "imports": request["imports"]}, 0, 0)
            return
    tables = proof_of_true(text.split()[1])
    tables["declarations"] = [["axm", 1, [], 0]]
    if MISREAD in READ:
        tables["names"][2] = [0, "Another"]
    READ.add(text)
    result = {"imports": ["Init"], "kind": "theorem", "shown": "True", "tables": tables}
    done(request, {**result, "imports": request["imports"]}, 0, 0)


def judge(request: Request) -> None:
    """Accept everything but a theorem whose type is the constant ``False``."""
    tables = request["tables"]
    count = len(tables["declarations"])
    answer: Request = {"imports": request["imports"], "axioms": [], "hidden": 0, "forbidden": None}
    for index, one in enumerate(tables["declarations"]):
        kind, type_ = one[0], tables["exprs"][one[3]] if one[0] != "ind" else None
        if kind == "thm" and type_ and type_[0] == "c" and tables["names"][type_[1]][1] == "False":
            refusal = {"index": index, "message": "declaration type mismatch", "limit": False}
            done(request, {**answer, "accepted": index, "refusal": refusal}, 0, 0)
            return
    if "forbidden" in request:
        answer["forbidden"] = uses(request)
    done(request, {**answer, "accepted": count, "refusal": None}, 0, 0)


def uses(request: Request) -> Request:
    """The forbidden names among the roots that a question mentions, each used by its first part."""
    roots = [name[1] for name in request["tables"]["names"] if name and name[0] == 0]
    found = [name for name in request["forbidden"]["names"] if name in roots]
    shown = [{"name": n, "pattern": n, "path": ["_aludel.0", n]} for n in found]
    return {"uses": shown, "unsure": []}


def forbidden(request: Request) -> None:
    """Know the constant ``True`` alone."""
    asked = request["forbidden"]
    unknown = [name for name in (*asked["names"], *asked["after"]) if name != "True"]
    answer = {"unknown": unknown, "unmatched": ["*".join(one) for one in asked["globs"]]}
    offered = ["True", "Trivial"] if unknown else []
    done(request, {"imports": request["imports"], "offered": offered, **answer})


def accept(request: Request, _: str | None) -> None:
    done(request, facts(request))


def slow(request: Request, seconds: str | None) -> None:
    time.sleep(float(seconds or 0))
    accept(request, None)


def hang(_request: Request, _: str | None) -> None:
    while True:
        time.sleep(60)


def spin(_request: Request, _: str | None) -> None:
    while True:
        pass


def spawn(_request: Request, pid_file: str | None, apart: bool = False) -> None:
    """Start a child, write both ids down, and never answer."""
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=apart
    )
    Path(pid_file or "").write_text(f"{os.getpid()} {child.pid}")
    hang({}, None)


def escape(request: Request, pid_file: str | None) -> None:
    """Like ``spawn``, but the child leaves the process group."""
    spawn(request, pid_file, apart=True)


def leave(_request: Request, status: str | None) -> None:
    os._exit(int(status or 0))


def crash_once(request: Request, marker: str | None) -> None:
    """Die unless somebody already did, as a transient fault would have it."""
    seen = Path(marker or "")
    if not seen.exists():
        seen.touch()
        os._exit(3)
    accept(request, None)


def exhaust(_request: Request, _: str | None) -> None:
    sys.stderr.write("INTERNAL PANIC: out of memory\n")
    sys.stderr.flush()
    os._exit(1)


def defect(_request: Request, _: str | None) -> None:
    sys.stderr.write("Could not find native implementation of external declaration 'A.b'\n\n")
    sys.stderr.flush()
    os._exit(1)


def grow(request: Request, megabytes: str | None) -> None:
    """Take memory and keep it, then wait to be noticed."""
    block = bytearray(int(megabytes or 0) * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    time.sleep(30)
    done(request, facts(request, axioms=[str(len(block))]))


def swell(request: Request, megabytes: str | None) -> None:
    """Take memory, keep it and answer well."""
    global KEPT
    KEPT = bytearray(int(megabytes or 0) * 2**20)
    KEPT[::4096] = b"x" * len(KEPT[::4096])
    accept(request, None)


def wrong_id(request: Request, _: str | None) -> None:
    done({"id": "0" * 32}, facts(request))


def odd(_request: Request, _: str | None) -> None:
    sys.stdout.write("PANIC at Lean.Foo\n")
    sys.stdout.flush()
    hang({}, None)


def array(_request: Request, _: str | None) -> None:
    write([1, 2, 3])
    hang({}, None)


def huge(_request: Request, _: str | None) -> None:
    while True:
        sys.stdout.write("x" * 2**20)


def noisy(request: Request, megabytes: str | None) -> None:
    """Fill standard error, which blocks a server whose parent does not drain it."""
    for _ in range(int(megabytes or 0)):
        sys.stderr.write("noise " * (2**20 // 6) + "\n")
    accept(request, None)


def chatter(request: Request, _: str | None) -> None:
    """Answer, and then say something nobody asked for."""
    accept(request, None)
    write({"id": request["id"], "ok": True, "ms": 1, "result": {}})


def internal(request: Request, _: str | None) -> None:
    write(
        {
            "id": request["id"],
            "ok": False,
            "error": {"code": "internal", "field": "", "message": "x"},
        }
    )


def invalid(request: Request, field: str | None) -> None:
    error = {"code": "invalid_request", "field": field, "message": "no such thing"}
    write({"id": request["id"], "ok": False, "error": error})


def unknown_match(request: Request, _: str | None) -> None:
    result = facts(request)
    result["statement"] = {"name": "t", "declared": True, "match": "alike"}
    done(request, result)


def extra_field(request: Request, _: str | None) -> None:
    done(request, facts(request, verdict="accepted"))


def forgotten_statement(request: Request, _: str | None) -> None:
    done(request, facts(request, statement=None))


def burn(request: Request, seconds: str | None) -> None:
    end = time.process_time() + float(seconds or 0)
    while time.process_time() < end:
        pass
    accept(request, None)


def who(request: Request, _: str | None) -> None:
    """Answer with the process's id in the place of an axiom."""
    done(request, facts(request, axioms=[str(os.getpid())]))


def claim(request: Request, path: str | None) -> None:
    """Answer with facts that a file changes: ``{"terms": ..., "axioms": ..., ...}``."""
    done(request, facts(request, **json.loads(Path(path or "").read_text())))


def play(request: Request, path: str | None) -> None:
    """Say what a file holds, ``$ID`` for the request's id."""
    said = Path(path or "").read_bytes()
    sys.stdout.buffer.write(said.replace(b"$ID", request["id"].encode()))
    sys.stdout.buffer.flush()


def plant(request: Request, path: str | None) -> None:
    """Answer well, and let ``play`` or ``claim`` answer the next request, whoever's it is."""
    PLANTED.append((claim if str(path).endswith(".claim") else play, path))
    accept(request, None)


PLANTED: list[tuple[Any, str | None]] = []


def other_terms_once(request: Request, marker: str | None) -> None:
    """Give another proof than the text holds, unless somebody already did."""
    seen = Path(marker or "")
    if seen.exists():
        accept(request, None)
        return
    seen.touch()
    answer = facts(request)
    answer["terms"]["declarations"][0][-1] = 0
    done(request, answer)


ACTIONS = {
    action.__name__: action
    for action in (
        accept, slow, hang, spin, spawn, escape, leave, crash_once, exhaust, defect, grow,
        swell, wrong_id, odd, array, huge, noisy, chatter, internal, invalid, unknown_match,
        extra_field, forgotten_statement, burn, who,
        claim, play, plant, other_terms_once,
    )
}  # fmt: skip


def check(request: Request, cases: list[Request]) -> None:
    if PLANTED:
        action, path = PLANTED.pop()
        action(request, path)
        return
    directive = DIRECTIVE.search(request["code"])
    if directive:
        ACTIONS[directive[1]](request, directive[2])
        return
    for case in cases:
        wanted = {"options": {}, "statement": None, "imports": None, **case}
        if all(wanted[key] == request.get(key) for key in ("code", *QUESTION)):
            if "refused" in case:
                write({"id": request["id"], "ok": False, "error": case["refused"]})
            else:
                done(request, case["facts"])
            return
    if request["code"].startswith("theorem aludel_probe"):
        accept(request, None)
        return
    internal(request, None)


def stream(request: Request) -> None:
    for number in range(request["count"]):
        write({"id": request["id"], "item": {"number": number}})
    done(request, {"count": request["count"]})


SESSIONS: dict[str, list[list[str]]] = {}


def session(request: Request) -> None:
    """Answer a session operation from transcripts of the real server (``goal_cases.json``).

    A tactic that is a directive (``-- fake: hang``) misbehaves, as a candidate's would.
    """
    cases = json.loads(GOAL_CASES.read_text(encoding="utf-8"))
    key, op = request["session"], request["op"]
    if op == "session_open":
        asked = [request[name] for name in ("imports", "preamble", "statement")]
        case = next((c for c in cases if c["open"] == asked), None)
        if case is None:
            internal(request, None)
        elif "refused" in case:
            write({"id": request["id"], "ok": False, "error": case["refused"]})
        else:
            SESSIONS[key] = [[json.dumps(asked)]]
            done(request, {"state": 0, "goals": case["goals"]})
    elif op == "session_close":
        del SESSIONS[key]
        done(request, {"closed": True})
    else:
        paths = SESSIONS[key]
        case = next(c for c in cases if json.dumps(c["open"]) == paths[0][0])
        for tactic in request["tactics"]:
            if directive := DIRECTIVE.search(tactic):
                ACTIONS[directive[1]](request, directive[2])
                return
            path = [*paths[request["state"]], tactic]
            answer = case["steps"]["\n".join(path[1:])]
            if answer["error"] is None:
                answer = {**answer, "state": len(paths)}
                paths.append(path)
            write({"id": request["id"], "item": answer})
        done(request, {"steps": len(request["tactics"])})


def search(request: Request) -> None:
    """Find one lemma for a pattern or goal that holds no directive; run out for ``1 = 2``."""
    asked = request.get("pattern") or request.get("goal") or ""
    if directive := DIRECTIVE.search(asked):
        ACTIONS[directive[1]](request, directive[2])
        return
    if "nonsense" in asked:
        field = "pattern" if request.get("pattern") else "goal"
        error = {"code": "invalid_request", "field": field, "message": "unknown identifier"}
        write({"id": request["id"], "ok": False, "error": error})
        return
    found = {"name": "Fake.one", "module": "Fake", "doc": "One. Two.", "type": "1 = 1"}
    wanted = [found] if asked or request.get("list") or request.get("names") else []
    for item in wanted:
        write({"id": request["id"], "item": item})
    complete = "1 = 2" not in asked
    result = {"found": len(wanted), "tried": 1, "complete": complete, "lemmas": 1}
    done(request, result)


HELD: set[tuple[str, ...]] = set()


def holds_another(request: Request) -> bool:
    """Whether the request wants other modules than those of the project that was loaded."""
    wanted = tuple(i for i in request.get("imports") or [] if i != "Init")
    roots = {i.partition(".")[0] for i in wanted}
    if roots - {"Init", "Std", "Lean"} and "Bogus" not in roots:  # what is not there is not held
        HELD.add(wanted)
    return bool(HELD - {wanted})


ANSWERS = {"judge": judge, "forbidden": forbidden, "constants": stream, "search": search}


def serve(cases: list[Request]) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("imports") and holds_another(request):
            message = "this process holds another project's import set"
            error = {"code": "internal", "message": message}
            write({"id": request["id"], "ok": False, "error": error})
        elif request["op"] == "check":
            check(request, cases)
        elif request["op"] == "statement":
            statement(request, cases)
        elif request["op"] in ANSWERS:
            ANSWERS[request["op"]](request)
        elif request["op"].startswith("session_"):
            session(request)
        elif request["op"] == "load" and any(i.startswith("Bogus") for i in request["imports"]):
            error = {"code": "invalid_request", "field": "imports", "message": "no such module"}
            write({"id": request["id"], "ok": False, "error": error})
        else:
            done(request, {"imports": [["Init"]]})


def main() -> None:
    start = os.environ.get("FAKE_START", "")
    if start == "silent":
        time.sleep(600)
    if start == "dies":
        sys.stderr.write("library not found\n")
        sys.exit(7)
    if start.startswith("dies once:") and not (marker := Path(start.partition(":")[2])).exists():
        marker.touch()
        sys.exit(7)
    cases = []
    if len(sys.argv) > 1:
        cases = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    protocol = 99 if start == "newer" else 1
    write({"ready": True, "lean": "0.0.0-fake", "commit": "0" * 12, "protocol": protocol, "ms": 1})
    if start == "broken":
        leave({}, "9") if sys.stdin.readline() else None
    serve(cases)


if __name__ == "__main__":
    main()
