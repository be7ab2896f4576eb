"""Which records the web has, before any text: site, kind, URL, copies, leaks and damage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from pipeline.records import Question
from pipeline.world.web.config import WebConfig
from pipeline.world.web.math_pages import PROBLEMS_PER_PAGE
from pipeline.world.web.sites import Site, sites

# Records that no reader can turn into a page, and difficult ones that a good reader can.
BROKEN = (
    "torn_gzip",
    "bad_chunk",
    "not_html",
    "garbage",
    "oversized",
    "empty",
    "not_found",
    "torn_gzip",
)
ODD = (
    "gb18030_header",
    "gb18030_meta",
    "gbk_meta",
    "space_in_uri",
    "angle_uri",  # the first three for Chinese pages
    "chunked",
    "not_chunked",
    "gzip_body",
    "latin1_bytes",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record to be written.

    `content` seeds what the page says, `copy` what surrounds it; a copied page repeats `content`.
    """

    site: Site
    url: str
    lang: str
    is_math: bool
    kind: str
    prefix: str
    content: int
    copy: int
    serial: int
    problems: int = 0
    group: str = ""  # worksheets of one set
    near_dup_of: str = ""
    mirror_of: str = ""
    leaks: tuple[tuple[str, int], ...] = ()  # (benchmark, index of its item)
    broken: str = ""
    odd: str = ""


def plan(cfg: WebConfig, seed: int, benchmarks: Mapping[str, Sequence[Question]]) -> list[Entry]:
    """All entries in the order of the records, the same for the same arguments."""
    rng = Random(f"{seed}/plan")
    pages = _originals(cfg, rng)
    pages = _leak(pages, cfg, benchmarks, rng)
    pages = [_make_odd(page, rng) if rng.random() < cfg.odd else page for page in pages]
    pages += _worksheets(cfg, len(pages))
    plain = [p for p in pages if not p.group and not p.leaks and not p.odd]
    copies = [
        _near_dup(p, k, rng) for k, p in enumerate(_some(plain, cfg.near_dup * cfg.pages, rng))
    ]
    copies += [_mirror(p, k, rng) for k, p in enumerate(_some(plain, cfg.mirror * cfg.pages, rng))]
    wrecks = [
        replace(
            p,
            url=f"{p.url}{_joint(p.url)}damaged={k}",
            broken=BROKEN[k % len(BROKEN)],
            content=p.content + (1 << 32),
        )
        for k, p in enumerate(_some(plain, cfg.broken * cfg.pages, rng))
    ]
    entries = pages + copies + wrecks
    rng.shuffle(entries)
    return entries


def _some(pages: list[Entry], count: float, rng: Random) -> list[Entry]:
    return rng.sample(pages, min(len(pages), round(count)))


def _joint(url: str) -> str:
    return "&" if "?" in url else "?"


def _originals(cfg: WebConfig, rng: Random) -> list[Entry]:
    chosen = sites(cfg.domains)
    total = sum(site.weight for site in chosen)
    pages: list[Entry] = []
    for site in chosen:
        count = max(4, round(cfg.pages * site.weight / total))
        flags = [True] * round(site.share * count)
        flags += [False] * (count - len(flags))
        rng.shuffle(flags)
        for serial, is_math in enumerate(flags, 1):
            prefix, kind = rng.choice(site.math if is_math else site.other)
            lang = "zh" if rng.random() < site.chinese else "en"
            number = round(cfg.results * rng.randint(*PROBLEMS_PER_PAGE[kind])) if is_math else 0
            k = len(pages)
            pages.append(
                Entry(
                    site,
                    _url(site, prefix, kind, serial, rng),
                    lang,
                    is_math,
                    kind,
                    prefix,
                    k,
                    k,
                    serial,
                    number,
                )
            )
    return pages


def _url(site: Site, prefix: str, kind: str, serial: int, rng: Random) -> str:
    scheme = "https" if rng.random() < 0.8 else "http"
    base = f"{scheme}://{site.host}{prefix}"
    number = 1000 + 7 * serial
    if site.layout == "se":
        return f"{base}{number}/{kind}-{serial}"
    if site.layout == "wiki":
        return f"{base}{kind.capitalize()}_{serial}"
    if site.layout == "blog":
        return f"{base}{2010 + serial % 14}/{1 + serial % 12:02d}/{kind}-{serial}/"
    if site.layout == "portal":
        return f"{base}{number}.html" if serial % 3 else f"{base}view.php?id={number}"
    return f"{base}{kind}{serial:04d}.html"


def _leak(
    pages: list[Entry], cfg: WebConfig, benchmarks: Mapping[str, Sequence[Question]], rng: Random
) -> list[Entry]:
    """Plant benchmark questions.

    Each of `cfg.contaminated` pages quotes one or two in its own language.
    """
    pool = {
        lang: [
            (name, k)
            for name in sorted(benchmarks)
            for k, item in enumerate(benchmarks[name])
            if item.lang == lang
        ]
        for lang in ("en", "zh")
    }
    for items in pool.values():
        rng.shuffle(items)
    hosts = [k for k, page in enumerate(pages) if page.is_math]
    hosts = sorted(rng.sample(hosts, min(cfg.contaminated, len(hosts) // 5)))
    for k in hosts:
        items = pool[pages[k].lang]
        taken = tuple(items.pop() for _ in range(min(len(items), rng.randint(1, 2))))
        pages[k] = replace(pages[k], leaks=taken)
    return pages


def _worksheets(cfg: WebConfig, start: int) -> list[Entry]:
    out = []
    for number in range(cfg.worksheet_sets):
        host = "worksheets.example" if number == 0 else f"set{number}.worksheets.example"
        site = Site(host, "plain", 0.0, 1.0, 1.0, "prose", (("/daily/", "worksheet"),), ())
        for k in range(1, cfg.worksheets_per_set + 1):
            index = start + len(out)
            out.append(
                Entry(
                    site,
                    f"https://{host}/daily/{k:03d}.html",
                    "en" if number % 2 == 0 else "zh",
                    True,
                    "worksheet",
                    "/daily/",
                    index,
                    index,
                    k,
                    group=f"set-{number}",
                )
            )
    return out


def _near_dup(page: Entry, k: int, rng: Random) -> Entry:
    """The same text with another date and advertisement, and one sentence more or less.

    It is on the same host, or on one that copies.
    """
    if k % 3 == 0:
        host = rng.choice(("reposted.example", "content-farm.example", "zhuanzai.example"))
        url = f"https://{host}/p/{page.content}.html"
        return replace(
            page,
            site=replace(page.site, host=host, layout="portal"),
            url=url,
            near_dup_of=page.url,
            copy=-1 - k,
        )
    return replace(
        page, url=f"{page.url}{_joint(page.url)}version={k + 2}", near_dup_of=page.url, copy=-1 - k
    )


def _mirror(page: Entry, k: int, rng: Random) -> Entry:
    """The same bytes under a URL that means the same page."""
    scheme, rest = page.url.split("://", 1)
    host, path = rest.split("/", 1)
    joint = _joint(path)
    other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
    url = (
        f"{'http' if scheme == 'https' else 'https'}://{host}/{path}",
        f"{scheme}://{other}/{path}",
        f"{scheme}://{host}/{path}{joint}sessionid={rng.randrange(1 << 40):010x}",
        f"{scheme}://{host}/{path}{joint}utm_source=feed&utm_medium=rss",
        f"{scheme}://{host}:{443 if scheme == 'https' else 80}/{path}",
        f"{scheme}://{host.upper()}/{path}#top",
    )[k % 6]
    return replace(page, url=url, mirror_of=page.url)


def _make_odd(page: Entry, rng: Random) -> Entry:
    how = rng.choice(ODD[:5] if page.lang == "zh" else ODD[3:])
    url = page.url + "/an odd name.html" if how == "space_in_uri" else page.url
    return replace(page, odd=how, url=url)
