"""The server behind pipeline/grading/sandbox.py: run by its path in an isolated interpreter.

Messages are a length of four bytes and JSON. The server holds no secret: its environment is empty
and it reads nothing but snippets, because a child starts with a copy of its memory. It imports the
two files beside it and nothing else of ours."""

import gc
import json
import os
import select
import signal
import struct
import sys
import time
import traceback
from importlib import import_module

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
layering = import_module("sandbox_layers")  # by its bare name: nothing else of ours is in reach
del sys.path[0]


def child(job, out, err, layers, tools):
    """In the forked child: put on the layers, run the snippet, never return."""
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR)
    for source, target in ((null, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
    os.chdir("/")
    try:
        layering.confine(layers, tools, job)
    except OSError as error:
        os.write(2, str(error).encode())
        os._exit(layering.REFUSED)
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
            if code == layering.REFUSED and layers
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
    """Exit status of the child, or minus the signal; with `kill`, its whole process group goes
    first."""
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
    tools = {"landlock": layering.landlock_ruleset(), "seccomp": layering.seccomp_program()}
    layers = layering.available(tools)

    def send(message):
        data = json.dumps(message).encode()
        replies.write(struct.pack("!I", len(data)) + data)
        replies.flush()

    send({"layers": layers})
    while header := requests.read(4):
        send(run(json.loads(requests.read(struct.unpack("!I", header)[0])), layers, tools))


if __name__ == "__main__":
    main()
