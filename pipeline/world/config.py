"""How large the miniature world is, or which real data replaces it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.errors import UserError
from pipeline.world.problems import KINDS
from pipeline.world.real.config import RealConfig
from pipeline.world.web.config import WebConfig
from pipeline.world.words import FAMILIES, families_of

FORMATS = ("cot", "pot", "tir")


@dataclass(frozen=True)
class WorldConfig:
    """Counts of problems and their shares. The level of a word problem is its number of steps.

    With data=real only `seed` and `real` are used.

    instruct          problems with worked solutions, for supervised fine-tuning
    instruct_formats  formats of the solutions; every problem is solved in each
    instruct_kinds    {kind of problem: share of `instruct`}
    questions         RL questions, drawn from the problems of the instruction data, as in the paper
                      (section 4.2); 0 = all of `question_kinds`
    question_kinds    {kind: share of the RL questions, the new ones and the validation split}
    new_questions     further questions with worked solutions, of a split of their own, for the
                      variation with new RL questions (new/questions.jsonl, new/instruct.jsonl)
    benchmark         questions of each of mini_gsm8k, mini_math, mini_cmath, mini_bbh and
                      mini_bbh_zh
    word_operand      the most that a step of a word problem adds or takes away
    word_weights      {family of word problems (words.FAMILIES): how often it is drawn, against the
                      1 of a family that is not named}
    """

    data: str = "mini"  # "mini": generated | "real": read, as `real` says
    seed: int = 0
    word_levels: tuple[int, ...] = (2, 3, 4)
    word_operand: int = 25
    word_weights: dict[str, int] = field(default_factory=dict)
    symbolic_levels: tuple[int, ...] = (1, 2, 3, 4, 5)
    bbh_levels: tuple[int, ...] = (2, 3, 4)
    instruct: int = 12000
    instruct_formats: tuple[str, ...] = FORMATS
    instruct_kinds: dict[str, float] = field(
        default_factory=lambda: {"word_en": 0.45, "word_zh": 0.25, "symbolic": 0.3}
    )
    questions: int = 4000
    question_kinds: dict[str, float] = field(
        default_factory=lambda: {"word_en": 0.7, "symbolic": 0.3}
    )
    new_questions: int = 0
    validation: int = 400
    benchmark: int = 1000
    web: WebConfig = field(default_factory=WebConfig)
    real: RealConfig = field(default_factory=RealConfig)

    def __post_init__(self) -> None:
        if self.data not in ("mini", "real"):
            raise UserError(f"world.data={self.data}: must be mini or real")
        for name in ("instruct_kinds", "question_kinds"):
            shares = getattr(self, name)
            if abs(sum(shares.values()) - 1) > 1e-9:
                raise UserError(
                    f"world.{name}: shares must add up to 1, not {sum(shares.values()):g}"
                )
            unknown = sorted(set(shares) - set(KINDS))
            if unknown:
                raise UserError(
                    f"world.{name}: unknown kind of problem {unknown[0]!r}; known are "
                    f"{', '.join(KINDS)}"
                )
        missing = sorted(set(self.question_kinds) - set(self.instruct_kinds))
        if self.data == "mini" and missing:
            raise UserError(
                f"world.question_kinds: {missing[0]} is not in world.instruct_kinds, but RL "
                "questions are questions of the instruction data"
            )
        if "cot" not in self.instruct_formats or not set(self.instruct_formats) <= set(FORMATS):
            raise UserError(
                f"world.instruct_formats={list(self.instruct_formats)}: cot, and any of pot and tir"
            )
        for name, most in (("word_levels", 6), ("symbolic_levels", 5), ("bbh_levels", 4)):
            levels = getattr(self, name)
            if not levels or not set(levels) <= set(range(1, most + 1)):
                raise UserError(f"world.{name}={list(levels)}: must be levels between 1 and {most}")
        for name, weight in self.word_weights.items():
            if name not in FAMILIES or weight < 0:
                raise UserError(
                    f"world.word_weights.{name}={weight}: must be 0 or more, of one of "
                    f"{', '.join(FAMILIES)}"
                )
        empty = [n for n in self.word_levels if not families_of(n, self.word_weights)]
        if empty:
            raise UserError(f"world.word_weights: no family is left for level {empty[0]}")
        if not 2 <= self.word_operand <= 97:
            raise UserError(f"world.word_operand={self.word_operand}: must be between 2 and 97")

    def levels_of(self, kind: str) -> tuple[int, ...]:
        """The levels of a kind of problem."""
        family = kind.partition("_")[0]
        return {"word": self.word_levels, "bbh": self.bbh_levels}.get(family, self.symbolic_levels)
