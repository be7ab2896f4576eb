"""Public recordings of model outputs with verdicts, as (output, reference, recorded verdict) rows.

The files are not part of the repository; docs/grading.md names their sources. Used by tests and
benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.records import read_jsonl


@dataclass(frozen=True)
class Record:
    """right: the recorded verdict, None when the set has none per row."""

    set: str
    id: str
    question: str
    output: str
    reference: str
    right: bool | None


def read_set(folder: Path, name: str) -> Iterator[Record]:
    """The records of one of SETS. Raises UserError for an unknown name or a missing file."""
    if name not in SETS:
        raise UserError(f"recorded set {name!r}: there is none; use one of {', '.join(SETS)}")
    yield from SETS[name](folder, name)


def _openai(folder: Path, name: str) -> Iterator[Record]:
    """Four models on GSM8K (openai/grade-school-math)."""
    for number, row in enumerate(read_jsonl(folder / "gsm8k_openai_example_model_solutions.jsonl")):
        reference = row["ground_truth"].split("A: ")[-1].strip()
        for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
            solution = row[model]
            yield Record(
                name,
                f"{number}/{model}",
                row["question"],
                solution["solution"],
                reference,
                solution["is_correct"],
            )


def _mathcoder_gsm8k(folder: Path, name: str) -> Iterator[Record]:
    for verdict in ("correct", "wrong"):
        for row in read_jsonl(folder / f"mathcoder7b_gsm8k_{verdict}.jsonl"):
            yield _mathcoder(row, name, verdict == "correct")


def _mathcoder_math(folder: Path, name: str) -> Iterator[Record]:
    for row in read_jsonl(folder / "mathcoder7b_math_correct.jsonl"):
        yield _mathcoder(row, name, True)


def _mathcoder(row: dict[str, Any], name: str, right: bool) -> Record:
    """The transcript of prose, code and program outputs; a last message that repeats the extracted
    answer is left out."""
    messages = [message for message in row["debug_result"] if message["role"] in _FENCES]
    if len(messages) > 1 and messages[-1]["content"] in (
        row["completion"],
        row.get("model_answer"),
    ):
        messages = messages[:-1]
    output = "\n".join(_FENCES[message["role"]].format(message["content"]) for message in messages)
    return Record(
        name,
        row["id"],
        row["messages"][1]["content"][0]["content"],
        output,
        row["ground_truth"]["answer"],
        right,
    )


_FENCES = {"text": "{}", "code": "```python\n{}\n```", "execution": "```output\n{}\n```"}


def _qwen(folder: Path, name: str) -> Iterator[Record]:
    """100 MATH problems, eight samples each (QwenLM/Qwen2.5-Math)."""
    for row in read_jsonl(folder / "qwen_math_cot_100x8.jsonl"):
        for k, (output, score) in enumerate(zip(row["code"], row["score"], strict=True)):
            yield Record(name, f"{row['idx']}/{k}", row["question"], output, row["gt"], score)


def _tora(folder: Path, name: str) -> Iterator[Record]:
    """ToRA-70B's tool-use transcripts on GSM8K; only their mean is recorded."""
    for row in read_jsonl(folder / "tora70b_gsm8k.jsonl"):
        yield Record(name, str(row["idx"]), row["question"], row["code"][0], row["gt"], None)


def _nemo(folder: Path, name: str) -> Iterator[Record]:
    """OpenMathInstruct-2 solutions, right by construction (NVIDIA/NeMo-Skills)."""
    for number, row in enumerate(read_jsonl(folder / "nemo_openmathinstruct2_100.jsonl")):
        yield Record(
            name,
            str(number),
            row["problem"],
            row["generated_solution"],
            row["expected_answer"],
            True,
        )


SETS = {
    "openai": _openai,
    "mathcoder_gsm8k": _mathcoder_gsm8k,
    "mathcoder_math": _mathcoder_math,
    "qwen": _qwen,
    "tora": _tora,
    "nemo": _nemo,
}
