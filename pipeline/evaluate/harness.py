"""GSM8K as lm-evaluation-harness counts it (tasks/gsm8k, filters strict-match and
flexible-extract), for comparison.

Exact match of strings after both sides lose commas, dollar signs, everything up to "#### " and a
final full stop; case is ignored. No number is parsed: 18.0 is not 18."""

from __future__ import annotations

import re

FILTERS = ("strict-match", "flexible-extract")
_STRICT = re.compile(r"#### (\-?[0-9\.\,]+)")
_FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
_IGNORED = (re.compile(","), re.compile(r"\$"), re.compile(r"(?s).*#### "), re.compile(r"\.$"))
_NOTHING = "[invalid]"


def extract_gsm8k(output: str, filter: str) -> str:
    """What the filter takes from an output: the first number after "#### ", or the last number of
    all."""
    if filter == "strict-match":
        found = _STRICT.search(output)
        return found[1].strip() if found else _NOTHING
    matches = _FLEXIBLE.findall(output)
    return next(group for group in matches[-1] if group).strip() if matches else _NOTHING


def gsm8k_right(output: str, reference: str, filter: str) -> bool:
    """Whether the harness counts the output as right. reference -- the data set's answer, with its
    solution or bare.

    >>> [gsm8k_right("It is 1,234.\\n#### 1,234", "#### 1234", name) for name in FILTERS]
    [True, True]
    >>> [gsm8k_right("The answer is 18.", "18", name) for name in FILTERS]
    [False, True]
    """
    return _plain(extract_gsm8k(output, filter)) == _plain(reference)


def _plain(text: str) -> str:
    for pattern in _IGNORED:
        text = pattern.sub("", text)
    return text.lower()
