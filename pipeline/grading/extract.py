"""Which part of an output is its answer: the last box, else what follows an answer phrase, else the last number."""
from __future__ import annotations

import re

_PHRASE = re.compile(r"(?:####|answer\s*(?:is|:)|答案(?:是|为|：|:)|\nA:)\s*:?：?\s*", re.I)
_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?|-?\.\d+")


def extract(output: str, lang: str = "en") -> str | None:
    """The answer inside `output`, or None when it has none. `lang` is "en" or "zh"."""
    boxed = last_box(output)
    if boxed is not None:
        return boxed.strip() or None
    phrases = list(_PHRASE.finditer(output))
    tail = output[phrases[-1].end():] if phrases else output
    numbers = _NUMBER.findall(tail) or _NUMBER.findall(output)
    if phrases and _NUMBER.findall(tail):
        return _NUMBER.findall(tail.split("\n")[0] or tail)[-1] if _NUMBER.findall(tail.split("\n")[0]) else numbers[0]
    return numbers[-1] if numbers else None


def last_box(output: str) -> str | None:
    """The content of the last \\boxed{...}; an unbalanced one runs to the end of its line."""
    start = output.rfind("\\boxed{")
    if start < 0:
        return None
    depth, begin = 1, start + len("\\boxed{")
    for at in range(begin, len(output)):
        depth += (output[at] == "{") - (output[at] == "}")
        if depth == 0:
            return output[begin:at]
    return output[begin:].split("\n")[0]
