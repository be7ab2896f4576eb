"""Programs in a model's text: which code runs, and what the model sees of its result
(EVAL_PROTOCOL, tool mode).

Model-written code never runs here: `run_all` hands it to the sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipeline.errors import UserError

BLOCK = re.compile(r"```python[ \t]*\n(.*?)(?:\n?```|\Z)", re.DOTALL)
OUTPUT = "```output"
SHOWN = 50  # characters kept at either end of a long output
SECONDS = 10.0


@dataclass(frozen=True)
class Ran:
    """`output`: what the program printed; `error`: the last lines of its failure, "" when it ended
    well."""

    output: str
    error: str = ""


def blocks(text: str) -> list[str]:
    """The Python code blocks of a text, in order; an unclosed last block counts."""
    return [match.group(1) for match in BLOCK.finditer(text)]


def program(text: str) -> str | None:
    """What runs after the last block of `text`: the earlier blocks without their top-level prints,
    then the last one.

    There is no kernel between rounds, so earlier definitions must run again, and must not print
    again."""
    found = blocks(text)
    if not found:
        return None
    earlier = [
        line for block in found[:-1] for line in block.split("\n") if not line.startswith("print(")
    ]
    return "\n".join([*earlier, found[-1]])


def shown(ran: Ran) -> str:
    """The text of an output block: the output, or `Runtime errors: ...`; the middle of a long one
    is left out."""
    text = (
        f"Runtime errors: {_middle_out(ran.error)}"
        if ran.error
        else _middle_out(ran.output.strip())
    )
    return text.replace("```", "'''")  # a printed fence must not close the block


def run_all(programs: Sequence[str]) -> list[Ran]:
    """Run each program in the sandbox, in order; equal programs run once. Raises UserError where
    there is no sandbox."""
    results = {}
    for source in programs:
        if source not in results:
            found = _sandbox().run(source)
            failure = {"ok": "", "error": found.error or "error", "output": ""}.get(
                found.status, found.status
            )
            results[source] = Ran(found.stdout, failure)
    return [results[source] for source in programs]


def missing_sandbox() -> str:
    """Why model-written programs cannot run on this machine; "" when they can."""
    try:
        _sandbox()
    except UserError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1)
def _sandbox():
    from pipeline.grading.sandbox import Limits, Sandbox

    return Sandbox(Limits(seconds=SECONDS))


def _middle_out(text: str) -> str:
    return text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]}...{text[-SHOWN:]}"
