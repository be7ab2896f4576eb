"""What is decided about a page as a whole: its URL, its encoding, its language, its time."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.corpus.read.encoding import decode
from pipeline.corpus.read.limits import TooSlow, time_limit
from pipeline.corpus.read.pages import page_of
from pipeline.corpus.read.record import RawPage
from pipeline.corpus.text.html import extract
from pipeline.corpus.tokens import language
from pipeline.corpus.urls import normal_url

ONE_PAGE = [
    ("http://www.b.org/x/", "https://b.org/x"),
    ("http://b.org/x?utm_source=q&id=1", "http://b.org/x?id=1"),
    ("http://b.org/x?from=timeline", "http://b.org/x"),
    ("http://b.org/x?sid=0a1b2c3d4e5f60718293", "http://b.org/x"),
    ("http://b.org/s?q=%E5%87%A0", "http://b.org/s?q=几"),
    ("http://b.org/s?q=a+b", "http://b.org/s?q=a%20b"),
    ("http://b.org/s?a=1&amp;b=2", "http://b.org/s?b=2&a=1"),
    ("http://b.org./x", "http://B.org:80/x#part"),
    ("http://xn--fiqs8s.cn/x", "http://中国.cn/x"),
]
TWO_PAGES = [
    ("http://b.cn/%CA%FD", "http://b.cn/%D0%CE"),
    ("http://b.org/a%2Fb", "http://b.org/a/b"),
    ("http://b.org/a%3Fb", "http://b.org/a?b"),
    ("http://b.org/s?q=a%26b", "http://b.org/s?q=a&b"),
    ("http://b.org/#!/1", "http://b.org/#!/2"),
    ("http://b.org/p?source=gauss", "http://b.org/p?source=euler"),
    ("http://b.org/p?ref=art-1", "http://b.org/p?ref=art-2"),
    ("http://b.org/p?from=usd", "http://b.org/p?from=gbp"),
    ("http://b.org/p?sid=1001", "http://b.org/p?sid=1002"),
]


@pytest.mark.parametrize(("a", "b"), ONE_PAGE)
def test_one_page(a, b):
    assert normal_url(a) == normal_url(b)
    assert normal_url(normal_url(a)) == normal_url(a) or "://" not in normal_url(a)


@pytest.mark.parametrize(("a", "b"), TWO_PAGES)
def test_two_pages(a, b):
    assert normal_url(a) != normal_url(b)


def test_titles_in_gbk_stay_apart():
    titles = (
        "代数 几何 函数 极限 导数 积分 矩阵 向量 概率 统计 数列 集合 逻辑 复数 方程 不等式".split()
    )
    urls = ["http://b.cn/wiki/" + "".join(f"%{b:02X}" for b in t.encode("gbk")) for t in titles]
    assert len(set(map(normal_url, urls))) == len(titles)


def test_encodings_that_labels_get_wrong():
    text = "设集合㐀与𠮷的元素，" * 30
    body = f'<meta charset="gb2312"><p>{text}</p>'.encode("gb18030")
    assert text in decode(body)
    assert text in decode(body, "iso-8859-1")


def test_language_of_a_chinese_post_heavy_in_code():
    code = "\n".join(
        f"for (int i{k} = 0; i{k} < n; ++i{k}) {{ sum[i{k}] += value[i{k}]; }}" for k in range(200)
    )
    prose = "下面给出这道题目的做法：先预处理前缀和，再枚举区间的右端点，用单调队列维护最小值即可，时间复杂度是线性的。"
    assert language(prose * 2 + "\n" + code) == "zh"
    english = (
        "This is how the sum of a row of numbers is kept while we go from left to right over it. "
    )
    assert language(english * 40 + "\n" + prose) == "en"
    assert language(english) == "en"


def in_this_thread(work):
    return work()


def in_a_thread(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


EVERYWHERE = pytest.mark.parametrize("wherever", [in_this_thread, in_a_thread])


@EVERYWHERE
def test_a_slow_page_is_a_reject_wherever_it_is_read(wherever):
    slow = RawPage("http://b.org/", b"<html><p>" + b"<b>word</b> $x$ " * 200_000, "f", 7)
    quick = RawPage("http://b.org/2", b"<html><p>one two three", "f", 9)

    def read():
        return page_of(slow, 1, 0.05), page_of(quick, 1, 0.05), page_of(slow, 1, 0.05)

    first, between, again = wherever(read)
    assert between.text == "one two three"
    assert [(found.reason, found.offset) for found in (first, again)] == [("too_slow", 7)] * 2
    assert "0.05 s" in first.detail


@EVERYWHERE
def test_the_limit_ends_with_its_block(wherever):
    def work():
        with pytest.raises(TooSlow), time_limit(0.02):
            while True:
                pass
        for _ in range(50):
            with time_limit(0.02):
                pass
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass
        return "to the end"

    assert wherever(work) == "to the end"


def test_a_thread_is_limited_by_its_own_time():
    """Another thread's work does not count against a page."""

    def spin(seconds):
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass
        return True

    def limited():
        with time_limit(0.3):
            return spin(0.05)

    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(spin, 0.4) for _ in range(2)]
        assert pool.submit(limited).result()
        assert all(other.result() for other in others)


GROWING = {
    "layers": lambda n: "<p>\\(" + "{\\displaystyle " * n + "x" + "}" * n + "\\)</p>",
    "alt without its quote": lambda n: '<img class=math alt="$ ' + "x" * (50 * n) + ">",
    "open dollars": lambda n: "<script src=MathJax.js></script>" + "$5 a month " * n,
    "open brackets": lambda n: "\\(" * n,
    "widgets": lambda n: '<div class="widget">' * n + "x" + "</div>" * n,
    "hidden": lambda n: '<div class="hidden"><p>some words</p>' * n,
    "rows": lambda n: "<math>" + "<mrow>" * n + "<mi>x</mi>" + "</mrow>" * n + "</math>",
    "attribute names": lambda n: "<math><mi " + "a" * (50 * n) + "</mi></math>",
    "scripts": lambda n: "<sup>1" * n,
    "definitions": lambda n: "\\(" + "\\newcommand{" * n + "\\)",
}


@pytest.mark.parametrize("kind", GROWING)
def test_time_grows_no_faster_than_the_page(kind):
    """By the number of steps of the interpreter and the patterns, within a limit that a square
    would break by far.
    """
    raw = RawPage(
        "http://b.org/", f"<html><body>{GROWING[kind](20_000)}</body></html>".encode(), "f", 0
    )
    found = page_of(raw, 0, seconds=20)
    assert getattr(found, "reason", "") != "too_slow"


def test_a_page_without_a_renderer_keeps_its_dollars():
    assert not extract("<p>It costs $5 here and $6 there, or $x$.</p>").formulas
