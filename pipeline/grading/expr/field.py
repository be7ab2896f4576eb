"""Values of trees in the finite field F_p[i], where every symbol is a pseudo-random element.

Two rational expressions that agree there are equal but for a chance near 2^-190. p + 1 is divisible by 8 and by every
odd prime below 150, so those primes have square roots in the field, odd roots are unique, and roots are multiplicative:
sqrt(6) = sqrt(2) sqrt(3). Which of two square roots stands for the real one is not known for nested radicands.
"""

from __future__ import annotations

import functools
import hashlib
import math
from fractions import Fraction

from pipeline.grading.expr import exact
from pipeline.grading.expr.tree import Node, Unknown, substitute

PRIME = 10 * 8 * math.prod(q for q in range(3, 150, 2) if all(q % d for d in range(3, q, 2))) - 1
Element = tuple[int, int]  # re + im i


def pseudo_random(*key: object) -> int:
    return (
        int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=32).digest(), "big") % PRIME
    )


def _times(x: Element, y: Element) -> Element:
    if not x[1] and not y[1]:
        return x[0] * y[0] % PRIME, 0
    return (x[0] * y[0] - x[1] * y[1]) % PRIME, (x[0] * y[1] + x[1] * y[0]) % PRIME


def _inverse(x: Element) -> Element:
    norm = (x[0] * x[0] + x[1] * x[1]) % PRIME
    if not norm:
        raise Unknown("division by zero")
    inverse = pow(norm, -1, PRIME)
    return x[0] * inverse % PRIME, -x[1] * inverse % PRIME


def _raise(x: Element, exponent: int) -> Element:
    if exponent < 0:
        return _raise(_inverse(x), -exponent)
    if not x[1]:
        return pow(x[0], exponent, PRIME), 0
    result = (1, 0)
    while exponent:
        if exponent & 1:
            result = _times(result, x)
        x, exponent = _times(x, x), exponent >> 1
    return result


class Ring:
    """Values in F_p[i]. `exact`: only ring operations so far; `roots`: a root was taken; `large`: something too large
    to write out was replaced by a pseudo-random element."""

    def __init__(self) -> None:
        self.exact, self.roots, self.large = True, False, False
        self.memo: dict[tuple[Node, int], Element] = {}

    def value(self, node: Node, point: int) -> Element:
        key = (node, point)
        if key not in self.memo:
            self.memo[key] = self._value(node, point)
        return self.memo[key]

    def _value(self, node: Node, point: int) -> Element:
        kind = node[0]
        if kind == "n":
            return _rational(node[1])
        if kind == "s":
            return (0, 1) if node[1] == "i" else (pseudo_random("symbol", node[1], point), 0)
        if kind == "+":
            parts = [self.value(child, point) for child in node[1]]
            return sum(part[0] for part in parts) % PRIME, sum(part[1] for part in parts) % PRIME
        if kind == "*":
            return functools.reduce(_times, (self.value(child, point) for child in node[1]))
        if kind == "^":
            return self.power(node[1], node[2], point)
        return self.function(node[1], node[2], point)

    def power(self, base: Node, exponent: Node, point: int) -> Element:
        rational = self.rational(exponent)
        if rational is None:
            return self.symbolic_power(base, exponent, point)
        if rational.denominator == 1:
            if rational.numerator.bit_length() > exact.MAX_BITS:
                raise Unknown("an exponent over the cap")
            return _raise(self.value(base, point), int(rational))
        self.exact, self.roots = False, True
        return _raise(self.root(base, rational.denominator, point), rational.numerator)

    def root(self, base: Node, degree: int, point: int) -> Element:
        rational = self.rational(base)
        if rational is not None and rational < 0 and degree == 2:
            return _times((0, 1), self.root(("n", -rational, 0), 2, point))
        value = self.value(base, point)
        twos = (degree & -degree).bit_length() - 1
        odd = degree >> twos
        if value[1] or math.gcd(odd, PRIME - 1) != 1:
            return pseudo_random("root", value, degree), 0
        root = pow(value[0], pow(odd, -1, PRIME - 1), PRIME)
        for _ in range(twos):
            root = pow(root, (PRIME + 1) // 4, PRIME)
        return root, 0

    def symbolic_power(self, base: Node, exponent: Node, point: int) -> Element:
        """b^(c+x) = b^c b^x for a rational c; what is left is a pseudo-random function of base and exponent."""
        self.exact = False
        terms = exponent[1] if exponent[0] == "+" else (exponent,)
        result = (1, 0)
        for term in terms:
            rational = self.rational(term)
            if rational is not None:
                result = _times(result, self.power(base, ("n", rational, 0), point))
                continue
            sign, rest = _signed(term)
            part = (pseudo_random("power", self.value(base, point), self.value(rest, point)), 0)
            result = _times(result, _inverse(part) if sign < 0 else part)
        return result

    def rational(self, node: Node) -> Fraction | None:
        try:
            return exact.exact(node)
        except exact.TooLarge:
            self.large = True
            raise Unknown("over a cap") from None
        except ZeroDivisionError:
            raise Unknown("division by zero") from None

    def function(self, name: str, args: tuple[Node, ...], point: int) -> Element:
        try:
            rational = exact.exact(("f", name, args))
        except (exact.TooLarge, ZeroDivisionError):
            self.large, rational = True, None
        if rational is not None:
            return _rational(rational)
        self.exact = False
        if name in ("sum", "prod"):
            variable, low, high, body = args
            renamed = [substitute(body, variable[1], ("s", f"bound variable {k}")) for k in (1, 2)]
            args = (low, high, *renamed)
        values = [self.value(arg, point) for arg in args]
        if name in ("sin", "cos", "tan", "cot", "sec", "csc"):
            return self.circular(name, values[0])
        if name == "log" and len(args) == 2:
            return _times(self.logarithm(args[0], point), _inverse(self.logarithm(args[1], point)))
        if name in ("ln", "log", "lg"):
            base = ("n", Fraction(10), 0)
            top = self.logarithm(args[0], point)
            return top if name == "ln" else _times(top, _inverse(self.logarithm(base, point)))
        if name == "exp":
            return self.value(("^", ("s", "e"), args[0]), point)
        return pseudo_random(name, values), 0

    def circular(self, name: str, angle: Element) -> Element:
        """sin and cos by the half-angle substitution, so that sin^2 + cos^2 = 1 and sec^2 = 1 + tan^2 hold."""
        half = pseudo_random("half angle", angle)
        norm = _inverse(((1 + half * half) % PRIME, 0))
        sine, cosine = _times((2 * half, 0), norm), _times((1 - half * half, 0), norm)
        return {
            "sin": lambda: sine,
            "cos": lambda: cosine,
            "tan": lambda: _times(sine, _inverse(cosine)),
            "cot": lambda: _times(cosine, _inverse(sine)),
            "sec": lambda: _inverse(cosine),
            "csc": lambda: _inverse(sine),
        }[name]()

    def logarithm(self, node: Node, point: int) -> Element:
        """ln of a rational by its small prime factors; ln e = 1; otherwise pseudo-random."""
        if node == ("s", "e"):
            return 1, 0
        rational = self.rational(node)
        if rational is None or rational <= 0:
            return pseudo_random("ln", self.value(node, point)), 0
        total = 0
        for value, sign in ((rational.numerator, 1), (rational.denominator, -1)):
            for prime in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
                while value % prime == 0:
                    value, total = value // prime, total + sign * pseudo_random("ln prime", prime)
            total += sign * pseudo_random("ln rest", value) if value > 1 else 0
        return total % PRIME, 0


def _rational(value: Fraction) -> Element:
    if value.denominator % PRIME == 0:
        raise Unknown("division by zero")
    return value.numerator * pow(
        value.denominator, -1, PRIME
    ) % PRIME if value.denominator > 1 else value.numerator % PRIME, 0


def _signed(node: Node) -> tuple[int, Node]:
    if node[0] == "*" and node[1][0][0] == "n" and node[1][0][1] < 0:
        return -1, ("*", (("n", -node[1][0][1], 0), *node[1][1:]))
    return 1, node
