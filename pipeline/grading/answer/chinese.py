"""Chinese numerals in answers: 五分之三, 二十一, 三点五, 百分之二十, and the factors 万, 亿 and million after digits."""

from __future__ import annotations

import re
from fractions import Fraction

_DIGIT = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "○": 0}
_SMALL = {"十": 10, "百": 100, "千": 1000}
_BIG = {"万": 10**4, "亿": 10**8}
_SHORT = {"百": 10, "千": 100, "万": 1000, "亿": 10**7}
_NUMERAL = "[零〇一二两三四五六七八九十百千万亿]"
_INTEGER = f"{_NUMERAL}{{1,20}}"
_VALUE = re.compile(
    f"(?P<sign>负?)(?:(?P<percent>百分之)(?P<per>{_INTEGER}(?:点{_NUMERAL}{{1,12}})?)"
    f"|(?:(?P<whole>{_INTEGER})又)?(?P<down>{_INTEGER})分之(?P<up>{_INTEGER})"
    f"|(?P<plain>{_INTEGER}(?:点{_NUMERAL}{{1,12}})?))"
)
UNITS = frozenset(
    "元 角 分 块 美元 人民币 个 只 条 头 匹 棵 株 朵 本 页 支 枝 张 把 件 双 套 辆 架 台 艘 座 间 层 排 行 列 组 队 班 人 名 位 "
    "次 遍 种 类 岁 年 月 日 天 周 星期 小时 时 分钟 秒 点 度 米 千米 公里 厘米 分米 毫米 平方米 平方厘米 平方分米 平方千米 公顷 "
    "立方米 立方厘米 立方分米 升 毫升 克 千克 公斤 斤 吨 箱 盒 袋 瓶 桶 杯 碗 盘 包 筐 篮 堆 份 倍 道 题 步 圈 段 根 块钱 元钱 "
    "家 所 户 车 批 幅 枚 颗 粒 片 节 轮 场 局 分数 票 成 折 米每秒 千米每小时".split()
)
_FACTOR = re.compile(
    r"(\d+(?:\.\d+)?)(\s*(?:\\text\s*\{)?\s*)"
    r"(万亿|百万|千万|万|亿|(?:thousand|million|billion|trillion)\b)(?!\d)"
)
_HAS_FACTOR = re.compile("[万亿]|thousand|illion")
_SEVERAL = re.compile(  # 1万5千, 1万2000, 2亿3000万
    r"(?<![\d.])(?:(\d{1,8})\s*亿\s*)?(?:(\d{1,4})\s*万\s*)?(?:(\d)\s*千(?![克米瓦卡]))?(\d{1,4}(?![\d.千百十万亿]))?"
)
_FACTORS = {
    "万": 4,
    "亿": 8,
    "万亿": 12,
    "百万": 6,
    "千万": 7,
    "thousand": 3,
    "million": 6,
    "billion": 9,
    "trillion": 12,
}


def numeral(text: str) -> str | None:
    """`text` as digits when it is one Chinese numeral with at most a known unit behind it, else None.

    >>> numeral("五分之三"), numeral("二十一个"), numeral("百分之二十"), numeral("三角形")
    ('\\\\frac{3}{5}', '21', '20%', None)
    """
    if text == "一半":
        return r"\frac{1}{2}"
    match = _VALUE.match(text)
    if match is None or (text[match.end() :] and text[match.end() :] not in UNITS):
        return None
    if (
        not (match["percent"] or match["down"]) and text.strip("负")[0] in "万亿千百"
    ):  # 千克 is a unit, no thousand
        return None
    sign = "-" if match["sign"] else ""
    if match["percent"]:
        value = _decimal(match["per"])
        return None if value is None else f"{sign}{value}%"
    if match["down"]:
        parts = [_integer(match[name]) if match[name] else 0 for name in ("whole", "up", "down")]
        if None in parts or not parts[2]:
            return None
        return f"{sign}{parts[0] or ''}\\frac{{{parts[1]}}}{{{parts[2]}}}"
    value = _decimal(match["plain"])
    return None if value is None else sign + value


def factor(text: str) -> tuple[str, bool]:
    """`1.5万` as `15000`, and whether anything changed.

    >>> factor("1.5万元"), factor("2亿3000万")
    (('15000元', True), ('230000000', True))
    """

    def several(match: re.Match[str]) -> str:
        if not (match[1] or match[2]) or sum(map(bool, match.groups())) < 2:
            return match[0]
        return str(
            sum(
                int(part) * 10**power
                for part, power in zip(match.groups(), (8, 4, 3, 0), strict=True)
                if part
            )
        )

    def scaled(match: re.Match[str]) -> str:
        value = Fraction(match[1]) * 10 ** _FACTORS[match[3]]
        return (
            str(value) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
        ) + match[2]

    changed = _FACTOR.sub(scaled, _SEVERAL.sub(several, text)) if _HAS_FACTOR.search(text) else text
    return changed, changed != text


def without_factor(text: str) -> str:
    """`1.5万` as `1.5`: the reading in which 万 is part of the unit."""
    return _FACTOR.sub(r"\1\2", text)


def _decimal(text: str) -> str | None:
    whole, _, tail = text.partition("点")
    value = _integer(whole)
    if value is None or any(c not in _DIGIT for c in tail):
        return None
    return str(value) + ("." + "".join(str(_DIGIT[c]) for c in tail) if tail else "")


def _integer(text: str) -> int | None:
    if all(c in _DIGIT for c in text):  # 二零二六: digit by digit
        return int("".join(str(_DIGIT[c]) for c in text))
    total = section = digit = 0
    for c in text:
        if c in _DIGIT:
            if digit:
                return None
            digit = _DIGIT[c]
        elif c in _SMALL:
            section += (digit or 1) * _SMALL[c]
            digit = 0
        elif c == "万":
            total += (section + digit or 1) * _BIG[c]
            section = digit = 0
        else:
            total = (total + section + digit or 1) * _BIG[c]
            section = digit = 0
    if digit and text[-2:-1] in _SHORT:  # 一百五 is 150, 一百零五 is 105
        digit *= _SHORT[text[-2]]
    return total + section + digit
