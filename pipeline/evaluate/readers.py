"""How a row of each published benchmark is read as a `Question`. A reader raises KeyError,
ValueError or TypeError for a row that is not its own; suites.py turns that into one line."""

from __future__ import annotations

import re
from typing import Any

from pipeline.records import Question

RIGHT_CHOICE = "What of the following is the right choice? Explain your answer."


def gsm8k(row: dict[str, Any], index: int) -> Question:
    """The reference answer stands after `####`."""
    answer = row["answer"].rsplit("####", 1)
    if len(answer) != 2:
        raise ValueError("the answer has no '####'")
    return Question(f"gsm8k-{index}", row["question"], answer[1].strip().replace(",", ""), "en")


def math(row: dict[str, Any], index: int) -> Question:
    """The reference answer is the last box of the solution; "Level 3" and 3 both occur."""
    level = str(row.get("level", 0)).removeprefix("Level ").strip()
    name = row.get("unique_id") or f"math-{row.get('idx', index)}"
    answer = row.get("answer") or last_box(row["solution"])
    return Question(
        str(name),
        row["problem"],
        answer,
        "en",
        int(level) if level.isdigit() else 0,
        row.get("subject") or row.get("type") or "",
    )


def cmath(row: dict[str, Any], index: int) -> Question:
    return Question(f"cmath-{index}", row["question"], str(row["golden"]), "zh", int(row["grade"]))


def mgsm_zh(row: dict[str, Any], index: int) -> Question:
    """The released file keeps the question as a chat message; the hub has a plain column and a
    number."""
    if "messages" in row:
        return Question(
            f"mgsm_zh-{row['id']}", row["messages"][0]["content"], str(row["answer"]), "zh"
        )
    return Question(
        f"mgsm_zh-{index}", row["question"].removeprefix("问题："), str(row["answer_number"]), "zh"
    )


def mmlu_stem(row: dict[str, Any], index: int) -> Question:
    """Four options; asked in the words of the paper's prompt."""
    options = tuple(row["options"])
    listed = ", ".join(
        f"({letter}) {text}" for letter, text in zip("ABCDEFGH", options, strict=False)
    )
    ask = f"{row['question'].strip()}\n{RIGHT_CHOICE}\n{listed}"
    return Question(
        f"mmlu_stem-{row['id']}", ask, row["answer"], "en", family=row["topic"], options=options
    )


def gaokao_cloze(row: dict[str, Any], index: int) -> Question:
    return Question(f"gaokao_cloze-{index}", row["question"].strip(), row["answer"], "zh")


def gaokao_qa(row: dict[str, Any], index: int) -> Question:
    """Options carry their letter already; a few questions have several right letters, written "ACD"
    or "A C"."""
    options = tuple(text[3:].strip() for text in row["options"])
    listed = " ".join(
        f"({letter}){text}" for letter, text in zip("ABCDEFGH", options, strict=False)
    )
    ask = f"{row['question'].strip()}\n从以下选项中选择：{listed}"
    return Question(f"gaokao_qa-{index}", ask, row["label"].replace(" ", ""), "zh", options=options)


def last_box(solution: str) -> str:
    r"""Inside of the last `\boxed{...}` (balanced) or of `\boxed x`; ValueError when there is none.

    The reference must not depend on the version of the grader, so this does not ask
    `pipeline.grading`."""
    start = max(solution.rfind("\\boxed"), solution.rfind("\\fbox"))
    if start < 0:
        raise ValueError("the solution has no \\boxed answer")
    rest = (
        solution[start:]
        .split("boxed" if solution.startswith("\\boxed", start) else "fbox", 1)[1]
        .lstrip()
    )
    if not rest.startswith("{"):
        return rest.split("$")[0].split()[0]
    depth = 0
    for i, char in enumerate(rest):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return rest[1:i]
    raise ValueError("the \\boxed answer of the solution is not closed")


def ocw(row: dict[str, Any], index: int) -> Question:
    """OCWCourses of Minerva. References as Python writes numbers ("np.arcsin(10/13)", "-1./3") are
    spelled as LaTeX."""
    answer = re.sub(r"\bnp\.", "", str(row["answer"]))
    answer = re.sub(r"(?<=\d)\.(?=/)", "", answer)
    return Question(f"ocw-{row['id']}", row["problem"], answer, "en")


def sat(row: dict[str, Any], index: int) -> Question:
    """Options stand in one text: "A) .. B) .." or "A. .. B. ..", which is asked as the paper's
    prompt lists them."""
    parts = re.split(r"(?:^|\s)([A-D])[).]\s+", row["options"])
    options = tuple(text.strip() for text in parts[2::2])
    if len(options) != 4:
        raise ValueError("the options are not listed as A) .. B) ..")
    listed = ", ".join(f"({letter}) {text}" for letter, text in zip("ABCD", options, strict=False))
    ask = f"{row['question'].strip()}\n{RIGHT_CHOICE}\n{listed}"
    return Question(f"sat-{row['id']}", ask, row["Answer"].strip(), "en", options=options)


def bbh(task: str):
    """The reader of one task of BIG-Bench Hard, whose file is one object with a list of
    examples."""

    def read(row: dict[str, Any], index: int) -> Question:
        return Question(f"bbh-{task}-{index}", row["input"], row["target"], "en", family=task)

    return read
