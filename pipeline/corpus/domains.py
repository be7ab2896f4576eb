"""Domain discovery (section 2.1): which domains are mathematical, and which of their URL prefixes a
person should see.

A domain is a host, or the registered domain above it (by the public suffix list that tldextract
brings along; nothing is fetched). It is mathematical when more than `domain_share` of its pages
were collected; under `min_pages` pages a share is noise. Prefixes of its paths are proposed with
counts, and accepted by an annotator: a YAML file that a person edits, or a function.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from pipeline.corpus.config import RecallConfig
from pipeline.corpus.crawl import Crawl
from pipeline.corpus.urls import PATH_KEEPS, host, stable_hash, undone
from pipeline.files import write_text

MORE_SUFFIXES = ("wordpress.com",)  # hosts of strangers side by side; not on the public suffix list
DEPTH = 2  # path segments of a proposed prefix, at most
SAMPLES = 10


@dataclass(frozen=True)
class Proposal:
    """A URL prefix (host and directories, "mathoverflow.net/questions/") of a mathematical domain."""

    prefix: str
    domain: str
    pages: int
    collected: int
    samples: tuple[str, ...]  # URL and first line of some pages

    @property
    def share(self) -> float:
        return self.collected / self.pages


Annotator = Callable[[Proposal], bool]


@dataclass(frozen=True)
class Marks:
    """What a person marked in a file of proposals, or wrote into it."""

    accept: dict[str, bool]  # by prefix

    def __call__(self, proposal: Proposal) -> bool:
        return self.accept.get(proposal.prefix, False)

    def without(self, proposals: list[Proposal]) -> dict[str, bool]:
        """The marks of prefixes that are not proposed."""
        proposed = {proposal.prefix for proposal in proposals}
        return {prefix: accept for prefix, accept in self.accept.items() if prefix not in proposed}


@lru_cache(maxsize=1)
def _extractor() -> Any:
    import tldextract

    return tldextract.TLDExtract(
        cache_dir=None,
        suffix_list_urls=(),
        include_psl_private_domains=True,
        extra_suffixes=MORE_SUFFIXES,
    )


@lru_cache(maxsize=1 << 16)
def registered_domain(name: str) -> str:
    """ "pages.math.example.co.uk" gives "example.co.uk"; a name below no known suffix keeps its last
    two labels.
    """
    found = _extractor()(name)
    return found.top_domain_under_public_suffix or ".".join(name.split(".")[-2:])


def prefixes(url: str, depth: int = DEPTH) -> Iterator[str]:
    """The prefixes that a URL lies under: its host, and up to `depth` directories."""
    name = host(url)
    try:
        path = undone(urlsplit(url).path, PATH_KEEPS)
    except ValueError:
        path = ""
    parts = [part for part in path.split("/")[:-1] if part][:depth]
    for count in range(len(parts) + 1):
        yield "/".join([name, *parts[:count]]) + "/"


def domain_shares(names: Iterable[tuple[str, bool]]) -> dict[str, tuple[int, int]]:
    """(pages, collected pages) by domain, from (domain, whether collected) of each page."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, collected in names:
        counts[name][0] += 1
        counts[name][1] += collected
    return {name: (pages, hits) for name, (pages, hits) in sorted(counts.items())}


def is_mathematical(pages: int, collected: int, cfg: RecallConfig) -> bool:
    return pages >= cfg.min_pages and collected > cfg.domain_share * pages


def propose(
    crawl: Crawl, eligible: np.ndarray, collected: np.ndarray, cfg: RecallConfig
) -> tuple[dict, list[Proposal]]:
    """(shares of all hosts and registered domains, proposals): prefixes of at least `min_pages`
    pages, with at least one of them collected, in mathematical domains.
    """
    urls = [(number, row["url"]) for number, row in crawl.rows(eligible, ["url"])]
    hosts = domain_shares((host(url), bool(collected[number])) for number, url in urls)
    above = domain_shares(
        (registered_domain(host(url)), bool(collected[number])) for number, url in urls
    )
    # files without a host are no domain, however many lie side by side
    mathematical = {
        name for name, counts in hosts.items() if name and is_mathematical(*counts, cfg)
    }
    mathematical_above = {
        name for name, counts in above.items() if name and is_mathematical(*counts, cfg)
    }
    under: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, url in urls:
        name = host(url)
        if name in mathematical or registered_domain(name) in mathematical_above:
            for prefix in prefixes(url):
                under[prefix].append((number, url))
    wanted = {
        prefix: sorted(pages, key=lambda page: stable_hash(page[1]))
        for prefix, pages in sorted(under.items())
        if len(pages) >= cfg.min_pages and any(collected[number] for number, _ in pages)
    }
    titles = first_lines(
        crawl, {number for pages in wanted.values() for number, _ in pages[:SAMPLES]}
    )
    proposals = [
        Proposal(
            prefix, registered_domain(prefix.split("/")[0]), len(pages), sum(bool(collected[n]) for n, _ in pages),
            tuple(f"{url} | {titles[number]}" for number, url in pages[:SAMPLES]),
        )
        for prefix, pages in wanted.items()
    ]  # fmt: skip
    shares = {
        "hosts": hosts,
        "registered_domains": above,
        "mathematical": sorted(mathematical | mathematical_above),
    }
    return shares, proposals


def first_lines(crawl: Crawl, numbers: set[int]) -> dict[int, str]:
    mask = np.zeros(len(crawl), dtype=bool)
    mask[list(numbers)] = True
    return {
        number: row["text"].split("\n", 1)[0][:100] for number, row in crawl.rows(mask, ["text"])
    }


def by_share(least: float) -> Annotator:
    """Accept a prefix of whose pages at least this share was collected: for a run that nobody
    watches.
    """
    return lambda proposal: proposal.share >= least


def by_samples(is_math: dict[str, bool]) -> Annotator:
    """Accept a prefix when four in five of its sample pages are known to be mathematical: the
    person's part in a built world, who looks at the same few pages.
    """

    def accept(proposal: Proposal) -> bool:
        known = [
            is_math[url]
            for url in (sample.split(" | ", 1)[0] for sample in proposal.samples)
            if url in is_math
        ]
        return bool(known) and sum(known) >= 0.8 * len(known)

    return accept


def write_yaml(path: Path, proposals: list[Proposal], annotate: Annotator) -> list[str]:
    """Write the proposals for a person to edit, marked as `annotate` decides now, and what a person
    marked that was not proposed; returns the accepted prefixes.
    """
    import yaml

    rows, accepted = [], []
    unproposed = annotate.without(proposals) if isinstance(annotate, Marks) else {}
    for proposal in proposals:
        decision = annotate(proposal)
        accepted += [proposal.prefix] if decision else []
        rows.append(
            {
                **asdict(proposal),
                "samples": list(proposal.samples),
                "share": round(proposal.share, 4),
                "accept": decision,
            }
        )
    rows += [{"prefix": prefix, "accept": accept} for prefix, accept in unproposed.items()]
    accepted += [prefix for prefix, accept in unproposed.items() if accept]
    head = "# Set accept to true or false; recall.annotations names this file for the next run.\n"
    text = head + yaml.safe_dump(rows, allow_unicode=True, sort_keys=False, width=120)
    write_text(path, text)
    return accepted


def under_prefixes(crawl: Crawl, eligible: np.ndarray, accepted: Iterable[str]) -> np.ndarray:
    """The eligible pages below accepted prefixes, as a mask."""
    wanted, mask = frozenset(accepted), np.zeros(len(crawl), dtype=bool)
    depth = max((prefix.count("/") - 1 for prefix in wanted), default=0)
    for number, row in crawl.rows(eligible, ["url"]):
        mask[number] = any(prefix in wanted for prefix in prefixes(row["url"], depth))
    return mask


def unmatched(crawl: Crawl, accepted: Iterable[str]) -> list[str]:
    """The prefixes that no page of the crawl lies under."""
    left = set(accepted)
    depth = max((prefix.count("/") - 1 for prefix in left), default=0)
    for _, row in crawl.rows(np.ones(len(crawl), dtype=bool), ["url"]):
        left.difference_update(prefixes(row["url"], depth))
    return sorted(left)
