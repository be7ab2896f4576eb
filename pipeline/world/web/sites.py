"""The hosts of the built-in web: what share of each is mathematics, under which path prefixes, in which notation.

Names end in .example (RFC 2606), so no host exists. Sites stand in an order in which every prefix of the list mixes
languages, kinds and shares; beyond the list, numbered copies follow with shares of their own.
"""

# ruff: noqa: E501 (a site a line)
from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Site:
    """`math` and `other` are (path prefix, kind or topic); a prefix in both means that paths do not separate the two."""

    host: str
    layout: str  # se wiki blog portal plain
    chinese: float  # share of its pages in Chinese
    share: float  # share of its pages that are mathematical
    weight: float  # relative number of pages
    source: str  # notation of formulas: a key of markup.SOURCES; "prose" = words, few formulas, as delimiters
    math: tuple[tuple[str, str], ...]
    other: tuple[tuple[str, str], ...]
    seed: bool = False  # the seed corpus is drawn from here


_TABLE = """
math.qanda.example       | se     | 0    | .95 | 3   | container        | /questions/:forum                      | /users/:profile /tags/:code     | seed
en.openpedia.example     | wiki   | 0    | .12 | 4   | mathml_annotated | /wiki/:encyclopaedia                   | /wiki/:nature /wiki/:census /wiki/:health | seed
www.zhiwen.example       | portal | 1    | .20 | 4   | dollars          | /shuxue/:forum /shuxue/:blog           | /licai/:finance /shenghuo/:recipe /tiyu/:sport /jiankang/:health |
daily-courier.example    | portal | 0    | 0   | 4   | prose            |                                        | /world/:news /economy/:finance /sport/:sport /culture/:poem |
kitchen-table.example    | blog   | 0    | 0   | 3   | prose            |                                        | /recipes/:recipe /tips/:health  |
openbook.example         | plain  | 0    | .95 | 2   | parentheses      | /algebra/:textbook /arithmetic/:textbook | /about/:profile               | seed
www.kaoshi.example       | portal | 1    | .60 | 3   | image            | /shuxue/:exam /lianxi/:drill           | /yuwen/:poem /xinwen/:school    |
code.qanda.example       | se     | 0    | .02 | 4   | container        | /questions/:forum                      | /questions/:code /questions/:typeset /users/:profile |
riverton-school.example  | plain  | 0    | .06 | 3   | prose            | /math-club/:drill /math-club/:stories                      | /news/:school /menu/:recipe /sport/:sport |
bazaar.example           | portal | 0    | 0   | 4   | prose            |                                        | /shop/:shop /prices/:shop       |
www.xinwenbao.example    | portal | 1    | 0   | 4   | prose            |                                        | /guonei/:news /caijing/:finance /tiyu/:sport /wenhua/:poem |
shuzhi.example           | wiki   | .5   | .60 | 3   | katex            | /math/:textbook /math/:encyclopaedia   | /lang/:code /tools/:typeset        |
numberlog.example        | blog   | 0    | .60 | 2   | mathjax_script   | /posts/:blog                           | /posts/:travel /posts/:recipe   |
worksheets.example       | plain  | 0    | .95 | 2   | prose            | /sheets/:exam /facts/:drill /sheets/:stories            | /shop/:shop                     |
www.baikezh.example      | wiki   | 1    | .09 | 4   | mathml           | /item/:encyclopaedia                   | /item/:nature /item/:census /item/:news |
globetrot.example        | blog   | 0    | 0   | 3   | prose            |                                        | /trips/:travel /food/:recipe    |
examroom.example         | plain  | .2   | .60 | 2   | katex            | /exams/math/:exam                      | /exams/geography/:census /exams/biology/:nature |
shangcheng.example       | portal | 1    | 0   | 3   | prose            |                                        | /jiage/:shop /shangpin/:shop    |
homework-help.example    | se     | 0    | .20 | 3   | dollars          | /math/:forum                           | /biology/:nature /geography/:census /cooking/:recipe |
qingshi-school.example   | plain  | 1    | .12 | 3   | prose            | /aoshu/:stories /aoshu/:exam             | /xinwen/:school /shitang/:recipe |
devnotes.example         | blog   | .3   | .02 | 3   | parentheses      | /algo/:blog                            | /notes/:code /life/:travel      |
league-table.example     | portal | 0    | 0   | 3   | prose            |                                        | /results/:sport /tables/:sport  |
tutor-anna.example       | blog   | 0    | .95 | 1.5 | prose            | /lessons/:drill /lessons/:stories         | /contact/:profile               |
mathwiki.example         | wiki   | .3   | .95 | 2   | mathml_annotated | /wiki/:encyclopaedia /wiki/:textbook   | /user/:profile                  |
cooking.qanda.example    | se     | 0    | 0   | 2   | prose            |                                        | /questions/:recipe /users/:profile |
xuexi.example            | plain  | 1    | .95 | 2   | parentheses      | /kewen/:textbook /kousuan/:drill       | /guanyu/:profile                | seed
oldforum.example         | se     | 0    | .09 | 3   | image            | /board/numbers/:forum                  | /board/garden/:nature /board/bank/:finance /board/talk/:travel |
verse-a-day.example      | blog   | 0    | 0   | 1.5 | prose            |                                        | /poems/:poem /news/:news        |
lvyou.example            | blog   | 1    | 0   | 3   | prose            |                                        | /youji/:travel /meishi/:recipe  |
puzzle-corner.example    | blog   | 0    | .20 | 2   | prose            | /brain/:stories                           | /games/:sport /news/:news       |
sciencehub.example       | portal | 0    | .12 | 3   | katex            | /mathematics/:textbook                 | /geography/:census /medicine/:health /technology/:code |
luntan.example           | se     | 1    | .06 | 3   | dollars          | /shuxue/:forum                         | /diannao/:typeset /lvxing/:travel /chihuo/:recipe |
clinic-news.example      | portal | 0    | 0   | 2   | prose            |                                        | /health/:health /news/:news     |
calc-course.example      | plain  | 0    | .60 | 2   | mathml           | /course/:textbook /quiz/:exam          | /blog/:school /team/:profile    |
kids-learn.example       | plain  | .4   | .20 | 2   | prose            | /numbers/:drill /numbers/:stories                        | /animals/:nature /songs/:poem /craft/:recipe |
garden-weather.example   | blog   | 0    | 0   | 2   | prose            |                                        | /garden/:nature /weather/:nature |
travel.qanda.example     | se     | 0    | 0   | 2   | prose            |                                        | /questions/:travel /users/:profile |
shiti.example            | portal | 1    | .95 | 2   | mathjax_script   | /ti/:exam /ti/:forum                   | /vip/:shop                      |
northwick-college.example | plain | 0    | .09 | 3   | parentheses      | /departments/maths/:textbook           | /departments/music/:poem /events/:school /sport/:sport |
city-index.example       | portal | 0    | 0   | 3   | prose            |                                        | /a/:census /b/:shop /c/:travel    |
caipu.example            | blog   | 1    | 0   | 3   | prose            |                                        | /zuofa/:recipe /jiankang/:health |
teacher-talk.example     | blog   | 0    | .12 | 2   | mathjax_script   | /classroom/:blog                       | /classroom/:school /holiday/:travel |
stats-notes.example      | blog   | 0    | .60 | 1.5 | katex            | /notes/:textbook /notes/:blog          | /rides/:travel                  |
de-duplicate.example     | plain  | 0    | .06 | 2   | dollars          | /papers/:encyclopaedia                 | /manual/:code /changelog/:code  |
zhishiku.example         | wiki   | 1    | .12 | 3   | katex            | /wiki/shuxue/:encyclopaedia            | /wiki/dongwu/:nature /wiki/jiankang/:health |
gadget-price.example     | portal | 0    | 0   | 3   | prose            |                                        | /list/:shop /test/:shop         |
village-voice.example    | portal | 0    | .02 | 3   | prose            | /puzzle/:stories                          | /local/:news /school/:school    |
qa.shuzhi.example        | se     | .7   | .95 | 1.5 | katex            | /q/:forum                              | /u/:profile                     |
bianchengban.example     | se     | 1    | .02 | 3   | container        | /wenti/:forum                          | /wenti/:code /yonghu/:profile   |
sums-and-games.example   | plain  | 0    | .95 | 1   | image            | /sums/:drill /games/:exam              | /parents/:profile               |
lecture-hall.example     | plain  | .2   | .20 | 2   | mathml_annotated | /lectures/math/:textbook               | /lectures/art/:poem /lectures/life/:nature |
racing-log.example       | blog   | 0    | 0   | 2   | prose            |                                        | /races/:sport /gear/:shop       |
tiyubang.example         | portal | 1    | 0   | 2   | prose            |                                        | /saiguo/:sport /jifen/:sport    |
ask-anything.example     | se     | 0    | .09 | 4   | dollars          | /q/:forum                              | /q/:health /q/:travel /q/:code  |
jiajiao.example          | blog   | 1    | .60 | 1.5 | prose            | /jiangjie/:drill /jiangjie/:stories       | /shenghuo/:travel               |
open-exam.example        | plain  | 0    | .95 | 1   | parentheses      | /papers/:exam                          | /about/:profile                 |
farm-almanac.example     | blog   | 0    | 0   | 2   | prose            |                                        | /fields/:nature /market/:shop   |
physics-lite.example     | wiki   | 0    | .20 | 2   | mathml           | /maths/:encyclopaedia                  | /data/:census /devices/:code  |
huayuan.example          | blog   | 1    | 0   | 2   | prose            |                                        | /zhiwu/:nature /tianqi/:nature  |
scouts-ashford.example   | plain  | 0    | 0   | 2   | prose            |                                        | /trips/:travel /menu/:recipe    |
logic-lane.example       | blog   | 0    | .12 | 2   | container        | /logic/:blog /logic/:stories                           | /chess/:sport /books/:poem      |
wenda.xuexi.example      | se     | 1    | .95 | 1   | dollars          | /wenti/:forum                          | /yonghu/:profile                |
savings-guide.example    | portal | 0    | .06 | 2   | prose            | /sums/:blog                            | /banks/:finance /deals/:shop       |
release-feed.example     | plain  | 0    | 0   | 3   | prose            |                                        | /releases/:code /issues/:code   |
tongnian.example         | plain  | 1    | .20 | 2   | prose            | /suanshu/:drill /suanshu/:stories                        | /gushi/:poem /dongwu/:nature    |
island-ferries.example   | portal | 0    | 0   | 2   | prose            |                                        | /timetable/:school /news/:news  |
"""


def _parse(line: str) -> Site:
    host, layout, chinese, share, weight, source, math, other, flags = (
        cell.strip() for cell in line.split("|")
    )
    sections = lambda cell: tuple(tuple(pair.rsplit(":", 1)) for pair in cell.split())  # noqa: E731
    return Site(
        host,
        layout,
        float(chinese),
        float(share),
        float(weight),
        source,
        sections(math),
        sections(other),
        flags == "seed",
    )


SITES: tuple[Site, ...] = tuple(_parse(line) for line in _TABLE.strip().splitlines())


def sites(count: int) -> tuple[Site, ...]:
    """The first `count` sites; numbered copies of the list, none of them a seed, follow its end."""
    out = list(SITES[:count])
    turn = 2
    while len(out) < count:
        out.extend(
            replace(site, host=f"s{turn}.{site.host}", seed=False)
            for site in SITES[: count - len(out)]
        )
        turn += 1
    return tuple(out)
