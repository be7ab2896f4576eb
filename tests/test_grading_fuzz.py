"""Random spellings: what says the same stays right, what is another value stays wrong, however it is written."""

import random
from fractions import Fraction

import pytest

from pipeline.grading.grade import grade, grade_answer

WIDE = str.maketrans("0123456789+-/()[],", "０１２３４５６７８９＋－／（）［］，")
ROUNDS = 400


def spelled(text, rng, kind):
    """`text` written in another way that changes nothing; a few changes in random order."""
    for _ in range(rng.randint(0, 3)):
        text = rng.choice((spaced, styled, sized, wide, named, united, grouped))(text, rng, kind)
    return rng.choice(
        ("{}", "${}$", " {} ", "\\boxed{{{}}}", "{}.", "\\({}\\)", "\\displaystyle {}")
    ).format(text)


def spaced(text, rng, kind):
    if kind == "integer":  # 31, 888 is a list
        return text
    return "".join(c + rng.choice(("", " ")) if c in ",+=()[]" else c for c in text)


def styled(text, rng, kind):
    return text.replace("\\frac", rng.choice(("\\dfrac", "\\tfrac", "\\frac", "\\cfrac")))


def sized(text, rng, kind):
    if kind not in ("point", "interval") or "\\left" in text or not text.startswith(("(", "[")):
        return text
    return f"\\left{text[0]}{text[1:-1]}\\right{text[-1]}"


def wide(text, rng, kind):
    return text.translate(WIDE) if "\\" not in text and "$" not in text else text


def named(text, rng, kind):
    return (
        rng.choice(("x=", "x = ")) + text
        if kind in ("integer", "fraction", "root") and "=" not in text
        else text
    )


def united(text, rng, kind):
    last = text[-1:]
    units = ("\\text{ cm}", " meters", "个", "元", "\\mathrm{ kg}", "（元）")
    fits = kind in ("integer", "fraction") and last in "0123456789}" and "\\text" not in text
    return text + rng.choice(units) if fits else text


def grouped(text, rng, kind):
    if kind != "integer" or not text.lstrip("-").isdigit() or not text.isascii():
        return text
    return f"{int(text):,}".replace(",", rng.choice((",", "{,}", ",\\!")))


def value(rng):
    """(kind, value): the value is what decides, so that two draws can be compared."""
    kind = rng.choice(("integer", "fraction", "root", "point", "interval", "polynomial", "set"))
    number = rng.choice((rng.randint(-20, 20), rng.randint(-9999, 99999)))
    if kind == "integer":
        return kind, number
    if kind == "fraction":
        return kind, Fraction(rng.randint(-30, 30), rng.randint(2, 12))
    if kind == "root":
        return kind, (rng.randint(1, 9), rng.choice((2, 3, 5, 6, 7, 10, 11)))
    if kind == "interval":
        low = rng.randint(-9, 9)
        return kind, (rng.choice("(["), low, low + rng.randint(1, 9), rng.choice(")]"))
    if kind == "set":
        return kind, frozenset(rng.sample(range(-9, 30), rng.randint(2, 4)))
    return kind, tuple(rng.randint(-9, 9) for _ in range(2 if kind == "point" else 3))


def written(kind, value, rng):
    """One of the ways to write a value."""
    if kind == "integer":
        return rng.choice((str(value), f"{value}.0", f"\\frac{{{2 * value}}}{{2}}"))
    if kind == "fraction":
        sign, up, k = "-" if value < 0 else "", abs(value.numerator), rng.randint(1, 3)
        ways = [
            f"{sign}\\frac{{{up * k}}}{{{value.denominator * k}}}",
            f"{sign}{up * k}/{value.denominator * k}",
        ]
        whole = str(value.numerator) if value.denominator == 1 else ways[0]
        return rng.choice((*ways, whole))
    if kind == "root":
        a, b = value
        ways = (
            f"{a}\\sqrt{{{b}}}",
            f"\\sqrt{{{a * a * b}}}",
            f"{a}*sqrt({b})",
            f"{a}√{b}",
            f"\\sqrt{{{b}}}\\cdot {a}",
        )
        return rng.choice(ways)
    if kind == "point":
        return f"({value[0]},{value[1]})"
    if kind == "interval":
        left, low, high, right = value
        signs = ("\\le " if left == "[" else "<", "\\le " if right == "]" else "<")
        return rng.choice(
            (
                f"{left}{low},{high}{right}",
                f"{low}{signs[0]}x{signs[1]}{high}",
                f"x\\in {left}{low},{high}{right}",
            )
        )
    if kind == "set":
        items = list(value)
        rng.shuffle(items)
        return "\\{" + ",".join(map(str, items)) + "\\}"
    a, b, c = value
    terms = [f"{a:+d}x^2", f"{b:+d}x", f"{c:+d}"]
    rng.shuffle(terms)
    return "".join(terms).lstrip("+")


def changed(kind, value, rng):
    """Another value of the same kind, near the first."""
    if kind == "integer":
        return rng.choice((value + 1, value - 1, -value - 1, value * 10 + 1, value + 10))
    if kind == "fraction":
        return rng.choice((value + 1, value + Fraction(1, 97), value - 2))
    if kind == "root":
        return rng.choice(((value[0] + 1, value[1]), (value[0], value[1] + 12)))
    if kind == "interval":
        left, low, high, right = value
        other_left, other_right = ("(" if left == "[" else "["), (")" if right == "]" else "]")
        return rng.choice(
            (
                (other_left, low, high, right),
                (left, low, high, other_right),
                (left, low - 1, high, right),
            )
        )
    if kind == "set":
        return rng.choice((value | {99}, frozenset(list(value)[1:]) | {77}))
    place = rng.randrange(len(value))
    return tuple(item + (k == place) for k, item in enumerate(value))


@pytest.mark.parametrize("seed", range(4))
def test_spelling_changes_no_verdict(seed):
    rng, accepted, rejected = random.Random(seed), [], []
    for _ in range(ROUNDS):
        kind, first = value(rng)
        reference = written(kind, first, rng)
        same, other = (
            spelled(written(kind, v, rng), rng, kind) for v in (first, changed(kind, first, rng))
        )
        if grade_answer(same, reference).verdict != "right":
            rejected.append((same, reference))
        if grade_answer(other, reference).verdict == "right":
            accepted.append((other, reference))
    assert (accepted, rejected) == ([], [])


@pytest.mark.parametrize("seed", range(2))
def test_words_around_a_box_change_no_verdict(seed):
    rng = random.Random(100 + seed)
    frames = (
        "So the answer is $\\boxed{{{}}}$.",
        "因此答案是 \\boxed{{{}}}。",
        "**Final Answer**\n\\[\\boxed{{{}}}\\]\n",
        "It is \\boxed{{{}}}, since 3 + 4 = 7.",
        "<think>\\boxed{{0}} or 5?</think>\nThus \\boxed{{{}}}",
    )
    for _ in range(ROUNDS // 2):
        kind, first = value(rng)
        frame = rng.choice(frames)
        for v, verdict in ((first, "right"), (changed(kind, first, rng), "wrong")):
            output = frame.format(written(kind, v, rng))
            assert grade(output, written(kind, first, rng)).verdict == verdict, output


SOUP = (
    r"or|and|;|,|.|:|(|)|[|]|\{|\}|{|}|\frac|\sqrt|^|_|=|<|\le|+|-|*|/|\pm|\cup|\infty|\pi|x|1|2|0.5|\%|$|^\circ|"
    r"\text{ cm}|\boxed{|\begin{pmatrix}|\end{pmatrix}|&|\\|\left|\right|\in|\log|!|√|½|２|'|none|not|cents|PM|mod|base|1e5|"
    "A|B|C|个|元|万|五|分之|半|不是|或|和|答案|是|、|；|，|（"
).split("|")


@pytest.mark.parametrize("mode", ["strict", "deepseek"])
def test_no_text_breaks_the_checker(mode):
    """An untrained model writes anything: "or" alone once ended an RL run."""
    rng = random.Random(11)
    soups = [
        "".join(rng.choice(SOUP) + rng.choice(("", " ")) for _ in range(rng.randint(1, 9)))
        for _ in range(1500)
    ]
    for text in ("or", "; or ;", "或者", *soups):
        for reference in ("5", r"\{1,2\}", text[: len(text) // 2]):
            assert grade_answer(text, reference, mode).verdict in (
                "right",
                "wrong",
                "no_answer",
                "undecided",
            )
            assert grade(text, reference, mode).verdict in (
                "right",
                "wrong",
                "no_answer",
                "undecided",
            )
