"""Chinese numerals in answers: 五分之三, 二十一, 三点五, 百分之二十; and the units that may follow them."""

from __future__ import annotations

import re

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
    "家 所 户 车 批 幅 枚 颗 粒 片 节 轮 场 局 分数 票 米每秒 千米每小时".split()
)


def numeral(text: str) -> str | None:
    """`text` as digits when it is one Chinese numeral with at most a known unit behind it, else
    None.

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


def digits(text: str) -> str | None:
    """An unsigned whole numeral, Chinese or not, as digits."""
    if text.isdecimal():
        return text
    value = _integer(text) if text and all(c in _NUMERAL for c in text) else None
    return None if value is None else str(value)


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
