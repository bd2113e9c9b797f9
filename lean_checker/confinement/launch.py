"""Confines itself and becomes a prover: ``python -I -S launch.py PLAN PROGRAM [ARGUMENTS]``.

PLAN is the JSON of :class:`aludel.lean_checker.confinement.plan.Confinement`. Resource limits,
Landlock (files) and a seccomp filter (processes, sockets, signals) are inherited over ``execve``
and cannot be lifted again, by root neither. All of it works without privileges and inside
containers. This file imports nothing of Aludel and costs some 20 ms. Sources: the kernel's
documentation of Landlock (``userspace-api/landlock``) and of seccomp filters
(``userspace-api/seccomp_filter``).
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from typing import Any

STACK_KB = 400_000
_RESERVE_KB = 2_048  # of the stack, left to Node's own native frames
_MEGABYTE = 2**20

_NO_NEW_PRIVILEGES = 38
_SET_SECCOMP, _SECCOMP_FILTER = 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
# Rights that each version of the interface knows: 1, then renaming, truncating, device calls.
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}

LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_CLONE_THREAD = 0x10000
_X32 = 0x40000000
_COMMON = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "pidfd_open": 434, "clone3": 435,
    "pidfd_getfd": 438,
}  # fmt: skip
# The audit number of the architecture, and its numbers of the system calls that are refused or
# allowed by their arguments.
SYSTEMS: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (0xC000003E, {
        "socket": 41, "socketpair": 53, "clone": 56, "fork": 57, "vfork": 58, "kill": 62,
        "ptrace": 101, "setpgid": 109, "setsid": 112, "rt_sigqueueinfo": 129, "setrlimit": 160,
        "mount": 165, "tkill": 200, "tgkill": 234, "add_key": 248, "request_key": 249,
        "keyctl": 250, "unshare": 272, "rt_tgsigqueueinfo": 297, "perf_event_open": 298,
        "prlimit64": 302, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
        "bpf": 321, "execveat": 322, "userfaultfd": 323, **_COMMON,
    }),
    "aarch64": (0xC00000B7, {
        "mount": 40, "unshare": 97, "ptrace": 117, "kill": 129, "tkill": 130, "tgkill": 131,
        "rt_sigqueueinfo": 138, "setpgid": 154, "setsid": 157, "setrlimit": 164, "socket": 198,
        "socketpair": 199, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220,
        "rt_tgsigqueueinfo": 240, "perf_event_open": 241, "prlimit64": 261, "setns": 268,
        "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280, "execveat": 281,
        "userfaultfd": 282, **_COMMON,
    }),
}  # fmt: skip

Test = tuple[int, int, int]  # offset in the call's data, comparison, value
Step = tuple[int, int, int, int]  # operation, steps to skip if true, if false, operand


class Unsupported(Exception):
    """The system has no such confinement."""


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _syscall(*arguments: int | ctypes.c_char_p) -> int:
    result: int = _libc().syscall(
        *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)
    )
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def landlock_version() -> int:
    """Return the version of the system's Landlock interface, 0 where there is none."""
    try:
        return _syscall(_CREATE_RULESET, 0, 0, 1)
    except (OSError, AttributeError):
        return 0


def confine_files(read: list[str], run: list[str], write: list[str]) -> None:
    """Leave this process these files and folders, no TCP, and signals to itself alone.

    Raises:
        Unsupported: the kernel has no Landlock, or it is switched off.
    """
    version = landlock_version()
    if version < 1:
        raise Unsupported("this kernel has no Landlock")
    known = _RIGHTS[max(least for least in _RIGHTS if least <= version)]
    attribute = struct.pack("=QQQ", known, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = _syscall(_CREATE_RULESET, ctypes.c_char_p(attribute), size, 0)
    for paths, rights in (
        (read, _READ_FILE | _READ_DIR),
        (run, _READ_FILE | _READ_DIR | _EXECUTE),
        (write, known & ~_EXECUTE),
    ):
        for path in paths:
            _allow(rules, path, rights & known)
    _syscall(_RESTRICT_SELF, rules, 0)
    os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there cannot be opened either
    try:
        rights &= -1 if os.path.isdir(path) else _ON_FILES  # noqa: PTH112 - pathlib costs 10 ms here
        rule = struct.pack("=Qi", rights, fd)
        _syscall(_ADD_RULE, rules, _RULE_PATH_BENEATH, ctypes.c_char_p(rule), 0)
    finally:
        os.close(fd)


def call_filter(machine: str, pid: int) -> list[Step]:
    """Return the filter program for processes, sockets, signals and other ways out.

    Raises:
        Unsupported: the architecture is none of :data:`SYSTEMS`.
    """
    if machine not in SYSTEMS:
        raise Unsupported(f"no system call filter for {machine}")
    audit, numbers = SYSTEMS[machine]
    to_itself = [(16, _EQUAL, pid)]
    conditions: dict[str, list[Test]] = {
        "clone": [(16, _HAS_BITS, _CLONE_THREAD)],
        "kill": to_itself,
        "tgkill": to_itself,
        "prlimit64": [(32, _EQUAL, 0), (36, _EQUAL, 0)],  # asks for limits, changes none
    }
    program = [(LOAD, 0, 0, 4), (_EQUAL, 1, 0, audit), (RETURN, 0, 0, _KILL), (LOAD, 0, 0, 0)]
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 1, _X32), (RETURN, 0, 0, _ERRNO | errno.EPERM)]
    for name, number in numbers.items():
        # glibc falls back to clone, whose flags a filter can see
        refusal = errno.ENOSYS if name == "clone3" else errno.EPERM
        program += _rule(number, conditions.get(name, []), refusal)
    return [*program, (RETURN, 0, 0, _ALLOW)]


def _rule(number: int, tests: list[Test], refusal: int) -> list[Step]:
    """Refuse the call ``number``, unless it passes all of some tests."""
    body: list[Step] = []
    for index, (offset, comparison, value) in enumerate(tests):
        to_refusal = 2 * (len(tests) - index) - 1
        body += [(LOAD, 0, 0, offset), (comparison, 0, to_refusal, value)]
    if tests:
        body.append((RETURN, 0, 0, _ALLOW))
    body.append((RETURN, 0, 0, _ERRNO | refusal))
    return [(_EQUAL, 0, len(body), number), *body]


def confine_calls() -> None:
    """Refuse this process others, sockets, and signals to anything but itself.

    Raises:
        Unsupported: no filter for this machine, or the kernel takes none.
    """
    program = call_filter(platform.machine(), os.getpid())
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    if _libc().prctl(_SET_SECCOMP, _SECCOMP_FILTER, ctypes.c_char_p(header), 0, 0) != 0:
        raise Unsupported(f"no system call filters: {os.strerror(ctypes.get_errno())}")


def _limit(kind: int, value: int, *, hard: bool = True) -> int:
    """Set a limit, or come as near as the hard limit in force allows; return what it is."""
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY and (value == resource.RLIM_INFINITY or value > ceiling):
        value = ceiling
    resource.setrlimit(kind, (value, value if hard else ceiling))
    return value


def limit_resources(plan: dict[str, Any]) -> int:
    """Set the plan's limits; return the stack in kilobytes that V8 may be told of."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, plan["file_mb"] * _MEGABYTE)
    _limit(resource.RLIMIT_NOFILE, plan["files"])
    _limit(resource.RLIMIT_CPU, plan["cpu_s"])
    _limit(resource.RLIMIT_DATA, plan["data_mb"] * _MEGABYTE)
    wanted = plan["stack_mb"] * _MEGABYTE if plan["stack_mb"] else resource.RLIM_INFINITY
    stack = _limit(resource.RLIMIT_STACK, wanted, hard=False)
    if stack == resource.RLIM_INFINITY:
        return STACK_KB
    return min(STACK_KB, stack // 1024 - _RESERVE_KB)


def confine(plan: dict[str, Any]) -> Iterable[str]:
    """Confine this process; yield what the system does not offer."""
    _libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    own = f"/proc/{os.getpid()}"
    # A rule holds for a file and not for its name. Where memory is short the kernel forgets such a
    # folder and makes it anew for the next look; what is held open it does not forget.
    os.set_inheritable(os.open(own, os.O_PATH), True)
    try:
        confine_files([*plan["read"], own], plan["run"], plan["write"])
    except Unsupported as error:
        yield str(error)
    try:
        confine_calls()
    except Unsupported as error:
        yield str(error)


def main(plan: dict[str, Any], argv: list[str]) -> None:
    """Replace this process by ``argv``, confined."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    stack_kb = limit_resources(plan)
    lacking = list(confine(plan)) if sys.platform == "linux" else ["not Linux"]
    if lacking and plan["required"]:
        sys.exit(f"cannot confine the prover: {'; '.join(lacking)}")
    told = [f"--stack-size={stack_kb}"] if plan["v8"] else []
    os.execv(argv[0], [argv[0], *told, *argv[1:]])  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
