"""How large the miniature world is, or which real data takes its place."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.errors import UserError
from pipeline.world.real.config import RealConfig
from pipeline.world.web.config import WebConfig


@dataclass(frozen=True)
class WorldConfig:
    """Counts of rows and their shares. The level of a word problem is its number of steps.

    With data=real only `seed` and `real` are used.
    """

    data: str = "mini"  # "mini": generated | "real": read, as `real` says
    seed: int = 0
    word_levels: tuple[int, ...] = (2, 3, 4)
    instruct_word_levels: tuple[int, ...] = ()  # of word problems with a solution; () = word_levels
    word_operand: int = 9  # the most that a step of a word problem adds or takes away
    symbolic_levels: tuple[int, ...] = (1, 2, 3, 4, 5)
    instruct: int = 12000  # instruction rows of all formats and languages
    instruct_formats: dict[str, float] = field(
        default_factory=lambda: {"cot": 0.8, "pot": 0.1, "tir": 0.1}
    )
    instruct_kinds: dict[str, float] = field(
        default_factory=lambda: {"word_en": 0.45, "word_zh": 0.25, "symbolic": 0.3}
    )
    questions: int = 4000  # RL questions
    question_kinds: dict[str, float] = field(
        default_factory=lambda: {"word_en": 0.7, "symbolic": 0.3}
    )
    validation: int = 400
    benchmark: int = 1000  # questions of each of mini_gsm8k, mini_math, mini_cmath
    web: WebConfig = field(default_factory=WebConfig)
    real: RealConfig = field(default_factory=RealConfig)

    def __post_init__(self) -> None:
        if self.data not in ("mini", "real"):
            raise UserError(f"world.data={self.data}: mini or real")
        for name in ("instruct_formats", "instruct_kinds", "question_kinds"):
            shares = getattr(self, name)
            if abs(sum(shares.values()) - 1) > 1e-9:
                raise UserError(
                    f"world.{name}: shares must add up to 1, not {sum(shares.values()):g}"
                )
        unknown = (set(self.instruct_kinds) | set(self.question_kinds)) - {
            "word_en",
            "word_zh",
            "symbolic",
        }
        if unknown:
            raise UserError(
                f"world: unknown kind of problem {sorted(unknown)[0]!r}; known are word_en, word_zh "
                "and symbolic"
            )
        for name in ("word_levels", "instruct_word_levels"):
            if not set(getattr(self, name)) <= {1, 2, 3, 4, 5, 6, 7, 8}:
                raise UserError(f"world.{name}={getattr(self, name)}: each between 1 and 8")
        if not 2 <= self.word_operand <= 97:
            raise UserError(f"world.word_operand={self.word_operand}: between 2 and 97")
