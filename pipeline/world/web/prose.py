"""The text of pages that are not mathematics: news, recipes, sport, shops, code and more.

The sentences are in data/prose_en.yaml and data/prose_zh.yaml.
"""

from __future__ import annotations

from pipeline.world.web.grammar import Grammar
from pipeline.world.wording import read_data

LANGUAGES = ("en", "zh")
# language -> section (words, topics, titles, rows, code) -> rule -> templates
PROSE = {lang: read_data(__file__, f"prose_{lang}") for lang in LANGUAGES}
# The rules that pages use: a topic, `<topic>_title`, `<topic>_row` and `code_line`.
GRAMMAR = {
    lang: Grammar(
        {name: rules for section in PROSE[lang].values() for name, rules in section.items()}
    )
    for lang in LANGUAGES
}
