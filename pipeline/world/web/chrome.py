"""What surrounds the text of a page: navigation, side bars, advertisements and footers.

The words are in data/chrome.yaml, the five layouts in data/layouts/.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path
from random import Random

from pipeline.world.web.facts import between
from pipeline.world.web.prose import GRAMMAR
from pipeline.world.wording import read_data

WORDS = read_data(__file__, "chrome")
LAYOUTS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted((Path(__file__).parent / "data/layouts").glob("*.html"))
}
MATHJAX = '<script src="https://cdn.example/mathjax/tex-mml-chtml.js" async></script>\n'


@lru_cache(maxsize=4096)
def _menu(host: str, lang: str) -> str:
    rng = Random(f"menu/{host}/{lang}")
    return "".join(
        f'<li><a href="/{k}">{label}</a></li>'
        for k, label in enumerate(rng.sample(WORDS["menu"][lang], 6))
    )


def date_line(lang: str, rng: Random) -> str:
    """The date that a page shows; near-duplicates differ in it."""
    return GRAMMAR[lang].say("date", rng)


def page(
    layout: str, host: str, lang: str, title: str, body: str, rng: Random, charset: str = "utf-8"
) -> str:
    """The whole HTML page.

    `rng` draws what may differ between copies: the date, the advertisement, the related links.
    """
    grammar, labels = GRAMMAR[lang], WORDS["labels"][lang]
    number = str(between(rng, 2, 99))
    rights = f"© {between(rng, 2010, 2023)} {host} {labels['rights']}"
    parts = {
        "head": (
            f'<head><meta charset="{charset}">\n<title>{escape(title)} - {host}</title>\n'
            f'<link rel="stylesheet" href="/s{between(rng, 1, 99)}.css">\n{MATHJAX}'
            "<script>window.dataLayer=window.dataLayer||[];"
            "function g(){dataLayer.push(arguments)}</script>\n</head>\n"
        ),
        "menu": _menu(host, lang),
        "host": host,
        "title": escape(title),
        "body": body,
        "related": labels["related"],
        "date": f"{labels['published']} {date_line(lang, rng)}",
        "rights": rights,
        "cookies": labels["cookies"],
        "share": labels["share"],
        "ad": rng.choice(WORDS["ads"][lang]).format(number, grammar.say("thing", rng)),
        "number": number,
        "links": "".join(
            f'<li><a href="/r/{between(rng, 100, 9999)}">{escape(grammar.say(topic, rng))}</a></li>'
            for topic in ("news_title", "travel_title", "shop_title")
        ),
    }
    lang_code = "en" if lang == "en" else "zh-CN"
    return (
        f'<!DOCTYPE html>\n<html lang="{lang_code}">\n'
        + LAYOUTS[layout].format_map(parts)
        + "</html>\n"
    )
