"""Pages as public bug reports and real sites have them: each kind of fault once, with what must
come out.
"""

import pytest

from pipeline.corpus.text.html import extract

FILL = "<p>This paragraph only makes the page long enough to be one, and says nothing about numbers.</p>"
CONFIG = '<script>MathJax = {tex: {inlineMath: [["$", "$"], ["\\\\(", "\\\\)"]]}}</script>'
ZH = "<p>这一段文字只是为了让页面足够长，没有任何公式，也没有别的意思，读者可以不看。</p>"


def page(markup: str, head: str = "", fill: str = FILL):
    return extract(f"<html><head>{head}</head><body>{fill}{markup}{fill}</body></html>")


def latex(markup: str, head: str = "") -> list[str]:
    return [formula.latex for formula in page(markup, head).formulas]


IMAGES = {
    "zhihu": (
        '<img src="https://www.zhihu.com/equation?tex=a+%5Cle+b%2Bc" alt="[公式]">',
        r"a \le b+c",
    ),
    "wordpress": (
        '<img class="latex" src="https://s0.wp.com/latex.php?latex=P%2C+Q&#038;bg=fff" alt="P, Q">',
        "P, Q",
    ),
    "juejin": ('<img src="https://juejin.cn/equation?tex=a+b">', "a b"),
    "bilibili": (
        '<img src="//api.bilibili.com/x/web-frontend/mathjax/tex?formula=k%5E2+1">',
        "k^2 1",
    ),
    "codecogs keeps its plus": ('<img src="https://latex.codecogs.com/svg.latex?a+b">', "a+b"),
    "github": ('<img src="https://render.githubusercontent.com/render/math?math=k%5E2">', "k^2"),
    "upmath": ('<img src="https://i.upmath.me/svg/%5Cfrac12">', r"\frac12"),
    "vercel": ('<img src="https://math.vercel.app/?from=%5Calpha">', r"\alpha"),
    "yuque": ('<img src="https://cdn.nlark.com/yuque/__latex/0a.svg#card=math&code=k%5E2">', "k^2"),
    "doxygen": ('<img class="formulaInl" alt="$ N $" src="form_3.png"/>', "N"),
    "doxygen display": ('<img class="formulaDsp" alt="\\[ N+1 \\]" src="form_4.png"/>', "N+1"),
    "sphinx": ('<img class="math" src="_images/math/7b.png" alt="n-1"/>', "n-1"),
    "sphinx, a call": ('<img class="math" src="_images/math/7c.png" alt="g(x, y)"/>', "g(x, y)"),
    "canvas": (
        '<img class="equation_image" alt="LaTeX: \\frac{3}{4}" src="/eq/1">',
        r"\frac{3}{4}",
    ),
    "moodle": ('<img class="texrender" alt="y + 1" src="/filter/tex/pix.php/a.gif">', "y + 1"),
    "quicklatex": (
        '<img class="ql-img-inline-formula" alt="&#98;&#43;&#99;" title="Rendered by QuickLaTeX.com">',
        "b+c",
    ),
    "wiris": (
        '<img class="Wirisformula" alt="k squared" data-mathml="«math»«msup»«mi»k«/mi»«mn»2«/mn»«/msup»«/math»">',
        "k^{2}",
    ),
    "lazy": (
        '<img class="latex" src="data:image/gif;base64,R0" data-lazy-src="https://s0.wp.com/latex.php?latex=k%5E3">'
        ' <noscript><img class="latex" src="https://s0.wp.com/latex.php?latex=k%5E3"></noscript>',
        "k^3",
    ),
    "tex4ht": ('<img class="math" src="notes12x.png" alt="a + b = c"/>', "a + b = c"),
    "mathworld": (
        '<img class="inlineformula" src="/images/equations/E/Inline3.svg" alt="sum_(j=1)^m1/(j^2)">',
        r"\sum_{j=1}^{m}\frac{1}{j^{2}}",
    ),
    "ck-12": (
        '<img class="x-ck12-math" src="/flx/math/inline/a" alt="%5Cfrac%7B3%7D%7B4%7D">',
        r"\frac{3}{4}",
    ),
    "noscript only": ('<noscript><img class="latex" alt="k^4" src="a.png"></noscript>', "k^4"),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_gives_the_formula_that_it_shows(kind):
    markup, formula = IMAGES[kind]
    assert latex(f"<p>Let {markup} be.</p>") == [formula]


@pytest.mark.parametrize(
    "image",
    [
        '<img class="formula" alt="A formula of the structure of water" src="w.png">',
        '<img class="equation" alt="Figure of the apparatus used here" src="w.png">',
        '<img alt="k+1" src="w.png">',
    ],
)
def test_an_image_of_something_else_is_no_formula(image):
    found = page(f"<p>See {image} here.</p>")
    assert not found.formulas and not found.unread


@pytest.mark.parametrize(
    "markup",
    [
        '<img class="latex" src="a.png" alt="">',
        '<img class="math" src="notes13x.png" alt="a2 + b2 = c2">',
        "<mjx-container><mjx-math><mjx-mi></mjx-mi></mjx-math></mjx-container>",
        '<span class="MathJax_SVG" aria-label="k squared"><svg><g></g></svg></span>',
    ],
)
def test_a_formula_without_a_source_is_counted(markup):
    found = page(f"<p>Let {markup} be.</p>")
    assert (found.unread, found.formulas) == (1, ())


TOOLS = {
    "gitlab": ('<code class="code math js-render-math">k^2</code>', "k^2"),
    "gitlab display": (
        '<pre class="code math js-render-math" data-math-style="display"><code>k^3</code></pre>',
        "k^3",
    ),
    "gitea": ('<code class="language-math">k_1</code>', "k_1"),
    "texinfo": ('<em class="math">n</em>', "n"),
    "mathquill": ('<span class="mq" latex-data="k^2"><var>k</var></span>', "k^2"),
    "substack": (
        '<div class="latex-rendered" data-attrs="{&quot;persistentExpression&quot;:&quot;k^5&quot;}"></div>',
        "k^5",
    ),
    "yuque card": ('<card name="math" value="data:%7B%22code%22%3A%22k%5E6%22%7D"></card>', "k^6"),
    "mathjax-node": (
        '<span class="mjx-svg"><svg><title>\\sqrt{3}</title></svg></span>',
        r"\sqrt{3}",
    ),
    "label": (
        '<span class="MathJax_SVG" aria-label="\\frac{1}{3}"><svg></svg></span>',
        r"\frac{1}{3}",
    ),
    "wordpress settings": (r"$latex k^2&#038;s=2&#038;fg=000000$", "k^2"),
    "bracket tag": ('[latex size="2"]k^3[/latex]', "k^3"),
    "question bank": (
        '<span class="MathJye" mathtag="math"><table><tr><td>3</td></tr><tr><td>4</td></tr></table></span>',
        r"\frac{3}{4}",
    ),
    "amp": ('<amp-mathml inline data-formula="\\[k^2\\]"></amp-mathml>', "k^2"),
    "ck-12 editor": (
        '<span class="x-ck12-mathEditor" data-tex="%5Cfrac%7B3%7D%7B4%7D"></span>',
        r"\frac{3}{4}",
    ),
    "component": ('<katex expression="k^2"></katex>', "k^2"),
    "component of vue": ('<vue-mathjax :formula="f" formula="k^3"></vue-mathjax>', "k^3"),
    "braced tag": ("{tex}k^{2}+1{/tex}", "k^{2}+1"),
    "older bracket tag": ("[itex]k < 3[/itex]", "k < 3"),
    "wordpress katex": ("[katex]k^2[/katex]", "k^2"),
    "publisher's document": (
        "<tex-math>\\documentclass[12pt]{minimal} \\usepackage{amsmath} \\begin{document}$$k_1$$\\end{document}</tex-math>",
        "k_1",
    ),
    "forum code": (r"<code>[math]\vec{a}=b[/math]</code>", r"\vec{a}=b"),
}


@pytest.mark.parametrize("kind", TOOLS)
def test_formulas_of_single_tools(kind):
    markup, formula = TOOLS[kind]
    assert latex(f"<div>Let {markup} be.</div>") == [formula]


DELIMITED = {
    "edx": (
        '<script>MathJax.Hub.Config({tex2jax: {inlineMath: [["\\\\(","\\\\)"],["[mi]","[/mi]"]]}})</script>',
        "a [mi]k^2[/mi] and [mi]k^3[/mi]",
        ["k^2", "k^3"],
    ),
    "katex, own pair": (
        '<script>renderMathInElement(document.body, {delimiters: [{left: "%%", right: "%%", display: false}]}) // katex'
        "</script>",
        "a %%k^2%% b, $5 and $6",
        ["k^2"],
    ),
    "codeforces": (
        '<script>MathJax.Hub.Config({tex2jax:{inlineMath:[["$$$","$$$"]]}})</script>',
        "There are $$$n$$$ and $$$m \\le 5$$$.",
        ["n", r"m \le 5"],
    ),
    "three dollars and six": (
        "",
        r"There are $$$n$$$ and $$$m \le 5$$$, so $$$$$$n+m$$$$$$ in all.",
        ["n", r"m \le 5", "n+m"],
    ),
    "asciidoctor": (
        '<script>MathJax.Hub.Config({asciimath2jax: {delimiters: [["\\\\$", "\\\\$"]]}, TeX: {}})</script>'
        '<script src="MathJax.js?config=TeX-MML-AM_HTMLorMML"></script>',
        r"and \$sqrt(x)\$ and \(y\).",
        [r"\sqrt{x}", "y"],
    ),
    "no dollars set": (
        '<script>MathJax = {tex: {inlineMath: [["\\\\(", "\\\\)"]]}}</script>',
        r"It costs $5 or $x$ or \(y\).",
        ["y"],
    ),
    "prices where nothing is set": (
        '<script src="https://cdn.example.org/mathjax@3/tex-mml-chtml.js"></script>',
        r"Plans ($9 a week, or NZ$) and (C$) more; ${user} and ${name}; \(y\).",
        ["y"],
    ),
    "formulas where nothing is set": (
        '<script src="https://cdn.example.org/mathjax@3/tex-mml-chtml.js"></script>',
        "Let $x$ and $f(x) < 2$ and $k^2$.",
        ["x", "f(x) < 2", "k^2"],
    ),
    "blanks inside": (CONFIG, "取$ a $，再取$ b $，则$a+b$为偶数。", ["a", "b", "a+b"]),
    "newline inside": (CONFIG, "设$A=1\n$的值为$d$。", ["A=1", "d"]),
    "ignored": (
        CONFIG,
        '<span class="tex2jax_ignore">From $1 to $2 and \\(z\\)</span> but $x$.',
        ["x"],
    ),
    "atcoder": (
        '<script src="https://img.atcoder.jp/katex.min.js"></script>',
        "<var>N</var> of <var>a_i</var>",
        ["N", "a_i"],
    ),
    "macros": (
        "",
        r"\(\newcommand{\R}{\mathbb{R}}\) \(\DeclareMathOperator{\id}{id} x\in A\)",
        [r"x\in A"],
    ),
}


@pytest.mark.parametrize("kind", DELIMITED)
def test_delimiters_are_those_of_the_page(kind):
    head, markup, formulas = DELIMITED[kind]
    assert latex(f"<p>{markup}</p>", head) == formulas


def test_prices_stay_in_the_text():
    head, markup, _ = DELIMITED["prices where nothing is set"]
    assert (
        "($9 a week, or NZ$) and (C$) more; ${user} and ${name}"
        in page(f"<p>{markup}</p>", head).text
    )


SOURCES = {
    "of a part": (
        "<math><mi>c</mi><mo>+</mo><semantics><msup><mi>d</mi><mn>3</mn></msup>"
        '<annotation encoding="application/x-tex">d^3</annotation></semantics></math>',
        "c+d^3",
    ),
    "of the whole, in a row": (
        '<math><mrow><semantics><mi>d</mi><annotation encoding="TeX">d_0</annotation></semantics></mrow></math>',
        "d_0",
    ),
    "spoken": (
        '<math alttext="k squared minus one"><msup><mi>k</mi><mn>2</mn></msup><mo>-</mo><mn>1</mn></math>',
        "k^{2}-1",
    ),
    "alttext with a word": (
        r'<math alttext="\mathrm{rank}(A)"><mi>r</mi></math>',
        r"\mathrm{rank}(A)",
    ),
    "text/x-latex": (
        '<math><semantics><mi>q</mi><annotation encoding="text/x-latex">q_4</annotation></semantics></math>',
        "q_4",
    ),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_the_source_that_covers_the_formula_wins(kind):
    markup, formula = SOURCES[kind]
    assert latex(f"<p>{markup}</p>") == [formula]


NUMBERS = {
    '<span class="sfrac"><span class="num">3</span><span class="sr-only">/</span><span class="den">4</span></span>': "3/4",
    '2<span class="frac"><span class="sr-only">+</span>3&frasl;4</span>': "2+3\u20444",
    "2<sup>3</sup>&frasl;<sub>4</sub>": "2 3/4",
    "10<sup>5</sup>": "10^{5}",
    "<code>1 &lt;= n &lt;= 10<sup>9</sup></code>": "1 <= n <= 10^9",
    "<code>a<sub>i+1</sub></code>": "a_{i+1}",
}


@pytest.mark.parametrize("markup", NUMBERS)
def test_numbers_stay_the_same_numbers(markup):
    assert f"About {NUMBERS[markup]} of it" in page(f"<p>About {markup} of it</p>").text


KEPT = {
    "slug of a heading": '<section id="line-search"><h2>Line search</h2><p>MARK of the step.</p></section>',
    "of a symbol": '<section id="scipy-stats-normal-ad"><h1>scipy.stats.normal_ad</h1><p>MARK of fit.</p></section>',
    "in a div": '<div id="secret-sharing" class="section level2"><h2>Secret sharing</h2><p>MARK.</p></div>',
    "widget": '<div class="elementor-widget"><div class="elementor-widget-container"><h2>MARK</h2></div></div>',
    "answer": '<p>Solve it.</p><a>Show Solution</a><div id="q7" style="display:none"><p>MARK, so that x is four.</p></div>',
    "footnote": '<aside class="footnote brackets" role="doc-footnote"><p>MARK in a note.</p></aside>',
    "margin": '<aside class="marginnote">MARK in the margin.</aside>',
    "shown by a script": f'<div id="js_content" style="visibility: hidden">{ZH}{ZH}{ZH}<p>MARK</p></div>',
}
DROPPED = {
    "search": '<div id="search"><form><input> MARK</form></div>',
    "related": '<div class="related-posts"><h3>MARK</h3><a href="/1">One post</a> <a href="/2">Another post</a></div>',
    "navigation": '<div class="celestial navigation"><a href="/1">MARK</a> <a href="/2">More</a></div>',
    "share": '<div class="share">MARK</div>',
    "cookies": '<div id="cookie-consent"><h2>We use cookies</h2><p>MARK, and more about consent.</p></div>',
    "menu": '<div style="display:none"><a href="/1">MARK</a></div>',
    "aside": "<aside><p>MARK: our newsletter comes once a week.</p></aside>",
}


@pytest.mark.parametrize("kind", KEPT)
def test_what_a_reader_reads_is_kept(kind):
    assert "MARK" in page(KEPT[kind]).text


@pytest.mark.parametrize("kind", DROPPED)
def test_what_stands_around_is_not(kind):
    assert "MARK" not in page(DROPPED[kind]).text


@pytest.mark.parametrize(
    "teaser", ["<main-header>{}</main-header>", '<article class="card">{}</article>']
)
def test_a_teaser_is_not_the_page(teaser):
    lead = "<p>" + "Read about the talks of the new season in the hall. " * 6 + "</p>"
    text = (
        "<div><p>"
        + "The proof uses the claim above once more and goes on. " * 30
        + "MARK</p></div>"
    )
    assert "MARK" in extract(f"<html><body>{teaser.format(lead)}{text}</body></html>").text


TEXTS = {
    "heading with anchor": ('<h3>行列<a href="#a">&#8983;</a></h3><p>下面给出定义。</p>', "行列\n"),
    "link in Chinese prose": (
        '<p>证明参见：<a href="/x">Lagrange multiplier</a>一文</p>',
        "Lagrange",
    ),
    "br in code": ("<pre>int a;<br>int b;</pre>", "int a;\nint b;"),
    "div in code": ("<pre><div>x = 1</div><div>y = 2</div></pre>", "x = 1\ny = 2"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_lines_of_chinese_pages(kind):
    markup, text = TEXTS[kind]
    assert text in page(markup, fill=ZH).text


@pytest.mark.parametrize(
    "line",
    [
        "版权声明：本文为博主原创文章，转载请附上原文出处。",
        "最新推荐文章于 2024-01-02 10:00:00 发布",
        "· 3k 阅读",
        "还没有人送礼物，鼓励一下作者吧",
        "编辑于 2024-01-02 18:07",
        "Last updated on 3 March 2021",
        "Licensed under CC BY",
        "128 views",
    ],
)
def test_lines_of_every_page_of_a_site_are_no_text(line):
    assert line[:6] not in page(f"<p>{line}</p>", fill=ZH).text


def test_line_numbers_and_listings_of_latex():
    gutter = '<td class="gutter"><pre><span>1</span><br><span>2</span><br></pre></td>'
    listing = (
        '<td class="code"><pre><span>\\documentclass{a}</span><br><span>$1$</span><br></pre></td>'
    )
    found = page(
        f'<figure class="highlight tex"><table><tr>{gutter}{listing}</tr></table></figure>'
    )
    assert not found.formulas and "\\documentclass{a}\n$1$" in found.text and "12" not in found.text


def test_long_formulas_stay_formulas():
    long = "+".join(f"x_{{{k}}}y_{{{k}}}" for k in range(600))
    assert latex(rf"<p>\[{long}\]</p>") == [long]


def test_an_outer_environment_is_in_display():
    markup = r"<tex-math>\\begin{equation*}k=1\\end{equation*}</tex-math>".replace("\\\\", "\\")
    assert [formula.display for formula in page(f"<p>So {markup} holds.</p>").formulas] == [True]


NO_TEXT = [
    '<!-- generator -->\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN">',
    "<![if !IE]>",
    '<?xml version="1.0"?>',
    "<!-->",
    "<!--->",
    "<!---->",
    "<!-- a > b -->",
]


@pytest.mark.parametrize("markup", NO_TEXT)
def test_declarations_and_comments_are_no_text_and_end_where_they_end(markup):
    found = extract(f"<html><body><p>before</p>{markup}<p>after</p></body></html>")
    assert found.text == "before\nafter"
    assert extract(f"{markup}<html><body><p>after</p></body></html>").text == "after"
