"""What surrounds the text of a page: navigation, side bars, advertisements, footers, in five layouts."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from random import Random

from pipeline.world.web.facts import between
from pipeline.world.web.prose_en import ENGLISH
from pipeline.world.web.prose_zh import CHINESE

MENU = {
    "en": (
        "Home",
        "About us",
        "Contact",
        "Login",
        "Register",
        "Search",
        "Help",
        "Terms",
        "Privacy",
        "Archive",
        "RSS",
        "Shop",
    ),
    "zh": (
        "首页",
        "关于我们",
        "联系方式",
        "登录",
        "注册",
        "搜索",
        "帮助",
        "条款",
        "隐私",
        "归档",
        "订阅",
        "商城",
    ),
}
ADS = {
    "en": (
        "Only today: {0} off every {1}!",
        "Win a {1} worth {0} dollars",
        "From {0} a month",
        "Free {1} with your first order",
    ),
    "zh": ("今天{1}立减{0}元！", "赢取价值{0}元的{1}", "每月只要{0}元", "首单送{1}"),
}
LABELS = {
    "en": (
        "Related pages",
        "Share this page",
        "Published",
        "All rights reserved",
        "We use cookies on this site. Accept",
    ),
    "zh": ("相关页面", "分享", "发布于", "版权所有", "本站使用 Cookie。同意"),
}
MATHJAX = '<script src="https://cdn.example/mathjax/tex-mml-chtml.js" async></script>\n'


@lru_cache(maxsize=4096)
def _menu(host: str, lang: str) -> str:
    rng = Random(f"menu/{host}/{lang}")
    return "".join(
        f'<li><a href="/{k}">{label}</a></li>' for k, label in enumerate(rng.sample(MENU[lang], 6))
    )


def date_line(lang: str, rng: Random) -> str:
    """The date that a page shows; near-duplicates differ in it."""
    return (ENGLISH if lang == "en" else CHINESE).say("date", rng)


def page(
    layout: str, host: str, lang: str, title: str, body: str, rng: Random, charset: str = "utf-8"
) -> str:
    """The whole HTML page. `rng` draws what may differ between copies: date, advertisement, related links."""
    grammar = ENGLISH if lang == "en" else CHINESE
    related, share, published, rights, cookies = LABELS[lang]
    number = str(between(rng, 2, 99))
    rights = f"© {between(rng, 2010, 2023)} {host} {rights}"
    parts = {
        "head": (
            f'<head><meta charset="{charset}">\n<title>{escape(title)} - {host}</title>\n'
            f'<link rel="stylesheet" href="/s{between(rng, 1, 99)}.css">\n{MATHJAX}'
            "<script>window.dataLayer=window.dataLayer||[];function g(){dataLayer.push(arguments)}</script>\n</head>\n"
        ),
        "menu": _menu(host, lang),
        "host": host,
        "title": escape(title),
        "body": body,
        "related": related,
        "date": f"{published} {date_line(lang, rng)}",
        "rights": rights,
        "cookies": cookies,
        "share": share,
        "ad": rng.choice(ADS[lang]).format(number, grammar.say("thing", rng)),
        "number": number,
        "links": "".join(
            f'<li><a href="/r/{between(rng, 100, 9999)}">{escape(grammar.say(topic, rng))}</a></li>'
            for topic in ("news_title", "travel_title", "shop_title")
        ),
    }
    lang_code = "en" if lang == "en" else "zh-CN"
    return (
        f'<!DOCTYPE html>\n<html lang="{lang_code}">\n'
        + LAYOUTS[layout].format_map(parts)
        + "</html>\n"
    )


LAYOUTS = {
    "se": """{head}<body class="question-page"><header class="top-bar"><a href="/">{host}</a><ol class="nav">{menu}</ol></header>
<div id="left-sidebar"><nav><ul>{links}</ul></nav></div>
<div id="content"><div id="question-header"><h1>{title}</h1></div>
<div id="mainbar"><div class="votecell" aria-label="votes">{number}</div><div class="postcell">
{body}</div></div>
<div id="sidebar"><div class="ad">{ad}</div><h4>{related}</h4><ul>{links}</ul></div></div>
<footer id="footer"><p>{date}</p><p>{rights}</p></footer></body>
""",
    "wiki": """{head}<body class="mediawiki"><div id="mw-navigation"><ul>{menu}</ul></div>
<div id="content" class="mw-body" role="main"><h1 id="firstHeading">{title}</h1>
<div id="mw-content-text">
{body}</div></div>
<div id="catlinks" class="catlinks"><ul>{links}</ul></div>
<div id="footer" role="contentinfo"><ul><li>{date}</li><li>{rights}</li></ul></div></body>
""",
    "blog": """{head}<body><header role="banner"><p class="site-title">{host}</p><nav class="menu"><ul>{menu}</ul></nav></header>
<main><article class="post"><h1 class="entry-title">{title}</h1><div class="entry-meta">{date}</div>
<div class="entry-content">
{body}</div><div class="sharedaddy">{share}: <a href="#">X</a> <a href="#">Mail</a></div></article></main>
<aside class="widget-area"><h3>{related}</h3><ul>{links}</ul><p class="advert">{ad}</p></aside>
<footer class="site-footer"><small>{rights}</small></footer></body>
""",
    "portal": """{head}<body><div class="header"><div class="logo">{host}</div><ul class="nav-list">{menu}</ul></div>
<div class="cookie-banner">{cookies}</div><div class="breadcrumb"><a href="/">{host}</a> &gt; {title}</div>
<div class="main"><h1>{title}</h1><div class="byline">{date}</div>
<div class="article-body">
{body}</div></div>
<div class="sidebar"><div class="adbox"><a href="/ad">{ad}</a></div>
<div class="related"><h3>{related}</h3><ul>{links}</ul></div></div>
<div class="footer">{rights}<br>{date}</div></body>
""",
    "plain": """{head}<body bgcolor="#ffffff"><table class="nav" width="100%"><tr><td><ul>{menu}</ul></td></tr></table>
<h1>{title}</h1>
{body}<hr><address class="footer">{rights} | {date}</address></body>
""",
}
