"""Values of trees in the finite field F_p[i] of element.py, where every symbol is a pseudo-random
element.

Two rational expressions that agree there are equal but for a chance near 2^-190. Which of two
square roots stands for the real one is not known for nested radicands, so a comparison in which a
root was taken needs the floats too."""

from __future__ import annotations

import math
from fractions import Fraction

from pipeline.grading.expr import exact, special
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
from pipeline.grading.expr.tree import Node, Unknown

STEPS = 2520  # b^x is this power of an element, so that b^(x/k) is one for k <= 10
SMALL_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


class Ring:
    """Evaluates trees. `exact`: only ring operations so far; `roots`: a root was taken; `large`:
    something too large to write out was replaced by a pseudo-random element."""

    def __init__(self) -> None:
        self.exact, self.roots, self.large = True, False, False
        self.memo: dict[tuple[Node, int], Element] = {}

    def value(self, node: Node, point: int) -> Element:
        """The value of `node` where every symbol has its element for `point`. Raises Unknown."""
        key = (node, point)
        if key not in self.memo:
            self.memo[key] = self._value(node, point)
        return self.memo[key]

    def _value(self, node: Node, point: int) -> Element:
        kind = node[0]
        if kind == "n":
            return rational(node[1])
        if kind == "s" and node[1] == "°":
            return times(self.value(("s", "pi"), point), rational(Fraction(1, 180)))
        if kind == "s":
            return (0, 1) if node[1] == "i" else (_symbol(node[1], point), 0)
        if kind == "+":
            return total(*(self.value(child, point) for child in node[1]))
        if kind == "*":
            return product(self.value(child, point) for child in node[1])
        if kind == "^":
            return self.power(node[1], node[2], point)
        return self.function(node[1], node[2], point)

    def power(self, base: Node, exponent: Node, point: int) -> Element:
        number = self.rational(exponent)
        if number is None:
            return self.symbolic_power(base, exponent, point)
        if number.denominator == 1:
            if number.numerator.bit_length() > exact.MAX_BITS:
                raise Unknown("an exponent over the cap")
            return power(self.value(base, point), int(number))
        self.exact, self.roots = False, True
        return power(self.root(base, number.denominator, point), number.numerator)

    def root(self, base: Node, degree: int, point: int) -> Element:
        number = self.rational(base)
        if number is not None and number < 0 and degree == 2:
            return times((0, 1), self.root(("n", -number, 0), 2, point))
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
        """b^(c+x) = b^c b^x, b^(2x) = (b^x)^2 and 6^x = 2^x 3^x; what is left is a pseudo-random
        function."""
        self.exact = False
        if base[0] == "^" and self.rational(base) is None:  # (x^a)^b, for a positive x
            return self.power(base[1], ("*", (base[2], exponent)), point)
        try:
            terms = linear_terms(exponent)
        except exact.TooLarge:
            raise Unknown("over a cap") from None
        result = ONE
        for coefficient, factors in terms:
            if not factors:
                part = self.power(base, ("n", coefficient, 0), point)
            elif base == ("s", "e") and factors.count(("s", "i")) == 1:  # e^{ix} = cos x + i sin x
                angle = tuple(factor for factor in factors if factor != ("s", "i"))
                part = special.turn(self, coefficient, angle, point)
            else:
                rest = product(self.value(factor, point) for factor in factors)
                steps = coefficient * STEPS
                if steps.denominator != 1:
                    rest = times(rest, rational(Fraction(1, coefficient.denominator)))
                    steps = Fraction(coefficient.numerator * STEPS)
                part = power(self.grown(base, rest, point), int(steps))
            result = times(result, part)
        return result

    def grown(self, base: Node, exponent: Element, point: int) -> Element:
        """base^(exponent / STEPS), where the exponent is no rational number."""
        number = self.rational(base)
        if number is None or number <= 0:
            return pseudo_random("power", self.value(base, point), exponent), 0
        result = ONE
        for value, sign in ((number.numerator, 1), (number.denominator, -1)):
            for prime in SMALL_PRIMES:
                while value % prime == 0:
                    value //= prime
                    part = (pseudo_random("power", prime, exponent), 0)
                    result = times(result, part if sign > 0 else inverse(part))
            if value > 1:
                part = (pseudo_random("power", value, exponent), 0)
                result = times(result, part if sign > 0 else inverse(part))
        return result

    def rational(self, node: Node) -> Fraction | None:
        """The rational value of `node`, or None. Raises Unknown over a cap."""
        try:
            return exact.exact(node)
        except exact.TooLarge:
            self.large = True
            raise Unknown("over a cap") from None
        except ZeroDivisionError:
            raise Unknown("division by zero") from None

    def function(self, name: str, args: tuple[Node, ...], point: int) -> Element:
        try:
            number = exact.exact(("f", name, args))
        except (exact.TooLarge, ZeroDivisionError):
            self.large, number = True, None
        if number is not None:
            return rational(number)
        self.exact = False
        return special.value(self, name, args, point)


def _symbol(name: str, point: int) -> int:
    """A square, as positive numbers are: sqrt(x^3) is x sqrt(x) there. The floats look at negative
    ones too."""
    return pow(pseudo_random("symbol", name, point), 2, PRIME)
