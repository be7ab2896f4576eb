"""The few-shot prompts of the paper's base models, read from the authors' files: the examples are
not copied here.

A prompt is the file's text, then the question in the file's own format; a generation stops where a
next question would begin (EVAL_PROTOCOL). `evaluate.exemplars=paper` asks so."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.evaluate.bbh import TASKS
from pipeline.evaluate.suites import GROUPS

PAPER = "paper"
_PROBLEM, _PROBLEM_STOPS = "Problem:\n{question}\n", ("\nProblem:",)
_CHOICES = "从以下选项中选择"


@dataclass(frozen=True)
class Format:
    """file, its sha256, how many examples it holds, what joins it to the question, the question,
    the stops."""

    file: str
    sha256: str
    shots: int
    between: str
    ask: str
    stops: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """A prompt's text up to the question, its `ask` with {question}, and the stop strings."""

    name: str
    text: str
    ask: str
    stops: tuple[str, ...]
    program: str = ""  # "gsm8k" | "math": how the program stands in a continuation

    def prompt(self, question: str) -> str:
        """The whole prompt of one question."""
        if _CHOICES in self.ask:  # the file lists options behind a colon and four spaces
            question = question.replace(f"\n{_CHOICES}：", "\n{question}", 1)
            stem, _, options = question.partition("\n{question}")
            return self.text + self.ask.replace("{question}", stem).replace("{options}", options)
        return self.text + self.ask.replace("{question}", question)


_GSM = Format(
    "fewshot/cot_gsm_8_shot.txt",
    "32591ac8edb0e7978e439bcc90701349062dd54557124e0859ed65dbc205894b",
    8,
    "\n\n\n",
    "Q: {question}\nA:",
    ("\nQ:",),
)
_MATH = Format(
    "fewshot/cot_minerva_math_4_shot.txt",
    "4743061e8393cca1dcd805138b1ab15f0d72844392f2cc5aae511e978cced3a3",
    4,
    "\n\n",
    _PROBLEM + "\nSolution:\n",
    _PROBLEM_STOPS,
)
_CMATH = Format(
    "fewshot/cot_cmath_6_shot.txt",
    "b6f845bb98f1e754d1580f6e2324279ab0c43050038fc1196be63f050ecd3857",
    6,
    "\n\n",
    "问题：{question}\n答案：",
    ("\n问题：",),
)
COT = {
    "gsm8k": _GSM,
    "math": _MATH,
    "math500": _MATH,
    "cmath": _CMATH,
    "mgsm_zh": _CMATH,
    "ocw": Format(
        "fewshot/cot_ocwcourses_4_shot.txt",
        "f1bb69ca473345cd0ea512546354214a56453a6cb1a3e5dbc52af0b558176640",
        4,
        "\n\n",
        _PROBLEM + "Solution:\n",
        _PROBLEM_STOPS,
    ),
    "sat": Format(
        "fewshot/cot_math_sat_4_shot.txt",
        "9ac20499b36f379ae20261824438950d69e8b665a61891f8583e0cfd33f31033",
        4,
        "\n\n",
        _PROBLEM + "Solution:\n",
        _PROBLEM_STOPS,
    ),
    "mmlu_stem": Format(
        "fewshot/cot_mmlu_stem_4_shot.txt",
        "4a8070c9e3499b93b6c3a5b3d5130f5d82edeb2a570f33903c686441aff48ea7",
        4,
        "\n\n",
        _PROBLEM + "Solution:\n",
        _PROBLEM_STOPS,
    ),
    "gaokao_cloze": Format(
        "fewshot/cot_gaokao_mathcloze_5_shot.txt",
        "8cd5597538bde14d404b502fe94100c5f002abe0a783043f0fa44ae3969d1435",
        5,
        "\n\n",
        "问题 6.   {question}\n问题 6的解析:   ",
        ("\n问题 ",),
    ),
    "gaokao_qa": Format(
        "fewshot/cot_gaokao_mathqa_5_shot.txt",
        "775259edd7b402e2bb1090cbbdbe1584d7b3e83d04968a504e6a893cc40108a2",
        5,
        "\n\n",
        f"问题 6.    {{question}}\n{_CHOICES}:    {{options}}\n问题 6的解析:   ",
        ("\n问题 ",),
    ),
    **{
        f"bbh_{task}": Format(
            f"bbh/cot_prompts/{task}.txt",
            files.prompt,
            3,
            "\n\n",
            "Q: {question}\nA: Let's think step by step.\n",
            ("\n\nQ:", "\nQ:"),
        )
        for task, files in TASKS.items()
    },
}
PROGRAMS = {
    "gsm8k": Format(
        "fewshot/pal_gsm_8_shot.txt",
        "c48a0a913ad900f58015cbbedbadb329d0a4d96d66c28c8eea75877c2ab95235",
        8,
        "\n\n\n\n\n\n",
        "Q: {question}\n\n# solution in Python:\n\n\n",
        ("\nQ:",),
    ),
    "math": Format(
        "fewshot/pal_math_4_shot.txt",
        "d532ff701a4bf9e48cd32e9c1abf17917c5842de0cdcf2a2d9fb4a3def12a953",
        5,
        "\n\n",
        _PROBLEM
        + "\nYou are an expert programmer. Solve the above mathematical problem by writing a Python program. "
        "Express your answer as a numeric type or a SymPy object.\n",
        _PROBLEM_STOPS,
    ),
}


def paper_prompt(name: str, format: str, folder: Path | None) -> Shown:
    """The prompt of a benchmark. format -- "cot" or "pot". Raises UserError for a benchmark that
    the paper does not ask so, and a missing or different file."""
    table = COT if format == "cot" else PROGRAMS
    if name not in table:
        raise UserError(
            f"{name}: the paper has no {format} prompt for it; it has {', '.join(table)}"
        )
    wanted = table[name]
    if folder is None:
        raise UserError(
            f"{name}: evaluate.folder is not set; give the folder that holds {wanted.file}"
        )
    path = folder / wanted.file
    if not path.is_file():
        raise UserError(f"{path}: no such file; it holds the paper's {wanted.shots} examples")
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != wanted.sha256:
        raise UserError(
            f"{path}: not the expected file (sha256 {digest[:12]}, expected {wanted.sha256[:12]})"
        )
    text = data.decode("utf-8").replace("\r\n", "\n")
    if name in GROUPS["bbh"]:
        text = text.split("-----\n", 1)[-1]  # behind the canary line
    program = name if format == "pot" else ""
    return Shown(path.name, text.strip() + wanted.between, wanted.ask, wanted.stops, program)


def program_of(shown: Shown, text: str) -> str | None:
    """The program that a continuation of a program prompt states, with a line that prints its
    answer."""
    if shown.program == "gsm8k":
        return f"{text}\nprint(solution())" if "def solution" in text else None
    fences = text.split("```")  # the code, then a block of its imports
    if len(fences) != 5:
        return None
    return f"{fences[3].strip()}\n{fences[1].strip()}\nprint(answer)"
