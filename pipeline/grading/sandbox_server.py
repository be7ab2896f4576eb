"""The server behind pipeline/grading/sandbox.py: run by its path in an isolated interpreter, imports nothing of ours.

Messages are a length of four bytes and JSON. The server holds no secret: its environment is empty and it reads nothing
but snippets, because a child starts with a copy of its memory.
"""

import ctypes
import gc
import json
import os
import platform
import resource
import select
import signal
import struct
import sys
import sysconfig
import time
import traceback

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_FILTER = 1, 38, 22, 2
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
READ_FILE, READ_DIR, WRITE_FILE = 1 << 2, 1 << 3, 1 << 1
REFUSED = 97  # exit status of a child whose layers could not be put on

# system call numbers (x86_64, aarch64; None = the machine has no such call). What pure computation never needs: other
# processes and threads, signals, sockets, names and modes of files, mounts, keys, other people's memory.
CALLS = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "bind": (49, 200),
    "listen": (50, 201),
    "socketpair": (53, 199),
    "accept4": (288, 242),
    "recvmmsg": (299, 243),
    "sendmmsg": (307, 269),
    "clone": (56, 220),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "clone3": (435, 435),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "prlimit64": (302, 261),
    "setrlimit": (160, 164),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    "setpriority": (141, 140),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "prctl": (157, 167),
    "seccomp": (317, 277),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "personality": (135, 92),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setgroups": (116, 159),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "capset": (126, 91),
}
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
    """A filter that kills on a foreign architecture and answers EPERM to CALLS; None on an unknown machine."""
    if platform.machine() not in MACHINES:
        return None
    column, architecture = MACHINES[platform.machine()]
    numbers = sorted({row[column] for row in CALLS.values() if row[column] is not None})
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    allow, kill, refuse = 0x7FFF0000, 0x80000000, 0x00050000 | 1
    code = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (give, 0, 0, kill),
        (load, 0, 0, 0),
        (at_least, 0, 1, 0x40000000),
        (give, 0, 0, kill),
    ]  # the x32 numbers begin there
    for number in numbers:
        code += [(equal, 0, 1, number), (give, 0, 0, refuse)]
    code.append((give, 0, 0, allow))
    array = (Instruction * len(code))(*[Instruction(*row) for row in code])
    return Program(len(code), array)


def landlock_ruleset():
    """A file descriptor of the rules, or None: reading the Python folders and system libraries, nothing else."""
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
    for name in ("rlimits", "no_new_privs", "landlock", "seccomp"):
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


def child(job, out, err, layers, tools):
    """In the forked child: put on the layers, run the snippet, never return."""
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR)
    for source, target in ((null, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
    os.chdir("/")
    try:
        confine(layers, tools, job)
    except OSError as error:
        os.write(2, str(error).encode())
        os._exit(REFUSED)
    sys.stdin, sys.stdout = open(0), open(1, "w", encoding="utf-8", errors="replace")
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace")
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)
    sys.modules["random"].seed(0)  # a fork seeds it anew
    sys.modules["numpy"].random.seed(0)
    status = 0
    try:
        exec(
            compile(job["code"], "<snippet>", "exec"),
            {"__name__": "__main__", "__builtins__": __builtins__},
        )
    except SystemExit as stop:
        status = 0 if stop.code in (None, 0) else 1
    except BaseException as error:
        status = 1
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        sys.stderr.write("".join(traceback.format_exception(type(error), error, trace)))
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (
        BaseException
    ):  # the snippet may have closed or replaced them; its exit status still counts
        status = status or 1
    os._exit(status)


def run(job, layers, tools):
    """Fork, read both pipes up to the cap until the deadline, kill, and report."""
    pipes = [os.pipe(), os.pipe()]
    pid = os.fork()
    if pid == 0:
        child(job, pipes[0][1], pipes[1][1], layers, tools)
    for _, write_end in pipes:
        os.close(write_end)
    texts, status = collect(pid, [read_end for read_end, _ in pipes], job)
    code = reap(pid, status is not None)
    if status is None:
        status = (
            "refused"
            if code == REFUSED and layers
            else "killed"
            if code < 0
            else "error"
            if code
            else "ok"
        )
    if status == "killed":
        texts[1] += f"killed by {signal.Signals(-code).name}".encode()
    return {
        "status": status,
        "stdout": texts[0].decode("utf-8", "replace"),
        "error": texts[1].decode("utf-8", "replace"),
    }


def collect(pid, ends, job):
    """([stdout, stderr], None or why it was stopped)."""
    texts, open_ends, deadline = [b"", b""], list(ends), time.monotonic() + job["seconds"]
    status = None
    while open_ends and status is None:
        ready, _, _ = select.select(open_ends, [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            status = "timeout"
        for end in ready:
            data = os.read(end, 65_536)
            if not data:
                open_ends.remove(end)
                continue
            which = ends.index(end)
            texts[which] += data
            if len(texts[which]) > job["output_bytes"]:
                texts[which], status = texts[which][: job["output_bytes"]], "output"
    if status is None and not wait_until(pid, deadline):  # both pipes closed, still running
        status = "timeout"
    for end in ends:
        os.close(end)
    return texts, status


def wait_until(pid, deadline):
    """Whether the child ends before the deadline (it is left to be reaped)."""
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return True
        time.sleep(0.0005)
    return False


def reap(pid, kill):
    """Exit status of the child, or minus the signal; with `kill`, its whole process group goes first."""
    if kill:
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:  # killed before it made its own group
            os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def preload():
    """Import what snippets import, and reach a state from which every child starts alike."""
    import sympy

    for name in (
        "collections",
        "datetime",
        "decimal",
        "fractions",
        "functools",
        "heapq",
        "itertools",
        "math",
        "re",
        "statistics",
        "string",
        "sympy.abc",
        "sympy.solvers",
        "numpy.random",
    ):
        __import__(name)
    sympy.solve(sympy.Symbol("x") ** 2 - 4)
    sympy.simplify(sympy.sin(sympy.Symbol("x")) ** 2)
    sys.set_int_max_str_digits(
        0
    )  # print(10**5000) is no error; time and output have their own caps
    gc.collect()
    gc.freeze()


def main():
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    preload()
    tools = {"landlock": landlock_ruleset(), "seccomp": seccomp_program()}
    layers = available(tools)

    def send(message):
        data = json.dumps(message).encode()
        replies.write(struct.pack("!I", len(data)) + data)
        replies.flush()

    send({"layers": layers})
    while header := requests.read(4):
        send(run(json.loads(requests.read(struct.unpack("!I", header)[0])), layers, tools))


if __name__ == "__main__":
    main()
