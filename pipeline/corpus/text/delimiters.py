"""Which delimiters a page's own MathJax or KaTeX configuration sets, and the patterns that find
them in its text.

`\\(..\\)`, `\\[..\\]`, `$$..$$` and environments are delimiters everywhere. A single dollar is one
where the page's configuration says so (SET). Where the configuration is not on the page (UNKNOWN),
a pair of dollars counts only if what stands between them can be no price and no prose. Where the
page sets its delimiters without the dollar, or names no renderer, dollars are dollars (OFF).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

OFF, UNKNOWN, SET = 0, 1, 2
WHERE_SCRIPTS_ARE = 20_000  # characters at either end of a page in which AsciiMath is looked for
MAX_SETTING = 2_000  # characters of a list of delimiters
MAX_SETTINGS = 8  # lists of delimiters on one page

STRING = r"""(?:"((?:\\.|[^"\\\n]){0,40})"|'((?:\\.|[^'\\\n]){0,40})')"""
PAIR = re.compile(r"\[\s*" + STRING + r"\s*,\s*" + STRING + r"\s*\]")
KATEX_LEFT = re.compile(r"""["']?left["']?\s*:\s*""" + STRING)
KATEX_RIGHT = re.compile(r"""["']?right["']?\s*:\s*""" + STRING)
KEYS = ("inlineMath", "displayMath", "delimiters")
SETTING = re.compile(r"(inlineMath|displayMath|delimiters)[\"']?\s*:?\s*(?=[\[{])")
TOKEN = re.compile(r"""[\[\]{}]|"(?:\\.|[^"\\])*+"|'(?:\\.|[^'\\])*+'""", re.S)
JS_ESCAPE = re.compile(r"\\(.)", re.S)

# What is a delimiter on every page, in the spelling of a configuration.
COMMON = frozenset({("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")})
ENVIRONMENTS = "align|aligned|alignat|equation|eqnarray|gather|multline|displaymath|math"

# Each alternative begins with a literal, by which `re` skips text, and stops at the next opening of
# its own kind, so that a page of unclosed delimiters stays linear. An environment between dollars
# is one formula.
TEXT_ARGUMENT = r"\\(?:text|textrm|mbox|hbox)\{[^{}$]*(?:\$[^{}$]+\$(?!\$)[^{}$]*)*+\}"
# Codeforces writes three dollars, and six for a formula in display.
DISPLAYED = (
    r"\${6}(?P<d6>(?:\\.|[^$\\]++)++)\${6}|\${3}(?!\$)(?P<i3>(?:\\.|[^$\\]++)++)\${3}(?!\$)|"
)
DISPLAYED += rf"\$\$(?P<dd>(?:{TEXT_ARGUMENT}|\\.|[^$\\]++)++)\$\$"
BRACKETED = (
    r"|\\\((?P<i>(?:[^\\]++|\\[^()])++)\\\)|\\\[(?P<d>(?:[^\\]++|\\[^\[\]])++)\\\]"
    rf"|\\begin\{{(?P<n>(?:{ENVIRONMENTS})\*?)\}}"
    r"(?:[^\\]++|\\(?!(?:begin|end)\{(?P=n)\}).)++\\end\{(?P=n)\}"
    r"|\$latex\s(?P<w>(?:\\.|[^$\\])+?)\$"
    r"|\{tex\}(?P<c>(?:[^{]++|\{(?!/?tex\}))++)\{/tex\}"
    r"|\[(?P<t>latex|tex|math|itex|katex)(?: [^\[\]]{0,60})?\]"
    r"(?P<s>[^\[\]]*+(?:\[(?!/?(?P=t)\])[^\[\]]*+|\])*+)\[/(?P=t)\]"
)
UNIT = rf"{TEXT_ARGUMENT}|\\[^()\[\]]|[^$\\]++"
CLOSED = r"(?:(?<![\s\\])|(?<=\\ ))\$(?!\d)"  # by a dollar after no blank and before no digit
STRICT = rf"|\$(?P<di>(?![\s$])(?:{UNIT}){{0,1000}}+){CLOSED}"
# Where the page sets the dollar, a blank may stand inside; a price before a price ends no formula.
LOOSE = rf"|\$(?P<di>(?!\$)(?:{UNIT}){{1,1000}}+)(?<!\\)\$(?!(?<=\s\$)\d)"
PATTERN_OF = {OFF: "", UNKNOWN: STRICT, SET: LOOSE}


@dataclass(frozen=True)
class Delimiters:
    """What delimits formulas in the text of one page. `own` are pairs that only this page sets:
    (left, right, display).
    """

    dollars: int = OFF
    own: tuple[tuple[str, str, bool], ...] = ()
    asciimath: tuple[tuple[str, str], ...] = ()

    def pattern(self) -> re.Pattern[str]:
        return pattern_of(self.dollars, tuple(pair[:2] for pair in self.own))


@lru_cache(maxsize=256)
def pattern_of(dollars: int, own: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    """One pattern for all delimiters of a page; those that it alone sets come first, as `o0`, `o1`
    ...
    """
    parts = [
        rf"{re.escape(left)}(?P<o{number}>(?:(?!{re.escape(left)}|{re.escape(right)}).){{1,20000}}+)"
        rf"{re.escape(right)}|"
        for number, (left, right) in enumerate(own)
    ]
    escaped = "" if any("\\$" in pair for pair in own) else r"\\\$|"
    return re.compile("".join(parts) + escaped + DISPLAYED + BRACKETED + PATTERN_OF[dollars], re.S)


def delimiters_of(page: str) -> Delimiters:
    """The delimiters of a page, from the scripts that it holds."""
    renderer = "athJax" in page or "mathjax" in page or "katex" in page or "KaTeX" in page
    inline, display, is_set = settings_of(page) if renderer else (set(), set(), False)
    # Bytes, because they are searched without regard to case three times as fast.
    ends = page[:WHERE_SCRIPTS_ARE] + page[-WHERE_SCRIPTS_ARE:]
    ends = ends.encode("utf-8", "surrogatepass").lower()
    reveal = b"revealmath" in ends or b"plugin/math" in ends
    if not renderer and not reveal:
        return Delimiters(asciimath=asciimath_of(page, ends))
    if ("$", "$") in inline | display or reveal:
        dollars = SET
    else:
        dollars = OFF if is_set else UNKNOWN
    asciimath = asciimath_of(page, ends)
    taken = COMMON | set(asciimath)
    own = [(left, right, True) for left, right in display - taken]
    own += [(left, right, False) for left, right in inline - taken - display]
    own.sort(key=lambda pair: (-len(pair[0]), pair))
    return Delimiters(dollars, tuple(own[:12]), asciimath)


def settings_of(page: str) -> tuple[set[tuple[str, str]], set[tuple[str, str]], bool]:
    """(inline pairs, display pairs, whether the page sets any) of MathJax's and KaTeX's
    configurations.
    """
    inline: set[tuple[str, str]] = set()
    display: set[tuple[str, str]] = set()
    is_set = False
    for found in settings_in(page):
        setting = list_at(page, found.end())
        is_ascii = "asciimath2jax" in page[max(0, found.start() - 60) : found.start()]
        if found[1] == "delimiters" and "left" in setting:
            pairs = katex_pairs(setting)
            inline |= {pair for pair, is_display in pairs if not is_display}
            display |= {pair for pair, is_display in pairs if is_display}
            is_set |= bool(pairs)
        elif found[1] != "delimiters" and not is_ascii:
            pairs = mathjax_pairs(setting)
            (display if found[1] == "displayMath" else inline).update(pairs)
            is_set |= found[1] == "inlineMath" and bool(pairs)
    return inline, display, is_set


def settings_in(page: str) -> Iterator[re.Match[str]]:
    """Where the page sets delimiters: plain searches, because few pages do."""
    keys = KEYS if "inlineMath" in page else KEYS[2:]
    for key in keys:
        at = page.find(key)
        for _ in range(MAX_SETTINGS):
            if at < 0:
                break
            if found := SETTING.match(page, at):
                yield found
            at = page.find(key, at + len(key))


def list_at(page: str, start: int) -> str:
    """The bracketed list or mapping that begins at `start`; strings in it may hold brackets."""
    depth, end = 0, min(len(page), start + MAX_SETTING)
    for token in TOKEN.finditer(page, start, end):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return page[start : token.end()]
    return page[start:end]


def mathjax_pairs(setting: str) -> set[tuple[str, str]]:
    return {
        (unquoted(pair[1] or pair[2] or ""), unquoted(pair[3] or pair[4] or ""))
        for pair in PAIR.finditer(setting)
        if (pair[1] or pair[2]) and (pair[3] or pair[4])
    }


def katex_pairs(setting: str) -> list[tuple[tuple[str, str], bool]]:
    """[((left, right), whether display)] of KaTeX's auto-render; one without `display` is in
    display.
    """
    found = []
    for part in setting.split("}")[:40]:
        left, right = KATEX_LEFT.search(part), KATEX_RIGHT.search(part)
        if left and right:
            pair = unquoted(left[1] or left[2] or ""), unquoted(right[1] or right[2] or "")
            inline = re.search(r"""display["']?\s*:\s*(?:false|!1)""", part) is not None
            if all(pair):
                found.append((pair, not inline))
    return found


def unquoted(text: str) -> str:
    """A JavaScript string without its escapes."""
    return JS_ESCAPE.sub(r"\1", text)


def asciimath_of(page: str, ends: bytes) -> tuple[tuple[str, str], ...]:
    """The delimiters of AsciiMath where the page loads it at either end: those that it sets, else
    the backtick.
    """
    if b"sciimath" not in ends and not (b"am_" in ends and (b"-am_" in ends or b"=am_" in ends)):
        return ()
    at = page.find("asciimath2jax")
    found = SETTING.search(page, at, at + 400) if at >= 0 else None
    pairs = mathjax_pairs(list_at(page, found.end())) if found and found[1] == "delimiters" else ()
    return tuple(sorted(pairs)) or (("`", "`"),)
