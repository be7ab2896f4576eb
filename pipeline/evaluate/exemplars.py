"""Worked solutions that a few-shot prompt shows: rows of the training split by stated ids, or a
user's file.

Only the ids are here; the texts are read from the data sets. CMATH's public training rows give an
answer without a solution, so its exemplars, and those of MGSM-zh, which has no training rows of its
own, show the answer alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluate.paper_prompts import PAPER, Shown, paper_prompt
from pipeline.evaluate.suites import TABLE, last_box
from pipeline.records import Instruction, read_jsonl, read_rows

_ASK = re.compile(
    r" Let's think step by step and output the final answer within \\boxed\{\}\.$"
)  # glued on by the release


KIND = {"cot": "chain-of-thought", "pot": "program"}


@dataclass(frozen=True)
class Stated:
    """`ids` in the order of the prompt; `file` is relative to the folder of benchmarks, or to that
    of the world."""

    file: str
    ids: tuple[str, ...]
    read: Callable[[dict[str, Any], int], Instruction] | None = (
        None  # None: rows are `Instruction` already
    )


def _gsm8k(row: dict[str, Any], index: int) -> Instruction:
    solution, answer = row["answer"].rsplit("####", 1)
    return Instruction(
        f"gsm8k-train-{index}",
        row["question"],
        re.sub(r"<<[^<>]*>>", "", solution).strip(),
        answer.strip(),
    )


def _gsm8k_program(row: dict[str, Any], index: int) -> Instruction:
    """The calculations that GSM8K's authors noted in a solution (`<<48/2=24>>`) as a program that
    prints the last."""
    plain = _gsm8k(row, index)
    noted = re.findall(r"<<([^<>=]*)=([^<>=]*)>>", row["answer"])
    named: dict[str, str] = {}  # a value -> the variable that holds it
    lines = []
    for k, (left, value) in enumerate(noted):
        lines.append(
            f"v{k} = " + "".join(named.get(part, part) for part in re.split(r"(\d*\.?\d+)", left))
        )
        named[value] = f"v{k}"
    code = "\n".join([*lines, f"print(v{len(noted) - 1})"])
    return replace(plain, solution=f"```python\n{code}\n```", format="pot")


def _math(row: dict[str, Any], index: int) -> Instruction:
    truth = row["reward_model"]["ground_truth"]
    answer = last_box(truth["solution"])
    return Instruction(
        f"math-train-{row['extra_info']['index']}",
        _ASK.sub("", truth["question"]),
        truth["solution"],
        answer,
    )


def _cmath(row: dict[str, Any], index: int) -> Instruction:
    return Instruction(
        f"cmath-dev-{index}",
        row["input"],
        "",
        str(row["golden"]),
        lang="zh",
        level=int(row["grade"]),
    )


def _world(prefix: str, suffix: str = "", file: str = "instruct.jsonl") -> Stated:
    return Stated(file, tuple(f"{prefix}-{k:05d}{suffix}" for k in range(128)))


_CMATH = Stated(
    "cmath/cmath_dev.jsonl", tuple(f"cmath-dev-{k}" for k in (0, 100, 200, 300, 400, 500)), _cmath
)
STATED: dict[str, Stated] = {  # the paper's numbers of shots: 8 on GSM8K, 4 on MATH, 6 on CMATH
    "mini_gsm8k": _world("sft-word_en"),
    "mini_math": _world("sft-symbolic"),
    "mini_cmath": _world("sft-word_zh"),
    "mini_bbh": _world("sft-bbh_en", file="bbh_examples.jsonl"),
    "mini_bbh_zh": _world("sft-bbh_zh", file="bbh_examples.jsonl"),
    "gsm8k": Stated("gsm8k/train.jsonl", tuple(f"gsm8k-train-{k}" for k in range(8)), _gsm8k),
    "math": Stated(
        "math/train.verl.parquet",
        tuple(f"math-train-{k}" for k in (2, 1749, 4685, 6760, 5553, 2547, 3394)),
        _math,
    ),
    "cmath": _CMATH,
    "mgsm_zh": _CMATH,
}
STATED["math500"] = STATED["math"]
PROGRAMS: dict[str, Stated] = {
    "mini_gsm8k": _world("sft-word_en", "-pot"),
    "mini_math": _world("sft-symbolic", "-pot"),
    "mini_cmath": _world("sft-word_zh", "-pot"),
    "gsm8k": replace(STATED["gsm8k"], read=_gsm8k_program),
}


def exemplars_of(
    name: str, shots: int, file: str, world: Path, folder: Path | None, format: str = "cot"
) -> tuple[Instruction, ...] | Shown:
    """`shots` exemplars of the benchmark's language: of `file` when one is given, else the stated
    ones; with `file` = "paper" the paper's own prompt, whose number of examples is its own.

    format -- "cot": chains of thought; "pot": programs
    world  -- folder of the miniature benchmarks (their training rows lie next to it)
    Raises UserError.
    """
    if file == PAPER:
        return paper_prompt(name, format, folder)
    if shots < 1:
        raise UserError(
            "protocols few_shot and pal need evaluate.shots >= 1, and evaluate.exemplars for a benchmark without "
            "stated ids"
        )
    lang = TABLE[name].lang if name in TABLE else "en"
    if file:
        return _first(read_rows(Path(file), Instruction), shots, lang, file, format)
    table = STATED if format == "cot" else PROGRAMS
    if name not in table:
        raise UserError(
            f"{name}: no {KIND[format]} exemplars are stated for it; name a file with evaluate.exemplars (JSONL of "
            "Instruction)"
        )
    stated = table[name]
    if stated.read is None:
        path = world.parent / stated.file
        rows = {row.id: row for row in read_rows(path, Instruction)}
    elif folder is None:
        raise UserError(
            f"{name}: evaluate.folder is not set; give the folder that holds {stated.file}"
        )
    else:
        path = folder / stated.file
        read = (stated.read(row, index) for index, row in enumerate(_rows(path)))
        rows = {row.id: row for row in read}
    return _first((rows[i] for i in stated.ids if i in rows), shots, lang, str(path), format)


def names_of(exemplars: Sequence[Instruction] | Shown) -> list[str]:
    """What a summary says was shown: ids, or the paper's file."""
    if isinstance(exemplars, Shown):
        return [exemplars.name]
    return [shot.id for shot in exemplars]


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; it holds the few-shot exemplars")
    if path.suffix != ".parquet":
        return read_jsonl(path)
    from datasets import load_dataset

    return load_dataset("parquet", data_files=str(path), split="train")


def _first(
    rows: Iterable[Instruction], shots: int, lang: str, where: str, format: str
) -> tuple[Instruction, ...]:
    found = [row for row in rows if row.lang == lang and row.format == format][:shots]
    if len(found) < shots:
        raise UserError(
            f"{where}: {len(found)} {KIND[format]} rows in {lang}, evaluate.shots={shots} are needed"
        )
    return tuple(found)
