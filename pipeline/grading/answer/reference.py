"""Reference answers as data sets publish them: GSM8K's "... #### 18", a whole solution with its
box, "Ans: 5", 5."""

from __future__ import annotations

import re
from typing import Any

from pipeline.errors import UserError
from pipeline.grading.answer.extract import boxes, extract
from pipeline.grading.bounded import bounded_cache

LONG = 25  # words from which a reference without a mark is no bare answer

_HASHES = "####"
_LABEL = re.compile(
    r"\s*(?:the )?(?:final |correct |right )?(?:ans|answer|solution)\.?\s*(?:is|[:：=])+\s*|\s*(?:正确)?答案?\s*[:：是为]+\s*",
    re.I,
)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}(?= )|[\u3400-\u9fff]{2}")
_BOX_ALONE = re.compile(r"\s*\$?\s*\\(?:boxed|fbox)\s*\{[^{}]*\}\s*\$?\s*")


@bounded_cache(8 << 20, per_char=2)
def bare_reference(reference: str) -> str:
    """The answer inside a published reference; a text without a mark that is known is returned as
    it is.

    >>> bare_reference("She has 48/2 = 24.\\n#### 1,234"), bare_reference("**5**"), bare_reference("Ans: 5")
    ('1,234', '5', '5')
    """
    text = reference.strip()
    if text.isdecimal():
        return text
    if _HASHES in text:
        return text.rsplit(_HASHES, 1)[1].strip()
    if "boxed" in text or "\\fbox" in text:
        boxed, _ = boxes(text)
        return boxed if boxed and not _BOX_ALONE.fullmatch(text) else text
    text = text.strip("*").strip() if text.startswith("**") and text.endswith("**") else text
    label = _LABEL.match(text)
    if label and label.end() < len(text):
        return text[label.end() :].strip().strip("*").strip()
    return text


def read_reference(value: Any) -> str:
    """A reference from a file as the text that `grade` takes: strings, whole numbers, decimals.

    Raises UserError when it is empty, of another type, or a long text in which no answer is marked.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UserError(f"the reference is {type(value).__name__}; a string or a number is needed")
    text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
    bare = bare_reference(text)
    if not bare.strip(" $.{}"):
        raise UserError("the reference is empty")
    if bare == text.strip() and len(_WORD.findall(bare)) >= LONG:
        marked = re.search(r"answer is|答案是|答案为|答案[:：]", bare)
        found = extract(bare) if marked else None
        if found is None:
            raise UserError(
                f"no answer can be read from the reference ({len(bare)} characters of prose without a box, '####' or "
                "'The answer is'); give the answer alone"
            )
        return found
    return bare
