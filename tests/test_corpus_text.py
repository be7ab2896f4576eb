"""HTML to text: every kind of formula once, inline inline and display display, boilerplate out,
Chinese kept.
"""

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import formula_truth as truth
from pipeline.corpus.read.encoding import decode
from pipeline.corpus.text.asciimath import latex_of_asciimath
from pipeline.corpus.text.html import extract
from pipeline.corpus.text.mathml import latex_of_mathml

SHARED = Path(os.environ.get("DSM_SHARED") or Path(__file__).parents[1].parent / "shared")
WEB = SHARED / "web"
needs_web = pytest.mark.skipif(not WEB.is_dir(), reason="needs the web samples in ../shared/web")

FRACTION = "<mfrac><mn>1</mn><mi>n</mi></mfrac>"
ANNOTATED = f'<semantics>{FRACTION}<annotation encoding="application/x-tex">\\tfrac1n</annotation></semantics>'
KATEX = (
    f'<span class="katex"><span class="katex-mathml"><math>{ANNOTATED}</math></span>'
    '<span class="katex-html" aria-hidden="true">1n</span></span>'
)
MATHJAX2 = (
    '<span class="MathJax_Preview">1/n</span><span class="MathJax" data-mathml="&lt;math&gt;&lt;mi&gt;n&lt;/mi&gt;&lt;/math&gt;"'
    ' id="MathJax-Element-1-Frame"><nobr>1n</nobr></span><script type="math/tex">\\tfrac1n</script>'
)
SOURCES = {
    "annotation": (f"<math>{ANNOTATED}</math>", "$\\tfrac1n$"),
    "alttext": (f'<math alttext="\\tfrac1n" display="block">{FRACTION}</math>', "$$\\tfrac1n$$"),
    "mathml": (f"<math>{FRACTION}</math>", "$\\frac{1}{n}$"),
    "katex": (KATEX, "$\\tfrac1n$"),
    "wikipedia": (
        f'<span class="mwe-math-element"><span style="display: none;"><math>{ANNOTATED}</math></span>'
        '<img class="mwe-math-fallback-image-inline" alt="\\tfrac1n" src="x"></span>',
        "$\\tfrac1n$",
    ),
    "mathjax2 script": (MATHJAX2, "$\\tfrac1n$"),
    "mathjax2 display script": (
        '<script type="math/tex; mode=display">\\sum a_i</script>',
        "$$\\sum a_i$$",
    ),
    "mathjax2 drawn only": (MATHJAX2[: MATHJAX2.index("<script")], "$n$"),
    "mathjax3 assistive": (
        '<mjx-container display="true"><mjx-math>1n</mjx-math>'
        f"<mjx-assistive-mml><math>{FRACTION}</math></mjx-assistive-mml></mjx-container>",
        "$$\\frac{1}{n}$$",
    ),
    "mathjax4 data-latex": (
        '<mjx-container jax=CHTML><mjx-math data-latex="a>b"><mjx-mi data-latex=a>a</mjx-mi></mjx-math></mjx-container>',
        "$a>b$",
    ),
    "stack exchange": ('<span class="math-container">$x_1$</span>', "$x_1$"),
    "stack exchange display": ('<span class="math-container">$$x_1$$</span>', "$$x_1$$"),
    "sphinx": ('<div class="math notranslate">\\[x &lt; 1\\]</div>', "$$x < 1$$"),
    "arithmatex": ('<span class="arithmatex">\\(x\\)</span>', "$x$"),
    "image alt": ('<img class="latex" alt="x^2" src="a.png">', "$x^2$"),
    "codecogs": (
        '<img src="https://latex.codecogs.com/gif.latex?%5Cfrac%7B1%7D%7Bn%7D">',
        "$\\frac{1}{n}$",
    ),
    "mimetex": ('<img src="/cgi-bin/mimetex.cgi?x%5E2">', "$x^2$"),
    "latex.php": (
        '<img src="http://s.wordpress.com/latex.php?latex=x%5E2&amp;bg=ffffff">',
        "$x^2$",
    ),
    "asciimath script": (
        '<script type="math/asciimath">sqrt(x)/2</script>',
        "$\\frac{\\sqrt{x}}{2}$",
    ),
    "custom tag": ("<tex-math>x^2</tex-math>", "$x^2$"),
    "attribute": ('<span data-latex="x^2"><b>x</b>2</span>', "$x^2$"),
    "delimiters": ("\\(x^2\\)", "$x^2$"),
    "environment": ("\\begin{align}a&amp;=b\\end{align}", "$$\\begin{align}a&=b\\end{align}$$"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_once(name):
    markup, expected = SOURCES[name]
    extracted = extract(f"<html><body><p>Let us see {markup} here.</p></body></html>")
    assert extracted.text == f"Let us see {expected} here."
    assert len(extracted.formulas) == 1


def test_dollars_are_prices_without_a_formula_renderer():
    page = "<html><body><p>It costs $5 here and $7 there.</p></body></html>"
    assert not extract(page).formulas
    with_script = page.replace("<p>", '<script src="MathJax.js"></script><p>Let $x$ be. ')
    assert [f.latex for f in extract(with_script).formulas] == ["x"]


def test_code_is_no_formula_and_keeps_its_lines():
    code = "<p>Run <code>$HOME/\\(x\\)</code></p><pre>a = $1\nb = $2</pre>"
    page = f'<html><body><script src="MathJax.js"></script>{code}</body></html>'
    extracted = extract(page)
    assert extracted.text == "Run $HOME/\\(x\\)\na = $1\nb = $2" and not extracted.formulas


def test_boilerplate_goes_and_text_stays():
    page = (
        "<html><head><title>T</title></head><body><nav><a href=/>Home</a></nav><div class='sidebar'><p>Menu</p></div>"
        "<div class='content'><h1>质数</h1><p>质数是大于一的自然数，x<sup>2</sup> 与 H<sub>2</sub>O，第 1<sup>st</sup>。</p>"
        "<ul><li><a href=/a>link one</a></li></ul><table><tr><td>a</td><td>b</td></tr></table></div>"
        "<p style='display:none'>unseen</p><footer>Copyright</footer></body></html>"
    )
    assert extract(page).text == "质数\n质数是大于一的自然数，x^{2} 与 H_{2}O，第 1st。\na | b"


def test_encodings():
    text = "<html><head><meta charset=gb2312></head><body>" + "数学题目" * 50 + "</body></html>"
    assert decode(text.encode("gb18030")) == text
    assert decode("<p>caf\u00e9</p>".encode("latin-1"), "iso-8859-1") == "<p>caf\u00e9</p>"
    assert decode(random.Random(0).randbytes(4000)) is None


@pytest.mark.parametrize(
    "page",
    [
        "<div class=sidebar>" * 20_000, "<span class='katex'>" * 20_000, "<math>" * 20_000, "<a " * 200_000, "<" * 500_000,
        "<!--" * 100_000, "<script>" * 100_000, '<p title="' * 100_000, "$" * 200_000 + "mathjax", "\\(" * 100_000,
        "\\begin{align}" * 20_000, "<b>" * 100_000 + "x", "<math>" + "<mrow>" * 20_000 + "</math>", "`" * 100_000,
        "<code>" * 50_000, "<pre>" * 50_000, "<annotation encoding=" * 20_000, "<sup>" * 50_000, "<a href=x>" * 50_000,
    ],
)  # fmt: skip
@pytest.mark.timeout(30)
def test_hostile_pages_take_no_time(page):
    start = time.process_time()
    extract(f"<html><body><p>{page}</p></body></html>")
    assert time.process_time() - start < 4


def test_extract_is_a_function_of_any_text():
    rng = random.Random(1)
    pieces = (
        "<p> </p> <math> </math> $ \\( \\) <td > ' \" <!-- --> <pre> </pre> x &lt; <span/class=katex>"
        " \U00100001 3 \U00100002 &#x100001;9&#1048578 &amp;#x100001;"
        " </span> <script/type=math/tex> </script> <sup> </sup> <a/href=x> </a> <br> 若"
    ).split()
    for _ in range(2000):
        extracted = extract(
            "".join(rng.choices(pieces, k=30)).replace("/class", " class").replace("/type", " type")
        )
        assert not set("".join(map(chr, range(0x100001, 0x100007)))) & set(extracted.text)
        assert all(formula.written() in extracted.text for formula in extracted.formulas)


@pytest.mark.parametrize(
    ("mathml", "latex"),
    [
        ("<msup><mi>x</mi><mn>2</mn></msup>", "x^{2}"),
        ("<msub><mi>a</mi><mrow><mi>i</mi><mi>j</mi></mrow></msub>", "a_{ij}"),
        ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>", "\\sum_{i=1}^{n}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "\\sqrt[3]{x}"),
        ("<mi>n</mi><mi>log</mi><mo>&#x2061;</mo><mi>n</mi>", "n\\log n"),
        ("<mi>&alpha;</mi><mo>&le;</mo><mi mathvariant=bold>x</mi>", "\\alpha \\leq \\mathbf{x}"),
        ("<mover><mi>x</mi><mo>¯</mo></mover>", "\\bar{x}"),
        ("<msup><mi>f</mi><mo>′</mo></msup>", "f'"),
        ("<mrow><mo>(</mo><mfrac linethickness=0><mi>n</mi><mi>k</mi></mfrac><mo>)</mo></mrow>", "\\binom{n}{k}"),
        ("<mo>(</mo><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr></mtable><mo>)</mo>",
         "\\begin{pmatrix} 1 & 0 \\end{pmatrix}"),
        ("<mi>ℝ</mi><mo>∖</mo><mo>{</mo><mn>0</mn><mo>}</mo>", "\\mathbb{R}\\setminus \\{0\\}"),
        ("<mtext>if </mtext><mi>x</mi>", "\\text{if }x"),
    ],
)  # fmt: skip
def test_converter(mathml, latex):
    assert latex_of_mathml(mathml) == latex


def test_asciimath():
    assert (
        latex_of_asciimath("sum_(i=1)^n i^3=((n(n+1))/2)^2")
        == "\\sum_{i=1}^{n}i^{3}=(\\frac{n(n+1)}{2})^{2}"
    )
    assert latex_of_asciimath("alpha <= (x+1)/2") == "\\alpha\\leq\\frac{x+1}{2}"


def annotated_pages():
    for path in sorted(WEB.glob("*_*/*html")):
        page = path.read_bytes()
        formulas = truth.read(page)
        if formulas:
            yield path.name, page, formulas


@needs_web
def test_formula_recall_and_precision_on_real_pages():
    both = wanted = found = 0
    for _, page, formulas in annotated_pages():
        latex = [formula.latex for formula in extract(decode(page)).formulas]
        counts = truth.overlap(
            [truth.spelled(f) for f in formulas], [truth.spelled(f) for f in latex]
        )
        both, wanted, found = both + counts[0], wanted + counts[1], found + counts[2]
    assert wanted > 3_000
    assert both / wanted >= 0.95 and both / found >= 0.98, (both, wanted, found)


@needs_web
def test_converter_on_real_pages_without_their_annotations():
    both = wanted = 0
    for _, page, formulas in annotated_pages():
        if b"</annotation>" in page or b"mjx-assistive" in page:
            extracted = extract(truth.without_annotations(decode(page)))
            assert {formula.source for formula in extracted.formulas} == {"mathml"}
            counts = truth.overlap(
                [truth.normal(f) for f in formulas],
                [truth.normal(f.latex) for f in extracted.formulas],
            )
            both, wanted = both + counts[0], wanted + counts[1]
    assert wanted > 1_500 and both / wanted >= 0.95, (both, wanted)


@needs_web
def test_chinese_is_kept_and_menus_are_not():
    page = extract(decode((WEB / "zh_math/oiwiki_math_complex.html").read_bytes()))
    assert "复数" in page.text and sum("\u4e00" <= c <= "\u9fff" for c in page.text) > 2_000
    assert "GitHub" not in page.text.split("\n")[0]
    assert Counter(f.source for f in page.formulas) == {"data-latex": 185}


def test_a_declaration_is_not_text():
    page = '<?xml version="1.0"?>\n<!DOCTYPE html>\n<html><body><p>Three plus four makes seven, all agree.</p></body></html>'
    assert extract(page).text == "Three plus four makes seven, all agree."


@pytest.mark.parametrize("mark", ["&#x100001;", "&#1048577;", "&#X000100001;", "\U00100001"])
@pytest.mark.parametrize(
    "around", ["<p>{}</p>", "<pre>{}</pre>", "<pre><b>x</b>{}</pre>", "<p>\\({}\\)</p>"]
)
def test_what_a_page_says_is_no_mark(mark, around):
    hostile = f"{mark}99999{mark.replace('1;', '2;').replace('77;', '78;')}"
    found = extract(f"<html><body>{around.format(hostile)}<p>and \\(x\\)</p></body></html>")
    assert "99999" in found.text and found.formulas[-1].latex == "x"


def test_code_is_unescaped_once():
    page = "<p>Write <code>&amp;lt;</code> for &lt;.</p><pre>&amp;amp; &lt;b&gt; $x$</pre>"
    found = extract(f"<html><body>{page}</body></html>")
    assert found.text == "Write &lt; for <.\n&amp; <b> $x$" and not found.formulas
