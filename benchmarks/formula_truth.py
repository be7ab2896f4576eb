"""The formulas of a page as a few-line reader sees them: the truth that extraction is measured
against.

It shares no code with the extractor: a tree from lxml, one XPath for each way in which a page
carries LaTeX.
"""

from __future__ import annotations

import re
from collections import Counter

from lxml import html

SOURCES = (
    "//annotation[@encoding='application/x-tex']//text()",
    "//math[not(.//annotation) and not(@data-latex)]/@alttext",
    "//mjx-math/@data-latex",
    "//script[starts-with(@type, 'math/tex')]//text()",
    "//*[contains(concat(' ', @class, ' '), ' math-container ')]",
    "//*[contains(@class, 'arithmatex')]",
    "//*[(self::span or self::div) and starts-with(@class, 'math notranslate')]",
    "//*[(self::span or self::div) and (@class='math' or @class='math inline' or @class='math display')]",
    "//*[contains(@class, 'mjx-copytext')]",
    "//img[@class='latex' or contains(@src, 'codecogs.com/')]/@*[name()='title' or (name()='alt' and not(../@title))]",
    "//*[contains(@class, 'mwe-math-element') and not(.//math)]//img/@alt",
    "//img[@class='formulaInl' or @class='formulaDsp']/@alt",  # Doxygen
    "//img[@class='math']/@alt",  # Sphinx
)
# Pages whose formulas a script finds in the text when the page is shown, by the delimiters that it
# looks for.
SHOWN_BY = ("MathJax.js", "mathjax@", "renderMathInElement")
UNSEEN = "//pre | //code | //script | //style | //head | //textarea | //comment()"
RAW = re.compile(
    r"\\\$|\$\$(.+?)\$\$|\\\[(.+?)\\\]|\\\((.+?)\\\)|(\\begin\{(\w+\*?)\}.+?\\end\{\5\})|(?<!\\)\$((?:\\.|[^$\\])+)\$",
    re.S,
)
ANNOTATIONS = (
    (re.compile(r"<annotation\b.*?</annotation>", re.S), ""),
    (re.compile(r"""\s(?:alttext|data-latex)=(?:"[^"]*"|'[^']*'|[^\s>]+)"""), ""),
    (re.compile(r"<script type=[\"']?math/.*?</script>", re.S), ""),
    (re.compile(r"<img\b[^>]*(?:mwe-math|title=)[^>]*>"), ""),
)
DROPPED = frozenset(
    r"\left \right \big \Big \bigg \Bigg \bigl \bigr \Bigl \Bigr \biggl \biggr \Biggl \Biggr \bigm \Bigm \middle \displaystyle"
    r" \textstyle \scriptstyle \limits \nolimits \nonumber \notag \mathrm \operatorname \text \textrm \textnormal \rm \mbox"
    r" \mathop \mathnormal \mathit \textit \mathord \mathbin \mathrel \mathpunct \quad \qquad \, \; \: \! \  \enspace ~".split()
) | {"\\ "}
BOLD = frozenset(r"\boldsymbol \bm \mathbf \textbf \bf \pmb".split())
ENVIRONMENT = re.compile(
    r"\\(begin|end)\{(?:align|aligned|alignat|split|gather|gathered|equation|eqnarray|array|matrix|smallmatrix)\*?\}"
    r"(?:\{[lrc| ]*\})?"
)
TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\\\(?:\[[^\]]*\])?|\\.|\S", re.S)
ARGUMENTS = {"\\frac": 2, "\\binom": 2, "\\overset": 2, "\\underset": 2, "\\sqrt": 1, "\\pmod": 1}
ALIASES = dict(
    pair.split("=", 1)
    for pair in (
        "leq=le geq=ge neq=ne rightarrow=to longrightarrow=to implies=Rightarrow Longrightarrow=Rightarrow "
        "iff=Leftrightarrow Longleftrightarrow=Leftrightarrow dots=ldots cdots=ldots dotsc=ldots dotsb=ldots "
        "dotsm=ldots dfrac=frac tfrac=frac cfrac=frac dbinom=binom tbinom=binom choose=binom land=wedge lor=vee "
        "lnot=neg gets=leftarrow varnothing=emptyset lbrace={ rbrace=} lvert=| rvert=| vert=| mid=| lVert=Vert "
        "rVert=Vert |=Vert parallel=Vert colon=: ast=* thinspace= bar=overline hat=widehat tilde=widetilde "
        "vec=overrightarrow mathscr=mathcal cal=mathcal leqslant=le geqslant=ge longmapsto=mapsto prime=' lt=< "
        "gt=> bmod=mod backslash=setminus smallsetminus=setminus cdotp=cdot centerdot=cdot owns=ni Bbb=mathbb "
        "longleftarrow=leftarrow stackrel=overset And=& degree=circ intercal=top Box=square sdot=cdot "
    ).split()
)


def read(page: bytes | str) -> list[str]:
    """The LaTeX of each formula of a page, in the order of the page."""
    text = page.decode("utf-8", "replace") if isinstance(page, bytes) else page
    tree = html.fromstring(re.sub(r"^\s*<\?xml[^>]*>", "", text))
    placed: list[tuple[int, str]] = []
    places = {element: place for place, element in enumerate(tree.iter())}
    for source in SOURCES:
        for node in tree.xpath(source):
            element = node.getparent() if isinstance(node, str) else node
            latex = str(node) if isinstance(node, str) else node.text_content()
            latex = re.sub(r"^\s*\\bg_white\s|%\s*\]\]>\s*$", "", latex)
            latex = re.sub(
                r"^\s*(?:\$\$?|\\\(|\\\[)(.*?)(?:\$\$?|\\\)|\\\])\s*$", r"\1", latex, flags=re.S
            )
            if latex.strip():
                placed.append((places.get(element, 0), latex))
    for node in tree.xpath(
        "//*[contains(@class, 'comment-copy') or contains(@class, 'post-text')]"
    ):
        pairs = re.findall(r"\$\$([^$]+)\$\$|\$([^$]+)\$", node.text_content())
        placed += [
            (places.get(node, 0), a or b)
            for a, b in pairs
            if not re.search(r"\\(?:begin|end)group", a + b)
        ]
    found = [latex for _, latex in sorted(placed, key=lambda item: item[0])]
    if not found and any(name in text for name in SHOWN_BY):
        dollars = re.search(r"""["']\$["']""", text) is not None
        for node in tree.xpath(UNSEEN):
            if node.getparent() is not None:
                node.drop_tree()
        groups = [m.groups() for m in RAW.finditer(tree.text_content())]
        found = [a or b or c or d or (e if dollars else "") for a, b, c, d, _, e in groups]
    return [latex for latex in found if latex and latex.strip()]


def without_annotations(page: str) -> str:
    """The page as if its LaTeX had never been left in it: only MathML and drawn formulas remain."""
    for pattern, instead in ANNOTATIONS:
        page = pattern.sub(instead, page)
    return page


def spelled(latex: str) -> str:
    """Loose spelling for recall and precision: white space and the wrapper {\\displaystyle ...} do
    not count.
    """
    latex = "".join(re.sub(r"(?<!\\)%[^\n]*\n", "", latex).split())
    while wrapped := re.match(r"^\{\\(?:display|text)style(.*)\}$", latex):
        latex = wrapped[1]
    return latex


def normal(latex: str) -> str:
    """Spelling under which two formulas that look the same are the same: the stated normalisation
    of the converter test.

    Not compared: spaces, sizes (\\left, \\big), style, upright-text commands (\\mathrm, \\text,
    \\operatorname), bold commands, aligning environments, aliases (\\le and \\leq), braces around
    one symbol, the order of _ and ^.
    """
    latex = re.sub(r"(?<!\\)%[^\n]*(\n|$)", "", latex)
    latex = re.sub(r"\\(?:label|tag|[hv]space)\*?\{[^}]*\}", "", latex)
    latex = re.sub(
        r"\\not\s*=", r"\\ne ", re.sub(r"\\not\s*\\in\b", r"\\notin ", ENVIRONMENT.sub(" ", latex))
    )
    tokens = [
        token[:2] if token.startswith("\\\\") else token.rstrip("*") or "*"
        for token in TOKEN.findall(latex)
    ]
    tokens = ["\\mathbf" if token in BOLD else token for token in tokens if token not in DROPPED]
    while tokens and tokens[-1] == "\\\\":
        tokens.pop()
    out = []
    for token in tokens:
        name = ALIASES.get(token[1:]) if token[:1] == "\\" else None
        out.append(token if name is None else "\\" + name if name.isalpha() else name)
    return canonical(out)


def canonical(tokens: list[str]) -> str:
    """Braces around one token are dropped, those of arguments kept; ' is ^prime; _ comes before ^."""
    out, _ = group(tokens, 0)
    return " ".join(out)


def group(tokens: list[str], at: int) -> tuple[list[str], int]:
    out: list[str] = []
    while at < len(tokens):
        token = tokens[at]
        if token == "}":
            return out, at + 1
        if token == "{":
            inner, at = group(tokens, at + 1)
            out += inner
            continue
        if token in ("_", "^", "'"):
            scripts = {}
            while at < len(tokens) and tokens[at] in ("_", "^", "'"):
                mark = "^" if tokens[at] == "'" else tokens[at]
                if tokens[at] == "'":
                    argument, at = ["'"], at + 1
                else:
                    argument, at = one(tokens, at + 1)
                scripts[mark] = scripts.get(mark, []) + argument
            for mark in sorted(scripts, reverse=True):
                out += [mark, "(", *scripts[mark], ")"]
            continue
        if token in ARGUMENTS:
            at += 1
            out.append(token)
            if token == "\\sqrt" and at < len(tokens) and tokens[at] == "[":
                end = tokens.index("]", at) if "]" in tokens[at:] else at
                out += tokens[at : end + 1]
                at = end + 1
            for _ in range(ARGUMENTS[token]):
                argument, at = one(tokens, at)
                out += ["(", *argument, ")"]
            continue
        out.append(token)
        at += 1
    return out, at


def one(tokens: list[str], at: int) -> tuple[list[str], int]:
    """The next argument."""
    if at >= len(tokens):
        return [], at
    if tokens[at] == "{":
        return group(tokens, at + 1)
    if tokens[at] in (
        "\\frac",
        "\\sqrt",
        "\\binom",
        "\\mathbb",
        "\\mathcal",
        "\\mathbf",
        "\\mathfrak",
        "\\overline",
        "\\widehat",
    ):
        argument, end = one(tokens, at + 1)
        return [tokens[at], *argument], end
    return [tokens[at]], at + 1


def overlap(truth: list[str], found: list[str]) -> tuple[int, int, int]:
    """(formulas in both with multiplicity, in the truth, found)."""
    a, b = Counter(truth), Counter(found)
    return sum((a & b).values()), sum(a.values()), sum(b.values())
