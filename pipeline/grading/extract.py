"""Which part of an output is its answer.

In this order: the text is cut where the model runs on into a new question; the last box, with the boxes joined to it by
nothing but commas and "and"; a "final answer is" sentence that comes after it; what follows the last answer phrase
(####, The answer is, 答案是, 答:); the last formula or number.
"""
from __future__ import annotations

import re

from pipeline.grading.text import unicode_spelling

MAX_TAIL = 400  # characters of a sentence that is searched for a value
MAX_OUTPUT = 200_000  # only the end of a longer output is read

_RUN_ON = re.compile(r"\n\s*(?:Question|Problem|Q|问题|User|Human|Instruction)\s*\d*\s*[:：]|<\|im_start\|>|<\|endoftext\|>|<\|eot_id\|>")
_BOX = re.compile(r"\\(?:boxed|fbox)(?:\s*\{|\s+(?=[^\s{]))")
_JOINT = re.compile(r"(?:\s|\$|,|;|、|，|。|\\\\|\\[,;! ()\[\]]|\\quad|\\qquad|\\(?:text|mbox|textbf)\s*\{\s*,?\s*(?:and|or|和|或)\s*,?\s*\}|\band\b|\bor\b|和|或|与|&)*")
_PERCENT = re.compile(r"\s*(?:\$|\\\)|\\\])?\s*(?:\\?%|percent\b|pct\b)")
_FINAL = re.compile(r"(?:the )?final answer is:?\s*|最终答案(?:是|为)?[:：]?\s*", re.I)
_HOPE = re.compile(r"\s*\.?\s*I hope (?:it|this) is correct.*", re.S | re.I)
_PHRASE = re.compile(
    r"####\s*|(?:final )?answer\s*(?:is|was|=|:|：)+(?:\s*(?:that|simply|just|for sure|definitely|therefore))*\s*:?\s*"
    r"|(?:正确)?答案(?:应该|应)?(?:是|为|选|[:：])+\s*|答[:：]\s*|【答案】\s*|故选[:：]?\s*|(?<=\n)A:\s*|Final Answer:\s*", re.I)
_MATH = re.compile(r"\$\$(.+?)\$\$|\$([^$]+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.S)
_FRACTION = r"-?\d*\s*\\[dt]?frac\s*(?:\{[^{}]{1,40}\}\s*\{[^{}]{1,40}\}|\d\s*\d)|-?\d*\\sqrt\s*\{[^{}]{1,40}\}"
_LITERAL = re.compile(
    _FRACTION + r"|(?<![A-Za-z0-9.^_])(?<![\^_]\{)[-−]?[$€£¥]?[-−]?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+,\d\d(?![\d,])|\d+)(?:\.\d+)?(?:e[+-]?\d+(?![\w.]))?(?:\s*/\s*\d+(?!\d))?"
    r"(?:\s*(?:\\?%|percent\b|万|亿))?|(?<![A-Za-z0-9.])[-−]?\.\d+")


def extract(output: str, lang: str = "en") -> str | None:
    """The answer inside `output` as written, or None when there is none. `lang` ("en" | "zh") is accepted for the
    callers' sake: the rules of both languages are always on.

    >>> extract("so \\\\boxed{-2} and \\\\boxed{1}."), extract("答：还剩9页。"), extract("I do not know.")
    ('-2 \\\\text{ and } 1', '9', None)
    """
    text = output[-MAX_OUTPUT:]
    cut = _RUN_ON.search(text)
    if cut and text[:cut.start()].strip():
        text = text[:cut.start()]
    text = re.sub(r"\s*(?:<[^<>\s]{1,12}>|```)\s*$", "", text)
    boxed, end = boxes(text)
    final = _last(_FINAL, text[end:])
    if final is not None:
        tail = _HOPE.sub("", _sentence(text[end + final.end():]))
        return _value(tail) or boxed
    if boxed is not None:
        return boxed or None
    text = _HOPE.sub("", text)
    phrase = _last(_PHRASE, text)
    if phrase is not None:
        answer = _after_phrase(text[phrase.end():])
        if answer:
            return answer
    return _last_value(text)


def boxes(text: str) -> tuple[str | None, int]:
    """Content of the last box, or of the boxes joined to it, and where it ends; (None, 0) without a box."""
    found = []
    for match in _BOX.finditer(text):
        if match[0].endswith("{"):
            end = _closing(text, match.end())
            found.append((match.start(), text[match.end():end].strip(), min(end + 1, len(text))))
        else:
            word = re.compile(r"[^\s$\\]+").match(text, match.end())
            found.append((match.start(), word[0] if word else "", word.end() if word else match.end()))
    if not found:
        return None, 0
    group = [found[-1]]
    for box in reversed(found[:-1]):
        between = text[box[2]:group[0][0]]
        if box[2] > group[0][0] or len(between) > 60 or not _JOINT.fullmatch(between) or "\n\n" in between:
            break
        group.insert(0, box)
    parts = [content for _, content, _ in group if content]
    percent = _PERCENT.match(text, group[-1][2])
    if percent and len(parts) == 1 and re.search(r"\d$|\}$", parts[0]):
        parts[0] += "\\%"
    return " \\text{ and } ".join(dict.fromkeys(parts)), group[-1][2]


def _closing(text: str, at: int) -> int:
    """Where the brace group opened before `at` closes; an unbalanced one ends with its line or its formula."""
    depth = 1
    for k in range(at, len(text)):
        if text[k] == "{":
            depth += text[k - 1] != "\\"
        elif text[k] == "}" and text[k - 1] != "\\":
            depth -= 1
            if depth == 0:
                return k
    line = re.compile(r"\n|\$|\\\)|\\\]").search(text, at)
    return line.start() if line else len(text)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    match = None
    for match in pattern.finditer(text):  # noqa: B007 (the last one is wanted)
        pass
    return match


def _sentence(text: str) -> str:
    """The first line, cut after a full stop that ends a sentence outside formulas."""
    text = text.lstrip(" \n:：*")[:MAX_TAIL]
    line = text.split("\n")[0]
    if line.count("$") % 2 or line.count("\\[") > line.count("\\]"):
        line = text
    stop = re.search(r"(?<!\d)\.(?=\s|$)|(?<=\d)\.(?=\s+[A-Z]|\s*$)|。", line)
    return line[:stop.start()] if stop else line


def _value(tail: str) -> str | None:
    """A sentence as an answer: a formula or literal that is all of it, else the last one in it."""
    tail = tail.strip().strip("*").strip()
    if not tail:
        return None
    whole = _MATH.fullmatch(tail)
    if whole and tail.count("$") <= 4:
        return next(group for group in whole.groups() if group is not None).strip()
    return tail if _short(tail) else _last_value(tail) or (tail if len(tail) <= 60 else None)


def _short(tail: str) -> bool:
    """Whether the sentence is a bare value: no words beside it."""
    if len(tail) > 120 or re.search(r"[A-Za-z]{2,}|[\u3400-\u9fff]", re.sub(r"\\[A-Za-z]+(?:\{[A-Za-z ]*\})?", "", tail)):
        return False
    return "$" not in tail.strip("$")


def _after_phrase(text: str) -> str | None:
    sentence = _sentence(text)
    if "=" in sentence and not _MATH.search(sentence) and re.search(r"[\u3400-\u9fff]", sentence):
        return _last_value(sentence)
    words = re.fullmatch(r"\s*(\d+ dollars? and \d+ cents?|\d+\s*[和、,，]\s*\d+)\s*", sentence)
    if words:
        return words[1]
    return _value(sentence)


def _last_value(text: str) -> str | None:
    """The last formula or number of a text, whichever ends last; formulas without a value count only alone."""
    text = text[-20 * MAX_TAIL:]
    spelled = unicode_spelling(text)
    formula, number = _last(_MATH, spelled), _last(_LITERAL, _blank(spelled))
    if formula is not None:
        content = next(group for group in formula.groups() if group is not None).strip()
        bare = re.fullmatch(r"[A-Za-z\\{}_ ]*", content)
        if number is None or (number.start() < formula.end() and not bare):
            percent = _PERCENT.match(spelled, formula.end())
            return content + ("\\%" if percent and content[-1:].isdigit() else "")
    return number[0].strip() if number else None


def _blank(text: str) -> str:
    """`text` with `<<3+4=7>>` annotations replaced by blanks, so that they are not taken for numbers."""
    return re.sub(r"<<[^<>]*>>", lambda match: " " * len(match[0]), text)


_LETTER_PHRASES = re.compile(
    r"(?:answer|option|choice|答案|选项|故选|应选|选择?)\s*(?:is|:|：|是|为|应该是)*\s*(?:for sure|definitely|probably|clearly|option)?\s*"
    r"[$\s*\\({\[（【]*(?:text\{|textbf\{|mathrm\{|boxed\{)*\(?([A-J])(?![A-Za-z0-9])", re.I)
_LETTER = re.compile(r"(?<![A-Za-z0-9'])([A-J])(?![A-Za-z0-9']| (?:[a-z]+ ){0,1}(?:is|of|was|has|are)\b(?! (?:right|correct)))")
_NEGATED = re.compile(r"(?:\bnot|n't(?: be)?|不是|不选|\brather than|\bor|\bneither|\bnor)\s*(?:option |be )?\(?$", re.I)


def extract_choice(output: str) -> str | None:
    """The letter that an output chooses, or None: a box, an answer phrase, a leading letter, the last one not negated."""
    boxed, _ = boxes(output)
    if boxed:
        return boxed
    phrases = _LETTER_PHRASES.findall(output)
    if phrases and phrases[-1].isupper():
        return phrases[-1]
    lead = re.match(r"\s*\(?([A-J])(?:\)|[.。:：,，]|\s*$)", output)
    if lead:
        return lead[1]
    letters = [match[1] for match in _LETTER.finditer(output[-4000:]) if not _NEGATED.search(output[-4000:][:match.start()][-30:])]
    return letters[-1] if letters else None
