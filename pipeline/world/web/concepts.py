"""What mathematics pages explain: definitions with formulas and an example, the same set in English and Chinese.

No example here is of a family of symbolic.py (reduce, solve, expand, derive, add fractions): those come from problems of
split "web" alone, so that no page holds a problem of another split.
"""

# ruff: noqa: E501 (tables of sentences)
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pipeline.world.web.facts import between


@dataclass(frozen=True)
class Concept:
    """`example` draws the numbers that the %-templates of `shown` (by language) name."""

    title: dict[str, str]
    definition: dict[str, tuple[str, ...]]
    law: tuple[str, ...]  # general formulas, LaTeX
    shown: dict[str, tuple[str, ...]]
    example: Callable[[Random], dict]


def _pair(rng: Random) -> dict:
    a, b, c = between(rng, 2, 40), between(rng, 2, 40), between(rng, 2, 9)
    return {
        "a": a,
        "b": b,
        "c": c,
        "s": a + b,
        "t": a + b + c,
        "u": b + c,
        "p": c * (a % 9 + 1),
        "d": a % 9 + 1,
    }


def _common(rng: Random) -> dict:
    g = between(rng, 2, 9)
    a, b = g * between(rng, 1, 9), g * between(rng, 1, 9)
    g = math.gcd(a, b)
    return {"a": a, "b": b, "g": g, "l": a * b // g, "x": a // g, "y": b // g}


def _factors(rng: Random) -> dict:
    n = between(rng, 4, 99)
    found = [k for k in range(1, n + 1) if n % k == 0]
    return {
        "n": n,
        "list": ", ".join(map(str, found)),
        "many": len(found),
        "prime_en": "prime" if len(found) == 2 else "not prime",
        "prime_zh": "是质数" if len(found) == 2 else "不是质数",
    }


def _rectangle(rng: Random) -> dict:
    a, b = between(rng, 2, 9), between(rng, 2, 9)
    return {"a": a, "b": b, "area": a * b, "half": a + b, "edge": 2 * (a + b)}


def _mean(rng: Random) -> dict:
    m = between(rng, 4, 20)
    d, e = between(rng, 1, 3), between(rng, 1, 3)
    return {"x": m - d, "y": m + d + e, "z": m - e, "s": 3 * m, "m": m}


def _percent(rng: Random) -> dict:
    p, k = rng.choice([(10, 10), (20, 5), (25, 4), (50, 2)])
    v = between(rng, 1, 20)
    return {"p": p, "k": k, "n": v * k, "v": v, "left": v * k - v}


def _rest(rng: Random) -> dict:
    b = between(rng, 3, 9)
    q, r = between(rng, 2, 9), between(rng, 1, b - 1)
    return {"a": b * q + r, "b": b, "q": q, "r": r, "m": b * q}


def _square(rng: Random) -> dict:
    n = between(rng, 2, 9)
    return {"n": n, "s": n * n, "up": n + 1, "t": (n + 1) ** 2, "odd": 2 * n + 1}


def _sequence(rng: Random) -> dict:
    a, d = between(rng, 1, 12), between(rng, 2, 9)
    return {"a": a, "d": d, "b": a + d, "c": a + 2 * d, "e": a + 3 * d, "f": a + 4 * d}


def _speed(rng: Random) -> dict:
    v, t = between(rng, 3, 12), between(rng, 2, 8)
    return {"v": v, "t": t, "s": v * t}


def _ratio(rng: Random) -> dict:
    a, b, k = between(rng, 1, 5), between(rng, 1, 5), between(rng, 2, 8)
    return {"a": a, "b": b, "n": a + b, "k": k, "all": k * (a + b), "x": a * k, "y": b * k}


def _dice(rng: Random) -> dict:
    r, b = between(rng, 1, 9), between(rng, 1, 9)
    return {"r": r, "b": b, "n": r + b}


def _triangle(rng: Random) -> dict:
    a, b = between(rng, 2, 12) * 5, between(rng, 2, 12) * 5
    return {"a": a, "b": b, "s": a + b, "c": 180 - a - b}


def _pythagoras(rng: Random) -> dict:
    a, b, c = rng.choice([(3, 4, 5), (6, 8, 10), (5, 12, 13), (8, 6, 10), (9, 12, 15)])
    return {"a": a, "b": b, "c": c, "x": a * a, "y": b * b, "z": c * c}


def _concept(
    en: str,
    zh: str,
    law: str,
    definition: str,
    definition_zh: str,
    shown: str,
    shown_zh: str,
    example,
) -> Concept:
    cut = lambda text: tuple(part.strip() for part in text.strip().split("\n") if part.strip())  # noqa: E731
    return Concept(
        {"en": en, "zh": zh},
        {"en": cut(definition), "zh": cut(definition_zh)},
        cut(law),
        {"en": cut(shown), "zh": cut(shown_zh)},
        example,
    )


CONCEPTS: tuple[Concept, ...] = (
    _concept(
        "Order of addition",
        "加法交换律",
        r"a + b = b + a",
        """The order in which two numbers are added does not matter: $a + b = b + a$.
             Addition is commutative; swapping the two summands leaves the sum as it is.""",
        "两个数相加，交换加数的位置，和不变，即$a + b = b + a$。\n加法满足交换律。",
        "%(a)s plus %(b)s is %(s)s, and %(b)s plus %(a)s is %(s)s as well.\nBoth ways we find the sum %(s)s of %(a)s and %(b)s.",
        "%(a)s加%(b)s等于%(s)s，%(b)s加%(a)s也等于%(s)s。\n不论先写%(a)s还是%(b)s，和都是%(s)s。",
        _pair,
    ),
    _concept(
        "Grouping of summands",
        "加法结合律",
        r"(a + b) + c = a + (b + c)",
        """When three numbers are added, it does not matter which two are added first.
             The associative law of addition says $(a + b) + c = a + (b + c)$.""",
        "三个数相加，先把前两个数相加，或者先把后两个数相加，和不变。\n这叫做加法结合律：$(a + b) + c = a + (b + c)$。",
        "%(a)s plus %(b)s is %(s)s, and %(c)s more make %(t)s; %(b)s plus %(c)s is %(u)s, and with %(a)s we also reach %(t)s.",
        "%(a)s加%(b)s得%(s)s，再加%(c)s得%(t)s；%(b)s加%(c)s得%(u)s，再加%(a)s也得%(t)s。",
        _pair,
    ),
    _concept(
        "Greatest common divisor",
        "最大公约数",
        r"\gcd(a, b) = \gcd(b, a - b)" "\n" r"a \cdot b = \gcd(a, b) \cdot m",
        r"""The greatest common divisor of $a$ and $b$ is the largest number that divides both.
             It is found by Euclid's method: replace the larger number by the difference until both are equal.
             Two numbers with $\gcd(a, b) = 1$ are called coprime.""",
        r"$a$与$b$的最大公约数是能同时整除它们的最大的数。"
        "\n"
        r"如果$\gcd(a, b) = 1$，就说$a$与$b$互质。",
        """The greatest common divisor of %(a)s and %(b)s is %(g)s, because %(a)s is %(g)s times %(x)s and %(b)s is %(g)s times %(y)s.
             For $a = %(a)s$ and $b = %(b)s$ we get %(g)s.""",
        "%(a)s和%(b)s的最大公约数是%(g)s，因为%(a)s等于%(g)s乘%(x)s，%(b)s等于%(g)s乘%(y)s。",
        _common,
    ),
    _concept(
        "Least common multiple",
        "最小公倍数",
        r"m = \frac{a \cdot b}{\gcd(a, b)}",
        """The least common multiple of two numbers is the smallest positive number that both divide.
             We need it to bring fractions to one denominator.""",
        "两个数公有的倍数中最小的一个叫做它们的最小公倍数。\n通分时要用到最小公倍数。",
        "The least common multiple of %(a)s and %(b)s is %(l)s.\nBoth %(a)s and %(b)s divide %(l)s, and no smaller number has this property.",
        "%(a)s和%(b)s的最小公倍数是%(l)s。\n%(l)s既是%(a)s的倍数，也是%(b)s的倍数。",
        _common,
    ),
    _concept(
        "Factors and primes",
        "因数与质数",
        r"n = p \cdot q",
        """A factor of $n$ is a number that divides $n$ without remainder.
             A prime has exactly two factors, 1 and itself; every other number above 1 is composite.
             Every number $n > 1$ is a product of primes in exactly one way.""",
        "能整除$n$的数叫做$n$的因数。\n只有1和它本身两个因数的数叫做质数，否则叫做合数。\n每个大于1的数$n$都能唯一地分解成质数的积。",
        "The factors of %(n)s are %(list)s, so %(n)s is %(prime_en)s.\nThe number %(n)s has %(many)s factors: %(list)s.",
        "%(n)s的因数是%(list)s，所以%(n)s%(prime_zh)s。\n%(n)s一共有%(many)s个因数。",
        _factors,
    ),
    _concept(
        "Area and perimeter of a rectangle",
        "长方形的面积和周长",
        "A = a \\cdot b\nP = 2(a + b)",
        """The area of a rectangle with sides $a$ and $b$ is $A = a \\cdot b$.
             Its perimeter is the sum of all four sides, $P = 2(a + b)$.""",
        "长为$a$、宽为$b$的长方形面积是$A = a \\cdot b$。\n它的周长是四条边的和，$P = 2(a + b)$。",
        """A rectangle with sides %(a)s and %(b)s has the area %(a)s times %(b)s, which is %(area)s.
             The sides %(a)s and %(b)s add up to %(half)s, so the perimeter is two times %(half)s, which is %(edge)s.""",
        "长%(a)s、宽%(b)s的长方形，面积是%(area)s。\n%(a)s加%(b)s得%(half)s，周长是%(half)s的2倍，即%(edge)s。",
        _rectangle,
    ),
    _concept(
        "The mean",
        "平均数",
        r"m = \frac{x_1 + x_2 + x_3}{3}",
        """The mean of some numbers is their sum divided by how many they are.
             The differences from the mean add up to 0.""",
        "几个数的平均数等于它们的和除以个数。\n各数与平均数之差的和为0。",
        "The mean of %(x)s, %(y)s and %(z)s is %(m)s, since their sum is %(s)s and %(s)s divided by 3 is %(m)s.",
        "%(x)s、%(y)s、%(z)s的和是%(s)s，平均数是%(s)s除以3，等于%(m)s。",
        _mean,
    ),
    _concept(
        "Percentages",
        "百分数",
        r"p \% = \frac{p}{100}",
        r"""One percent is one hundredth: $p \% = \frac{p}{100}$.
             To find $p$ percent of a number, multiply it by $p$ and divide by 100.""",
        r"百分数表示一个数是另一个数的百分之几，$p \% = \frac{p}{100}$。"
        "\n求一个数的百分之几用乘法。",
        """%(p)s percent of %(n)s is %(v)s, because %(n)s divided by %(k)s is %(v)s.
             A price of %(n)s that falls by %(p)s percent becomes %(left)s.""",
        "%(n)s的百分之%(p)s是%(v)s，因为%(n)s除以%(k)s等于%(v)s。\n%(n)s减少百分之%(p)s后是%(left)s。",
        _percent,
    ),
    _concept(
        "Division with remainder",
        "带余除法",
        r"a = b q + r, 0 \le r < b",
        r"""For whole numbers $a$ and $b > 0$ there is one quotient $q$ and one remainder $r$ with $a = b q + r$ and $0 \le r < b$.
             When the remainder is 0, we say that $b$ divides $a$.""",
        r"对整数$a$和$b > 0$，有唯一的商$q$和余数$r$，使$a = b q + r$且$0 \le r < b$。"
        "\n余数为0时，称$b$整除$a$。",
        "%(a)s divided by %(b)s is %(q)s with remainder %(r)s: %(b)s times %(q)s is %(m)s, and %(r)s more make %(a)s.",
        "%(a)s除以%(b)s商%(q)s余%(r)s，因为%(b)s乘%(q)s得%(m)s，再加%(r)s得%(a)s。",
        _rest,
    ),
    _concept(
        "Square numbers",
        "平方数",
        "(n + 1)^2 = n^2 + 2n + 1\n1 + 3 + 5 + \\cdots + (2n - 1) = n^2",
        """The square of $n$ is $n^2 = n \\cdot n$.
             From one square to the next we add an odd number, $2n + 1$.
             The root of a square undoes it: $\\sqrt{n^2} = n$ for $n \\ge 0$.""",
        "$n$的平方是$n^2 = n \\cdot n$。\n相邻两个平方数的差是奇数$2n + 1$。\n当$n \\ge 0$时$\\sqrt{n^2} = n$。",
        "The square of %(n)s is %(s)s, and %(s)s plus %(odd)s is %(t)s, the square of %(up)s.\nThe root of %(s)s is %(n)s.",
        "%(n)s的平方是%(s)s，%(s)s加%(odd)s得%(t)s，正是%(up)s的平方。\n%(s)s的算术平方根是%(n)s。",
        _square,
    ),
    _concept(
        "Arithmetic sequences",
        "等差数列",
        "a_n = a_1 + (n - 1) d\nS_n = \\frac{n(a_1 + a_n)}{2}",
        """In an arithmetic sequence each term is the one before plus the difference $d$, so $a_n = a_1 + (n - 1) d$.
             The mean of two neighbours of a term is the term itself.""",
        "等差数列中，每一项等于前一项加公差$d$，即$a_n = a_1 + (n - 1) d$。\n任一项等于它前后两项的平均数。",
        "The sequence %(a)s, %(b)s, %(c)s, %(e)s grows by %(d)s each time; the next term is %(f)s.",
        "数列%(a)s、%(b)s、%(c)s、%(e)s每次增加%(d)s，下一项是%(f)s。",
        _sequence,
    ),
    _concept(
        "Distance, speed and time",
        "路程、速度和时间",
        "s = v \\cdot t\nv = \\frac{s}{t}",
        """The distance is the speed times the time, $s = v \\cdot t$.
             From distance and time we get the speed by division.""",
        "路程等于速度乘时间，$s = v \\cdot t$。\n已知路程和时间，用除法求速度。",
        "Someone who walks %(v)s km an hour covers %(s)s km in %(t)s hours.\n%(s)s km in %(t)s hours means a speed of %(v)s km an hour.",
        "每小时走%(v)s千米，%(t)s小时走%(s)s千米。\n%(t)s小时走%(s)s千米，速度是每小时%(v)s千米。",
        _speed,
    ),
    _concept(
        "Sharing in a ratio",
        "按比例分配",
        r"\frac{x}{y} = \frac{a}{b}",
        r"""A ratio compares two amounts by division: $x : y = a : b$ means $\frac{x}{y} = \frac{a}{b}$.
             To share in the ratio $a : b$, make $a + b$ equal parts.""",
        r"比是两个数相除的关系，$x : y = a : b$就是$\frac{x}{y} = \frac{a}{b}$。"
        "\n按$a : b$分配时，先分成$a + b$等份。",
        "To share %(all)s in the ratio %(a)s to %(b)s we make %(n)s parts of %(k)s; the shares are %(x)s and %(y)s.",
        "把%(all)s按%(a)s比%(b)s分配，共%(n)s份，每份%(k)s，两部分是%(x)s和%(y)s。",
        _ratio,
    ),
    _concept(
        "Probability",
        "概率",
        r"P(A) = \frac{k}{n}" "\n" r"P(A \cup B) = P(A) + P(B) - P(A \cap B)",
        r"""If all $n$ outcomes are equally likely and $k$ of them are favourable, the probability is $P(A) = \frac{k}{n}$.
             A probability lies between 0 and 1.""",
        r"如果$n$种结果出现的可能性相等，其中$k$种有利，那么概率是$P(A) = \frac{k}{n}$。"
        "\n概率在0与1之间。",
        r"In a bag with %(r)s red and %(b)s blue balls there are %(n)s balls, so red has the probability $\frac{%(r)s}{%(n)s}$.",
        r"袋中有%(r)s个红球和%(b)s个蓝球，共%(n)s个，摸到红球的概率是$\frac{%(r)s}{%(n)s}$。",
        _dice,
    ),
    _concept(
        "Angles of a triangle",
        "三角形的内角和",
        r"\alpha + \beta + \theta = 180",
        """The three angles of a triangle add up to 180 degrees.
             Two angles therefore determine the third.""",
        "三角形的三个内角之和是180度。\n知道两个角就能求出第三个角。",
        "With two angles of %(a)s and %(b)s degrees, together %(s)s, the third has 180 minus %(s)s, which is %(c)s degrees.",
        "两个角是%(a)s度和%(b)s度，和是%(s)s度，第三个角是180减%(s)s，等于%(c)s度。",
        _triangle,
    ),
    _concept(
        "The theorem of Pythagoras",
        "勾股定理",
        "a^2 + b^2 = c^2\nc = \\sqrt{a^2 + b^2}",
        """In a right triangle the squares of the two short sides add up to the square of the longest: $a^2 + b^2 = c^2$.
             The converse holds too: sides with this property form a right angle.""",
        "直角三角形两条直角边的平方和等于斜边的平方，$a^2 + b^2 = c^2$。\n反过来，满足这一关系的三条边构成直角三角形。",
        "For the sides %(a)s and %(b)s the squares are %(x)s and %(y)s; they add up to %(z)s, so the longest side is %(c)s.",
        "两条直角边是%(a)s和%(b)s，平方是%(x)s和%(y)s，和是%(z)s，斜边是%(c)s。",
        _pythagoras,
    ),
)
