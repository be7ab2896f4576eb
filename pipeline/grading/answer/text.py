"""One spelling for every way to write an answer: Unicode, LaTeX spacing, money, percent, degrees,
Chinese."""

from __future__ import annotations

import re
import unicodedata

from pipeline.grading.answer import chinese
from pipeline.grading.answer.hints import Hinted
from pipeline.grading.bounded import bounded_cache

MAX_CHARS = 2000  # of a bare answer; a longer one is compared as a string only

_SUPER = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "0123456789+-=()ni", strict=True))
_SUB = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", "0123456789+-=()", strict=True))
_SUPER_RUN, _SUB_RUN = (re.compile(f"[{re.escape(''.join(table))}]+") for table in (_SUPER, _SUB))
_CIRCLED = {chr(0x2460 + i): f"({i + 1})" for i in range(20)} | {
    chr(0x2474 + i): f"({i + 1})" for i in range(20)
}
_GREEK = {
    chr(code): "\\" + name + " "
    for name in (
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
        "omega"
    ).split()
    for code in [
        ord(unicodedata.lookup(f"GREEK SMALL LETTER {name.replace('lambda', 'lamda').upper()}"))
    ]
}
_SYMBOLS = str.maketrans(
    _GREEK
    | {
        "−": "-",
        "–": "-",
        "—": "-",
        "‐": "-",
        "‑": "-",
        "－": "-",
        "×": "*",
        "·": "*",
        "⋅": "*",
        "∙": "*",
        "∗": "*",
        "÷": "/",
        "∕": "/",
        "⁄": "/",
        "≤": "\\le ",
        "⩽": "\\le ",
        "≦": "\\le ",
        "≥": "\\ge ",
        "⩾": "\\ge ",
        "≧": "\\ge ",
        "≠": "\\ne ",
        "∞": "\\infty ",
        "∪": "\\cup ",
        "∩": "\\cap ",
        "∈": "\\in ",
        "∅": "\\emptyset ",
        "±": "\\pm ",
        "∓": "\\mp ",
        "∠": "\\angle ",
        "△": "\\triangle ",
        "°": "^\\circ ",
        "π": "\\pi ",
        "ℝ": "\\mathbb{R}",
        "≈": "\\approx ",
        "、": ",",
        "。": ".",
        "‘": "'",
        "’": "'",
        "′": "'",
        "“": '"',
        "”": '"',
        "〈": "(",
        "〉": ")",
        "【": "[",
        "】": "]",
        "「": '"',
        "」": '"',
        "∶": ":",
        "；": ";",
        "｛": "\\{",
        "｝": "\\}",
        "㎡": " 平方米",
        "㎥": " 立方米",
        "℃": "°",
        "℉": "°",
        "¢": "",
        "º": "^\\circ ",
        "€": "",
        "£": "",
        "¥": "",
        "￥": "",
        "￡": "",
        "₹": "",
        "₩": "",
        "\u200b": "",
        "\ufeff": "",
        " ": " ",
    }
)
_ROOT = re.compile(r"[√]\s*(\d+(?:\.\d+)?|[A-Za-z]|(?=[({]))")
_CUBE_ROOT = re.compile(r"∛\s*(\d+(?:\.\d+)?|[A-Za-z])")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_SPACING = re.compile(
    r"\\(?:left|right|bigl?|Bigl?|bigr|Bigr|biggl?|Biggl?|biggr|Biggr|displaystyle|textstyle|limits)(?![A-Za-z])\.?"
    r"|(?<!\\)\\[!,;:> ]|~|\\qquad|\\quad|\\(?:hspace|phantom)\{[^{}]*\}"
)
MODULUS = r"\(?\s*\\?(?:p|b)?mod\s*\{?\s*(\d+)\s*\}?\s*\)?"
_COMMANDS = [
    (Hinted(pattern, hints), to)
    for pattern, hints, to in (
        (r"\\(?:[dtcsx]|nice)frac(?![A-Za-z])", "frac", r"\\frac"),
        (r"\\bf(?:series)?(?![A-Za-z])\s*", r"\bf", ""),
        (r"(?<=[\d.])\s*\\bar(?=\s*\{?\s*\d)", r"\bar", r"\\overline"),
        (r"^(?:f\s*:\s*)?[a-z]\s*\\mapsto(?![A-Za-z])", r"\mapsto", ""),
        (r"\\text\s*\{\s*\\?&\s*\}|\\&", "&", r"\\text{ and }"),
        (r"\\text\s*\{\s*dollars? and\s*\}", "dollar", r"\\text{dollars}\\text{ and }"),
        (r"^(\d+)\s*(?:\\text\s*\{\s*to\s*\}|to)\s*(\d+)$", "to", r"\1:\2"),
        (r"\\[dt]binom(?![A-Za-z])", "binom", r"\\binom"),
        (r"\\(?:leqslant|leq)(?![A-Za-z])", r"\leq", r"\\le "),
        (r"\\(?:geqslant|geq)(?![A-Za-z])", r"\geq", r"\\ge "),
        (r"\\(?:neq|not\s*=)", r"\neq|\not", r"\\ne "),
        (r"\\lt(?![A-Za-z])", r"\lt", "<"),
        (r"\\gt(?![A-Za-z])", r"\gt", ">"),
        (r"\\(?:varnothing|empty)(?![A-Za-z])", r"\varnothing|\empty", r"\\emptyset "),
        (r"\\(?:lvert|rvert|vert|mid)(?![A-Za-z])", r"vert|\mid", "|"),
        (r"\\(?:cdot|times|ast)(?![A-Za-z])", r"\cdot|\times|\ast", "*"),
        (r"\\div(?![A-Za-z])", r"\div", "/"),
        (
            r"\\(max|min|gcd|lcm)\s*\\?\{([^{}\\]*,[^{}\\]*)\\?\}",
            r"\max|\min|\gcd|\lcm",
            r"\\\1(\2)",
        ),
        (r"(?<![A-Za-z\\_^])C\s*\(\s*(\d{1,4})\s*,\s*(\d{1,4})\s*\)", "C", r"\\binom{\1}{\2}"),
        (r"^\{?\}?[_^]?\{?(\d{1,4})\}?\s?C_?\{?(\d{1,4})\}?$", "C", r"\\binom{\1}{\2}"),
        (
            r"(?i)^\\text\s*\{\s*(?:(?:the (?:final )?(?:answer|value|result|solution) is|answer)"
            r"\s*:?)\s*\}",
            "answer|value|result|solution",
            "",
        ),
        (
            r"(\d)\.(\d*?)(\d)\3\3+\s*(?:\.\.\.|…|\\l?dots|\\cdots)$",
            "...|…|dots",
            r"\1.\2\\overline{\3}",
        ),
        (
            r",?\s*(?:\\text\s*\{\s*)?,?\s*(?:for|where|with) (?:(?:any|all|some|every|each) )?"
            r"(?:\$?[kn]\$? (?:is|are) )?(?:an? )?integers?\s*\}?\s*\$?[kn]?\$?\s*\}?$",
            "integer",
            "",
        ),
        (r"\+/-", "+/-", r"\\pm "),
        (r"\\langle(?![A-Za-z])", r"\langle", "("),
        (r"\\rangle(?![A-Za-z])", r"\rangle", ")"),
        (
            r"(?:\{|^)([^{}]{1,40})\\over(?![A-Za-z])([^{}]{1,40})(?:\}|$)",
            r"\over",
            r"\\frac{\1}{\2}",
        ),
        (r"_\s*\{?\s*\\text\s*\{\s*two\s*\}\s*\}?", "two", "_{2}"),
        (r"_\s*\{?\s*\\text\s*\{\s*ten\s*\}\s*\}?", "ten", "_{10}"),
        (r"(?<=\d)_(?:\{\s*10\s*\}|10(?!\d))", "_", ""),
        (
            r"(?<=\d)\s*\(?\s*(?:\\text\s*\{\s*)?base\s*(\d{1,2})\s*\}?\s*\)?$",
            "base",
            r"_{\1}",
        ),
        (r"[,;]?\s*\(?\s*[kn]\s*(?:\\in|∈)\s*(?:\\mathbb\s*\{?\s*)?Z\}?\s*\)?$", "Z", ""),
        (r"\*\*", "**", "^"),
        (r"\\text\s*\{\s*infinity\s*\}", "infinity", r"\\infty "),
        (r"\\var(?=(?:epsilon|theta|phi|pi|rho|sigma)(?![A-Za-z]))", r"\var", r"\\"),
        (r"\^\s*\{?\s*\\prime\s*\}?", r"\prime", "'"),
        (r"(?<=\d)\s*\^\s*(?:o|\{\s*o\s*\})(?![A-Za-z])", "o", "°"),
        (
            r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![A-Za-z])|\\(?:degree|circ)(?![A-Za-z])"
            r"|\bdegrees?\b",
            "circ|degree",
            "°",
        ),
        (r"(\\\\)\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm)\s*\]", r"\\", r"\1"),
        (r"(?<!\\)\\(?=-?\d)", "\\", r"\\\\"),
        (MODULUS, "mod", ""),
        (
            r"\\(?:text)?color\s*\{\w{1,20}\}"
            r"|\\(?:tiny|small|large|Large|huge|it|em)(?![A-Za-z])",
            r"color|\tiny|\small|\large|\Large|\huge|\it|\em",
            "",
        ),
        (
            r"(?:\{|^)([^{}\\]{1,40})\\choose(?![A-Za-z])([^{}\\]{1,40})(?:\}|$)",
            r"\choose",
            r"\\binom{\1}{\2}",
        ),
        (
            r"(?<=\d)\s*(?:\^\s*)?\{?\s*(?:\\(?:text|mathrm|textrm)\s*\{\s*)?(?:st|nd|rd|th)\b"
            r"(?:\s*\})*",
            "st|nd|rd|th",
            "",
        ),
        (
            r"°\s*(?:\\(?:text|mathrm|rm|textrm)\s*\{\s*|\{\s*\\rm\s*)?"
            r"(?:[CFcf]|Celsius|Fahrenheit)(?![A-Za-z])(?:\s*\})?",
            "°",
            "°",
        ),
        (r"\\%", "%", "%"),
        (
            r"(?<=[\d}$)])\s*(?:\\text\s*\{\s*(?:percent|per cent)\s*\}"
            r"|(?:percentage|percent|per cent|pct)\b\.?)",
            "percent|per cent|pct",
            "%",
        ),
        (
            r"(?:\b(?:US|HK|NT|CA|AU))?\\?\$|\b(?:USD|RMB|CNY|EUR|GBP|INR|JPY)\b|^Rs\.?(?=\s*\d)",
            "$|USD|RMB|CNY|EUR|GBP|INR|JPY|Rs",
            "",
        ),
        (r"(?<=\d) ?x ?(?=10 ?\^)", "x", "*"),
        (r"\\(?:colon)(?![A-Za-z])", r"\colon", ":"),
        (r"\\(?:lbrace)(?![A-Za-z])", r"\lbrace", r"\\{"),
        (r"\\(?:rbrace)(?![A-Za-z])", r"\rbrace", r"\\}"),
        (r"\\(?:lbrack)(?![A-Za-z])", r"\lbrack", "["),
        (r"\\(?:rbrack)(?![A-Za-z])", r"\rbrack", "]"),
        (r"\{,\}", "{,}", ","),
        (r"\{:\}", "{:}", ":"),
        (r"\\\(|\\\)|\\\[|\\\]", r"\(|\)|\[|\]", " "),
        (r"\\mathbb\s*\{?\s*R\s*\}?\s*\^\s*\{?\s*\+\s*\}?$", r"\mathbb", r"(0,\\infty)"),
        (
            r"\\(?:mathbb|mathbf|Bbb)\s*\{?\s*R\s*\}?(?![A-Za-z])",
            r"\mathbb|\mathbf|\Bbb",
            r"\\reals ",
        ),
    )
]
_SPACES = re.compile(r"\s+")
_PLAIN = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?")  # what nothing below would change
_NARROW_GROUPS = re.compile(r",\s*\\!\s*(?=\d{3})")
_FRACTION_OF_GROUPS = re.compile(r"\\frac\{(\d{1,3}(?:,\d{3})+|\d+)\}\{(\d{1,3}(?:,\d{3})+|\d+)\}")
_LIST_OF_GROUPS = re.compile(r"[(\[{]\s*-?\d{1,3},\d{3}")
_THOUSANDS = re.compile(r"(?<![\d.,])(?<![\d.,] )\d{1,3}(?:,\d{3})+(?!\d|,\d)")
_CASES = re.compile(
    r"(?:\\\{\s*)?\\begin\{(?:cases|array|aligned)\}(?:\{[lcr| ]*\})?(.*?)\\end\{(?:cases|array|aligned)\}\.?",
    re.S,
)
_CLOCK = re.compile(
    r"(?:\\text\s*\{)?\s*(\d{1,2}:\d\d)\s*(?:\\text\s*\{)?\s*([ap])\.? ?m\.?\s*\}?", re.I
)
_HOUR = re.compile(r"(\d{1,2})\s*(?:\\text\s*\{)?\s*([ap])\.? ?m\.?\s*\}?", re.I)
_SPACED = re.compile(r"([A-Za-z] ?= ?)?(-?\d{1,3}(?:[ '_]\d{3})+(?:\.\d+)?)")
_GROUP_MARK = re.compile("[ '_]")
_LEAD = re.compile(
    r"^(?:\\approx|approximately|about|around|exactly|the (?:final )?answer is:?|answer:|equals?)\s*"
    r"|^(?:因此|所以|综上|故|最终)?(?:最终|正确)?(?:答案|答|结果|解)?\s*(?:应该|应)?(?:是|为|等于|[:：])?[:：\s]*"
    r"(?:大约|大概|约等于|约为|约|一共|总共|共|还剩|第)?",
    re.I,
)
# words before a number that change the value
_COMPARES = re.compile(
    "小于|大于|[多少于不非无没至超近几比除负又分点和或与一二两三四五六七八九十百千万亿]"
)
_NUMERALS = r"(?:\d{1,9}|[零〇一二两三四五六七八九十百千万]{1,9})"
_FRACTION = re.compile(rf"(?:({_NUMERALS})\s*又\s*)?({_NUMERALS})\s*分之\s*({_NUMERALS})")
_CJK = "\u3400-\u9fff"
_IDEOGRAPH = re.compile(f"[{_CJK}]")


def unwrap(text: str) -> str:
    """Without surrounding spaces, boxes, `$`, and braces that wrap the whole. Linear in the
    length."""
    text = text.strip()
    if text.isdecimal():
        return text
    box = _BOX.match(text)
    if box and text.endswith("}"):
        text = text[box.end() : -1].strip()
    text = text.strip("$ \n\t")
    shave = min(len(text) - len(text.lstrip("{")), len(text) - len(text.rstrip("}")))
    if (
        shave
        and text.strip("{}").count("{") == text.strip("{}").count("}") == 0
        and "," not in text
    ):
        text = text[shave : len(text) - shave].strip()
    return text.strip("$ \n\t")


@bounded_cache(8 << 20, per_char=4)
def clean(text: str) -> str:
    """One spelling for `text`, still a string. Meant for at most MAX_CHARS characters.

    >>> clean("\\\\left( 1，\\\\dfrac{1}{2} \\\\right)"), clean("１,234 元"), clean("x≤½")
    ('( 1,\\\\frac{1}{2} )', '1234 元', 'x\\\\le \\\\frac{1}{2}')
    """
    text = unwrap(text)
    if _PLAIN.fullmatch(text):
        return text
    text = _SPACES.sub(" ", unicode_spelling(text))
    text = _NARROW_GROUPS.sub(",", text)
    text = _SPACES.sub(" ", _SPACING.sub(" ", text))
    for command, to in _COMMANDS:
        text = command.sub(to, text)
    text = _CASES.sub(_as_list, text)
    text = unwrap(text).strip(" ,;:。")
    if clock := _CLOCK.fullmatch(text):
        return f"{clock[1]} {clock[2].lower()}m"
    if hour := _HOUR.fullmatch(text):
        return f"{hour[1]}:00 {hour[2].lower()}m"
    text = text[:-1].rstrip() if text.endswith(".") else text
    text = _FRACTION_OF_GROUPS.sub(lambda match: match[0].replace(",", ""), text)
    if not _LIST_OF_GROUPS.search(text):
        text = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)
    if spaced := _SPACED.fullmatch(text):
        text = (spaced[1] or "") + _GROUP_MARK.sub("", spaced[2])
    return chinese_spelling(text) if _IDEOGRAPH.search(text) else _LEAD.sub("", text, count=1)


def unicode_spelling(text: str) -> str:
    """Superscripts, circled digits, fractions, fullwidth and other digits, signs and Greek as ASCII
    and LaTeX."""
    if text.isascii():
        return text
    text = _SUPER_RUN.sub(lambda m: "^{" + "".join(_SUPER[c] for c in m[0]) + "}", text)
    text = _SUB_RUN.sub(lambda m: "_{" + "".join(_SUB[c] for c in m[0]) + "}", text)
    text = "".join(_CIRCLED.get(c) or _vulgar(c) for c in text)
    text = unicodedata.normalize("NFKC", text.translate(_SYMBOLS)).translate(_SYMBOLS)
    text = _CUBE_ROOT.sub(r"\\sqrt[3]{\1}", text)
    text = _ROOT.sub(lambda m: f"\\sqrt{{{m[1]}}}" if m[1] else "\\sqrt", text)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def chinese_spelling(text: str) -> str:
    """Lead words, 又, 和, numerals and the factors 万, 亿 of a Chinese answer."""
    text = re.sub(r"(?:零下|负)\s*(?=[\d零〇一二三四五六七八九十])", "-", text)
    text = re.sub(r"([一二三四五六七八九]{1,2})(?=[成折])", lambda m: _each_digit(m[1]), text)
    text = _FRACTION.sub(_fraction, text)
    text = _LEAD.sub("", text, count=1).strip()
    lead = re.match(f"([{_CJK}]{{1,10}})(?=-?[\\d\\\\(])", text)
    if lead and not _COMPARES.search(lead[1]):
        text = text[lead.end() :]
    text = re.sub(r"(\d)\s*又\s*(?=\d|\\frac)", r"\1 ", text)
    text = re.sub(r"百分之\s*(\d+(?:\.\d+)?)", r"\1%", text)
    text = re.sub(r"(?<=\d)\s*比\s*(?=\d)", ":", text)
    text = re.sub(r"(?<![\d.])(\d+)\s*[元块]\s*(\d)\s*角(?:\s*(\d)\s*分)?", r"\1.\2\3元", text)
    for words, to in (("和|与|及|且", "and"), ("或者|或", "or")):
        text = re.sub(
            rf"(?<=[\d}}%)\]A-Za-z\s])\s*(?:{words})\s*(?=[-+(\[\\\d\sA-Za-z])",
            rf" \\text{{{to}}} ",
            text,
        )
    runs = re.split(f"([{_CJK}〇]+)", text)
    for k, run in enumerate(runs):
        if k % 2 and not runs[k - 1][-1:].isdigit():
            runs[k] = chinese.numeral(run) or run
    return "".join(runs).strip(" ,.;:")


def _as_list(match: re.Match[str]) -> str:
    """A system of equations x = 1 \\\\ y = 2 as x = 1, y = 2; cases with conditions stay as they
    are."""
    rows = [row.strip(" ,.") for row in match[1].split("\\\\") if row.strip(" ,.")]
    equations = all(row.count("=") == 1 and "&" not in row for row in rows)
    return ", ".join(rows) if equations and len(rows) > 1 else match[0]


def _fraction(match: re.Match[str]) -> str:
    """5又二分之一 as 5\\frac{1}{2}; the parts are Arabic or Chinese numerals, or both."""
    whole, down, up = (chinese.digits(part) if part else "" for part in match.groups())
    if None in (whole, down, up) or down == "100":
        return match[0]
    return f"{whole}\\frac{{{up}}}{{{down}}}"


def _each_digit(numerals: str) -> str:
    return "".join(chinese.digits(c) or c for c in numerals)


def _vulgar(char: str) -> str:
    parts = unicodedata.decomposition(char).split()
    if not parts or parts[0] != "<fraction>" or "2044" not in parts:
        return char
    up, down = "".join(chr(int(code, 16)) for code in parts[1:]).split("⁄")
    return f"\\frac{{{up}}}{{{down}}}" if down else char
