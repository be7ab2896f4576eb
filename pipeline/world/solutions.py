"""Worked solutions in the three formats of the paper (section 3.1).

Chain of thought (CoT), program of thought (PoT) and tool-integrated reasoning (TIR).
"""

from __future__ import annotations

import re

from pipeline.world.problems import Problem, Step

TIR_TEXT = {
    "en": ("Let a program do the steps.", "The program gives \\boxed{{{answer}}}"),
    "zh": ("用程序计算。", "程序给出\\boxed{{{answer}}}"),
}
NAMES = "abcdefghij"


def cot(problem: Problem) -> str:
    """One equation per line, then the boxed answer."""
    return "\n".join([*(s.equation for s in problem.steps), f"\\boxed{{{problem.answer}}}"])


def pot(problem: Problem) -> str:
    """A Python program that prints the answer, for problems that `has_program`."""
    return f"```python\n{program(problem)}\n```"


def tir(problem: Problem) -> str:
    """Text, a program, its output, and text with the boxed answer."""
    before, after = TIR_TEXT[problem.lang]
    return (
        f"{before}\n```python\n{program(problem)}\n```\n```output\n{printed(problem)}\n```\n"
        + after.format(answer=problem.answer)
    )


def program(problem: Problem) -> str:
    """The steps as assignments to a, b, c, ..., and a print of the last one.

    Only numbers of the question occur in it: whatever a step takes from an earlier one is a name.
    A problem with a program of its own has that one.
    """
    if problem.program:
        return problem.program
    lines = [f"{NAMES[i]}={_expression(step)}" for i, step in enumerate(problem.steps)]
    return "\n".join([*lines, f"print({NAMES[len(problem.steps) - 1]})"])


def _expression(step: Step) -> str:
    left = NAMES[step.left_ref] if step.left_ref >= 0 else str(step.left)
    right = NAMES[step.right_ref] if step.right_ref >= 0 else str(step.right)
    return f"{left}{'//' if step.op == '/' else step.op}{right}"


def printed(problem: Problem) -> str:
    """What the program prints: the answer with fractions as Python writes them, and 1x for x."""
    text = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"\1/\2", problem.answer)
    return re.sub(r"(?<!\d)x", "1x", text)


def has_program(problem: Problem) -> bool:
    """Whether a program can print the answer."""
    by_steps = bool(problem.steps) and problem.answer == str(problem.steps[-1].value)
    return bool(problem.program) or by_steps


FORMATS = {"cot": cot, "pot": pot, "tir": tir}
