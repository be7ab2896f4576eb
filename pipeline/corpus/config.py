"""What the corpus stage can be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.errors import UserError


@dataclass(frozen=True)
class ClassifierConfig:
    """fastText, supervised (section 2.1). `bucket` is fastText's own default scaled down: 2,000,000
    is a 2 GB model.
    """

    dim: int = 256
    lr: float = 0.1
    word_ngrams: int = 3
    min_count: int = 3
    epoch: int = 3
    bucket: int = 200_000
    positives: int = 500_000  # drawn from the seed corpus
    negatives: int = 500_000  # drawn from the crawl
    least: int = 0  # lines of each class at least: a smaller sample is repeated, else three epochs of it teach nothing
    max_tokens: int = 4_000  # of a page that the classifier reads; bounds the time a page can take


@dataclass(frozen=True)
class DecontaminateConfig:
    """Section 2.1: exact matches of `ngram` grams, and of whole benchmark texts of
    `shortest`..`ngram`-1 grams.
    """

    ngram: int = 10
    shortest: int = 3
    mode: str = "segment"  # "segment": drop the text segments (lines) that hold a match; "page": drop the page
    # deviation from the paper: counting runs and lone commonplaces are no match; both counts are
    # kept
    information_rule: bool = False
    # deviation: numerals, characters and LaTeX are brought to one form on both sides; the paper's
    # count is kept too
    normalise: bool = False


@dataclass(frozen=True)
class DedupConfig:
    """Near-duplicates by MinHash; two pages are one when `bands` agree in at least one band of
    `rows` hashes.
    """

    enabled: bool = True
    shingle: int = 5
    bands: int = 14
    rows: int = 8
    threshold: float = 0.7  # estimated Jaccard similarity from which two pages of a band are one


@dataclass(frozen=True)
class RecallConfig:
    """The loop of section 2.1: domains over `domain_share` are annotated, their uncollected pages
    join the seed.
    """

    iterations: int = 1
    domain_share: float = 0.10
    min_pages: int = 10  # a share of fewer pages is noise
    stop_share: float = 0.98  # stop when so much of an iteration was collected in the one before
    annotations: str = ""  # YAML of URL prefixes that a person marked; "" = `accept_share` decides
    accept_share: float = (
        0.3  # without annotations: accept a prefix of whose pages at least this share was collected
    )


@dataclass(frozen=True)
class CorpusConfig:
    """Everything that decides what the corpus holds. Two runs with one configuration give the same
    bytes.
    """

    input: tuple[str, ...] = ()  # WARC or WET files or folders; () = the miniature world's
    seed: int = 0
    token_budget: int = (
        0  # keep the best pages up to so many tokens; 0 = keep_fraction of the crawl's tokens
    )
    keep_fraction: float = 0.2
    max_page_bytes: int = 8_000_000  # of HTML; larger records become rejects
    min_page_tokens: int = 20  # shorter pages become rejects
    max_page_seconds: float = 60.0  # of processor time for one page; a slower one becomes a reject
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    dedup: DedupConfig = field(default_factory=DedupConfig)
    recall: RecallConfig = field(default_factory=RecallConfig)
    decontaminate: DecontaminateConfig = field(default_factory=DecontaminateConfig)


def check(cfg: CorpusConfig) -> None:
    """Raises UserError naming a setting that is out of its range."""
    ranges = (
        ("token_budget", cfg.token_budget, 0, None), ("max_page_bytes", cfg.max_page_bytes, 1, None),
        ("min_page_tokens", cfg.min_page_tokens, 0, None), ("max_page_seconds", cfg.max_page_seconds, 0, None),
        ("keep_fraction", cfg.keep_fraction, 0, 1),
        ("recall.iterations", cfg.recall.iterations, 1, None), ("classifier.bucket", cfg.classifier.bucket, 1, None),
        ("classifier.epoch", cfg.classifier.epoch, 1, None), ("classifier.least", cfg.classifier.least, 0, None),
    )  # fmt: skip
    for name, value, least, most in ranges:
        if not (least <= value and (most is None or value <= most)):
            raise UserError(
                f"corpus: {name} is {value}; give {least} "
                + ("or more" if most is None else f"to {most}")
            )
