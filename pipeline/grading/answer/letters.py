"""Multiple choice: the letter that an output chooses.

A box that holds a letter; else the letter after the last answer phrase that is not denied; else
what the text says about each letter: one that it calls right, or the only one of its last sentence
with letters that is neither called wrong nor hedged. Every pattern takes linear time, or works on a
bounded tail."""

from __future__ import annotations

import re

from pipeline.grading.answer.extract import boxes, extract
from pipeline.grading.answer.visible import visible

MAX_PHRASES = 20_000  # characters at the end of an output that are searched for an answer phrase
MAX_TAIL = 4000  # characters at the end of an output that are searched for a letter

_PHRASE = re.compile(
    r"(?:answer|option|choice|答案|选项|故选|应选|选择?)】? ?(?:is|:|：|是|为|应该是)* ?"
    r"(?:for sure|definitely|probably|clearly|option)? ?\**"
    r"[$ \\({\[（【]*(?:text\{|textbf\{|mathrm\{|boxed\{)*\(?([A-J])(?![A-Za-z0-9])",
    re.I,
)
_LETTER = re.compile(  # neither the pronoun I nor the article A
    r"(?<![A-Za-z0-9'])(?!I [a-z]|A (?!and|or|because|since|as|so)[a-z])([A-J])"
    r"(?![A-Za-z0-9']| (?:[a-z]+ )?(?:is|of|was|has|are)\b(?! (?:right|correct|true)))"
)
_CHOSEN = re.compile(
    r"(?<!would )\b(?:must be|has to be|choose|chose|pick|select|go with|(?:so|therefore|thus|hence|think),? it(?:'s| is))\s*"
    r"(?:option |choice |answer )?\(?([A-J])(?![A-Za-z0-9'])",
    re.I,
)
_MENTION = re.compile(r"(?<![A-Za-z0-9'\\])\(?([A-J])\)?(?![A-Za-z0-9'])")
_WRONG_AFTER = re.compile(
    r"\s*(?:选?项)?\s*(?:的?说法|显然|都|均|也|is|are|was|must be|can be|should be|seems?|clearly|both|all| )*\s*"
    r"(?:不(?![选是])|错|×|✗|✘|误|排除|舍|incorrect|wrong|false|not\b(?! \(?[A-J]\b)|n't"
    r"|以外|之外|ruled out|eliminated|excluded|impossible|discarded|out\b|invalid|rejected)",
    re.I,
)
_RIGHT_AFTER = re.compile(
    r"\s*(?:选?项)?\s*(?:的?说法|显然|is|must be|clearly|therefore| )*\s*"
    r"(?:正确|对(?!于|应)|成立|符合|√|✓|✔|correct|right|true|holds)",
    re.I,
)
_WRONG_BEFORE = re.compile(
    r"(?:\b(?:not|cannot be|can't be|eliminat\w*|exclud\w*|rul(?:e|ed|ing) out|reject\w*|discard\w*|rather than|"
    r"neither|nor|except|unlike|all but)|n't(?: be)?|不是|不选|不能选|并非|排除|除去|否定|舍去)"
    r"[ :：]?(?:option |options |choice |choices |the |be |选项|选)*"
    r"(?:\(?[A-J]\)?(?: ?[,、，和与及/] ?| and | or | nor )+)*\(?$",
    re.I,
)
_HEDGED = re.compile(r"\b(?:either|not sure|unsure|any of|whether)\b|不确定", re.I)
_ONE_OF_TWO = re.compile(r"(?:\bor|或者?) \(?[A-J]\b")  # "Monday or C" chooses nothing
_DENIED = re.compile(r"(?:\bnot|n't|不|并非|no)\s*(?:the |an? )?(?:correct |right )?$", re.I)
_SENTENCE = re.compile(r"[.!?。！？](?:\s|$|(?=[\u3400-\u9fff]))|\n\s*\n")
_LIST_OF_ALL = re.compile(r"[\sA-J().,、:：;；]*")


def extract_choice(output: str) -> str | None:
    """The chosen letter (or the content of the box), or None. See the module for the order.

    >>> extract_choice("A is wrong. B is correct."), extract_choice("Between C and D."), extract_choice("选C不选D")
    ('B', None, 'C')
    """
    output = visible(output)
    boxed, end = boxes(output)
    if boxed and "final answer" in output[end:].lower():
        final = extract(output)
        if final and not _names_letters(final):
            return final
    if boxed and (_names_letters(boxed) or not (said := _after_phrase(output[end:]))):
        return boxed
    if boxed:
        return said
    said = _after_phrase(output)
    if said:
        return said
    lead = re.match(r"\s*\(?([A-J])(?:\)|[.。:：,，]|\s*$)", output)
    tail = output[-MAX_TAIL:]
    if lead and not _WRONG_AFTER.match(output, lead.end()) and not _LIST_OF_ALL.fullmatch(tail):
        others = {m[1] for m in _MENTION.finditer(tail)} - {lead[1]}
        if not others:
            return lead[1]
    return _judged(tail) or (lead[1] if lead and not _MENTION.search(output, lead.end()) else None)


def _names_letters(box: str) -> bool:
    """Whether a box holds options: a letter, with text or not, several letters, or a formula with
    (C) behind it."""
    bare = re.sub(r"\\(?:text(?:bf|it|rm)?|mathrm|mathbf|mbox)\s*\{|[{}]", "", box).strip()
    letters = r"\(?[A-J]\)?(?:[.:,\s]|$).*|[A-J]{1,6}|.*\([A-J]\)"
    return re.fullmatch(letters, bare, re.S | re.I) is not None


def _after_phrase(text: str) -> str | None:
    """The letter of the last answer phrase that is neither denied before it nor called wrong after
    it."""
    said, text = None, text[-MAX_PHRASES:]
    for match in _PHRASE.finditer(text):
        opened = match[0][-2:-1] == "("
        alone = re.match(r"[.。)）*\s]*(?:$|\n)", text[match.end() : match.end() + 12])
        if not (match[1].isupper() or opened or alone):
            continue
        before = text[max(0, match.start() - 30) : match.start()]
        if _DENIED.search(before) or re.search(r"\bnot\b|不是|n't", match[0]):
            continue
        if _WRONG_AFTER.match(text, match.end()) or _continues(text, match.end()):
            continue
        if match[0].startswith(("选项", "option", "Option")) and not _RIGHT_AFTER.match(
            text, match.end()
        ):
            if _MENTION.search(text, match.end()) or _is_named_only(match[0]):
                continue  # a mention of an option is no choice of it
        said = match[1].upper()
    return said


def _is_named_only(phrase: str) -> bool:
    """`Option D` without "is" or a colon."""
    return not re.search(r"is|是|为|[:：]", phrase)


def _continues(text: str, at: int) -> bool:
    """Whether another letter is joined to the one that ends at `at`: A or B, A、B."""
    return re.match(r"\)?\s*(?:or|或|/)\s*(?:option )?\(?[A-J](?![A-Za-z])", text[at:]) is not None


def _judged(tail: str) -> str | None:
    """The one letter that the text calls right; without one, the only letter that its last sentence
    leaves open."""
    if _LIST_OF_ALL.fullmatch(tail) and len({m[1] for m in _MENTION.finditer(tail)}) > 1:
        return None
    mentions = list(_MENTION.finditer(tail))
    wrong = {m[1] for m in mentions if _is_wrong(tail, m)}
    right = {m[1] for m in mentions if _RIGHT_AFTER.match(tail, m.end())} - wrong
    if right:
        return right.pop() if len(right) == 1 else None
    chosen = [m[1] for m in _CHOSEN.finditer(tail) if m[1].isupper() and m[1] not in wrong]
    if chosen:
        return chosen[-1]
    for sentence in reversed(_SENTENCE.split(tail)):
        left = {m[1] for m in _LETTER.finditer(sentence)} - wrong
        if left:
            hedged = _HEDGED.search(sentence) or _ONE_OF_TWO.search(sentence)
            return left.pop() if len(left) == 1 and not hedged else None
    return None


def _is_wrong(text: str, mention: re.Match[str]) -> bool:
    before = text[max(0, mention.start() - 60) : mention.start()]
    after = text[mention.end() : mention.end() + 1]
    end = mention.end() + (after == ")")
    return bool(_WRONG_AFTER.match(text, end) or _WRONG_BEFORE.search(before))
