"""Read KaTeX's drawings back: python -m benchmarks.drawn NODE_FOLDER [WEB_FOLDER]

KaTeX draws the formulas of the real pages in WEB_FOLDER without its MathML (those that it can
draw), and the extractor reads the drawings. NODE_FOLDER is where `npm install katex@0.16` was done;
node must be on the path. Prints how many are exact after the normalisation of the converter test,
on the half of the formulas that the reader was written on and on the other (by the first bit of
their SHA-256). Nothing is written.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from benchmarks import formula_truth as truth
from pipeline.corpus.text.html import extract

DRAW = """
const katex = require("katex"), drawn = [];
for (const f of JSON.parse(require("fs").readFileSync(0)))
  try {
    const displayMode = /\\\\begin\\{(align|equation|gather)|\\\\tag/.test(f);
    drawn.push([f, katex.renderToString(f, {output: "html", strict: false, displayMode})]);
  } catch {}
console.log(JSON.stringify(drawn));
"""


def main() -> None:
    if not 2 <= len(sys.argv) <= 3 or not (Path(sys.argv[1]) / "node_modules/katex").is_dir():
        raise SystemExit(
            "usage: python -m benchmarks.drawn NODE_FOLDER [WEB_FOLDER], katex installed in NODE_FOLDER"
        )
    web = (
        Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parents[1].parent / "shared/web"
    )
    pages = sorted(web.glob("*_*/*html"))
    formulas = sorted(
        {formula.strip() for page in pages for formula in truth.read(page.read_bytes())}
    )
    drawing = subprocess.run(
        ["node", "-e", DRAW],
        cwd=sys.argv[1],
        input=json.dumps(formulas),
        capture_output=True,
        text=True,
        check=True,
    )
    counts = {True: [0, 0], False: [0, 0]}
    for formula, markup in json.loads(drawing.stdout):
        found = extract(f"<p>{markup}</p>").formulas
        count = counts[hashlib.sha256(formula.encode()).digest()[0] % 2 == 1]
        count[0] += 1
        count[1] += len(found) == 1 and truth.normal(found[0].latex) == truth.normal(formula)
    for written_on, name in ((True, "written on"), (False, "kept back")):
        total, exact = counts[written_on]
        print(f"{name}: {exact} of {total} exact, {exact / max(1, total):.3f}")


if __name__ == "__main__":
    main()
