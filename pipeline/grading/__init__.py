"""The checker: extraction of answers, equivalence, exact step verdicts, and a sandbox for
model-written Python.

`strict` is the reward of every RL run and the judge of every table; `deepseek` gives the verdicts
of the paper's own scorer, quirks included. Nothing in here evaluates model text. docs/grading.md
says what each mode decides."""

from pipeline.grading.answer.extract import extract
from pipeline.grading.grade import Grade, grade, grade_many, is_equivalent
from pipeline.grading.steps import step_verdicts

__all__ = ["Grade", "extract", "grade", "grade_many", "is_equivalent", "step_verdicts"]
