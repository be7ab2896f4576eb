"""A user's mistake, told in one line: which key, what to do, and the nearest name where one is
misspelt.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from pipeline.errors import ProcessLost, UserError

SHOW_TRACE = os.environ.get("HYDRA_FULL_ERROR") == "1"
# How torch says that a connection between the processes of a job broke.
LOST = re.compile(r"gloo|NCCL|Connection (closed|reset) by peer")
HINTS = {
    errno.ENOSPC: "free some space, then run it again: it resumes",
    errno.EACCES: "grant the permission, then run it again",
    errno.EROFS: "write elsewhere or remount it, then run it again",
    errno.ENOENT: "make it or give another path",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing when no known name is like the word."""
    names = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"; did you mean {names[found[0]]!r}?" if found else ""


class one_line_errors:  # noqa: N801  reads as a statement
    """A user's mistake, or a refusal of the file system, ends as one line and exit status 1.

    HYDRA_FULL_ERROR=1 shows the whole trace instead. Anything else is a bug and keeps its trace.
    `keys` returns the settings that exist, to name the one that a misspelt key is nearest to. Of
    several processes on a machine the first one speaks, as all of them meet the same mistake; that a
    process was lost each of the others says.
    """

    def __init__(self, name: str, keys: Callable[[], Iterable[str]] = tuple):
        self.name, self.keys = name, keys

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, KeyboardInterrupt):
            print(f"{self.name}: stopped; run it again and it resumes", file=sys.stderr)
            sys.exit(130)
        if isinstance(error, BrokenPipeError):  # the reader of a pipe left, as `head` does
            os._exit(141)
        if several() and isinstance(error, RuntimeError) and LOST.search(str(error)):
            error = ProcessLost.told_by(error)  # in the middle of a model in shards
        message = explain(error, self.keys) if error is not None else None
        if message is not None and not SHOW_TRACE:
            if os.environ.get("LOCAL_RANK", "0") == "0" or isinstance(error, ProcessLost):
                print(f"{self.name}: {message}", file=sys.stderr, flush=True)
            sys.exit(1)


def several() -> bool:
    """Whether this process is one of several that a launcher started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def explain(error: BaseException, keys: Callable[[], Iterable[str]] = tuple) -> str | None:
    """One line for the errors that a user can fix; None for a bug."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    if out_of_memory(error, text):
        return (
            f"not enough memory ({text[:120] or type(error).__name__}); lower micro_batch_tokens, batch or the number of "
            "parallel jobs, then run it again: what is on file stays"
        )
    if type(error).__module__.split(".")[0] in ("hydra", "omegaconf"):
        return of_hydra(text, keys)
    if "No space left on device" in text or "os error 28" in text:
        where = getattr(error, "filename", None)
        return f"{f'{where}: ' if where else ''}no space left on the device; {HINTS[errno.ENOSPC]}"
    if isinstance(error, OSError) and error.strerror:
        hint = HINTS.get(error.errno or 0, "fix that, then run it again")
        return f"{error.filename or 'the file system'}: {error.strerror.lower()}; {hint}"
    return text if isinstance(error, OSError) else None


def out_of_memory(error: BaseException, text: str) -> bool:
    """Whether memory ran out: the machine's or a GPU's, told by Python or by torch."""
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError) and "can't allocate memory" in text)


def of_hydra(text: str, keys: Callable[[], Iterable[str]]) -> str:
    """Hydra's message without its advice, and with the nearest key or choice."""
    hint = ""
    key = re.search(r"Could not override '([^']+)'", text)
    choice = re.search(r"Could not find '([^']+)'.*Available options in '[^']+': (.*)", text)
    if key:
        hint = nearest(key[1], keys()) or "; --help lists the settings"
    elif choice:
        options = choice[2].split(" Config search path:")[0].split()
        hint = nearest(choice[1].split("/")[-1], options)
    for tail in (" Config search path:", " To append to your config use", " full_key:"):
        text = text.split(tail)[0]
    text = text.replace("set the environment variable HYDRA_FULL_ERROR=1", "").strip()
    text = text.removeprefix("UserError raised while resolving interpolation: ")
    return text.rstrip(".") + hint if hint else text
