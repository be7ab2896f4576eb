"""Decontamination by normal forms: disguises that exact grams cannot see."""

import json

import pytest

from pipeline.corpus.config import DecontaminateConfig
from pipeline.corpus.decontaminate import Index, clean, hit_row
from pipeline.corpus.normalise import digits_of, normalised

ENGLISH = "A farmer has 1,250 sheep and sells half of them for $3.50 each; how much does the farmer earn in all?"
BALLS = "甲有12个球，乙有15个，丙有18个，丁有21个，戊有24个，一共有几个？"
BOOKS = "图书馆买来故事书与科学书，数学老师给学生讲课，时间长短问题怎样计算？"
LATEX = r"Find the value of $\frac{3}{4} x^{2} + \sin \alpha$ when $x = 12$ and $\alpha = 0$ holds for all of them."
INDEX = Index({"b": [ENGLISH, BALLS, BOOKS, LATEX]}, DecontaminateConfig(normalise=True))
PAPER = Index({"b": [ENGLISH, BALLS, BOOKS, LATEX]}, DecontaminateConfig())

NUMERALS = {
    "三百二十": "320",
    "十": "10",
    "十五": "15",
    "两千零三": "2003",
    "一万二千": "12000",
    "二〇二四": "2024",
    "三亿五千万": "350000000",
}
DISGUISES = {
    "numerals": "甲有十二个球，乙有十五个，丙有十八个，丁有二十一个，戊有二十四个，一共有几个？",
    "traditional": "圖書館買來故事書與科學書，數學老師給學生講課，時間長短問題怎樣計算？",
    "unseen": "".join(f"{character}\u200b" for character in ENGLISH),
    "plain text": "Find the value of 3/4 x² + sin α when x = 12 and α = 0 holds for all of them.",
}


@pytest.mark.parametrize("numeral", NUMERALS)
def test_numerals(numeral):
    assert digits_of(numeral) == NUMERALS[numeral]


@pytest.mark.parametrize("kind", DISGUISES)
def test_a_disguise_is_found_and_only_its_line_goes(kind):
    page = f"A line before.\n{DISGUISES[kind]}\nA line after."
    cleaned = clean(page, INDEX)
    assert cleaned.text == "A line before.\nA line after."
    assert any(hit.normalised for hit in cleaned.hits)
    row = hit_row(next(hit for hit in cleaned.hits if hit.normalised), INDEX)
    assert row["normalised"] and page[row["start"] : row["end"]] == DISGUISES[kind]
    json.dumps(row)


def test_what_the_papers_rule_finds_stays_its_own():
    page = f"Before.\n{ENGLISH}\nAfter."
    both, paper = clean(page, INDEX), clean(page, PAPER)
    assert both.text == paper.text and both.hits == paper.hits
    assert "normalised" not in hit_row(paper.hits[0], PAPER)


def test_lines_stay_lines():
    text = "一百\n\n$\\frac{1}{2}$\n華\u2028x"
    assert normalised(text).count("\n") == text.count("\n")
