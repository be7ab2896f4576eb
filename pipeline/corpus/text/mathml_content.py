"""Content MathML: what a formula means, not how it looks.

The elements are those of MathML 3, chapter 4; the common ones are read, of any other its arguments.
"""

from __future__ import annotations

from pipeline.corpus.text.mathml_row import latex, row
from pipeline.corpus.text.mathml_tree import Node, leaf_text
from pipeline.corpus.text.symbols import latex_of_text

# name -> (sign between the arguments, how strongly it binds)
INFIX = {
    "eq": ("=", 1), "neq": ("\\neq ", 1), "lt": ("<", 1), "gt": (">", 1), "leq": ("\\leq ", 1), "geq": ("\\geq ", 1),
    "equivalent": ("\\equiv ", 1), "approx": ("\\approx ", 1), "implies": ("\\implies ", 0), "and": ("\\land ", 0),
    "or": ("\\lor ", 0), "in": ("\\in ", 1), "notin": ("\\notin ", 1), "subset": ("\\subseteq ", 1),
    "prsubset": ("\\subset ", 1), "union": ("\\cup ", 2), "intersect": ("\\cap ", 2), "setdiff": ("\\setminus ", 2),
    "plus": ("+", 2), "minus": ("-", 2), "times": (" ", 3), "cartesianproduct": ("\\times ", 3), "compose": ("\\circ ", 3),
    "tendsto": ("\\to ", 1), "factorof": ("\\mid ", 1),
}  # fmt: skip
NAMED = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan exp ln log det gcd max min dim".split()
)
CONSTANTS = {
    "pi": "\\pi ", "exponentiale": "e", "imaginaryi": "i", "infinity": "\\infty ", "emptyset": "\\emptyset ",
    "integers": "\\mathbb{Z}", "reals": "\\mathbb{R}", "rationals": "\\mathbb{Q}", "complexes": "\\mathbb{C}",
    "naturalnumbers": "\\mathbb{N}", "primes": "\\mathbb{P}", "true": "\\text{true}", "false": "\\text{false}",
    "eulergamma": "\\gamma ",
}  # fmt: skip
BIG = {
    "sum": "\\sum",
    "product": "\\prod",
    "int": "\\int",
    "limit": "\\lim",
    "forall": "\\forall",
    "exists": "\\exists",
}
QUALIFIERS = frozenset("bvar lowlimit uplimit degree condition domainofapplication logbase".split())
AROUND = {
    "abs": ("|", "|"),
    "floor": ("\\lfloor ", "\\rfloor "),
    "ceiling": ("\\lceil ", "\\rceil "),
    "card": ("|", "|"),
}


def apply(node: Node) -> str:
    """An operator and what it is applied to."""
    if not node.children:
        return ""
    head, *rest = node.children
    name = head.name if head.name != "csymbol" else leaf_text(head)
    arguments = [child for child in rest if child.name not in QUALIFIERS]
    given = {child.name: row(child.children) for child in rest if child.name in QUALIFIERS}
    if name in BIG:
        return big(name, given, row(arguments))
    if name in INFIX:
        return infix(name, arguments)
    if name in AROUND:
        return AROUND[name][0] + row(arguments) + AROUND[name][1]
    if name == "divide" and len(arguments) == 2:
        return f"\\frac{{{latex(arguments[0])}}}{{{latex(arguments[1])}}}"
    if name == "power" and len(arguments) == 2:
        return f"{bracketed(arguments[0], 4)}^{{{latex(arguments[1]).strip()}}}"
    if name == "root":
        degree = given.get("degree", "")
        return f"\\sqrt{f'[{degree}]' if degree else ''}{{{row(arguments)}}}"
    if name == "factorial":
        return "".join(bracketed(argument, 4) for argument in arguments) + "!"
    if name == "not":
        return "\\neg " + row(arguments)
    if name == "diff":
        return f"\\frac{{d}}{{d{given.get('bvar', 'x')}}}{row(arguments)}"
    base = f"_{{{given['logbase']}}}" if "logbase" in given else ""
    function = f"\\{name}{base}" if name in NAMED else latex(head)
    return f"{function}({', '.join(map(latex, arguments))})"


def infix(name: str, arguments: list[Node]) -> str:
    sign, strength = INFIX[name]
    if name == "minus" and len(arguments) == 1:
        return "-" + bracketed(arguments[0], 3)
    return sign.join(bracketed(argument, strength, name != "minus" or not place)
                     for place, argument in enumerate(arguments))  # fmt: skip


def bracketed(node: Node, strength: int, equal: bool = True) -> str:
    """An argument, in brackets where it binds less than the operator around it."""
    text = latex(node).strip()
    if node.name != "apply" or not node.children:
        return text
    inner = INFIX.get(node.children[0].name, ("", 5))[1]
    if node.children[0].name in ("power", "root", "divide") and strength >= 4:
        inner = 3
    return f"({text})" if inner < strength or (inner == strength and not equal) else text


def big(name: str, given: dict[str, str], body: str) -> str:
    """A sum, product, integral, limit or quantifier with its bound variable and its limits."""
    variable, low, high = (given.get(key, "") for key in ("bvar", "lowlimit", "uplimit"))
    if name in ("forall", "exists"):
        return f"{BIG[name]} {variable}: {given.get('condition') or ''}{body}"
    if name == "int":
        below, after = low, f"\\,d{variable}" if variable else ""
    else:
        sign = "\\to " if name == "limit" else "="
        below = variable + sign + low if variable and low else given.get("condition", low)
        after = ""
    out = BIG[name] + (f"_{{{below}}}" if below else "") + (f"^{{{high}}}" if high else "")
    return f"{out} {body}{after}"


def number(node: Node) -> str:
    """A number; of two parts (<sep/>) the first over the second."""
    parts = latex_of_text(leaf_text(node)).split()
    return f"\\frac{{{parts[0]}}}{{{parts[1]}}}" if len(parts) == 2 else "".join(parts)


def identifier(node: Node) -> str:
    text = leaf_text(node)
    if not text and node.children:
        return row(node.children)
    single = len(text) < 2 or not (text.isascii() and text.isalpha())
    return latex_of_text(text) if single else f"\\mathrm{{{text}}}"


def listed(left: str, right: str) -> object:
    def rule(node: Node) -> str:
        return left + ", ".join(map(latex, node.children)) + right

    return rule


def interval(node: Node) -> str:
    closure = node.attrs.get("closure", "closed")
    left = "(" if closure in ("open", "open-closed") else "["
    right = ")" if closure in ("open", "closed-open") else "]"
    return left + ", ".join(map(latex, node.children)) + right


def matrix(node: Node) -> str:
    rows = [" & ".join(map(latex, line.children)) for line in node.children]
    return "\\begin{pmatrix} " + " \\\\ ".join(rows) + " \\end{pmatrix}"


def vector(node: Node) -> str:
    return "\\begin{pmatrix} " + " \\\\ ".join(map(latex, node.children)) + " \\end{pmatrix}"


def piecewise(node: Node) -> str:
    rows = [" & ".join(map(latex, piece.children)) for piece in node.children]
    return "\\begin{cases} " + " \\\\ ".join(rows) + " \\end{cases}"


def constant(name: str) -> object:
    return lambda node: CONSTANTS[name]


ELEMENTS = {
    "apply": apply, "reln": apply, "ci": identifier, "csymbol": identifier, "cn": number, "interval": interval,
    "matrix": matrix, "vector": vector, "piecewise": piecewise, "set": listed("\\{", "\\}"), "list": listed("(", ")"),
    **{name: constant(name) for name in CONSTANTS},
}  # fmt: skip
