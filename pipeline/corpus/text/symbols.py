"""Unicode characters of mathematics and their LaTeX commands."""

from __future__ import annotations

import unicodedata

# fmt: off
GREEK = {
    chr(0x3B1 + i): "\\" + name
    for i, name in enumerate(
        "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho varsigma sigma tau"
        " upsilon varphi chi psi omega".split()
    )
}
GREEK |= {"ϵ": "\\epsilon", "ϑ": "\\vartheta", "ϕ": "\\phi", "ϖ": "\\varpi", "ϱ": "\\varrho", "ϰ": "\\varkappa",
          "ο": "o"}
GREEK |= {
    c: "\\" + n
    for c, n in zip("ΓΔΘΛΞΠΣΥΦΨΩ", "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split(), strict=True)
}
_TABLE = """
− - ∗ * ∕ / ∖ \\setminus × \\times ÷ \\div ± \\pm ∓ \\mp · \\cdot ⋅ \\cdot ∘ \\circ • \\bullet ∙ \\bullet ⋆ \\star †
\\dagger ‡ \\ddagger
⊕ \\oplus ⊖ \\ominus ⊗ \\otimes ⊙ \\odot ⊘ \\oslash ∩ \\cap ∪ \\cup ⊎ \\uplus ⊓ \\sqcap ⊔ \\sqcup ∨ \\vee ∧ \\wedge ≀
\\wr ⋄ \\diamond
≤ \\leq ≥ \\geq ⩽ \\leqslant ⩾ \\geqslant ≠ \\neq ≪ \\ll ≫ \\gg ≺ \\prec ≻ \\succ ⪯ \\preceq ⪰ \\succeq ≼
\\preccurlyeq ≽ \\succcurlyeq
∼ \\sim ≃ \\simeq ≈ \\approx ≅ \\cong ≡ \\equiv ≢ \\not\\equiv ∝ \\propto ≐ \\doteq ≜ \\triangleq ≍ \\asymp ⊥ \\perp
∥ \\parallel ∦ \\nparallel
∣ \\mid ∤ \\nmid ∈ \\in ∉ \\notin ∋ \\ni ⊂ \\subset ⊃ \\supset ⊆ \\subseteq ⊇ \\supseteq ⊊ \\subsetneq ⊄
\\not\\subset ⊑ \\sqsubseteq ⊢ \\vdash ⊨ \\models ⊣ \\dashv
← \\leftarrow → \\to ↔ \\leftrightarrow ⇐ \\Leftarrow ⇒ \\Rightarrow ⇔ \\Leftrightarrow ⟵ \\longleftarrow ⟶
\\longrightarrow ⟹ \\implies ⟸ \\impliedby ⟺ \\iff
↦ \\mapsto ⟼ \\longmapsto ↑ \\uparrow ↓ \\downarrow ↕ \\updownarrow ⇑ \\Uparrow ⇓ \\Downarrow ↗ \\nearrow ↘ \\searrow
↪ \\hookrightarrow ↩ \\hookleftarrow
⇀ \\rightharpoonup ⇌ \\rightleftharpoons ↠ \\twoheadrightarrow ⇝ \\rightsquigarrow
∑ \\sum ∏ \\prod ∐ \\coprod ∫ \\int ∬ \\iint ∭ \\iiint ∮ \\oint ⋃ \\bigcup ⋂ \\bigcap ⨁ \\bigoplus ⨂ \\bigotimes ⋁
\\bigvee ⋀ \\bigwedge ⨆ \\bigsqcup
√ \\surd ∞ \\infty ∂ \\partial ∇ \\nabla ∅ \\emptyset ∀ \\forall ∃ \\exists ∄ \\nexists ¬ \\neg ⊤ \\top ∠ \\angle △
\\triangle □ \\square ◻ \\square ∎ \\blacksquare ■ \\blacksquare
ℓ \\ell ℏ \\hbar ℜ \\Re ℑ \\Im ℵ \\aleph ℘ \\wp ı \\imath ȷ \\jmath ∁ \\complement ð \\eth
… \\ldots ⋯ \\cdots ⋮ \\vdots ⋱ \\ddots ⟨ \\langle ⟩ \\rangle 〈 \\langle 〉 \\rangle ⌊ \\lfloor ⌋ \\rfloor ⌈ \\lceil
⌉ \\rceil ‖ \\|
° ^\\circ ′ ' ″ '' ‴ ''' ∶ : ⁄ / ⩵ == ≔ := ⋉ \\ltimes ⋊ \\rtimes ⊲ \\lhd ⊳ \\rhd ⊴ \\unlhd ◃ \\triangleleft ▹
\\triangleright ∔ \\dotplus ⌣ \\smile ⌢ \\frown
≲ \\lesssim ≳ \\gtrsim ≶ \\lessgtr ≰ \\nleq ≱ \\ngeq ≮ \\nless ≯ \\ngtr ∴ \\therefore ∵ \\because ♯ \\sharp ♭ \\flat
♮ \\natural ★ \\bigstar ✓ \\checkmark § \\S
ℕ \\mathbb{N} ℤ \\mathbb{Z} ℚ \\mathbb{Q} ℝ \\mathbb{R} ℂ \\mathbb{C} ℙ \\mathbb{P} ℍ \\mathbb{H} ℒ \\mathcal{L} ℱ
\\mathcal{F} ℋ \\mathcal{H} ℳ \\mathcal{M} ℬ \\mathcal{B} ℰ \\mathcal{E} ℛ \\mathcal{R} ℐ \\mathcal{I} ℎ h ℯ e ℊ g ℴ o
"""
_PAIRS = _TABLE.split()
SYMBOLS: dict[str, str] = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)) | GREEK
SYMBOLS |= {"{": "\\{", "}": "\\}", "%": "\\%", "&": "\\&", "#": "\\#", "$": "\\$", "\\": "\\backslash", "_": "\\_",
            "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "\u200b": "", "\u2009": "\\,", "\u00a0": " ",
            "\u2003": "\\quad",
            "\u2005": "\\:", "\u2004": "\\;", "\u200a": "\\,", "\u2002": "\\;", "\ufeff": "", "\u0338": "",
            "^": "\\text{\\textasciicircum}", "~": "\\sim"}
FUNCTIONS = frozenset(
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max min"
    " Pr sec sin sinh sup tan tanh".split()
)
BIG = frozenset("∑∏∐∫∬∭∮⋃⋂⨁⨂⋁⋀⨆")
OVER = {"¯": "\\bar", "‾": "\\overline", "ˉ": "\\bar", "―": "\\overline", "_": "\\underline", "^": "\\hat",
          "ˆ": "\\hat", "~": "\\tilde", "˜": "\\tilde", "∼": "\\tilde",
        "→": "\\vec", "⃗": "\\vec", "˙": "\\dot", ".": "\\dot", "¨": "\\ddot", "..": "\\ddot", "˘": "\\breve", "⃛": "\\dddot",
          "...": "\\dddot",
        "ˇ": "\\check", "´": "\\acute",
        "`": "\\grave", "⏞": "\\overbrace", "︷": "\\overbrace", "←": "\\overleftarrow", "↔": "\\overleftrightarrow",
        "−": "\\bar", "˚": "\\mathring"}
UNDER = {"_": "\\underline", "―": "\\underline", "‾": "\\underline", "¯": "\\underline", "⏟": "\\underbrace",
          "︸": "\\underbrace", "−": "\\underline"}
VARIANTS = {"bold": "\\mathbf", "double-struck": "\\mathbb", "script": "\\mathcal", "fraktur": "\\mathfrak",
          "sans-serif": "\\mathsf", "monospace": "\\mathtt",
            "bold-italic": "\\boldsymbol", "-tex-calligraphic": "\\mathcal", "-tex-bold-calligraphic": "\\mathcal",
            "normal": "\\mathrm", "bold-script": "\\mathcal", "bold-fraktur": "\\mathfrak"}
_ALPHABETS = {"BOLD ITALIC": "\\boldsymbol", "BOLD SCRIPT": "\\mathcal", "BOLD FRAKTUR": "\\mathfrak",
          "SANS-SERIF": "\\mathsf", "DOUBLE-STRUCK": "\\mathbb",
              "MONOSPACE": "\\mathtt", "FRAKTUR": "\\mathfrak", "SCRIPT": "\\mathcal", "ITALIC": "", "BOLD": "\\mathbf"}
# fmt: on


def latex_of_text(text: str) -> str:
    """The LaTeX of a run of characters of MathML or plain mathematics: "α≤β" gives "\\alpha \\leq
    \\beta ".
    """
    out = []
    for place, character in enumerate(text):
        latex = SYMBOLS.get(character)
        if latex is None and "\U0001d400" <= character <= "\U0001d7ff":
            latex = _alphanumeric(character)
        if (
            latex is None
            and character > "\x7f"
            and unicodedata.decomposition(character)[-4:] == "0338"
        ):
            latex = "\\not" + latex_of_text(unicodedata.normalize("NFD", character)[0]).strip()
        latex = character if latex is None else latex
        if latex and text[place + 1 : place + 2] == "\u0338":
            latex = "\\not" + latex if latex[0] == "\\" else f"\\not {latex}"
        out.append(latex + " " if latex[:1] == "\\" and latex[-1:].isalpha() else latex)
    return "".join(out)


def _alphanumeric(character: str) -> str:
    """A mathematical alphanumeric symbol: its letter in the alphabet's command."""
    name, plain = unicodedata.name(character, ""), unicodedata.normalize("NFKC", character)
    for alphabet, command in _ALPHABETS.items():
        if alphabet in name:
            letter = SYMBOLS.get(plain, plain)
            return f"{command}{{{letter}}}" if command else letter
    return SYMBOLS.get(plain, plain)
