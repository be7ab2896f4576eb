"""Pages that are not mathematics, though many are full of numbers, operators and its name."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.world.web.markup import Doc
from pipeline.world.web.math_pages import Blocks, Material
from pipeline.world.web.prose import GRAMMAR
from pipeline.world.web.riddles import riddle

TOPICS = (
    "news",
    "recipe",
    "sport",
    "shop",
    "code",
    "travel",
    "poem",
    "school",
    "profile",
    "health",
    "nature",
    "finance",
    "census",
)


def _title(m: Material, topic: str) -> str:
    title = GRAMMAR[m.lang].say(f"{topic}_title", m.rng)
    return title[0].upper() + title[1:]


def article(m: Material, topic: str) -> Doc:
    """Two to six paragraphs on a topic; a third of them add a sentence on another topic."""
    blocks: Blocks = []
    for k in range(m.many(2, 6)):
        if k and m.rng.random() < 0.2:
            blocks.append(("h2", _title(m, topic)))
        text = m.chat(topic, m.many(2, 5))
        if m.rng.random() < 0.3:
            text += m.gap + m.chat(m.rng.choice(TOPICS), 1)
        blocks.append(("p", text))
    return Doc(_title(m, topic), tuple(blocks))


def table(m: Material, topic: str) -> Doc:
    """Price lists, league tables, timetables: rows of numbers with a few sentences."""
    grammar = GRAMMAR[m.lang]
    blocks: Blocks = [("p", m.chat(topic, m.many(1, 3)))]
    rule = f"{topic}_row" if f"{topic}_row" in grammar.rules else "shop_row"
    blocks.extend(("row", grammar.say(rule, m.rng)) for _ in range(m.many(6, 16)))
    blocks.append(("p", m.chat(topic, m.many(1, 3))))
    return Doc(_title(m, topic), tuple(blocks))


def listing(m: Material, topic: str) -> Doc:
    """A programming question or note with code."""
    grammar = GRAMMAR[m.lang]
    blocks: Blocks = []
    for _ in range(m.many(1, 3)):
        blocks.append(("p", m.chat("code", m.many(1, 3))))
        blocks.append(
            ("pre", "\n".join(grammar.say("code_line", m.rng) for _ in range(m.many(3, 9))))
        )
    blocks.append(("p", m.chat("code", m.many(2, 4))))
    return Doc(_title(m, "code"), tuple(blocks))


def talk(m: Material, topic: str) -> Doc:
    """A thread on a message board: the skeleton of a mathematical forum page, another subject."""
    blocks: Blocks = [("p", m.chat(topic, m.many(1, 3)))]
    blocks.append(("h2", m.phrase("comment_title")))
    for _ in range(m.many(1, 4)):
        blocks.append(("p", m.chat(topic, m.many(1, 3))))
    blocks.append(("quote", m.phrase("comment")))
    return Doc(_title(m, topic), tuple(blocks))


def verses(m: Material, topic: str) -> Doc:
    """A poem, one paragraph per line."""
    return Doc(_title(m, "poem"), tuple(("p", m.chat("poem", 1)) for _ in range(m.many(6, 16))))


def listed(m: Material, topic: str) -> Doc:
    """Bullet points, as recipes and feature lists have them."""
    blocks: Blocks = [("p", m.chat(topic, 1))]
    blocks.extend(("li", m.chat(topic, 1)) for _ in range(m.many(4, 9)))
    blocks.append(("p", m.chat(topic, m.many(1, 3))))
    return Doc(_title(m, topic), tuple(blocks))


def riddles(m: Material, topic: str) -> Doc:
    """Riddles and their answers."""
    blocks: Blocks = [("p", m.chat(topic, 1))]
    for _ in range(m.many(2, 5)):
        asked, told = riddle(m.lang, m.rng)
        if m.rng.random() < 0.5:
            blocks.append(("p", asked + m.gap + told))
        else:
            blocks += [("p", asked), ("p", told)]
    return Doc(_title(m, topic), tuple(blocks))


OTHER_KINDS: dict[str, Callable[[Material, str], Doc]] = {
    "article": article,
    "table": table,
    "listing": listing,
    "talk": talk,
    "verses": verses,
    "listed": listed,
    "riddles": riddles,
}
FORMS = {
    "news": ("article", "article", "talk"),
    "recipe": ("listed", "article"),
    "sport": ("article", "table"),
    "shop": ("listed", "table", "article"),
    "code": ("listing", "talk"),
    "travel": ("article", "talk"),
    "poem": ("verses",),
    "school": ("article", "table"),
    "profile": ("article",),
    "health": ("article", "listed", "talk"),
    "nature": ("article",),
    "finance": ("article", "table", "listed"),
    "census": ("article", "table"),
    "typeset": ("talk", "article"),
    "riddle": ("riddles",),
}
