"""What stands in the text of a page: formulas that can be read again from it, scripts, and the
rarer ways to write one.
"""

import json
import os
import random
import time
from html import escape
from pathlib import Path

import pytest

from benchmarks import formula_truth as truth
from pipeline.corpus.read.encoding import decode
from pipeline.corpus.text.delimiters import SET, Delimiters
from pipeline.corpus.text.formulas import Formulas
from pipeline.corpus.text.html import extract

WEB = Path(os.environ.get("DSM_SHARED") or Path(__file__).parents[1].parent / "shared") / "web"
RENDERER = '<script src="MathJax.js"></script>'


def read_again(text: str) -> list[tuple[str, bool]]:
    """The formulas of a text, read from its dollars alone."""
    formulas = Formulas(Delimiters(dollars=SET))
    for line in text.split("\n"):
        formulas.mark_delimited(line)
    return [(formula.latex, formula.display) for formula in formulas.found]


def body(markup: str, head: str = "") -> str:
    return f"<html><head>{head}</head><body><p>{markup}</p></body></html>"


@pytest.mark.parametrize("head", ["", RENDERER])
@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (r"a $$\begin{align}x&amp;=1\end{align}$$ b", r"a $$\begin{align}x&=1\end{align}$$ b"),
        (r"a $$f=\begin{aligned}x\end{aligned}$$ b", r"a $$f=\begin{aligned}x\end{aligned}$$ b"),
        (r"a \[f=\begin{aligned}x\end{aligned}\] b", r"a $$f=\begin{aligned}x\end{aligned}$$ b"),
        (r"a \(x\)\(y\)\[z\]\[w\] b", "a $x$ $y$ $$z$$ $$w$$ b"),
        (r"a \(x\)2 b", "a $x$ 2 b"),
        (r"a \(x\ \) b", "a $x\\ $ b"),
        (r"a $$x \text{ if $y$}$$ b", r"a $$x \text{ if $y$}$$ b"),
    ],
)
def test_display_formulas_are_whole_and_neighbours_apart(markup, text, head):
    extracted = extract(body(markup, head))
    assert extracted.text == text
    assert read_again(text) == [(formula.latex, formula.display) for formula in extracted.formulas]


def made_formula(rng: random.Random, depth: int = 0) -> str:
    """LaTeX with all that its delimiters could be confused with."""
    leaf = rng.choice(
        [
            "x",
            "7",
            r"\alpha ",
            r"\$5",
            r"\%",
            r"\{y\}",
            r"a\ ",
            r"\text{ if $n$}",
            "&lt;",
            r"\left[0,1\right)",
        ]
    )
    if depth > 2 or rng.random() < 0.3:
        return leaf.replace("&lt;", "<")
    parts = [made_formula(rng, depth + 1) for _ in range(rng.randint(1, 3))]
    shape = rng.choice(
        [
            "{}+{}",
            r"\frac{{{}}}{{{}}}",
            r"\begin{{aligned}}{}&={}\end{{aligned}}",
            r"{} \\[2pt] {}",
            "{}_{{{}}}",
        ]
    )
    return shape.format("".join(parts), made_formula(rng, depth + 1))


def test_the_text_of_any_page_gives_its_formulas_back():
    rng = random.Random(5)
    ways = [
        ("$$%s$$", True), (r"\[%s\]", True), (r"\(%s\)", False), ('<span class="math-container">$%s$</span>', False),
        ('<script type="math/tex">%s</script>', False), ('<script type="math/tex; mode=display">%s</script>', True),
        (r"\begin{align}%s\end{align}", True), ('<math alttext="%s"></math>', False),
    ]  # fmt: skip
    for _ in range(600):
        written, markup = [], ""
        for _ in range(rng.randint(1, 5)):
            way, display = rng.choice(ways)
            latex = made_formula(rng)
            if way.startswith(r"\[") and ("[" in latex or latex.endswith("\\ ")):
                way = "$$%s$$"
            markup += rng.choice(["", "", " so ", "9", "。"]) + way % (
                latex if "<script" in way else escape(latex)
            )
            latex = way % latex if "begin" in way else latex
            written.append((" ".join(latex.split()) + " " * latex.endswith("\\ "), display))
        extracted = extract(body(markup, RENDERER))
        assert [(formula.latex, formula.display) for formula in extracted.formulas] == written, (
            markup
        )
        assert read_again(extracted.text) == written, extracted.text


@pytest.mark.skipif(not WEB.is_dir(), reason="needs the web samples in ../shared/web")
def test_the_text_of_real_pages_gives_their_formulas_back():
    paths = sorted(WEB.glob("*_math/*html"))
    paths = [
        path for path in paths if "quantecon" not in path.name
    ]  # it has dollars in the comments of its code
    pages = [extract(decode(path.read_bytes())) for path in paths]
    assert sum(len(page.formulas) for page in pages) > 2_000
    for page in pages:
        assert read_again(page.text) == [
            (formula.latex, formula.display) for formula in page.formulas
        ]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<a href=/e>Energy</a> is mc<sup>2</sup>, so 10<sup>6</sup>", "Energy is mc^{2}, so 10^{6}"),
        ("e<sup>x<sub>1</sub></sup> and a<sub>i<sub>j</sub></sub>", "e^{x_{1}} and a_{i_{j}}"),
        ("<a href=/x>the root x<sup>2</sup></a> is a long way off in this text", "the root x^{2} is a long way off in this text"),
        ("said<sup><a href=#n>3</a></sup> and <a href=#m><sup>4</sup></a> x<sup>2</sup>", "said3 and 4 x^{2}"),
        ("x<sup>2<sub>1</sup> y</sub> z<sup>3</sup>", "x^{21} y z^{3}"),
        ("the 1<sup>st</sup> [<sup>[5]</sup>]", "the 1st [[5]]"),
    ],
)  # fmt: skip
def test_scripts(markup, text):
    assert extract(body(markup)).text == text


ASCIIMATH = '<script src="MathJax.js?config=TeX-MML-AM_CHTML"></script>'
PREFIXED = "<m:math display='block'><m:msup><m:mi>x</m:mi><m:mn>2</m:mn></m:msup></m:math>"
DRAWN = "<mjx-container><mjx-math>x</mjx-math><mjx-assistive-mml><math><mi>x</mi></math></mjx-assistive-mml></mjx-container>"
WAYS = {
    "asciimath in backticks": (ASCIIMATH + "`sum_(i=1)^n i`", "$\\sum_{i=1}^{n}i$", "asciimath"),
    "codecogs blanks": ('<img src="//x.codecogs.com/gif.latex?\\dpi{99}&space;\\bg_white&space;E&space;=m">', "$E =m$", "img"),
    "codecogs, no sign": ('<img src="//latex.codecogs.com/svg.image?x&plus;y" alt="equation">', "$x+y$", "img"),
    "codecogs, letters": ('<img src="//latex.codecogs.com/png.latex?ab">', "$ab$", "img"),
    "codecogs, title": ('<img src="//latex.codecogs.com/gif.latex?k" title="\\bg_white k_1">', "$k_1$", "img"),
    "kramdown, no engine": ('<span class="math">5+5 &gt; a</span>', "$5+5 > a$", "delimiters"),
    "kramdown": (
        '<script type="math/tex; mode=display">% <![CDATA[\n\\begin{bmatrix} 1 \\end{bmatrix} %]]></script>',
        "$$\\begin{bmatrix} 1 \\end{bmatrix}$$", "script",
    ),
    "alt, delimited": ('<img src="f_3.png" alt="$a+b$">', "$a+b$", "img"),
    "alt, commands": ('<img src="f_3.png" alt="\\frac{a}{b}">', "$\\frac{a}{b}$", "img"),
    "prefixed MathML": (PREFIXED, "$$x^{2}$$", "mathml"),
    "shortcode": ("[latex]x^2[/latex]", "$x^2$", "delimiters"),
    "dollar latex": ("$latex x^2$", "$x^2$", "delimiters"),
    "github": ('<math-renderer class="js-display-math">$$x^2$$</math-renderer>', "$$x^2$$", "delimiters"),
    "wordpress katex": ('<span class="wp-katex-eq" data-display="true">x+y</span>', "$$x+y$$", "delimiters"),
    "pandoc for katex": ('<span class="math inline">x+y</span>', "$x+y$", "delimiters"),
    "dollars, no renderer": ("$$\\frac12$$", "$$\\frac12$$", "delimiters"),
    "script after drawn": (DRAWN + '\n<script type="math/tex">x^1</script>', "$x^1$", "script"),
    "script before drawn": ('<script type="math/tex">x^1</script>' + DRAWN, "$x^1$", "script"),
    "preview alone": ('<span class="MathJax_Preview">\\(x^2\\)</span>', "$x^2$", "delimiters"),
    "preview and script": ('<i class="MathJax_Preview">x</i>\n<script type="math/tex">x^2</script>', "$x^2$", "script"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_rarer_ways(way):
    markup, text, source = WAYS[way]
    extracted = extract(body(f"Let us see {markup} here."))
    assert " ".join(extracted.text.split()) == f"Let us see {text} here."
    assert [formula.source for formula in extracted.formulas] == [source]


@pytest.mark.parametrize(
    "markup",
    [
        '<p class="math">prove that a + b is even</p>',
        "$$ is cheap, $$$ is dear, $$ again", "run `ls` and `cat`", '<img src="f.png" alt="costs $5 and $7">',
        '<img src="f.png" alt="the graph of \\frac{1}{x} in blue">', '<img src="f.png" alt="C:\\new_files\\a.png">',
        '<span class="MathJax_Preview">[math]</span>', "$5 and 6$",
    ],
)  # fmt: skip
def test_no_formulas(markup):
    assert not extract(body(markup)).formulas


def test_backticks_in_code_are_no_formulas():
    extracted = extract(body("Let `x/y` be <code>`x/y`</code>", ASCIIMATH))
    assert extracted.text == "Let $\\frac{x}{y}$ be `x/y`" and len(extracted.formulas) == 1


def test_text_after_the_last_tag_stays():
    assert extract("<html><body><h1>Title</h1><p>a <b>bold</b> end").text == "Title\na bold end"
    assert extract("<main>no other tag</main>").text == "no other tag"
    assert extract("<p>a page torn <a href='x").text == "a page torn"


DRAWN_BY_KATEX = json.loads(
    (Path(__file__).parent / "golden/katex_drawn.json").read_text()
)  # KaTeX 0.16, output "html"


@pytest.mark.parametrize("case", DRAWN_BY_KATEX, ids=lambda case: case["latex"])
def test_the_drawing_of_katex_is_read_back(case):
    extracted = extract(body(f"Let us see {case['drawn']} here."))
    assert [(formula.source, formula.display) for formula in extracted.formulas] == [
        ("visual", "\\sum" in case["latex"])
    ]
    assert truth.normal(extracted.formulas[0].latex) == truth.normal(case["latex"])


def test_the_drawing_is_not_read_where_the_source_stands():
    source = '<math><semantics><annotation encoding="application/x-tex">a_{1}</annotation></semantics></math>'
    drawn = next(case["drawn"] for case in DRAWN_BY_KATEX if case["latex"] == "a_1")
    both = drawn.replace(
        '<span class="katex-html"',
        f'<span class="katex-mathml">{source}</span><span class="katex-html"',
    )
    assert [formula.source for formula in extract(body(both)).formulas] == ["annotation"]


@pytest.mark.parametrize(
    "markup",
    [
        '<span class="mord">',
        '<span class="mfrac"><span class="vlist">',
        '<span class="mtable"><span class="col-align-r">',
    ],
)
@pytest.mark.timeout(30)
def test_hostile_drawings_take_no_time(markup):
    start = time.process_time()
    extract(
        body(
            '<span class="katex"><span class="katex-html">'
            + markup * 20_000
            + "x"
            + "</span>" * 30_000
        )
    )
    extract(
        body(f'<span class="katex"><span class="katex-html">{markup * 50}x{"</span>" * 102}' * 200)
    )
    assert time.process_time() - start < 4
