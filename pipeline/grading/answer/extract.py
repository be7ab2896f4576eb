"""Which part of an output is its answer.

In this order: what a reader does not see is left out (visible.py); the text is cut where the model
runs on into a new question; the last box that the text does not deny (claims.py), with the boxes
joined to it by nothing but commas and "and", or given as alternatives; a "final answer is" sentence
that comes after it; what follows the last answer phrase (####, The answer is, 答案是, 答:); the last formula or number.
Every pattern takes linear time, or works on a bounded tail."""

from __future__ import annotations

import re

from pipeline.grading.answer import chinese, claims, prose
from pipeline.grading.answer.hints import Hinted, has_words
from pipeline.grading.answer.visible import is_hidden_box, redefines_box, visible

MAX_OUTPUT = 200_000  # only the end of a longer output is read
MAX_SENTENCE = 400  # characters that are searched for a value after an answer phrase
MAX_BOXES = 16  # the last ones
_LAST_WORDS = 200  # characters at the end in which an exclamation mark may end a sentence

_RUN_ON = (  # two patterns that begin with fixed text, which is found quickly
    re.compile(
        r"\n[ \t]{0,9}+(?:Question|Problem|Q|问题|User|Human|Instruction) {0,3}\d{0,4} ?[:：]"
    ),
    Hinted(r"<\|(?:im_start|endoftext|eot_id)\|>", "<"),
)
_SAID = re.compile(
    "[是为有于]([负百分之又点零〇一二两三四五六七八九十千万亿]{1,20}[\u3400-\u9fff]{0,3})(?=[。，,.!！]|$)"
)
_COUNTED = re.compile("([负百分之又点零〇一二两三四五六七八九十千万亿]{1,20}[\u3400-\u9fff]{0,3})$")
_TAG = Hinted(r"<(?:eoa|eoe|/?s|/?answer)>", "<")
_BOX = re.compile(r"\\(?:boxed|fbox)(?: *\{| +(?=[^\s{]))")
_HALF_SPACE = re.compile(r"(?<!\\)\\$")  # what strip leaves of a spaced brace's `\\ `
_SIGN = Hinted(r"(?:(?<=[$=(])|(?<=[$=(] )|(?<=\\[\[(]))([-−])[ ]?\Z", "-|−")
_DECIMALS = re.compile(r"\.\d{1,20}(?![\w.]*[A-Za-z])")
_INNER = re.compile(r"\\(?:boxed|fbox) *(?=\{)")
_JOINT = re.compile(
    r"(?:\s|\$|\\?%|,|;|、|，|。|&|/|[()]|\\\\|\\[,;! ()\[\]]|\\q?quad"
    r"|\\(?:text|mbox|textbf) *\{ *,? *(?:and|or|和|或) *,? *\}"
    r"|\band\b|\bor\b|和|或|与)*"
)
_NAMED = Hinted(r"(?<![A-Za-z\\])([A-Za-z])\s*=\s*$", "=")  # $x=\boxed{1}$ or $x=\boxed{2}$
_WORD = re.compile(r"[^\s$\\]+")
_BRACE = re.compile(r"(?<!\\)[{}]")
_LINE_END = re.compile(r"\n|\$|\\\)|\\\]")
_FINAL = re.compile(r"(?:the )?final answer is:?\s*|最终答案(?:是|为)?[:：]?\s*", re.I)
_HOPE = re.compile(r"I hope (?:it|this) is correct", re.I)
_PHRASE = re.compile(
    r"####\s*|answer {0,3}(?:\d{1,2} {0,3}(?=[:：]))?"
    r"(?:is|was|(?:could|might|may) (?:also )?be|=(?!=)|:|：)+"
    r"(?:\s{0,3}(?:that|simply|just|for sure|definitely|therefore))*\s{0,3}:?\s*"
    r"|(?:正确)?答案(?:应该|应)?(?:是|为|选|[:：])+\s*|答[:：]\s*|【答案】\s*|故选[:：]?\s*|(?<=\n)A:\s*",
    re.I,
)
_KEYED = re.compile(r"\"(?:final_?)?answer\"\s*:\s*(\"[^\"]*\"|[^,{}\[\]\n]+)", re.I)
_OR = re.compile(r"[.!?]\s+(?:or|or maybe|maybe|perhaps)\s+\$?(-?\d[\d.,/]*)(?<!\.)", re.I)
_CODE = re.compile(r"```(?:python|py|java|c|cpp|javascript|js)\b[^`]*```")  # the text of a program
_FINAL_WORDS = ("final answer", "最终答案")
_PHRASE_WORDS = ("####", "answer", "答", "【答案】", "故选", "a:")
_NOTHING = re.compile(r"(?:None|null|N/A|unclear|undecided)\b(?!\s*\Z)", re.I)  # None  # 12
_CANDIDATES = re.compile(
    r"\b(?:possible (?:answers?|solutions?)|candidates?|guesses)\s*[:：]?[ *]*"
    r"((?:\n+[ \t]*(?:[-*•]|\d{1,2}[.)])[ \t][^\n]{1,80}){2,12})\s*\Z",
    re.I,
)
_RELATION = re.compile(  # a multiple of 12; on page 12; double 12
    r"(?:an? |the )?(?:multiple|divisor|factor|half|third|double|triple|square|cube|negative"
    r"|opposite|reciprocal) of\b|(?:double|twice|triple|divisible|congruent|on page|in (?:line|row|column))\b",
    re.I,
)
_DENIAL = re.compile(r"(?:not|never)\b|不是|并非", re.I)
_GUESSES = re.compile(
    r"(?:either|any (?:one )?of|one of)\b\s*(.+?(?:\bor\b|,|\band\b).+?)\.?\s*$", re.I | re.S
)
_ALTERNATIVES = re.compile(
    r"[\d})$]\s*,?\s*(?:\bor\b|或者?)\s*[-+]?[\d\\$(A-Za-z]{1,3}(?![a-z]{2,})"
)
_TURN = re.compile(r"\bbut\b|[,;] (?:it|but|so|and|rather|the)\b|而是|，", re.I)  # "not 5 but 6"
_VERDICT = re.compile(
    r"\"(?:score|verdict|reward|grade|label|correct)\"\s*:", re.I
)  # an output that grades itself has no answer
_RANGE = re.compile(
    rf"(?:{prose.BOUNDS})\b|(?:from|around) -?\d[\d.,]* to\b", re.I
)  # words that make a number no answer
_REASON = re.compile(
    r",? (?:not|because|since|rather than|instead of|while|whereas)\b", re.I
)  # what follows is not the answer
_NUMBER = re.compile(r"^[\s$*]*-?[\d.,/]+")
_DECORATION = re.compile("[\u2600-\u26ff\u2705\u2714\u2728\ufe0f\u220e\U0001f300-\U0001faff]")
_INTEGER = re.compile(r"\d+")
_DIGIT = re.compile(r"\d")
_FORMULA_SIGN = re.compile(r"[=$\n]|\\text|\\[(\[]")
_STOP = re.compile(r"(?<!\d)\.(?=\s|$)|(?<=\d)\.(?=\s+[A-Z]|\s*$)|。")
_NAME = re.compile(
    r"\\[A-Za-z]+(?:\{[A-Za-z ]*\})?|(?<![A-Za-z])(?:sqrt|log|sin|cos|tan|exp|ln|pi)(?![A-Za-z])"
)
_JOINING = re.compile(r"\b(?:and|or)\b|[和或与]")
_TWO_LETTERS = re.compile(r"[A-Za-z]{2,}|[\u3400-\u9fff]")
_JOINED = re.compile(r"\s*(\d+ dollars? and \d+ cents?|-?\d+\s*[和、,，]\s*-?\d+)\s*")
_EXCLAIMED = re.compile(
    r"(?<=\d)!(?=[*_`\"')\s]*$|\s+[A-Z])"
)  # the end of a sentence, no factorial


def extract(output: str, lang: str = "en") -> str | None:
    """The answer inside `output` as written, or None when there is none. `lang` ("en" | "zh") is
    accepted for the callers' sake: the rules of both languages are always on.

    >>> extract("so \\\\boxed{-2} and \\\\boxed{1}."), extract("答：还剩9页。"), extract("I do not know.")
    ('-2 \\\\text{ and } 1', '9', None)
    """
    text = _TAG.sub(" ", visible(output[-MAX_OUTPUT:]))
    if redefines_box(text):
        return None
    if "!" in text[-_LAST_WORDS:]:
        text = text[:-_LAST_WORDS] + _EXCLAIMED.sub("", text[-_LAST_WORDS:])
    cuts = [found.start() for pattern in _RUN_ON if (found := pattern.search(text))]
    whole = text
    if cuts and text[: min(cuts)].strip():
        text = text[: min(cuts)]
    boxed, end = boxes(text)
    if (
        cuts
        and boxed is None
        and _last(_PHRASE, text, _PHRASE_WORDS) is None
        and _BOX.search(whole)
    ):
        text = whole  # "Question 6:" inside a solution
        boxed, end = boxes(text)
    if boxed and not has_words(text, end):
        return boxed
    final = _last(_FINAL, text[end:], _FINAL_WORDS)
    if final is not None:
        said = _value(_sentence(text[end + final.end() :]))
        return _with_other_guess(said, text[end:], final, boxed) or boxed or None
    if boxed is not None:
        return _unless_retracted(boxed, text, end)
    return _from_words(_without_hope(text))


def _from_words(text: str) -> str | None:
    """The answer of a text without a box."""
    if _VERDICT.search(text[-MAX_SENTENCE:]):
        return None
    if keyed := _KEYED.findall(text[-MAX_SENTENCE:]):
        return " \\text{ and } ".join(dict.fromkeys(value.strip(' "') for value in keyed))
    phrase = _last(_PHRASE, text, _PHRASE_WORDS)
    if phrase is not None and phrase[0].startswith("A:") and not text[phrase.end() :].strip():
        return None  # a question with the place for its answer
    if phrase is not None and _NOTHING.match(text, phrase.end()):
        return None
    if phrase is not None and _DENIAL.match(text, phrase.end()):  # "The answer is not 5."
        denied = _TURN.split(_sentence(text[phrase.end() :]))[0]
        text = text[: phrase.start()] + text[phrase.end() :].replace(denied, " ", 1)
        phrase = None
    retracted = claims.retraction(text, phrase.end()) if phrase is not None else None
    if retracted is not None:
        return prose.last_value(text[retracted:])
    answer = _after_phrase(text[phrase.end() :]) if phrase is not None else None
    if answer and (guess := _OR.search(text, phrase.end(), phrase.end() + MAX_SENTENCE)):
        return f"{answer} \\text{{ or }} {guess[1]}"
    if phrase is not None:
        answer = _with_other_guess(answer, text, phrase)
    if answer:
        return answer
    if phrase is None and claims.is_given_up(text):
        return None
    if phrase is None and (listed := _CANDIDATES.search(text[-MAX_SENTENCE:])):
        return " \\text{ or } ".join(
            re.split(r"\n+[ \t]*(?:[-*•]|\d{1,2}[.)])[ \t]", listed[1])[1:]
        )
    printed = _program_output(text)
    if not printed:
        text = _CODE.sub("", text)
    return printed or _whole(text) or prose.last_value(text) or _numeral(text)


def _with_other_guess(
    answer: str | None, text: str, phrase: re.Match[str], boxed: str | None = None
) -> str | None:
    """The answer behind an answer phrase; with the box or the answer before it, where the phrase
    offers one more guess: Answer: 3, or maybe Answer: 4."""
    if not answer or not (boxed or _last(_PHRASE, text[: phrase.start()], _PHRASE_WORDS)):
        return answer  # there is none before it
    offered = claims.offer(text, phrase)
    if offered is None:
        return answer
    before = text[:offered]
    previous = _last(_PHRASE, before, _PHRASE_WORDS)
    other = boxed or (previous and _after_phrase(before[previous.end() :]))
    if not other:
        return answer
    behind = before[previous.end() :] if previous and not boxed else ""
    if claims.are_one_quantity(*(_NUMBER.sub("", s, 1) for s in (behind, text[phrase.end() :]))):
        return answer
    return f"{other} \\text{{ or }} {answer}"


def _unless_retracted(boxed: str, text: str, end: int) -> str | None:
    """The content of the box that ends at `end`; the answer after it, where the text takes the box
    back; both, where it calls another number its answer, so that only two equal ones are right."""
    retracted = claims.retraction(text, end) if boxed else None
    if retracted is not None:
        return extract(text[retracted:])
    other = claims.other_claim(text, end) if boxed else None
    if other and other not in boxed:
        return f"{boxed} \\text{{ or }} {other}"
    return boxed or None


def _whole(text: str) -> str | None:
    """A short output that is one value: 3^2, sqrt(7)."""
    value = _DECORATION.sub("", text).strip(" \n*`>#")
    if chinese.numeral(value):
        return value
    simple = len(value) <= 60 and _DIGIT.search(value) and not _FORMULA_SIGN.search(value)
    return value if simple and _bare(value) else None


def _numeral(text: str) -> str | None:
    """A Chinese numeral that is said to be the result: 这个数是二十五。"""
    said = _last(_SAID, text[-MAX_SENTENCE:])
    return said[1] if said and chinese.numeral(said[1]) else None


def _program_output(text: str) -> str | None:
    """The last line that the last program printed (tool use without a box)."""
    lines = (
        text.rsplit("```output", 1)[1].split("```", 1)[0].strip().split("\n")
        if "```output" in text
        else [""]
    )
    return lines[-1].strip() if len(lines[-1]) <= MAX_SENTENCE else None


def boxes(text: str) -> tuple[str | None, int]:
    """Content of the last box, or of the boxes joined to it, and where it ends; (None, 0) without a
    box."""
    found = []
    for match in list(_BOX.finditer(text))[-MAX_BOXES:]:
        if found and match.start() < found[-1][2]:
            continue  # a box in a box
        if match[0].endswith("{"):
            end = _closing(text, match.end())
            inside = text[match.end() : end].strip()
            if "\\" in inside:
                inside = _INNER.sub("", _HALF_SPACE.sub("", inside))
            found.append((match.start(), inside, min(end + 1, len(text))))
        else:
            word = _WORD.match(text, match.end())
            found.append(
                (match.start(), word[0] if word else "", word.end() if word else match.end())
            )
    if not found:
        return None, 0
    end = found[-1][2]
    found = [box for box in found if not is_hidden_box(text, box[0])]
    while found and claims.is_denied(text, found[-1][0], found[-1][2]):
        found.pop()
    if not found:
        return "", end
    group = [found[-1]]
    names = (
        [_name_before(text, found[-1][0])] if len(found) > 1 else [""]
    )  # of one, it says nothing
    for box in reversed(found[:-1]):
        between = text[box[2] : group[0][0]]
        if names[0]:
            between = between[: between.rfind(names[0])]
        near = len(between) <= 60 and "\n\n" not in between
        if not (near and _JOINT.fullmatch(between)):
            if not claims.is_alternative(text, box[2], group[0][0], group[0][2]):
                break
        group.insert(0, box)
        names.insert(0, _name_before(text, box[0]))
    parts = [content for _, content, _ in group if content]
    if all(names) and len(set(names)) == len(names) == len(parts) > 1:
        named = zip(names, parts, strict=True)
        return ", ".join(f"{name}={part}" for name, part in named), group[-1][2]
    if len(parts) == 1:
        parts[0] = _with_neighbours(text, group[0], parts[0])
    percent = prose.PERCENT.match(text, group[-1][2])
    if percent and len(parts) == 1 and parts[0][-1] in "0123456789}":
        parts[0] += "\\%"
    return " \\text{ and } ".join(dict.fromkeys(parts)), group[-1][2]


def _with_neighbours(text: str, box: tuple[int, str, int], number: str) -> str:
    """The sign before a box that holds a number, and the decimals behind it, belong to the number:
    $-\\boxed{12}$ shows -12 and $\\boxed{12}.5$ shows 12.5."""
    if not number.replace(".", "", 1).isdigit():
        return number
    before = _SIGN.search(text[max(0, box[0] - 20) : box[0]])
    after = _DECIMALS.match(text, box[2])
    return f"{before[1] if before else ''}{number}{after[0] if after else ''}"


def _name_before(text: str, at: int) -> str:
    """x for the box of `$x=\\boxed{1}$`."""
    name = _NAMED.search(text[max(0, at - 20) : at])
    return name[1] if name else ""


def _closing(text: str, at: int) -> int:
    """Where the brace group opened before `at` closes; an unbalanced one ends with its line or its
    formula."""
    end = text.find("}", at)
    if end >= 0 and text.find("{", at, end) < 0:
        return end
    depth = 1
    for brace in _BRACE.finditer(text, at):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    line = _LINE_END.search(text, at)
    return line.start() if line else len(text)


def _last(pattern: re.Pattern[str], text: str, words: tuple[str, ...] = ()) -> re.Match[str] | None:
    """The last match. words -- what a match begins with, in small letters; looked for from the end,
    which is quicker."""
    match, small = None, text.lower() if words else ""
    if len(small) == len(text):
        for word in words:
            at = small.rfind(word)
            while at >= 0 and (match is None or at > match.start()):
                match = pattern.match(text, at) or match
                at = small.rfind(word, 0, at)
        return match
    for match in pattern.finditer(text):  # noqa: B007 (the last one is wanted)
        pass
    return match


def _without_hope(text: str) -> str:
    hope = _HOPE.search(text) if "hope" in text.lower() else None
    return text[: hope.start()].rstrip(" .") if hope else text


def _sentence(text: str) -> str:
    """The first line, cut after a full stop that ends a sentence outside formulas."""
    text = _without_hope(text.lstrip(" \n:：*")[:MAX_SENTENCE])
    line = text.split("\n")[0]
    if line.count("$") % 2 or line.count("\\[") > line.count("\\]"):
        line = text
    stop = _STOP.search(line)
    return line[: stop.start()] if stop else line


def _value(tail: str) -> str | None:
    """A sentence as an answer: a formula or literal that is all of it, else the last one in it,
    else the words."""
    tail = _DECORATION.sub("", tail).strip().strip("*`_ ").lstrip("} ")
    if not tail or _DENIAL.match(tail):
        return None
    if _RELATION.match(tail) and len(_INTEGER.findall(tail)) == 1:
        return tail
    guesses = _GUESSES.match(tail)
    if guesses or _ALTERNATIVES.search(tail):
        return _without_dollars(guesses[1] if guesses else tail)
    whole = prose.MATH.fullmatch(tail)
    if whole and tail.count("$") <= 4:
        return prose.content(whole)
    plain = _without_dollars(tail)  # 40$\\pi$
    if _bare(plain) or _RANGE.match(tail):
        return plain
    reason = _REASON.search(tail)
    if reason and _DIGIT.search(tail, 0, reason.start()):
        tail = tail[: reason.start()]
    return prose.last_value(tail) or _counted(tail) or (tail if len(tail) <= 60 else None)


def _without_dollars(text: str) -> str:
    """Without the signs of formulas and of money."""
    return text.replace("\\$", "").replace("$", "")


def _counted(tail: str) -> str | None:
    """The Chinese numeral, with its unit, that a sentence ends with: 一共需要二十四天."""
    match = _COUNTED.search(tail)
    return match[1] if match and chinese.numeral(match[1]) else None


def _bare(tail: str) -> bool:
    """Whether the sentence is a value with no words beside it."""
    return not _TWO_LETTERS.search(_JOINING.sub("", _NAME.sub("", tail)))


def _after_phrase(text: str) -> str | None:
    sentence = _sentence(text)
    joined = _JOINED.fullmatch(sentence)
    return joined[1] if joined else _value(sentence)
