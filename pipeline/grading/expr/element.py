"""Arithmetic in the finite field F_p[i] of about 2^392 elements: pairs (re, im) modulo PRIME.

PRIME + 1 is divisible by 16, 25 and every odd prime below 150, so that those primes have square
roots in F_p, odd roots are unique, and roots are multiplicative: sqrt(6) = sqrt(2) sqrt(3)."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable
from fractions import Fraction

from pipeline.grading.expr.tree import Unknown

PRIME = 10 * 8 * math.prod(q for q in range(3, 150, 2) if all(q % d for d in range(3, q, 2))) - 1
Element = tuple[int, int]  # re + im i
ONE: Element = (1, 0)


def pseudo_random(*key: object) -> int:
    """An element of F_p that depends on `key` alone, the same on every machine."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=32).digest()
    return int.from_bytes(digest, "big") % PRIME


def total(*elements: Element) -> Element:
    return sum(x[0] for x in elements) % PRIME, sum(x[1] for x in elements) % PRIME


def times(x: Element, y: Element) -> Element:
    if not x[1] and not y[1]:
        return x[0] * y[0] % PRIME, 0
    return (x[0] * y[0] - x[1] * y[1]) % PRIME, (x[0] * y[1] + x[1] * y[0]) % PRIME


def product(elements: Iterable[Element]) -> Element:
    return functools.reduce(times, elements, ONE)


def inverse(x: Element) -> Element:
    """1 / x. Raises Unknown for zero."""
    norm = (x[0] * x[0] + x[1] * x[1]) % PRIME
    if not norm:
        raise Unknown("division by zero")
    inverse_norm = pow(norm, -1, PRIME)
    return x[0] * inverse_norm % PRIME, -x[1] * inverse_norm % PRIME


def power(x: Element, exponent: int) -> Element:
    """x ** exponent for a whole exponent, by repeated squaring."""
    if exponent < 0:
        return power(inverse(x), -exponent)
    if not x[1]:
        return pow(x[0], exponent, PRIME), 0
    result = ONE
    while exponent:
        if exponent & 1:
            result = times(result, x)
        x, exponent = times(x, x), exponent >> 1
    return result


def rational(value: Fraction) -> Element:
    """Raises Unknown where the denominator is a multiple of PRIME."""
    if value.denominator % PRIME == 0:
        raise Unknown("division by zero")
    if value.denominator == 1:
        return value.numerator % PRIME, 0
    return value.numerator * pow(value.denominator, -1, PRIME) % PRIME, 0
