"""MathML to LaTeX: what each construction becomes, and that whatever comes out is LaTeX."""

import random
import re

import pytest

from pipeline.corpus.text.mathml import latex_of_mathml
from tests.latex_reader import problem_of

CASES = {
    "per cent in words": ("<mn>7</mn><mtext>% of k</mtext>", r"7\text{\% of k}"),
    "dollar in words": ("<mtext>$7 each</mtext>", r"\text{\$7 each}"),
    "other signs in words": ("<mtext>{p_q} &amp; r#2^~\\</mtext>", None),
    "stroke in the operator": ("<mi>a</mi><mo>&#x2208;&#x338;</mo><mi>B</mi>", r"a\notin B"),
    "stroke on its own": ("<mi>a</mi><mo>&#x2208;</mo><mo>&#x338;</mo><mi>B</mi>", r"a\notin B"),
    "a negation without a name": (
        "<mi>a</mi><mo>&#x2AAF;&#x338;</mo><mi>b</mi>",
        r"a\not\preceq b",
    ),
    "third child of msub": ("<msub><mi>u</mi><mi>max</mi><mo>&#x2061;</mo></msub>", r"u_{\max}"),
    "third child of msup": ("<msup><mi>u</mi><mn>2</mn><mi>k</mi></msup>", "u^{2k}"),
    "scripts in pairs": (
        "<mmultiscripts><mi>G</mi><mn>1</mn><mn>2</mn><mn>3</mn><none/></mmultiscripts>",
        "G_{1}^{2}{}_{3}",
    ),
    "scripts before": (
        "<mmultiscripts><mi>C</mi><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>",
        "{}_{6}^{14}C",
    ),
    "mod in an operator": ("<mi>a</mi><mo><mi>mod</mi></mo><mi>b</mi>", r"a\bmod b"),
    "overline": ('<menclose notation="top"><mi>C</mi><mi>D</mi></menclose>', r"\overline{CD}"),
    "struck out": (
        '<menclose notation="updiagonalstrike downdiagonalstrike"><mi>x</mi></menclose>',
        r"\xcancel{x}",
    ),
    "prime and power": ("<msup><msup><mi>f</mi><mo>&#x2032;</mo></msup><mn>2</mn></msup>", None),
    "degree after a power": ("<msup><mi>x</mi><mn>2</mn></msup><mo>&#xb0;</mo>", None),
    "fence that does not stretch": ('<mfenced open="x" close="}"><mi>a</mi></mfenced>', None),
    "caret": ("<mi>a</mi><mo>^</mo><mi>b</mi>", None),
    "base without a symbol": ("<msub><mrow></mrow><mn>2</mn></msub>", "{}_{2}"),
    "deep": ("<mrow>" * 300 + "<mi>x</mi><mo>+</mo><mn>1</mn>" + "</mrow>" * 300, "x+1"),
    "content, a sum": (
        "<apply><eq/><apply><plus/><ci>a</ci><apply><power/><ci>b</ci><cn>2</cn></apply></apply><cn>0</cn></apply>",
        "a+b^{2}=0",
    ),
    "content, brackets": (
        "<apply><times/><ci>a</ci><apply><minus/><ci>b</ci><apply><plus/><ci>c</ci><cn>1</cn></apply></apply></apply>",
        "a (b-(c+1))",
    ),
    "content, limits": (
        "<apply><sum/><bvar><ci>i</ci></bvar><lowlimit><cn>1</cn></lowlimit><uplimit><ci>n</ci></uplimit>"
        "<apply><sin/><ci>i</ci></apply></apply>",
        r"\sum_{i=1}^{n} \sin(i)",
    ),
    "content, a fraction": ('<cn type="rational">3<sep/>4</cn>', r"\frac{3}{4}"),
}


@pytest.mark.parametrize("kind", CASES)
def test_constructions(kind):
    markup, latex = CASES[kind]
    found = latex_of_mathml(markup)
    assert problem_of(found) == ""
    if latex is not None:
        assert re.sub(r"\s+", " ", found) == latex


def made(rng: random.Random, depth: int = 0) -> str:
    """MathML of any elements in any order, with signs that mean something in LaTeX."""
    leaves = (
        "x 7 sin % $ &amp; # ^ ~ _ { } \\ | &lt; ∈ ≤ → ′ ° lim mod 速 ∑ ‖ &#x338; &#x2061;".split()
    )
    if depth > 4 or rng.random() < 0.3:
        name = rng.choice(("mi", "mo", "mn", "mtext", "ci"))
        return f"<{name}>{rng.choice(leaves)}</{name}>"
    names = (
        "mrow msub msup msubsup mfrac msqrt mroot munder mover munderover mmultiscripts mfenced menclose mtable mtr mtd"
        " mstyle semantics apply mphantom"
    ).split()
    name = rng.choice(names)
    attribute = rng.choice(("", ' notation="top box"', ' open="{" close="x"', ' linethickness="0"'))
    inner = "".join(made(rng, depth + 1) for _ in range(rng.randint(0, 4)))
    return f"<{name}{attribute}>{inner}</{name}>"


def test_whatever_comes_out_is_latex():
    rng = random.Random(0)
    for _ in range(1_500):
        markup = made(rng)
        found = latex_of_mathml(markup)
        assert problem_of(found) == "", (markup, found)
