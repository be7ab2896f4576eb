"""`dsm COMMAND ...`: one program for everything that a person types. `python -m pipeline.cli
COMMAND ...` is the same.

A command is one line of `COMMANDS`. Its module is imported only when it is asked for, and has a
`main()` that reads sys.argv and returns an exit status, or None for success.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NamedTuple

from pipeline.errors import UserError
from pipeline.wiring.lines import nearest, one_line_errors


class Command(NamedTuple):
    """`module` runs it; `given` are words put before those that the user types."""

    module: str
    help: str
    given: tuple[str, ...] = ()


COMMANDS = {
    "corpus": Command("pipeline.cli.corpus", "mine a mathematical corpus from web pages"),
    "grade": Command("pipeline.cli.grade", "grade a JSONL file of predictions", ("grade",)),
    "explain": Command("pipeline.cli.grade", "why an answer is right or wrong", ("explain",)),
    "evaluate": Command("pipeline.cli.evaluate", "evaluate a model folder on benchmarks"),
    "compare": Command("pipeline.cli.compare", "two evaluated models, question by question"),
    "ask": Command("pipeline.cli.ask", "ask a model one question"),
    "rollouts": Command("pipeline.cli.rollouts", "read the rollouts of an RL run"),
    "base": Command("pipeline.cli.base", "fetch a base model into a folder"),
    "claims": Command("pipeline.cli.claims", "the table of claims, or one build's again"),
    "plan": Command(
        "pipeline.cli.plan", "what a profile costs before it runs, and whether it fits"
    ),
    "why": Command("pipeline.cli.why", "what would run again, and why"),
}


def usage() -> str:
    """The list of commands."""
    lines = ["usage: dsm COMMAND ...   (dsm COMMAND --help says more)", ""]
    lines += [f"  {name:10} {command.help}" for name, command in COMMANDS.items()]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns its exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if words else 2
    name, *rest = words
    with one_line_errors(f"dsm {name}" if name in COMMANDS else "dsm"):
        if name not in COMMANDS:
            raise UserError(f"no command {name!r}{nearest(name, COMMANDS)} (dsm --help lists them)")
        command = COMMANDS[name]
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # transformers' own bars
        sys.argv = [f"dsm {name}", *command.given, *rest]
        return import_module(command.module).main() or 0


if __name__ == "__main__":
    sys.exit(main())
