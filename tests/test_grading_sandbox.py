"""Attacks on the sandbox. Every one runs without root, and with the sandbox's own limits only."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.grading.sandbox import LAYERS, Limits, Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")
ROOT = Path(__file__).parents[1]
VICTIM = Path(f"/tmp/sandbox-victim-{os.getuid()}")  # of one user: another may not overwrite it


@pytest.fixture(scope="module")
def sandbox():
    try:
        box = Sandbox(Limits(seconds=2, output_bytes=10_000))
    except UserError as error:
        pytest.skip(str(error))
    yield box
    box.close()


def test_all_layers_are_active(sandbox):
    assert sandbox.layers == LAYERS


def test_an_honest_snippet_prints(sandbox):
    result = sandbox.run(
        "from sympy import symbols, solve\nx = symbols('x')\nprint(solve(x**2 - 5))"
    )
    assert (result.status, result.stdout, result.error) == ("ok", "[-sqrt(5), sqrt(5)]\n", "")
    assert sandbox.run("print(len(str(10**5000)))").stdout == "5001\n"


def test_an_error_comes_back_as_text(sandbox):
    result = sandbox.run("print(1)\n1/0")
    assert (result.status, result.stdout) == ("error", "1\n")
    assert result.error.endswith("ZeroDivisionError: division by zero\n")
    assert "sandbox_server" not in result.error


REFUSED = {
    "read": "open('/etc/passwd').read()",
    "read by os": "import os\nos.open('/etc/shadow', os.O_RDONLY)",
    "list": "import os\nos.listdir('/')",
    "own memory": "open('/proc/self/mem')",
    "parent's environment": "import os\nopen(f'/proc/{os.getppid()}/environ').read()",
    "write": "open('/tmp/written', 'w')",
    "write into Python": "import sympy\nopen(sympy.__file__, 'a')",
    "write at home": "import os\nos.makedirs(os.path.expanduser('~/x'))",
    "delete": f"import os\nos.unlink('{VICTIM}')",
    "mode": f"import os\nos.chmod('{VICTIM}', 0)",
    "link": "import os\nos.symlink('/etc/passwd', '/tmp/link')",
    "memory file": "import os\nos.memfd_create('x')",
    "network": "import socket\nsocket.create_connection(('127.0.0.1', 80), 1)",
    "datagram": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "unix socket": "import socket\nsocket.socketpair()",
    "name look-up": "import socket\nsocket.getaddrinfo('example.org', 80)",
    "subprocess": "import subprocess\nsubprocess.run(['/bin/ls'])",
    "exec": "import os\nos.execv('/bin/ls', ['ls'])",
    "fork": "import os\nos.fork()",
    "fork bomb": "import os\nwhile True:\n    os.fork()",
    "threads": "import threading\nthreading.Thread(target=print).start()",
    "multiprocessing": "import multiprocessing\nmultiprocessing.Process(target=print).start()",
    "kill the parent": "import os\nos.kill(os.getppid(), 9)",
    "kill everything": "import os\nos.kill(-1, 9)",
    "kill the parent's group": "import os\nos.killpg(os.getpgid(os.getppid()), 9)",
    "signal by pidfd": "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)",
    "leave the group": "import os\nos.setpgid(0, 0) or os.setsid()",
    "raise a limit": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (999, 999))",
    "memory": "x = bytearray(5 << 30)",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(sandbox, name):
    VICTIM.write_text("unharmed")
    VICTIM.chmod(0o644)
    result = sandbox.run(REFUSED[name])
    assert result.status == "error", result
    assert not Path("/tmp/written").exists() and not Path("/tmp/link").exists()
    assert VICTIM.read_text() == "unharmed" and VICTIM.stat().st_mode & 0o777 == 0o644
    assert sandbox.run("print('alive')").stdout == "alive\n"


# system calls by number (x86_64) that a snippet makes itself; arguments that would succeed for root where allowed
CALLS = {
    "sethostname": "170, b'h', 1",
    "setdomainname": "171, b'd', 1",
    "syslog": "103, 10, None, 0",
    "setreuid": "113, 0, 0",
    "setuid": "105, 0",
    "setgroups": "116, 0, None",
    "mlockall": "151, 1",
    "flock": "73, os.open(os.__file__, os.O_RDONLY), 2",
    "lock by fcntl": "72, os.open(os.__file__, os.O_RDONLY), 6, None",
    "lease by fcntl": "72, os.open(os.__file__, os.O_RDONLY), 1024, 0",
    "owner by fcntl": "72, 1, 8, 1",
    "asynchronous by fcntl": "72, 1, 4, 0o20000",
    "terminal input by ioctl": "16, 0, 0x5412, b'x'",
    "swapoff": "168, b'/none'",
    "acct": "163, None",
    "adjtimex": "159, None",
    "clock_adjtime": "305, 0, None",
    "clock_settime": "227, 0, None",
    "settimeofday": "164, None, None",
    "reboot": "169, 0, 0, 0, None",
    "mount": "165, None, None, None, 0, None",
    "iopl": "172, 3",
    "quotactl": "179, 0, None, 0, None",
    "vhangup": "153",
    "personality": "135, 0",
    "prctl": "157, 4, 0, 0, 0, 0",
    "prlimit64": "302, 0, 0, None, None",
    "capset": "126, None, None",
    "chroot": "161, b'/'",
    "chdir": "80, b'/tmp'",
    "umask": "95, 0",
    "truncate": "76, b'/tmp/x', 0",
    "sync": "162",
    "shmget": "29, 0, 4096, 0o1600",
    "memfd_create": "319, b'x', 0",
    "eventfd2": "290, 0, 0",
    "timerfd_create": "283, 0, 0",
    "landlock_create_ruleset": "444, None, 0, 1",
    "io_uring_setup": "425, 1, None",
    "bpf": "321, 0, None, 0",
    "a call that no kernel has": "999",
}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_is_not_on_the_list_is_refused(sandbox, name):
    code = (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"print(libc.syscall({CALLS[name]}), ctypes.get_errno())"
    )
    assert sandbox.run(code).stdout == "-1 1\n"  # EPERM


def test_no_capability_is_left(sandbox):
    code = (
        "import ctypes\nhead, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[7] * 6)\n"
        "print(ctypes.CDLL(None).capget(head, sets), list(sets))"
    )
    assert sandbox.run(code).stdout == "0 [0, 0, 0, 0, 0, 0]\n"


def test_what_is_not_stopped_is_what_the_documentation_says(sandbox, tmp_path):
    """Of a file outside, a snippet that knows its path learns that it exists and how large it is, not what it holds."""
    secret = tmp_path / "secret"
    secret.write_text("thirteen char")
    os.chmod(tmp_path, 0o755)
    code = f"import os\nprint(os.path.exists({str(secret)!r}))\nopen({str(secret)!r})"
    result = sandbox.run(code)
    assert result.status == "error" and "thirteen" not in result.stdout + result.error
    assert "existence and size" in (ROOT / "docs/grading.md").read_text(encoding="utf-8")


def test_no_command_runs(sandbox):
    assert sandbox.run(
        "import os\nprint(os.system('touch /tmp/ran') == 0, os.path.exists('/bin/sh'))"
    ).stdout.startswith("False")
    assert not Path("/tmp/ran").exists()


ENDED = {
    "endless loop": ("while True: pass", {"timeout", "killed"}),
    "loop that swallows everything": (
        "import signal\nfor s in range(1, 64):\n    try: signal.signal(s, signal.SIG_IGN)\n    except Exception: pass\n"
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        {"timeout", "killed"},
    ),
    "many objects": (
        "x = []\nwhile True:\n    x.append(' ' * 10**8 + str(len(x)))",
        {"timeout", "killed", "error"},
    ),
    "sleep": ("import time\ntime.sleep(1000)", {"timeout"}),
    "sleep with closed output": (
        "import os, time\nos.close(1); os.close(2)\ntime.sleep(1000)",
        {"timeout"},
    ),
    "power": ("print(9**9**7)", {"timeout", "killed", "error"}),
    "output flood": ("while True: print('x' * 1000)", {"output"}),
    "error flood": ("import sys\nwhile True: sys.stderr.write('x' * 1000)", {"output"}),
    "segfault": ("import ctypes\nctypes.string_at(0)", {"killed"}),
    "abort": ("import os\nos.abort()", {"killed", "error"}),
    "deep recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
        {"killed", "error", "timeout"},
    ),
}


@pytest.mark.parametrize("name", ENDED)
def test_ended(sandbox, name):
    code, statuses = ENDED[name]
    result = sandbox.run(code)
    assert result.status in statuses, result
    assert len(result.stdout) <= 10_000 and len(result.error) <= 10_100
    assert sandbox.run("print('alive')").stdout == "alive\n"


def test_os_exit_ends_only_the_snippet(sandbox):
    assert sandbox.run("import os\nos._exit(0)").status == "ok"
    assert sandbox.run("import os\nos._exit(1)").status == "error"
    assert sandbox.run("print('alive')").stdout == "alive\n"


def test_nothing_leaks_into_the_next_snippet(sandbox):
    sandbox.run(
        "import math, random, builtins\nmath.sqrt = lambda x: -1\nrandom.seed(7)\nbuiltins.print = None\nleaked = 1"
    )
    result = sandbox.run("import math\nprint(math.sqrt(4), 'leaked' in globals())")
    assert result.stdout == "2.0 False\n"


def test_only_text_comes_back(sandbox):
    """What looks like the protocol or a pickle is text like any other."""
    result = sandbox.run("import sys\nsys.stdout.buffer.write(b'\\x00\\x00\\x00\\x02{}\\xff')")
    assert result == type(result)("ok", "\x00\x00\x00\x02{}\ufffd", "")


def test_results_do_not_depend_on_order_or_pool(sandbox):
    codes = [f"import random\nprint({k}, random.random())" for k in range(12)]
    forward, backward = sandbox.run_many(codes), sandbox.run_many(codes[::-1])
    with Sandbox(Limits(seconds=2), processes=2) as two:
        assert forward == backward[::-1] == two.run_many(codes)


def test_fewer_layers_are_refused(monkeypatch):
    from pipeline.grading import sandbox as module

    monkeypatch.setattr(module, "LAYERS", (*LAYERS, "a layer that no kernel has"))
    with pytest.raises(UserError, match="a layer that no kernel has not available"):
        Sandbox()
    with Sandbox(allow_fewer=True) as box:
        assert box.run("print(1)").stdout == "1\n"


@pytest.mark.skipif(os.getuid() != 0, reason="already without root")
def test_all_layers_hold_without_root():
    code = (
        "from pipeline.grading.sandbox import Sandbox, LAYERS\nb = Sandbox()\nassert b.layers == LAYERS\n"
        "print(b.run('open(\"/etc/passwd\")').status, b.run('print(1)').stdout)"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            user=65534,
            group=65534,
            extra_groups=[],
            capture_output=True,
            text=True,
            timeout=120,
        )
    except PermissionError:
        pytest.skip("nobody may not run this Python")
    if "Permission denied" in done.stderr:
        pytest.skip("nobody may not read this Python or this folder")
    assert done.stdout == "error 1\n\n", done.stderr
