"""Worked solutions of GSM8K train and MATH train, or of a user's file, as `Instruction` rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluate.suites import last_box
from pipeline.records import Instruction, read_jsonl, read_rows
from pipeline.world.real.config import RealConfig

ANNOTATION = re.compile(r"<<[^<>]*>>")  # GSM8K's calculator calls: 48/2 = <<48/2=24>>24
# appended to every question by the makers of the parquet file
SUFFIX = " Let's think step by step and output the final answer within \\boxed{}."
SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)


def gsm8k(row: dict[str, Any], index: int) -> Instruction:
    """A row without the calculator's annotations, and with `#### N` as a boxed answer."""
    work, mark, answer = row["answer"].rpartition("####")
    if not mark:
        raise ValueError("the answer has no '####'")
    answer = answer.strip().replace(",", "")
    solution = f"{ANNOTATION.sub('', work).strip()}\n\\boxed{{{answer}}}"
    return Instruction(
        f"gsm8k-train-{index}", row["question"].strip(), solution, answer, family="gsm8k"
    )


def math(row: dict[str, Any], index: int) -> Instruction:
    """A row with the solution as it is; the answer is its last box.

    Rows of the hub and of MATH's JSON have problem, solution, level and type. Those of the parquet
    file have a prompt with a suffix, which is removed.
    """
    if "reward_model" in row:
        truth = row["reward_model"]["ground_truth"]
        if not truth["question"].endswith(SUFFIX):
            raise ValueError("the question does not end with the suffix that comes off")
        question, solution = truth["question"].removesuffix(SUFFIX), truth["solution"]
    else:
        question, solution = row["problem"], row["solution"]
    level = str(row.get("level", "")).removeprefix("Level ").strip()
    return Instruction(
        f"math-train-{index}",
        question.strip(),
        solution.strip(),
        last_box(solution),
        level=int(level) if level.isdigit() else 0,
        family=row.get("type") or row.get("subject") or "math",
    )


@dataclass(frozen=True)
class TrainSet:
    """Where a data set is.

    `files`: below the data folder, the first that exists. `hub`: its name there, with
    configurations that are read one after another.
    """

    files: tuple[str, ...]
    rows: int
    read: Callable[[dict[str, Any], int], Instruction]
    hub: str
    configurations: tuple[str, ...]
    source: str


TABLE = {
    "gsm8k": TrainSet(
        ("gsm8k/train.jsonl",),
        7473,
        gsm8k,
        "openai/gsm8k",
        ("main",),
        "openai/grade-school-math, MIT",
    ),
    "math": TrainSet(
        ("math/train.jsonl", "math/train.verl.parquet"),
        7500,
        math,
        "EleutherAI/hendrycks_math",
        SUBJECTS,
        "hendrycks/math, MIT",
    ),
}


def load(name: str, cfg: RealConfig) -> tuple[list[Instruction], dict[str, Any]]:
    """The rows of one entry of `world.real.train`, and a note on where they came from.

    Raises UserError for an unknown name, a missing file (saying what goes where), a bad row or a
    wrong row count.
    """
    if name not in TABLE:
        return load_own(Path(name))
    table = TABLE[name]
    if cfg.source == "hub":
        where = cfg.hub.get(name, table.hub)
        raw, note = hub_rows(where, table.configurations), {"hub": where}
    else:
        path = local_file(name, cfg.folder)
        where, raw = str(path), file_rows(path)
        note = {
            "file": path.relative_to(cfg.folder).as_posix(),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    rows = []
    for index, row in enumerate(raw):
        try:
            rows.append(table.read(row, index))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"{where}, row {index + 1}: not a row of {name} train ({error}); get the file again"
            ) from None
    if len(rows) != table.rows:
        raise UserError(
            f"{where}: {len(rows)} rows, {name} train has {table.rows}; get the file again"
        )
    return rows, {**note, "rows": len(rows), "source": table.source}


def load_own(path: Path) -> tuple[list[Instruction], dict[str, Any]]:
    """A JSONL file of `Instruction` rows.

    A row has id, question, solution and answer, and may have format, lang and level.
    """
    if path.suffix != ".jsonl":
        raise UserError(
            f"world.real.train: {path}: must be {', '.join(TABLE)}, or a .jsonl file with id, "
            "question, solution and answer"
        )
    rows = list(read_rows(path, Instruction))
    if not rows:
        raise UserError(f"{path}: no rows; a row has id, question, solution and answer")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return rows, {
        "file": path.name,
        "sha256": digest,
        "rows": len(rows),
        "source": "the user's own",
    }


def local_file(name: str, folder: str) -> Path:
    """The file of a data set below `folder`.

    Raises a UserError that says what to get and where to put it.
    """
    table = TABLE[name]
    found = next(
        (Path(folder) / file for file in table.files if folder and (Path(folder) / file).is_file()),
        None,
    )
    if found is None:
        shown = folder or "world.real.folder is empty"
        raise UserError(
            f"{shown}: no {' or '.join(table.files)} in it; get {name} train ({table.rows} rows, "
            f"{table.source}), put it there and name the folder in world.real.folder or "
            "DSM_DATASETS, or set world.real.source=hub"
        )
    return found


def file_rows(path: Path) -> Iterable[dict[str, Any]]:
    if path.suffix != ".parquet":
        return read_jsonl(path)
    import pyarrow.lib
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_table(path).to_pylist()
    except pyarrow.lib.ArrowInvalid as error:
        raise UserError(
            f"{path}: not a readable parquet file ({error}); get the file again"
        ) from None


def hub_rows(name: str, configurations: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rows of the train split, one configuration after another.

    Raises UserError when the hub does not give them.
    """
    from datasets import get_dataset_config_names, load_dataset

    try:
        there = get_dataset_config_names(name)
        chosen = [c for c in configurations if c in there] or there
        parts = [load_dataset(name, c, split="train") for c in chosen]
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"world.real.hub: {name}: {reason[:200]}; check the name and the network, or use "
            "source=local"
        ) from None
    for part in parts:
        yield from part
