"""What a reader of an output does not see, or sees struck out: HTML comments and hidden elements,
Markdown strikes and comments, commented lines of LaTeX, the thoughts before an answer.

Every function takes linear time."""

from __future__ import annotations

import re

from pipeline.grading.answer.hints import Hinted

_ELEMENT = re.compile(r"<[!a-zA-Z]")
_MARK = re.compile(r"<!--|-->|<(/?)([A-Za-z]{1,10})\b([^<>]{0,300})>")
_ALWAYS_HIDDEN = {"del", "strike", "script", "style", "template", "think"}
_HIDDEN_STYLE = re.compile(
    r"(?:^|\s)hidden(?=[\s=/]|$)|display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d])"
    r"|color\s*[:=]\s*[\"']?\s*(?:white|transparent|#fff(?:fff)?)\b|font-size\s*:\s*0",
    re.I,
)
_MARKDOWN = Hinted(
    r"~~\s{0,3}\$?\\boxed[^~\n]{0,200}~~|~~[\w .,$+-]{1,80}~~"  # struck out in Markdown
    r"|!\[[^\]\n]{0,200}\]\([^()\n]{0,200}\)",  # the words instead of an image
    "~|!",
)
_LINK = Hinted(r"\[(?<![^\n]\[)[^\]\n]{1,40}\]: ?#.*", "#")  # a line: a comment in Markdown
_COMMENT = re.compile(r"^[ \t]*%.*$", re.M)  # in LaTeX
_COMMENT_SIGN = re.compile(r"%(?<![^ \t\n]%)")  # which the sign of 5% is not: found quickly
_BEFORE_BOX = re.compile(r"\\(?:[hv]?phantom|[bx]?cancel|sout|st)\s*\{[^{}\\]{0,40}\Z|\\verb\*?.\Z")
_REDEFINED = re.compile(
    r"\\(?=[degxlnpr])(?:[egx]?def|let|(?:re)?newcommand\*?|providecommand\*?)"
    r"\s*\{?\s*\\(?:boxed|fbox)(?![A-Za-z])"
)


def visible(text: str) -> str:
    """`text` without what a reader does not see.

    >>> visible("13 <!-- 12 -->"), visible("<del>12</del>13"), visible("<b>12</b>")
    ('13 ', '13', '<b>12</b>')
    """
    if "<" in text and _ELEMENT.search(text):
        text = _without_elements(text)
    if "%" in text and _COMMENT_SIGN.search(text):
        text = _COMMENT.sub("", text)
    return _MARKDOWN.sub("", _LINK.sub("", text))


def _without_elements(text: str) -> str:
    """Without HTML comments and hidden elements. An element that is never closed hides nothing,
    but a comment and a thought do."""
    kept, at, opened, name, depth = [], 0, -1, "", 0
    first = len(text) - len(text.lstrip())  # where <s> begins a sequence and strikes nothing out
    for mark in _MARK.finditer(text):
        closes, tag = bool(mark[1]), (mark[2] or mark[0]).lower()
        if opened < 0:
            struck = tag == "s" and mark.start() > first
            if tag == "<!--" or (not closes and (struck or _hides(tag, mark[3] or ""))):
                opened, name, depth = mark.start(), tag, 1
        elif tag == "-->" and name == "<!--":
            depth = 0
        elif tag == name != "<!--":
            depth += -1 if closes else 1
        if opened >= 0 and depth == 0:
            kept.append(text[at:opened])
            at, opened = mark.end(), -1
    if opened >= 0 and name in ("<!--", "think"):
        return "".join([*kept, text[at:opened]])
    return "".join([*kept, text[at:]])


def _hides(tag: str, attributes: str) -> bool:
    return tag in _ALWAYS_HIDDEN or bool(attributes and _HIDDEN_STYLE.search(attributes))


def is_hidden_box(text: str, at: int) -> bool:
    """Whether the box that begins at `at` is invisible, struck out or quoted: in \\phantom, \\cancel
    or \\verb."""
    before = text[max(0, at - 60) : at]
    return "\\" in before and _BEFORE_BOX.search(before) is not None


def redefines_box(text: str) -> bool:
    """Whether the output gives \\boxed another meaning, so that it shows something else."""
    return _REDEFINED.search(text) is not None
