"""Functions in the finite field of field.py, built so that their identities hold there.

Every rule is a true identity of the function, so what is equal here is equal: the addition theorems
of sine and cosine (an angle is a product of elements of norm one), those of the logarithm, Gamma(x
+ 1) = x Gamma(x), and sums of arctangents of rationals (the argument of a Gaussian integer is the
sum of those of its prime factors). Which square root is meant, and on which branch a sum lies, is
for the floats to say."""

from __future__ import annotations

import functools
import math
from fractions import Fraction

from pipeline.grading.expr import exact
from pipeline.grading.expr.element import (
    ONE,
    PRIME,
    Element,
    inverse,
    power,
    product,
    pseudo_random,
    rational,
    times,
    total,
)
from pipeline.grading.expr.linear import linear_terms
from pipeline.grading.expr.tree import Node, Unknown, minus, substitute

_ONE_NODE: Node = ("n", Fraction(1), 0)
UNIT = 27720  # a symbol's angle is this many times the angle of its element: multiples of 1/k for k <= 12
MAX_SHIFT = 40  # (n + 40)! is related to n! and no further
MAX_GAUSSIAN = 10**8  # norm of a Gaussian integer that is factored
LOG_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
CIRCULAR = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})
HYPERBOLIC = frozenset({"sinh", "cosh", "tanh"})
LOGARITHMS = frozenset({"ln", "log", "lg"})
INVERSE = frozenset({"arcsin", "arccos", "arctan"})


def value(ring, name: str, args: tuple[Node, ...], point: int) -> Element:
    """The value of a function that is not rational. `ring` -- field.Ring, which evaluates the
    arguments."""
    if name in CIRCULAR:
        return _circular(ring, name, args[0], point)
    if name in HYPERBOLIC:
        return _hyperbolic(ring, name, args[0], point)
    if name in LOGARITHMS:
        top = logarithm(ring, args[0], point)
        if name == "ln":
            return top
        base = args[1] if len(args) == 2 else ("n", Fraction(10), 0)
        return times(top, inverse(logarithm(ring, base, point)))
    if name == "exp":
        return ring.value(("^", ("s", "e"), args[0]), point)
    if name in INVERSE:
        return _inverse_circular(ring, name, args[0], point)
    if name == "abs":
        return _absolute(ring, args[0], point)
    if name == "factorial":
        return _factorial(ring, args[0], point)
    if name == "binom":
        n, k = args
        below = times(_factorial(ring, k, point), _factorial(ring, ("+", (n, minus(k))), point))
        return times(_factorial(ring, n, point), inverse(below))
    if name in ("sum", "prod"):
        variable, low, high, body = args
        renamed = [substitute(body, variable[1], ("s", f"bound variable {k}")) for k in (1, 2)]
        args = (low, high, *renamed)
    return pseudo_random(name, [ring.value(arg, point) for arg in args]), 0


def _terms(node: Node) -> list:
    try:
        return linear_terms(node)
    except exact.TooLarge:
        raise Unknown("over a cap") from None


# ---- sine and cosine


def _circular(ring, name: str, angle: Node, point: int) -> Element:
    """From w = cos + i sin: cos = (w + 1/w) / 2 and sin = (w - 1/w) / 2i."""
    w = (1, 0)
    for coefficient, factors in _terms(angle):
        w = times(w, turn(ring, coefficient, factors, point))
    back = inverse(w)
    half = rational(Fraction(1, 2))
    cosine = times(total(w, back), half)
    sine = times(times(total(w, (-back[0], -back[1])), half), (0, PRIME - 1))
    if name in ("sin", "cos"):
        return sine if name == "sin" else cosine
    up, down = {
        "tan": (sine, cosine),
        "cot": (cosine, sine),
        "sec": (ONE, cosine),
        "csc": (ONE, sine),
    }[name]
    return times(up, inverse(down))


def turn(ring, coefficient: Fraction, factors: tuple[Node, ...], point: int) -> Element:
    """cos + i sin of coefficient times the product of the factors."""
    if factors in ((("s", "pi"),), (("s", "°"),)):
        turns = coefficient / (1 if factors[0][1] == "pi" else 180)
        steps = turns * ((PRIME + 1) // 2)
        if steps.denominator == 1:
            return power(_root_of_unity(), int(steps) % (PRIME + 1))
        factors = (("s", "pi"),)
        coefficient = turns
    if len(factors) == 1 and factors[0][0] == "f" and coefficient.denominator == 1:
        arc = _turn_of_inverse(ring, factors[0], point)
        if arc is not None:
            return power(arc, int(coefficient))
    key = product(ring.value(factor, point) for factor in factors)
    steps = coefficient * UNIT
    if steps.denominator != 1:
        key, steps = (
            times(key, rational(Fraction(1, coefficient.denominator))),
            Fraction(coefficient.numerator * UNIT),
        )
    return power(_norm_one("angle", key), int(steps) % (PRIME + 1))


def _turn_of_inverse(ring, node: Node, point: int) -> Element | None:
    """cos + i sin of arctan x, arcsin x or arccos x: (1 + ix) / sqrt(1 + x^2), sqrt(1 - x^2) + ix,
    x + i sqrt(1 - x^2)."""
    name, (x, *_) = node[1], node[2]
    if name not in INVERSE:
        return None
    ring.roots = True
    value, square = ring.value(x, point), ("^", x, ("n", Fraction(2), 0))
    if value[1]:
        return None
    if name == "arctan":
        hypotenuse = ring.root(("+", (_ONE_NODE, square)), 2, point)
        return times((1, value[0]), inverse(hypotenuse))
    other = ring.root(("+", (_ONE_NODE, minus(square))), 2, point)
    if other[1]:
        return None
    return (other[0], value[0]) if name == "arcsin" else (value[0], other[0])


def _norm_one(*key: object) -> Element:
    """(1 + i t)^2 / (1 + t^2) for a pseudo-random t: an element of norm one."""
    t = pseudo_random(*key)
    return times(((1 - t * t) % PRIME, 2 * t % PRIME), inverse(((1 + t * t) % PRIME, 0)))


@functools.cache
def _root_of_unity() -> Element:
    """An element of order PRIME + 1 that stands for exp(2 pi i / (PRIME + 1)).

    Of the candidates, one for which 2 cos 45, 2 cos 30 and 4 cos 36 - 1 degrees are the field's
    square roots of 2, 3 and 5."""
    order = PRIME + 1
    primes = [2, *(q for q in range(3, 150, 2) if all(q % d for d in range(3, q, 2)))]

    def twice_cosine(g: Element, degrees: int) -> int:
        w = power(g, order * degrees // 360)
        return (w[0] + inverse(w)[0]) % PRIME

    def root(value: int) -> int:
        return pow(value, (PRIME + 1) // 4, PRIME)

    for attempt in range(1000):
        g = _norm_one("root of unity", attempt)
        if any(power(g, order // q) == ONE for q in primes):
            continue
        matches = (
            twice_cosine(g, 45) == root(2),
            twice_cosine(g, 30) == root(3),
            (2 * twice_cosine(g, 36) - 1) % PRIME == root(5),
        )
        if all(matches):
            return g
    raise AssertionError("no root of unity in a thousand candidates")


def _hyperbolic(ring, name: str, arg: Node, point: int) -> Element:
    up = ring.value(("^", ("s", "e"), arg), point)
    down = inverse(up)
    difference = total(up, (-down[0], -down[1]))
    if name == "tanh":
        return times(difference, inverse(total(up, down)))
    return times(total(up, down) if name == "cosh" else difference, rational(Fraction(1, 2)))


# ---- their inverses


def _inverse_circular(ring, name: str, arg: Node, point: int) -> Element:
    """arcsin and arctan are odd, arccos x = pi / 2 - arcsin x."""
    quarter = times(ring.value(("s", "pi"), point), rational(Fraction(1, 2)))
    number = ring.rational(arg)
    if name == "arctan" and number is not None:
        angle = _gaussian(number)
        if angle is not None:
            quarters, rest = angle
            return total(times(quarter, rational(quarters)), (rest, 0))
    if number is not None and abs(number) < 1 and name != "arctan":
        other = exact.power(1 - number * number, Fraction(1, 2))
        if other is not None:  # arcsin 3/5 = arctan 3/4
            arc = _inverse_circular(ring, "arctan", ("n", number / other, 0), point)
            return arc if name == "arcsin" else total(quarter, (-arc[0], -arc[1]))
    arc = _odd("arctan" if name == "arctan" else "arcsin", ring.value(arg, point))
    return arc if name != "arccos" else total(quarter, (-arc[0], -arc[1]))


def _odd(name: str, x: Element) -> Element:
    opposite = (-x[0] % PRIME, -x[1] % PRIME)
    if x == opposite:
        return 0, 0
    if x < opposite:
        return pseudo_random(name, x), 0
    return -pseudo_random(name, opposite) % PRIME, 0


@functools.lru_cache(maxsize=4096)
def _gaussian(tangent: Fraction) -> tuple[Fraction, int] | None:
    """arctan of a rational as (multiple of pi/2, the rest), where the rest is a sum over the
    Gaussian primes above the prime factors of numerator^2 + denominator^2; None when that is too
    large to factor."""
    re, im = tangent.denominator, tangent.numerator
    norm = re * re + im * im
    if norm > MAX_GAUSSIAN:
        return None
    rest, angle, quarters = 0, 0.0, Fraction(0)
    for prime in _prime_factors(norm):
        if prime == 2:  # the argument of 1 + i
            quarters += Fraction(1, 2)
            angle += math.pi / 4
            continue
        a, b = _two_squares(prime)
        divides = (re * a + im * b) % prime == 0 and (im * a - re * b) % prime == 0
        sign = 1 if divides else -1  # by a + bi, else by its conjugate
        re, im = (re * a + sign * im * b) // prime, (im * a - sign * re * b) // prime
        rest += sign * pseudo_random("gaussian prime", prime)
        angle += sign * math.atan2(b, a)
    quarters += round((math.atan(tangent) - angle) / (math.pi / 2))
    return quarters, rest % PRIME


def _prime_factors(value: int) -> list[int]:
    factors, divisor = [], 2
    while divisor * divisor <= value:
        while value % divisor == 0:
            factors.append(divisor)
            value //= divisor
        divisor += 1 if divisor == 2 else 2
    return factors + [value] * (value > 1)


def _two_squares(prime: int) -> tuple[int, int]:
    """a > b with a^2 + b^2 = prime, which is 1 mod 4."""
    for b in range(1, math.isqrt(prime) + 1):
        a = math.isqrt(prime - b * b)
        if a * a + b * b == prime:
            return max(a, b), min(a, b)
    raise AssertionError(f"{prime} is no sum of two squares")


# ---- logarithms, absolute values, factorials


def logarithm(ring, node: Node, point: int) -> Element:
    """ln of products and powers by its rules, of rationals by their small prime factors; otherwise
    pseudo-random."""
    if node == ("s", "e"):
        return ONE
    number = ring.rational(node)
    if number is not None and number > 0:
        return _log_rational(number), 0
    if node[0] == "*":
        return total(*(logarithm(ring, factor, point) for factor in node[1]))
    if node[0] == "^":
        return times(ring.value(node[2], point), logarithm(ring, node[1], point))
    if node[0] == "f" and node[1] == "exp":
        return ring.value(node[2][0], point)
    if node[0] == "f" and node[1] == "abs":
        return _log_absolute(ring, node[2][0], point)
    return pseudo_random("ln", ring.value(node, point)), 0


def _log_absolute(ring, node: Node, point: int) -> Element:
    if node[0] == "*":
        return total(*(_log_absolute(ring, factor, point) for factor in node[1]))
    number = ring.rational(node)
    if number:
        return _log_rational(abs(number)), 0
    x = ring.value(node, point)
    return pseudo_random("ln abs", min(x, (-x[0] % PRIME, -x[1] % PRIME))), 0


def _log_rational(number: Fraction) -> int:
    logarithm = 0
    for value, sign in ((number.numerator, 1), (number.denominator, -1)):
        for prime in LOG_PRIMES:
            while value % prime == 0:
                value, logarithm = value // prime, logarithm + sign * pseudo_random("ln", prime)
        logarithm += sign * pseudo_random("ln rest", value) if value > 1 else 0
    return logarithm % PRIME


def _absolute(ring, node: Node, point: int) -> Element:
    """|x| = sqrt(x^2) for a real x. Symbols are real, so that only `i` makes x complex."""
    x = ring.value(node, point)
    if x[1]:
        return pseudo_random("abs", [x]), 0
    ring.roots = True
    return pow(x[0] * x[0], (PRIME + 1) // 4, PRIME), 0


def _factorial(ring, node: Node, point: int) -> Element:
    """(x + c)! = x! (x + 1) ... (x + c) for a whole number c."""
    number = ring.rational(node)
    if number is not None and number.denominator == 1 and 0 <= number <= MAX_SHIFT:
        return math.factorial(int(number)) % PRIME, 0
    x = ring.value(node, point)
    shift = sum((term[0] for term in _terms(node) if not term[1]), Fraction(0))
    steps = math.floor(shift)
    if number is not None or not 0 < abs(steps) <= MAX_SHIFT:
        return pseudo_random("factorial", [x]), 0
    result = (pseudo_random("factorial", [((x[0] - steps) % PRIME, x[1])]), 0)
    for k in range(abs(steps)):
        factor = ((x[0] - k - (steps if steps < 0 else 0)) % PRIME, x[1])
        result = times(result, inverse(factor) if steps < 0 else factor)
    return result
