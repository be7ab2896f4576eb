"""Benchmarks as data: where each one's questions lie, how many there are, their checksum, and how a
row is read.

`TABLE` holds one entry per benchmark. The three miniature ones come from the world stage and are
checked for shape alone, since the profile decides their size. The real ones are checked byte for
byte (local file), or by row count (hub) and with a word on whether the content is that of the
file; `Loaded.note` says what was verified.

To add one: a `Benchmark` in `TABLE`, and a reader if no reader below fits its rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluate.bbh import TASKS
from pipeline.evaluate.readers import (
    bbh,
    cmath,
    gaokao_cloze,
    gaokao_qa,
    gsm8k,
    last_box,
    math,
    mgsm_zh,
    mmlu_stem,
    ocw,
    sat,
)
from pipeline.grading.answer.reference import read_reference
from pipeline.records import Question, read_jsonl, read_rows

__all__ = ["GROUPS", "TABLE", "Benchmark", "Loaded", "last_box", "load", "read_questions", "subset"]

LANGUAGES = ("en", "zh")
Read = Callable[[dict[str, Any], int], Question]


@dataclass(frozen=True)
class Benchmark:
    """`file` is relative to the folder of benchmarks, `sha256` of its bytes; `hub` is (dataset,
    configuration, split)."""

    file: str
    lang: str
    read: Read | None = None  # None: rows are `Question` already (the world's own)
    rows: int = 0
    sha256: str = ""
    hub: tuple[str, str | None, str] | None = None
    source: str = ""
    scoring: str = ""  # of pipeline/evaluate/scoring.py; "": the checker
    content: str = ""  # content_digest of the file, which a hub data set is compared with


@dataclass(frozen=True)
class Loaded:
    """Questions in file order, and one line that says where they came from and what was
    verified."""

    name: str
    questions: tuple[Question, ...]
    note: str


_MIT_GSM = "openai/grade-school-math, MIT"
_DEEPSEEK = "as in deepseek-ai/DeepSeek-Math, evaluation/datasets"
TABLE: dict[str, Benchmark] = {
    "mini_gsm8k": Benchmark("mini_gsm8k.jsonl", "en", source="pipeline/world"),
    "mini_math": Benchmark("mini_math.jsonl", "en", source="pipeline/world"),
    "mini_cmath": Benchmark("mini_cmath.jsonl", "zh", source="pipeline/world"),
    "mini_bbh": Benchmark("mini_bbh.jsonl", "en", source="pipeline/world"),
    "mini_bbh_zh": Benchmark("mini_bbh_zh.jsonl", "zh", source="pipeline/world"),
    "gsm8k": Benchmark(
        "gsm8k/test.jsonl",
        "en",
        gsm8k,
        1319,
        "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
        ("openai/gsm8k", "main", "test"),
        _MIT_GSM,
        content="299d25041d35542bd55c791707539f481ee332e4517b4998ee2b253cadc980e8",
    ),
    "math": Benchmark(
        "math/test.jsonl",
        "en",
        math,
        5000,
        "3371949f33dd702d04b43fddd7d53a028de0aaca0e76abb1b875a050297b3aa4",
        None,
        "hendrycks/math, MIT",
    ),
    "math500": Benchmark(
        "math/math500.jsonl",
        "en",
        math,
        500,
        "35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132",
        ("HuggingFaceH4/MATH-500", None, "test"),
        "hendrycks/math, MIT; split of openai/prm800k, MIT",
        content="a8ab38f42382d671dcc720dd5928113990edfc0051a263f0e92ca1f054c1dafc",
    ),
    "cmath": Benchmark(
        "cmath/test.jsonl",
        "zh",
        cmath,
        1098,
        "cabe17c127c3227912b3384f4755e180f3aa0d9e5865677e7e5e223439bf15eb",
        ("weitianwen/cmath", None, "test"),
        f"XiaoMi/cmath, CC BY 4.0; {_DEEPSEEK}",
        content="624d8b38dac6d8283bf8f7ade0bdbf7cd8943c5241d60d5b51ad03fcf6f0550c",
    ),
    "mgsm_zh": Benchmark(
        "mgsm_zh/mgsm_zh.jsonl",
        "zh",
        mgsm_zh,
        250,
        "165c3b6753e8a8786183c27b9af7b7590d54dca4d0136edadb24d684c95bb50d",
        ("juletxara/mgsm", "zh", "test"),
        f"google-research/url-nlp, CC BY 4.0; {_DEEPSEEK}",
        content="2ee67bf9ef9aaa573568e79916b35b774401c9cfe07fa207828c6488108aa0a9",
    ),
    "mmlu_stem": Benchmark(
        "mmlu_stem/test.jsonl",
        "en",
        mmlu_stem,
        3018,
        "1c918d1df6de635a0202c989705c34f19b0c4ad858cbdb27135cdfc7fd44f14a",
        None,
        f"hendrycks/test, MIT; {_DEEPSEEK}",
    ),
    "gaokao_cloze": Benchmark(
        "gaokao/gaokao-mathcloze.jsonl",
        "zh",
        gaokao_cloze,
        118,
        "088675c147794970a3ed25c7147a3bbc59715d6813837d5f483f46dcb1b5008d",
        None,
        f"AGIEval, MIT; {_DEEPSEEK}",
    ),
    "gaokao_qa": Benchmark(
        "gaokao/gaokao-mathqa.jsonl",
        "zh",
        gaokao_qa,
        351,
        "d246f12752d121289ef55cbf1bcf954243cefb65d110f71d09358e24065c808f",
        None,
        f"AGIEval, MIT; {_DEEPSEEK}",
    ),
    "ocw": Benchmark(
        "ocw/test.jsonl",
        "en",
        ocw,
        272,
        "095ba49696fcd401474a5014e2fae5e6b0b8ec1939d8dded0343fcbdb0bf1a9b",
        None,
        f"OCWCourses of Minerva, CC BY-NC-SA 4.0; {_DEEPSEEK}",
        "ocw",
    ),
    "sat": Benchmark(
        "sat/test.jsonl",
        "en",
        sat,
        32,
        "96720a1dc496ea72f80db55250290cf9c48e95b657ac2183b7deb1dc4627351f",
        None,
        f"College Board, May 2023, for evaluation only; {_DEEPSEEK}",
    ),
}
TABLE |= {
    f"bbh_{task}": Benchmark(
        f"bbh/tasks/{task}.json",
        "en",
        bbh(task),
        files.rows,
        files.examples,
        None,
        "suzgunmirac/BIG-Bench-Hard, MIT",
        "bbh",
    )
    for task, files in TASKS.items()
}
GROUPS = {"bbh": tuple(name for name in TABLE if name.startswith("bbh_"))}  # a name for several


def load(
    name: str, world: Path, folder: Path | None = None, source: str = "local", limit: int = 0
) -> Loaded:
    """`limit` questions (0 = all) of a benchmark of `TABLE`, verified; see `subset` for which.

    Miniature ones are read from `world/<file>`, real ones from `folder/<file>` or the hub. Raises
    UserError, one line, for an unknown name, a missing or different file, a wrong row count, or a
    row that the reader cannot read."""
    if name not in TABLE:
        single = [known for known in TABLE if known not in GROUPS["bbh"]]
        raise UserError(f"no benchmark {name!r}; there are {', '.join([*single, *GROUPS])}")
    benchmark = TABLE[name]
    if benchmark.read is None:
        questions = tuple(read_rows(world / benchmark.file, Question))
        note = f"{len(questions)} rows, content {content_digest(questions)[:12]}"
    elif source == "hub":
        questions = _convert(name, benchmark, _hub_rows(name, benchmark), f"hub {benchmark.hub}")
        note = f"{len(questions)} rows as expected, hub {benchmark.hub[0]}, "
        note += _compared(content_digest(questions), benchmark)
    else:
        questions = _local(name, benchmark, folder)
        note = f"{len(questions)} rows as expected, sha256 {benchmark.sha256[:12]} verified"
    if not questions:
        raise UserError(f"{name}: the file has no questions; make it anew")
    if len({q.id for q in questions}) != len(questions):
        raise UserError(
            f"{name}: two questions share an id; ids key the samples, make them distinct"
        )
    asked = subset(questions, limit)
    return Loaded(
        name,
        asked,
        note + (f", a fixed random {len(asked)} asked" if len(asked) < len(questions) else ""),
    )


def _compared(content: str, benchmark: Benchmark) -> str:
    """What is said about the content of a hub data set: a copy may differ in spaces and still be
    the benchmark, so a difference is told and is no error."""
    same = "as in" if content == benchmark.content else f"not {benchmark.content[:12]} of"
    return f"content {content[:12]}, {same} {benchmark.file}"


def subset(questions: tuple[Question, ...], count: int) -> tuple[Question, ...]:
    """The `count` questions (0 = all) with the smallest hash of their id, in file order.

    Files are sorted by topic or level, so the first rows would be no fair sample. A smaller subset
    lies in a larger."""
    if not 0 < count < len(questions):
        return questions
    chosen = sorted(questions, key=lambda q: hashlib.sha256(q.id.encode()).digest())[:count]
    ids = {q.id for q in chosen}
    return tuple(q for q in questions if q.id in ids)


def read_questions(path: Path, limit: int = 0) -> Loaded:
    """A user's own JSONL file of `Question` rows as a benchmark named after the file. An answer may
    be a number.

    Raises UserError, one line, for an empty file, a row without text, an unknown language, or an id
    that repeats."""
    questions: list[Question] = []
    ids: set[str] = set()
    for number, question in enumerate(read_rows(path, Question), 1):
        where = f"{path}: question {number}"
        try:
            answer = read_reference(question.answer)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        if not isinstance(question.question, str) or not question.question.strip():
            raise UserError(f"{where}: 'question' must be a text")
        if question.lang not in LANGUAGES:
            raise UserError(f"{where}: lang {question.lang!r} is none of {', '.join(LANGUAGES)}")
        if str(question.id) in ids:
            raise UserError(f"{where}: id {question.id!r} stands there twice; ids key the samples")
        ids.add(str(question.id))
        questions.append(replace(question, id=str(question.id), answer=answer))
    if not questions:
        raise UserError(f"{path}: no questions; a row has id, question, answer, lang")
    return Loaded(
        path.stem,
        subset(tuple(questions), limit),
        f"{len(questions)} rows, content {content_digest(questions)[:12]}",
    )


def content_digest(questions: Iterable[Question]) -> str:
    """sha256 of what is asked and expected, whatever the file format and order."""
    rows = sorted(f"{q.question}\x1f{q.answer}" for q in questions)
    return hashlib.sha256("\x1e".join(rows).encode()).hexdigest()


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _local(name: str, benchmark: Benchmark, folder: Path | None) -> tuple[Question, ...]:
    if folder is None:
        raise UserError(
            f"{name}: evaluate.folder is not set; give the folder that holds {benchmark.file}, or source=hub"
        )
    path = folder / benchmark.file
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; {name} is {benchmark.rows} rows of {benchmark.source}"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != benchmark.sha256:
        raise UserError(
            f"{path}: not the expected {name} file (sha256 {digest[:12]}, expected {benchmark.sha256[:12]}, "
            f"{benchmark.rows} rows of {benchmark.source})"
        )
    return _convert(name, benchmark, _file_rows(path), str(path))


def _file_rows(path: Path) -> Iterable[dict[str, Any]]:
    """The rows of a JSONL file, or the examples of a .json file that is one object."""
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))["examples"]
    return read_jsonl(path)


def _hub_rows(name: str, benchmark: Benchmark) -> Iterable[dict[str, Any]]:
    if benchmark.hub is None:
        raise UserError(
            f"{name}: no hub data set has these rows in one split; use evaluate.source=local"
        )
    from datasets import load_dataset

    dataset, configuration, split = benchmark.hub
    return load_dataset(dataset, configuration, split=split)


def _convert(
    name: str, benchmark: Benchmark, rows: Iterable[dict[str, Any]], where: str
) -> tuple[Question, ...]:
    questions = []
    for index, row in enumerate(rows):
        try:
            question = benchmark.read(row, index)
        except (KeyError, ValueError, TypeError) as error:
            raise UserError(f"{where}, row {index + 1}: not a row of {name} ({error})") from None
        questions.append(replace(question, lang=benchmark.lang))
    if len(questions) != benchmark.rows:
        raise UserError(
            f"{where}: {len(questions)} rows, {name} has {benchmark.rows}; get the file anew"
        )
    return tuple(questions)


def expanded(names: Sequence[str]) -> tuple[str, ...]:
    """Names with those of a group, such as bbh or bbh@few_shot, in its place."""
    found: list[str] = []
    for key in names:
        name, at, protocol = key.partition("@")
        found += [member + at + protocol for member in GROUPS.get(name, (name,))]
    return tuple(dict.fromkeys(found))
