"""Set phrases of mathematical pages. A line: name | English choices, divided by / | Chinese choices. {n} is the page's number."""

# ruff: noqa: E501 (one line a phrase keeps both languages side by side)
from __future__ import annotations

_TABLE = """
forum_title | How do I work this out / Help with homework / Is my result right / Stuck on a calculation / Simple way to see this / Where is my mistake / How many are left / Not sure about the order of the steps / A sum that puzzles me | 这道题怎么做 / 求助一道题 / 我算得对吗 / 请教一个计算问题 / 哪里算错了 / 还剩多少 / 运算顺序不明白 / 一道应用题
forum_tail | (no. {n}) / , part {r}? / ? / , please? | （第{n}题） / ？ / ，在线等 / （第{r}小题）
forum_try | I tried for an hour and get a different number each time. / My teacher says it is easy, but I do not see it. / Please explain the steps, not only the result. / What is the first step here? / I think one has to go from left to right, but I am not sure. / The book gives no reason. | 我算了一个小时，每次结果都不一样。 / 老师说很简单，可是我不会。 / 请写出过程，谢谢。 / 第一步该怎么做？ / 是不是从左往右算？ / 书上没有过程。
answers | Answers / 2 Answers / Best answer / Replies | 回答 / 最佳答案 / 全部回答 / 网友回复
similar | A similar question: / Compare this one. / Try it with other numbers: / My own exercise was this: | 类似的题： / 再看一题： / 换个数： / 我的作业是：
thanks | Thank you, now I understand it! / Nice, the second way is shorter. / I would check it by going backwards. / Well explained, voted up. / Is there a rule behind this? | 谢谢，懂了！ / 第二种方法更简单。 / 可以倒过来验算。 / 讲得很清楚。 / 这里面有规律吗？
example | Example {n} / Worked example {n} / Exercise {n} with solution | 例{n} / 例题{n} / 练习{n}（附解答）
solution | Solution. / We calculate. / Answer. / Let us see. | 解： / 分析： / 答： / 想：
remark | Remark / See also / What comes next / For the curious | 注 / 拓展 / 思考 / 延伸阅读
wiki_tail | (mathematics) / with {r} / , an introduction / , basics | （数学） / （{n}） / 入门 / 基础
examples | Examples / Illustration / In numbers | 例子 / 举例 / 数值例子
laws | Properties / Laws / Formulas | 性质 / 定律 / 公式
applications | Applications / Problems / Use in daily life | 应用 / 练习 / 生活中的应用
exam_title | Mathematics test {n} / Exam paper {n}, part B / Practice paper no. {n} / Final test of class {r}, sheet {n} | 数学试卷{n} / 第{n}次数学测验 / 期末复习卷{n} / {r}年级单元测试{n}
exam_rules | Show your working. No calculators. / Each question counts {r} points. / Time: {t} minutes. Good luck! / Write the result in the box. | 写出过程，不用计算器。 / 每题{r}分。 / 时间{t}分钟。 / 请把得数写在横线上。
key | Solutions / Key / How it is done | 答案与解析 / 解答 / 参考答案
item | Question {n}. / No. {n}: / To {n}: | 第{n}题： / {n}． / 题{n}：
drill_title | Mental arithmetic, lesson {n} / Adding and taking away, part {n} / Times tables, day {n} / Quick sums no. {n} | 口算练习第{n}课 / 加减法第{n}天 / 乘法口诀第{n}讲 / 速算{n}
blog_title | The puzzle of the week / Doing sums on the train / What my pupils asked / Numbers at breakfast / A small calculation, no. {n} | 本周趣题 / 火车上的计算 / 学生问我的题 / 早餐桌上的数字 / 小计算第{n}篇
blog_lead | Here is one for you: / Think about this. / A reader sent this: / My daughter brought this home: | 来看一题： / 想一想： / 读者来信： / 女儿带回一道题：
leak_lead | Someone sent us this one. / From a test: / Found on the net: / Question: | 网友发来一题： / 试卷上的题： / 转一道题： / 题目：
story_key | You should get this: / If you are right, you have found / My results, from the first to the last: | 应该得到： / 答案依次是 / 做对了就是：
worksheet_title | Worksheet {n} | 练习{n}
worksheet_lead | Add the two numbers. | 求两数之和。
worksheet_key | Results: | 得数：
comment_title | Answers / 2 Answers / Best answer / Replies | 回答 / 最佳答案 / 全部回答 / 网友回复
comment | Thank you! / I agree. / This did not help me. / Same here. / Great page, I come back every week. | 谢谢！ / 同意。 / 没用。 / 我也是。 / 写得好，常来看看。
updated | Updated on | 更新于
"""


def _parse() -> dict[str, dict[str, tuple[str, ...]]]:
    out = {}
    for line in _TABLE.strip().splitlines():
        name, en, zh = (cell.strip() for cell in line.split(" | "))
        out[name] = {"en": tuple(en.split(" / ")), "zh": tuple(zh.split(" / "))}
    return out


PHRASES = _parse()
