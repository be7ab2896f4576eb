"""The scalar grammar: tokens to a tree, by recursive descent with a depth cap. Nothing is evaluated
here."""

from __future__ import annotations

from fractions import Fraction

from pipeline.grading.expr.tokens import FUNCTIONS, Token, Unreadable
from pipeline.grading.expr.tree import BIG, MINUS, Node, has_symbol, minus, substitute, symbols

MAX_DEPTH = 60
MAX_DIGITS = 1000
MAX_BEHIND = 60  # powers, primes, factorials and the like, each of which is a level of the tree
_BEHIND = frozenset("^!'°%_")

_CALLABLE = frozenset("fghFGH")
_CONSTANTS = frozenset(
    "pi infty theta alpha beta gamma delta epsilon zeta eta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell hbar".split()
)
MAX_BIG = 3  # sums and products in one expression


def parse_scalar(tokens: list[Token]) -> Node:
    """The tree of a whole scalar expression. Raises Unreadable when tokens are left over or
    missing."""
    parser = _Parser(tokens)
    tree = parser.expression()
    if parser.at < len(parser.tokens):  # which grow where \\frac34 is taken apart
        raise Unreadable(f"unexpected {parser.tokens[parser.at].text!r}")
    return tree


def parse_prefix(tokens: list[Token]) -> Node:
    """The tree of the longest scalar expression that `tokens` begin with; 2\\frac{1}{2} is a
    product (as LaTeX has it)."""
    return _Parser(tokens, mixed=False).expression()


def number(text: str) -> Node:
    """A literal with its count of significant digits when it is a decimal."""
    if len(text) > MAX_DIGITS or (
        ("e" in text or "E" in text) and len(text.lower().split("e")[1]) > 4
    ):
        raise Unreadable("a number over the digit cap")
    if text.isdigit():
        return ("n", Fraction(int(text)), 0)
    mantissa = text.lower().split("e")[0]
    return ("n", Fraction(text), len(mantissa.replace(".", "").lstrip("0")) if "." in text else 0)


class _Parser:
    def __init__(self, tokens: list[Token], mixed: bool = True) -> None:
        self.tokens, self.mixed = tokens, mixed
        self.at = self.depth = self.bars = self.big = self.behind = 0

    def peek(self, ahead: int = 0) -> Token:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else Token("end", "")

    def take(self, *texts: str) -> bool:
        token = self.peek()
        if token.kind in ("op", "cmd") and token.text in texts:
            self.at += 1
            return True
        return False

    def expect(self, *texts: str) -> None:
        if not self.take(*texts):
            raise Unreadable(f"expected {texts[0]!r}")

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        terms = [self.signed_term()]
        while self.peek().text in ("+", "-", "pm", "mp") and self.peek().kind in ("op", "cmd"):
            terms.append(self.signed_term())
        self.depth -= 1
        return terms[0] if len(terms) == 1 else ("+", tuple(terms))

    def signed_term(self) -> Node:
        if self.take("+"):
            return self.signed_term()
        if self.take("-"):
            return minus(self.signed_term())
        if self.peek().text in ("pm", "mp") and self.peek().kind == "cmd":
            sign = ("s", "±") if self.peek().text == "pm" else minus(("s", "±"))
            self.at += 1
            return ("*", (sign, self.term()))
        return self.term()

    def term(self) -> Node:
        factors = [self.factor()]
        while True:
            if self.take("*"):
                factors.append(self.signed_factor())
            elif self.take("/"):
                factors.append(("^", self.signed_factor(), MINUS))
            elif self.starts_factor():
                if self.tokens[self.at - 1] == ("op", "%"):
                    raise Unreadable("something behind a percentage")
                factors.append(self.factor())
            else:
                return factors[0] if len(factors) == 1 else ("*", tuple(factors))

    def signed_factor(self) -> Node:
        return minus(self.signed_factor()) if self.take("-") else self.factor()

    def starts_factor(self) -> bool:
        kind, text = self.peek()
        if kind == "num":  # 2 3 and x2 are no products
            return self.tokens[self.at - 1].kind not in ("num", "sym")
        if kind == "sym":
            return True
        if kind == "op":
            return text in "([{" or (text == "|" and not self.bars)
        return kind == "cmd" and (text in _CONSTANTS or text in FUNCTIONS or text in _OPENERS)

    def factor(self) -> Node:
        node = self.mixed_number() or self.primary()
        while True:
            self.behind += self.peek().text in _BEHIND
            if self.behind > MAX_BEHIND:
                raise Unreadable("too many signs behind values")
            if self.take("^"):
                node = self.powered(node)
            elif self.peek() == ("op", "!") == self.peek(1):
                raise Unreadable("a double factorial")
            elif self.take("!"):
                node = ("f", "factorial", (node,))
            elif self.take("'"):
                node = ("f", "prime", (node,))
            elif self.take("°"):
                node = ("*", (node, ("s", "°")))
            elif self.take("%"):
                node = ("*", (node, ("s", "%")))
            elif self.take("_"):
                node = subscript(node, self.argument())
            else:
                return node

    def powered(self, base: Node) -> Node:
        exponent = minus(self.factor()) if self.take("-") else self.argument(power=True)
        if self.take("^"):  # 2**3**4 associates to the right
            exponent = self.powered(exponent)
        if exponent[0] == "s" and exponent[1] in ("*", "T"):
            return ("f", "prime", (base,))
        return ("^", base, exponent)

    def mixed_number(self) -> Node | None:
        """2\\frac{1}{2} and 2 1/2: an integer before a proper fraction of integers."""
        whole, after = self.peek(), self.peek(1)
        if not self.mixed or whole.kind != "num" or not whole.text.isdigit():
            return None
        start, up, down = self.at, None, None
        if after == ("cmd", "frac"):
            self.at += 2
            up, down = self.argument(digit=True), self.argument(digit=True)
        elif after.kind == "num" and self.peek(2) == ("op", "/") and self.peek(3).kind == "num":
            up, down = number(after.text), number(self.peek(3).text)
            self.at += 4
        integers = up and up[0] == down[0] == "n" and up[1].denominator == down[1].denominator == 1
        if integers and 0 < up[1] < down[1] and self.peek() != ("op", "^"):
            return ("n", int(whole.text) + up[1] / down[1], 0)
        self.at = start
        return None

    def primary(self) -> Node:
        kind, text = self.peek()
        self.at += 1
        if kind == "num":
            return self.repeating(text)
        if kind == "sym":
            at_zero = self.tokens[self.at : self.at + 3] == _AT_ZERO  # v(0) is no product
            if at_zero or (text in _CALLABLE and self.peek() == ("op", "(")):
                return ("f", text, tuple(self.arguments()))
            return ("s", text)
        if kind == "op" and text in ("(", "[", "{"):
            bars, self.bars = self.bars, 0
            node = self.expression()
            self.bars = bars
            self.expect({"(": ")", "[": "]", "{": "}"}[text])
            return node
        if kind == "op" and text == "|":
            self.bars += 1
            node = self.expression()
            self.bars -= 1
            self.expect("|")
            return ("f", "abs", (node,))
        if kind == "cmd":
            return self.command(text)
        raise Unreadable(f"unexpected {text!r}")

    def repeating(self, text: str) -> Node:
        """0.8\\overline{4}: the digits under the bar repeat."""
        dotted = text if "." in text else text + "." if self.peek() == ("op", ".") else ""
        after = 1 if dotted and dotted[-1] == "." else 0
        if not dotted or self.peek(after) not in (("cmd", "overline"), ("cmd", "dot")):
            return number(text)
        self.at += after + 1
        digits = self.digits()
        if self.peek() == ("cmd", "dot"):
            self.at += 1  # 0.1\dot45\dot6: from the first dot to the second
            digits += self.digits()
        places = len(dotted.split(".")[1])
        return (
            "n",
            Fraction(dotted + "0") + Fraction(int(digits), (10 ** len(digits) - 1) * 10**places),
            0,
        )

    def digits(self) -> str:
        """The digits of a whole number, perhaps in braces."""
        number_read = self.argument()
        if number_read[0] != "n" or number_read[1].denominator != 1:
            raise Unreadable("a bar over something else than digits")
        last = self.tokens[self.at - 1]
        return self.tokens[self.at - 2].text if last.text == "}" else last.text

    def command(self, name: str) -> Node:
        if name in _CONSTANTS:
            return ("s", name)
        if name == "frac":
            up, down = self.argument(digit=True), self.argument(digit=True)
            return ("*", (up, ("^", down, MINUS)))
        if name in ("sqrt", "cbrt"):
            degree = ("n", Fraction(3 if name == "cbrt" else 2), 0)
            if self.take("["):
                degree = self.expression()
                self.expect("]")
            return ("^", self.argument(), ("^", degree, MINUS))
        if name == "binom":
            return ("f", "binom", (self.argument(digit=True), self.argument(digit=True)))
        if name in ("lfloor", "lceil"):
            node = self.expression()
            self.expect("rfloor" if name == "lfloor" else "rceil")
            return ("f", name[1:], (node,))
        if name in BIG:
            return self.big_operator(name)
        if name in ("angle", "triangle", "overline"):
            node = self.argument()  # the bar over AB names the segment, over z the conjugate
            if name == "overline" and has_symbol(node, "i") and not symbols(node):
                return substitute(node, "i", minus(("s", "i")))
            return (
                node
                if node[0] == "s" and len(node[1]) > 1 and name == "overline"
                else ("f", name, (node,))
            )
        if name in FUNCTIONS:
            return self.function(name)
        raise Unreadable(f"\\{name} is not in the grammar")

    def big_operator(self, name: str) -> Node:
        """\\sum_{k=0}^{n} body: ("f", "sum", (("s", "k"), lower, upper, body))."""
        self.big += 1
        if self.big > MAX_BIG:
            raise Unreadable("too many sums and products")
        low = high = variable = None
        while self.peek().text in ("_", "^"):
            if self.take("_"):
                self.expect("{")
                variable = self.primary()
                self.expect("=")
                low = self.expression()
                self.expect("}")
            elif self.take("^"):
                high = self.argument()
        if variable is None or high is None or variable[0] != "s":
            raise Unreadable(f"a {name} without bounds")
        return ("f", name, (variable, low, high, self.term()))

    def function(self, name: str) -> Node:
        power, base = None, ()
        while self.peek().text in ("^", "_") and self.peek().kind == "op":
            if self.take("^"):
                power = minus(self.factor()) if self.take("-") else self.argument(power=True)
            elif self.take("_"):
                base = (self.argument(),)
        args = self.arguments() if self.peek() == ("op", "(") else [self.chain()]
        if name == "cis":
            return (
                "+",
                (("f", "cos", tuple(args)), ("*", (("s", "i"), ("f", "sin", tuple(args))))),
            )
        node = ("f", name, (*args, *base))
        if power == MINUS and name in ("sin", "cos", "tan"):
            return ("f", "arc" + name, tuple(args))
        return ("^", node, power) if power else node

    def chain(self) -> Node:
        """What a function without parentheses takes: factors side by side, up to a sign or another
        function."""
        factors = [self.signed_factor()]
        while (
            self.starts_factor()
            and self.peek().text not in FUNCTIONS
            and self.peek() != ("op", "(")
        ):
            factors.append(self.factor())
        return factors[0] if len(factors) == 1 else ("*", tuple(factors))

    def arguments(self) -> list[Node]:
        self.expect("(")
        args = [self.expression()]
        while self.take(","):
            args.append(self.expression())
        self.expect(")")
        return args

    def argument(self, digit: bool = False, power: bool = False) -> Node:
        """What a command takes: a group, a number (`digit`: only its first digit), a name or
        another command."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        kind, text = self.peek()
        if kind == "op" and text == "{" and self.peek(1) == ("op", "}"):
            raise Unreadable("an empty group")
        if digit and kind == "num" and len(text) > 1 and text.isdigit():
            self.tokens = [
                *self.tokens[: self.at],
                Token("num", text[0]),
                Token("num", text[1:]),
                *self.tokens[self.at + 1 :],
            ]
        negative = (kind, text) == ("op", "-") and not power
        self.at += negative
        node = self.primary()
        self.depth -= 1
        return minus(node) if negative else node


_AT_ZERO = [Token("op", "("), Token("num", "0"), Token("op", ")")]
_OPENERS = frozenset(
    {
        "frac",
        "sqrt",
        "cbrt",
        "binom",
        "lfloor",
        "lceil",
        "sum",
        "prod",
        "angle",
        "triangle",
        "overline",
    }
)


def subscript(node: Node, index: Node) -> Node:
    """x_1 is a name, 2112_6 a number in a base, F_{n-1} a function of its index."""
    if node[0] == "s" and index[0] in ("n", "s"):
        return ("s", f"{node[1]}_{index[1]}")
    if node[0] == "n":
        return ("f", "base", (node, index))
    return ("f", "index", (node, index))
