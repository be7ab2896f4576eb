"""The fastText classifier of section 2.1: is this page mathematical?

Trained with one thread, because fastText with more is not reproducible, and on shuffled lines,
because it does not shuffle. Pages are ranked by its score; no threshold is put on it. The package
is fasttext-community: the other forks leave most of the embedding matrix uninitialised when they
train with fewer than ten threads.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.corpus.config import ClassifierConfig
from pipeline.corpus.tokens import tokens
from pipeline.corpus.urls import stable_hash
from pipeline.errors import UserError
from pipeline.files import atomic

MATH, OTHER = "__label__math", "__label__other"
# Marks that come from the tool that extracted a text rather than from the page: the seed may come
# from another tool, and a classifier that sees them learns the tool.
TOOL_MARKS = frozenset("$#*|`~_\u2022\ufffd")
SMOOTHING = 1e-5  # fastText adds it to every probability that it returns


def line_of(text: str, max_tokens: int) -> str:
    """The tokens of a page as fastText reads them: one line, blanks between."""
    cut = text[: 12 * max_tokens]
    return " ".join([token for token in tokens(cut) if token not in TOOL_MARKS][:max_tokens])


def train(
    positives: Iterable[str],
    negatives: Iterable[str],
    cfg: ClassifierConfig,
    seed: int,
    work: Path,
    out: Path,
) -> dict:
    """Train on page texts and write the model to `out`; returns counts. Raises UserError when a
    class is empty.
    """
    import fasttext

    classes = [
        [f"{label} {line_of(text, cfg.max_tokens)}" for text in texts]
        for label, texts in ((MATH, positives), (OTHER, negatives))
    ]
    positive_count, negative_count = map(len, classes)
    if not positive_count or not negative_count:
        raise UserError(
            f"corpus: {positive_count} seed pages and {negative_count} crawl pages to"
            " train the classifier on; it needs some of both: give more seed pages or more WARC files"
        )
    copies = [
        (copy, line)
        for lines in classes
        for line in lines
        for copy in range(-(-cfg.least // len(lines)) or 1)
    ]
    copies.sort(key=lambda item: (stable_hash(item[1], salt=f"shuffle {seed} {item[0]}"), item[1]))
    lines = [line for _, line in copies]
    work.mkdir(parents=True, exist_ok=True)
    training = work / "classifier.txt"
    training.write_text("\n".join(lines) + "\n", encoding="utf-8")
    model = fasttext.train_supervised(
        str(training),
        dim=cfg.dim,
        lr=cfg.lr,
        wordNgrams=cfg.word_ngrams,
        minCount=cfg.min_count,
        epoch=cfg.epoch,
        bucket=cfg.bucket,
        loss="softmax",
        thread=1,
        seed=seed + 1,
        verbose=0,
    )
    with atomic(out) as temporary:
        model.save_model(str(temporary))
    training.unlink()
    return {
        "positives": positive_count,
        "negatives": negative_count,
        "lines": len(lines),
        "words": len(model.words),
    }


class Classifier:
    """A trained model. `score` gives P(math | page) in [0, 1], fine enough near 1 to rank the best
    pages.
    """

    def __init__(self, path: Path, max_tokens: int):
        import fasttext

        if not path.is_file():
            raise UserError(
                f"{path}: no such classifier; train one with `mine`, or give another path"
            )
        try:
            self.model = fasttext.load_model(str(path))
        except ValueError as error:
            raise UserError(f"{path}: not a fastText model ({error})") from None
        if MATH not in self.model.labels:
            raise UserError(
                f"{path}: a classifier needs the label {MATH}, this one has {self.model.labels[:5]}"
            )
        self.max_tokens = max_tokens

    def score(self, text: str) -> float:
        line = line_of(text, self.max_tokens)
        if not line:
            return 0.0
        found = {
            label: float(p) for p, label in self.model.f.predict(line + "\n", -1, 0.0, "strict")
        }
        if len(found) == 2:
            other = next(p for label, p in found.items() if label != MATH)
            return min(1.0, max(0.0, 1.0 - (other - SMOOTHING)))
        return min(1.0, found.get(MATH, 0.0))
