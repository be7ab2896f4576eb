"""What a text says about its own box: that it is not the answer, that it is one of several, or that
the answer is another one.

Every pattern works on a bounded window, or takes linear time."""

from __future__ import annotations

import re
from functools import lru_cache

from pipeline.grading.answer import measure
from pipeline.grading.answer.hints import Hinted, folded, has_words

WINDOW = 120  # characters before and after a box that are read for what is said about it
AFTER = 2000  # characters after a box that are searched for another answer
UNIT = 30  # characters behind a number in which its unit stands
AT_ONCE = (
    60  # characters after an answer in which it is taken back, if at all: later errors are others
)

_LEAD_IN = (  # between the words and the box; words on the line before belong to another sentence
    r"(?:[^\S\n]|[$*_`:：({\[\\]|\n(?=[^\S\n]*(?:\\\[|\$\$)))*\Z"
)
NOT_ABROAD = r"\b(?:nicht|bukan|(?:no|non) (?:es|è|é))|n['’]est pas|(?<![А-Яа-я])не\b"
NOT_BEHIND = "ではない|ではありません|じゃない"  # behind the number that they deny
HYPOTHESIS = (  # an answer to another question, or of somebody else
    r"\bif the (?:problem|question|task|exercise) (?:had|asked|were|was|wanted|meant)\b[^.\n]{0,80}"
    r"|\b(?:naive|careless|hasty|lazy|sloppy|typical|average|many|most|some|other|another|reader"
    r"|solver|person)\b[^.\n]{0,40}\bwould (?:say|answer|write|guess|claim|think|choose|pick|put|conclude)\b"
    r"[^.\n]{0,20}"
    r"|\b(?:someone|somebody|others?|friend|teacher|professor|textbook|book|key|classmate|student"
    r"|solver|calculator|internet|forum)(?: else)?"
    r"(?:['’]s answer|[^.\n]{0,30}\b(?:says|said|claims?|claimed|thinks?|thought)\b[^.,;\n]{0,20})"
    r"|\baccording to (?:the |my |an? )?(?:\w+ )?(?:friend|teacher|textbook|book|key|classmate"
    r"|calculator|internet|forum)\b[^.\n]{0,20}"
    r"|\b(?:ground[ _]truth|expected (?:output|answer)|reference(?: answer)?|answer key"
    r"|gold(?:en)? answer)\s*(?:is|was|=|:|：)"
    r"|\bpretend\b[^.\n]{0,30}|\bI (?:just |only |simply )?made up"
)
_DENIED_BEFORE = Hinted(
    r"(?:"
    r"(?:\b(?:not|never|anything but|neither|nor"
    r"|answer is\b[^.\n]{0,30}(?:all but|except|different from|far from|other than))"
    rf"|n't|n[’]t|{NOT_ABROAD}|不是|不等于|不为|并非|除了"
    r"|\\neq?|\\not\s*=|≠)"
    r"(?:\s+(?:be|equal|to|the|answer))*"
    r"|\b(?:wrong|incorrect|false|impossible) (?:answers?|values?|results?|options?)\b\s*(?:is|are|was|were)?"
    r"|\b(?:false|wrong|incorrect|untrue|impossible|absurd) that\b[^.,;\n]{0,60}"
    r"|\b(?:suppose|assume|imagine)\b[^.,;\n]{0,60}\b(?:is|was|were|be)"
    r"|\b(?:do not|don't|nobody|no one|must not|mustn't|should not|shouldn't)\b[^.,;\n]{0,30}"
    r"\b(?:answer|say|write|choose|pick)"
    r"|\b(?:common|typical|usual|easy|frequent) (?:mistake|error|trap) (?:is|would be)"
    r"|\bformat(?: is| would be| looks like)?"
    r"|\b(?:twice|half of|double)"
    r")" + _LEAD_IN,
    "not|never|nicht|bukan| but|neither|nor|except|different|far from|other than|n'|n’| es"
    "| è| é|не|不|并非|除了|\\ne|≠|wrong|incorrect|false|impossible|untrue|absurd|suppose|assume"
    "|imagine|nobody|no one|mistake|error|trap|format|twice|half of|double",
    re.I,
)
_NOT_ITS_OWN = Hinted(
    rf"(?:{HYPOTHESIS}){_LEAD_IN}",
    "if the |would|'s answer|’s answer|says|said|claim|think|thought|ground|expected|reference"
    "|answer key|gold|pretend|according|made up",
    re.I,
)
_SUBJECT = r"(?:this|that|it|which|(?:the|my|this|that) (?:answer|value|result|box))"
_WRONG = (
    r"(?:wrong|incorrect|false|impossible|invalid|mistaken|incorrecta?|incorrecto|falsch|faux"
    r"|not (?:my|the|our|a|an)? ?(?:final |correct |right |valid |possible )?(?:answer|solution|correct|right)"
    r"|not (?:correct|right|valid|possible)"
    r"|an? (?:decoy|trap|joke|lie|placeholder|distractor)"
    r"|(?:only |just )?(?:an? )?(?:upper|lower) bound)\b(?!\s+(?:that|to)\b)"
)
_DENIED_AFTER = re.compile(
    r"[\s$*_`.,;!)\\\]，。]{0,8}+(?:<-+\s*)?"
    r"(?:\((?:wrong|incorrect|false)\)|(?:cannot|can't|could not) be (?:correct|right|the answer)|fails\b"
    rf"|(?:{_SUBJECT}\s*)?(?:is|was|would be|are|cannot be|es|ist|est|['’]s)\s*(?:clearly |only |just |simply )*{_WRONG}"
    rf"|(?:这|该|此)?个?(?:答案)?(?:是)?(?:不对|不正确|错误|错的|错了|不是答案)|{NOT_BEHIND}"
    rf"|(?:is|was) [^.\n]{{0,40}}\bcareless\b)",
    re.I,
)
_RETRACTED = Hinted(
    r"[.!?\n]\s*(?:(?:hmm,? )?(?:oops|wait|sorry|no)\b[,.!:]|(?:hmm,? )?actually,? (?:it (?:should be|is)\b|(?=-?\d)))"
    r"|\bno,? wait\b|\bscratch that\b|\bjust kidding\b|\bon second thoughts?\b"
    r"|(?<![A-Za-z])(?:correction|edit(?: \d)?|errat(?:um|a)|update|ps|p\.s|p\. s|revised(?: answer)?)\s*[:：.]"
    r"|\b(?:it(?:['’]s| is)|that(?:['’]s| is)) actually\b|\bactually,? (?:it|that)(?:['’]s| is)\b"
    r"|\bcorrect (?:it|that|this) to\b|\bmake (?:it|that) (?=-?\d)|\breplace \S{1,20} (?:by|with)\b|\boff by (?:one|\d)"
    r"|[。,，.\n ]\s*(?:不[,，对]|等等|更正)[^。\n]{0,10}?(?:应该?是|应为|[:：])?"
    r"|\bI (?:have )?(?:made|found) (?:an? )?(?!no\b)(?:\w+ )?(?:error|mistake)\b"
    r"|(?:^|[.!\n])\s*(?:this|that) (?:is|was) (?:wrong|incorrect|false)\b",
    "wait|sorry|no|actually|scratch|kidding|second thought|correction|error|mistake"
    "|wrong|incorrect|false|edit|errat|update|correct it|correct th|p.s|ps|p. s|revised|make|replace|off by|不|等等|更正",
    re.I,
)
_GIVEN_UP = Hinted(
    r"\bI (?:could not|couldn't|cannot|can't|did not|didn't|won't|will not|refuse to) (?:solve|answer|find)\b"
    r"|\bI (?:do not|don't) know the answer\b|\bI (?:just |only |simply )?(?:guessed|made (?:it|this|that) up)\b"
    r"|\b(?:question|problem) (?:can ?not|can't|could not) be (?:answered|solved)\b",
    "solve|answer|find|guessed|made",
    re.I,
)
_AFTER_ALL = re.compile(r"\b(?:but|however|so|then|instead|still|yet|therefore)\b", re.I)
_CLAIM = Hinted(
    r"\b(?:answer|(?:exact|true|real|actual|correct|right) (?:value|one|result)|my solution)\s*"
    r"(?:here |is |was |should be |must be |would be )+:? ?(?:I get )?|(?:^|\n)\W{0,4}answer ?[:=] ?"
    r"|\b(?:answer|solution)\b[^.\n]{0,10}: I get |\bI mean |\brespuesta (?:es|correcta es) |应该是|应为|正确答案是",
    "answer|solution|value|one|result|i mean|respuesta|应该是|应为|正确答案是",
    re.I,
)
_CLAIMED = re.compile(  # a whole number or fraction, no beginning of a formula and no question
    r"[\s$*_`]*(-?(?:\\[dt]?frac\{\d{1,20}\}\{\d{1,20}\}|\d{1,40}(?:,\d{3})*(?:\.\d{1,40})?(?:/\d{1,20})?))"
    r"(?![\w?^*+\\]|[.,/]\d)"
)
_EITHER = re.compile(
    r"\b(?:or|otherwise|alternatively|else|maybe|perhaps|possibly|could be|might be|may be|failing that|if not|oder|ou)\b|或|可能"
)
_UNIT = re.compile(r"[\s$\\)\]]*(?:\\?text ?\{ ?)?([A-Za-z]+)")
_OFFERED = re.compile(
    r"(?:\b(?:or|else|otherwise|alternatively|maybe|perhaps|possibly|possible|another|second|third"
    r"|(?:option|guess|candidate|possibility|alternative|attempt) ?(?:\d{1,6}|[A-Z])?)"
    r"|或者?|也?可能是?|(?<=\n)/)(?:[\s*_`:：,，.;$]|\b(?:the|my|final|correct|other way round)\b){0,12}\Z",
    re.I,
)
_ONE_OF_SEVERAL = re.compile(r"\b(?:could|might|may)\b|\d", re.I)
_SENTENCE_END = re.compile(r"(?<!\d)[.!?](?:\s|$)|[。！？\n]")
_HEDGED = re.compile(
    r"(?:\b(?:may|might|could) be|\b(?:maybe|perhaps|possibly)"
    r"|\b(?:option|guess|candidate|possibility|alternative|attempt)\s*(?:\d{0,6}|[A-Z]))\b"
    + _LEAD_IN,
    re.I,
)


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether the text says that the box in text[start:end] is not its answer."""
    before = text[max(0, start - WINDOW) : start]
    if _is_denied_by(before[before.rfind(".") + 1 :]):  # no pattern crosses a full stop
        return True
    return has_words(text, end) and bool(
        _DENIED_AFTER.match(text[end : end + WINDOW]) or _GIVEN_UP.search(text[end : end + AFTER])
    )


@lru_cache(maxsize=4096)
def _is_denied_by(before: str) -> bool:
    """Whether the words that lead to a box, at most WINDOW characters, deny it."""
    small = folded(before)
    return bool(_DENIED_BEFORE.search(before, small) or _NOT_ITS_OWN.search(before, small))


def is_given_up(text: str) -> bool:
    """Whether the end of a text says that it has no answer."""
    end = text[-WINDOW:]
    found = _GIVEN_UP.search(end)
    return found is not None and not _AFTER_ALL.search(end, found.end())


def retraction(text: str, end: int) -> int | None:
    """Where a retraction of what stands before `end` ends, or None."""
    found = _RETRACTED.search(text[end : end + AT_ONCE])
    return end + found.end() if found else None


def other_claim(text: str, end: int) -> str | None:
    """The number that the text calls its answer after the box that ends at `end`."""
    said = None
    for claim in _CLAIM.finditer(text[end : end + AFTER]):
        said = _CLAIMED.match(text, end + claim.end()) or said
    return said[1] if said else None


def is_alternative(text: str, end: int, start: int, stop: int) -> bool:
    """Whether the box that ends at `end` and the next, which is text[start:stop], are two guesses:
    either 3 or else 4; option 1: 3, option 2: 4. 250 cents or 2.5 dollars are not."""
    between = text[end:start]
    if len(between) <= WINDOW and not _SENTENCE_END.search(between) and _EITHER.search(between):
        return not are_one_quantity(between[:UNIT], text[stop : stop + UNIT])
    return _HEDGED.search(text[max(0, start - WINDOW) : start]) is not None


def offer(text: str, phrase: re.Match[str]) -> int | None:
    """Where the words begin with which an answer phrase offers one more guess: or the answer is;
    maybe the answer is; option 2: the answer is; the answer could also be. None where it does
    not."""
    at = max(0, phrase.start() - WINDOW)
    if offered := _OFFERED.search(text[at : phrase.start()]):
        return at + offered.start()
    return phrase.start() if _ONE_OF_SEVERAL.search(phrase[0]) else None


def are_one_quantity(after: str, after_other: str) -> bool:
    """Whether the texts behind two numbers name different units of one dimension, so that both may
    be the same: 250 cents or 2.5 dollars."""
    units = [
        measure.unit("1 " + found[1]) if (found := _UNIT.match(text)) else None
        for text in (after, after_other)
    ]
    return None not in units and units[0][0] == units[1][0] and units[0] != units[1]
