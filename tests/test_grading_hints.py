"""Hints (pipeline/grading/answer/hints.py) decide nothing: whatever a rule matches has one of its
hints, and without them every verdict is the same."""

import importlib
import json
import pkgutil
import re
from pathlib import Path
from re import _parser  # the pattern as a tree; re has no public name for it

import pytest

import pipeline.grading
from pipeline.grading import grade, worker
from pipeline.grading.answer import claims, extract, hints, text
from pipeline.grading.answer.hints import Hinted, folded
from pipeline.grading.grade import _decisions, grade_answer
from pipeline.grading.modes.strict import form_of

HERE = Path(__file__).parent


def rules():
    """Every Hinted of the package, by the name of its place."""
    found = {f"text._COMMANDS[{k}]": rule for k, (rule, _) in enumerate(text._COMMANDS)}
    for info in pkgutil.walk_packages(pipeline.grading.__path__, "pipeline.grading."):
        if "sandbox" in info.name or info.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(info.name)).items():
            if isinstance(value, Hinted):
                found[f"{info.name.removeprefix('pipeline.grading.')}.{name}"] = value
    return found


RULES = rules()


GAP = "\0"  # where a match may have anything, or nothing


def skeletons(tree):
    """What every match of a parsed pattern holds, for every way through its branches: literal text
    with gaps between."""
    ways = [""]
    for kind, value in tree:
        ways = [way + more for way in ways for more in _skeletons(str(kind), value)]
        assert len(ways) <= 50_000
    return ways


def _skeletons(kind, value):
    if kind == "LITERAL":
        return [chr(value)]
    if kind == "IN" and len(value) <= 12 and all(str(item[0]) == "LITERAL" for item in value):
        return [chr(code) for _, code in value]
    if kind == "BRANCH":
        return [way for branch in value[1] for way in skeletons(branch)]
    if kind == "SUBPATTERN":
        return skeletons(value[3])
    if kind.endswith("REPEAT") and value[0] > 0:
        return [way + GAP for way in skeletons(value[2])]
    return [""] if kind in ("AT", "ASSERT", "ASSERT_NOT") else [GAP]


def unhinted(rule, hints):
    """A way to match the rule without any of the hints, or None."""
    ways = set(skeletons(_parser.parse(rule.pattern.pattern, rule.pattern.flags & ~re.UNICODE)))
    ways = {folded(way) for way in ways} if rule.any_case else ways
    return next((way for way in ways if not any(hint in way for hint in hints)), None)


@pytest.mark.parametrize("name", RULES)
def test_whatever_a_rule_matches_has_one_of_its_hints(name):
    rule = RULES[name]
    assert unhinted(rule, rule.hints) is None
    for hint in rule.hints:
        assert hint, "an empty hint is in every text"
        others = [other for other in rule.hints if other != hint]
        assert unhinted(rule, others) is not None, f"{hint!r} is not needed"


def pieces(tree):
    """Every piece of a parsed pattern that takes one character."""
    for kind, value in tree:
        if str(kind) in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            yield kind, value
        for part in value if isinstance(value, tuple | list) else [value]:
            branches = part if isinstance(part, list) else [part]
            for branch in branches:
                if isinstance(branch, _parser.SubPattern):
                    yield from pieces(branch)


def takes_full_stops(pattern, flags=0):
    tree = _parser.parse(pattern, flags)
    return any(
        re._compiler.compile(_one(piece, tree.state)).fullmatch(".") for piece in pieces(tree)
    )


def _one(piece, state):
    return _parser.SubPattern(state, [piece])


def test_no_denial_crosses_a_full_stop():
    """So that the words behind the last one are enough to look at."""
    assert takes_full_stops(r"a(?:b|c[^x]{0,3})") and takes_full_stops(r"(?:a|\W)*")
    assert not takes_full_stops(r"a(?:b|c[^.]{0,3})\s")
    for rule in (claims._DENIED_BEFORE, claims._NOT_ITS_OWN):
        assert not takes_full_stops(rule.pattern.pattern, rule.pattern.flags & ~re.UNICODE)


@pytest.mark.parametrize("said", ["NOT", "ıncorrect", "İMPOSSIBLE", "ſuppose", "Kelvin's trap"])
def test_letters_that_are_the_same_to_a_pattern_are_the_same_to_hints(said):
    words = "not|incorrect|impossible|suppose|kelvin"
    rule = Hinted(words, words, re.IGNORECASE)
    assert bool(rule.pattern.search(said)) == bool(rule.search(said))


def outputs():
    """(output or answer, reference, question, is an answer) of the case files."""
    for line in (HERE / "grading_cases.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        question = case.get("question") or ""
        yield case["prediction"], case["reference"], question, case["kind"] == "answer"
    for line in (HERE / "grading_attacks_second.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "boxes" not in row:
            yield row["output"], row["reference"], row.get("question", ""), False


def verdicts():
    _decisions.values.clear()
    form_of.cache.values.clear()
    text.clean.cache.values.clear()
    claims._is_denied_by.cache_clear()
    return [
        (grade_answer if bare else grade)(output, reference, question=question)
        for output, reference, question, bare in outputs()
    ]


def test_without_hints_every_verdict_is_the_same(monkeypatch):
    worker.start()
    quick = verdicts()
    monkeypatch.setattr(Hinted, "may_match", lambda self, *said: True)
    monkeypatch.setattr(text, "_PLAIN", re.compile(r"(?!)"))
    for module in (claims, extract, hints):
        monkeypatch.setattr(module, "has_words", lambda said, at=0: True)
    assert verdicts() == quick
