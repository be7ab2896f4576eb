"""Worked solutions that a few-shot prompt shows: rows of the training split by stated ids, or a user's file.

Only the ids are here; the texts are read from the data sets. CMATH's public training rows give an answer without a
solution, so its exemplars, and those of MGSM-zh, which has no training rows of its own, show the answer alone.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluate.benchmarks import TABLE, last_box
from pipeline.records import Instruction, read_jsonl, read_rows

_ASK = re.compile(r" Let's think step by step and output the final answer within \\boxed\{\}\.$")  # glued on by the release


@dataclass(frozen=True)
class Stated:
    """`ids` in the order of the prompt; `file` is relative to the folder of benchmarks, or to that of the world."""

    file: str
    ids: tuple[str, ...]
    read: Callable[[dict[str, Any], int], Instruction] | None = None  # None: rows are `Instruction` already


def _gsm8k(row: dict[str, Any], index: int) -> Instruction:
    solution, answer = row["answer"].rsplit("####", 1)
    return Instruction(f"gsm8k-train-{index}", row["question"], re.sub(r"<<[^<>]*>>", "", solution).strip(), answer.strip())


def _math(row: dict[str, Any], index: int) -> Instruction:
    truth = row["reward_model"]["ground_truth"]
    answer = last_box(truth["solution"])
    return Instruction(f"math-train-{row['extra_info']['index']}", _ASK.sub("", truth["question"]), truth["solution"], answer)


def _cmath(row: dict[str, Any], index: int) -> Instruction:
    return Instruction(f"cmath-dev-{index}", row["input"], "", str(row["golden"]), lang="zh", level=int(row["grade"]))


def _world(prefix: str) -> Stated:
    return Stated("instruct.jsonl", tuple(f"{prefix}-{k:05d}" for k in range(32)))


_CMATH = Stated("cmath/cmath_dev.jsonl", tuple(f"cmath-dev-{k}" for k in (0, 100, 200, 300, 400, 500)), _cmath)
STATED: dict[str, Stated] = {  # the paper's numbers of shots: 8 on GSM8K, 4 on MATH, 6 on CMATH
    "mini_gsm8k": _world("sft-word_en"),
    "mini_math": _world("sft-symbolic"),
    "mini_cmath": _world("sft-word_zh"),
    "gsm8k": Stated("gsm8k/train.jsonl", tuple(f"gsm8k-train-{k}" for k in range(8)), _gsm8k),
    "math": Stated("math/train.verl.parquet", tuple(f"math-train-{k}" for k in (2, 1749, 4685, 6760, 5553, 2547, 3394)), _math),
    "cmath": _CMATH,
    "mgsm_zh": _CMATH,
}
STATED["math500"] = STATED["math"]


def exemplars_of(name: str, shots: int, file: str, world: Path, folder: Path | None) -> tuple[Instruction, ...]:
    """`shots` chain-of-thought exemplars of the benchmark's language: of `file` when one is given, else the stated ones.

    world -- folder of the miniature benchmarks (their training rows lie beside it). Raises UserError.
    """
    if shots < 1:
        raise UserError("protocol few_shot needs evaluate.shots >= 1, and evaluate.exemplars for a benchmark without stated ids")
    lang = TABLE[name].lang if name in TABLE else "en"
    if file:
        return _first(read_rows(Path(file), Instruction), shots, lang, file)
    if name not in STATED:
        raise UserError(f"{name}: no exemplars are stated for it; name a file with evaluate.exemplars (JSONL of Instruction)")
    stated = STATED[name]
    if stated.read is None:
        path = world.parent / stated.file
        rows = {row.id: row for row in read_rows(path, Instruction)}
    elif folder is None:
        raise UserError(f"{name}: evaluate.folder is not set; give the folder that holds {stated.file}")
    else:
        path = folder / stated.file
        read = (stated.read(row, index) for index, row in enumerate(_rows(path)))
        rows = {row.id: row for row in read}
    return _first((rows[i] for i in stated.ids if i in rows), shots, lang, str(path))


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; it holds the few-shot exemplars")
    if path.suffix != ".parquet":
        return read_jsonl(path)
    from datasets import load_dataset

    return load_dataset("parquet", data_files=str(path), split="train")


def _first(rows: Iterable[Instruction], shots: int, lang: str, where: str) -> tuple[Instruction, ...]:
    found = [row for row in rows if row.lang == lang and row.format == "cot"][:shots]
    if len(found) < shots:
        raise UserError(f"{where}: {len(found)} chain-of-thought rows in {lang}, evaluate.shots={shots} are needed")
    return tuple(found)
