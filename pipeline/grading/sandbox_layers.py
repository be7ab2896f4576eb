"""The layers around a snippet: limits, no new privileges, no capabilities, Landlock and seccomp.
Linux only.

Imported by sandbox_server.py in its isolated interpreter, so it imports nothing of ours but the
list of calls."""

import ctypes
import errno
import os
import platform
import resource
import signal
import sysconfig
from importlib import import_module

calls = import_module("sandbox_calls")

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_FILTER = 1, 38, 22, 2
PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
CAPABILITY_VERSION = 0x20080522
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
READ_FILE, READ_DIR, WRITE_FILE = 1 << 2, 1 << 3, 1 << 1
REFUSED = 97  # exit status of a child whose layers could not be put on

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


class Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    ]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Instruction))]


class Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def seccomp_program():
    """A filter that kills on a foreign architecture and answers EPERM to all calls but the allowed;
    None on an unknown machine."""
    if platform.machine() not in MACHINES:
        return None
    column, architecture = MACHINES[platform.machine()]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    allow, kill, refuse = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
    code = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (give, 0, 0, kill),
        (load, 0, 0, 0),
        (at_least, 0, 1, 0x40000000),
        (give, 0, 0, kill),
    ]  # the x32 numbers begin there
    for numbers in calls.ALLOWED.values():
        if numbers[column] is not None:
            code += [(equal, 0, 1, numbers[column]), (give, 0, 0, allow)]
    for numbers, commands in calls.ALLOWED_COMMANDS.values():
        checks = [(load, 0, 0, 24)]  # the low half of the second argument, which is a C int
        for command in commands:
            checks += [(equal, 0, 1, command), (give, 0, 0, allow)]
        checks.append((give, 0, 0, refuse))
        code += [(equal, 0, len(checks), numbers[column]), *checks]
    code.append((give, 0, 0, refuse))
    array = (Instruction * len(code))(*[Instruction(*row) for row in code])
    return Program(len(code), array)


def drop_capabilities():
    """No privilege of root in this process or a later one. Returns 0 when that holds."""
    for capability in range(64):
        LIBC.prctl(
            PR_CAPBSET_DROP, capability, 0, 0, 0
        )  # may fail without root, who has none to drop
    LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice 32 bits
    number = {"x86_64": (126, 125), "aarch64": (91, 90)}.get(platform.machine())
    if number is None or LIBC.syscall(number[0], header, none):
        return 1
    left = (ctypes.c_uint32 * 6)(*[1] * 6)
    return LIBC.syscall(number[1], header, left) or any(left)


def landlock_ruleset():
    """A file descriptor of the rules, or None: reading the Python folders and system libraries,
    nothing else."""
    abi = LIBC.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if abi < 1:
        return None
    rights = {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)
    rules = Ruleset((1 << rights) - 1, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = LIBC.syscall(
        LANDLOCK_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    if ruleset < 0:
        return None
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    for path in sorted(folders | {"/usr/lib", "/lib", "/lib64"}):
        _allow(ruleset, path, READ_FILE | READ_DIR)
    for path in ("/dev/null", "/dev/urandom"):
        _allow(ruleset, path, READ_FILE | (WRITE_FILE if path == "/dev/null" else 0))
    return ruleset


def _allow(ruleset, path, access):
    if os.path.exists(path):
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = PathRule(access, parent)
        if LIBC.syscall(
            LANDLOCK_ADD, ruleset, ctypes.c_int(1), ctypes.byref(rule), ctypes.c_uint32(0)
        ):
            raise OSError(ctypes.get_errno(), f"landlock rule for {path}")
        os.close(parent)


def confine(layers, tools, limits):
    """Put `layers` on this process. Raises OSError when one does not hold."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if "rlimits" in layers:
        seconds = int(limits["seconds"]) + 1
        for name, value in (
            ("CORE", 0),
            ("FSIZE", 0),
            ("NOFILE", 64),
            ("CPU", seconds),
            ("AS", limits["memory_mb"] << 20),
        ):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    calls = {
        "no_new_privs": lambda: LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        "capabilities": drop_capabilities,
        "landlock": lambda: LIBC.syscall(LANDLOCK_RESTRICT, tools["landlock"], ctypes.c_uint32(0)),
        "seccomp": lambda: LIBC.prctl(
            PR_SET_SECCOMP, SECCOMP_FILTER, ctypes.byref(tools["seccomp"]), 0, 0
        ),
    }
    for name, call in calls.items():
        if name == "seccomp":
            os.closerange(3, 1024)  # the rule set and the server's own ends of its pipes
        if name in layers and call():
            raise OSError(ctypes.get_errno(), f"{name} did not hold")


def available(tools):
    """The layers that hold in a child of this process, tried one after the other."""
    layers = []
    for name in ("rlimits", "no_new_privs", "capabilities", "landlock", "seccomp"):
        if tools.get(name, True) is None:
            continue
        pid = os.fork()
        if pid == 0:
            try:
                confine([*layers, name], tools, {"seconds": 5, "memory_mb": 4096})
            except OSError:
                os._exit(REFUSED)
            os._exit(0)
        if os.waitpid(pid, 0)[1] == 0:
            layers.append(name)
    return layers
