"""What an evaluation is: which questions, which protocol, how many samples."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.errors import UserError

PROTOCOLS = ("cot", "few_shot", "pot", "pal", "tir")
TOOLS = ("pot", "pal", "tir")  # of these the ones that run programs
SHOWS = {"few_shot": "cot", "pal": "pot"}  # the ones that show exemplars, and the format of these
MODES = ("strict", "deepseek")


@dataclass(frozen=True)
class EvaluateConfig:
    """Figure 7 and EVAL_PROTOCOL: one greedy answer a question, and `samples` at temperature 0.7.

    benchmarks        names of pipeline/evaluate/suites.py; `name@protocol` asks one under another protocol
    questions         so many of each benchmark, a fixed random choice; 0 = all
    questions_of      {benchmark: questions} where one is to have another number
    samples           sampled answers per question; 0 = greedy only
    ks                the K of maj@K and pass@K; a K above the samples drawn is left out
    extra_samples     {benchmark: K} more samples for the curves over K of Figure 7 ...
    extra_questions   ... on so many of those questions (0 = all) ...
    extra_models      ... of these models only
    extra_benchmarks  {model: benchmarks} asked of one model alone, such as {instruct: [mini_math@tir]} for claim C6;
                      those that run programs are left out, with a line that says so, where there is no sandbox
    batch             rows decoded at once, or fewer where memory is short
    compute_dtype     float32, or bfloat16 as RL sampled with it
    chunk             questions answered between two checkpoints
    source, folder    real benchmarks: "local" files in `folder` (the layout of the manifest) or the Hugging Face "hub"
    style             prompt suffixes: "paper" or "mini" (pipeline/lm/prompts.py)
    shots, exemplars  few_shot, pal: how many of the benchmark's stated exemplars, or a user's JSONL file of `Instruction`
    max_rounds        tir: generations, and so program runs, a question
    """

    benchmarks: tuple[str, ...] = ("mini_gsm8k", "mini_math", "mini_cmath")
    questions: int = 0
    questions_of: dict[str, int] = field(default_factory=dict)
    samples: int = 8
    temperature: float = 0.7
    ks: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    max_new_tokens: int = 64
    protocol: str = "cot"
    style: str = "mini"
    batch: int = 256
    chunk: int = 128
    engine: str = "fast"
    compute_dtype: str = "float32"
    grading_mode: str = "strict"
    extra_samples: dict[str, int] = field(default_factory=dict)
    extra_questions: int = 0
    extra_models: tuple[str, ...] = ()
    extra_benchmarks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = "local"
    folder: str = ""
    shots: int = 0
    exemplars: str = ""
    max_rounds: int = 2

    def __post_init__(self) -> None:
        if not self.benchmarks:
            raise UserError("evaluate.benchmarks is empty: name at least one benchmark")
        for key in ("questions", "samples", "extra_questions", "shots"):
            if getattr(self, key) < 0:
                raise UserError(f"evaluate.{key}={getattr(self, key)} must not be negative")
        for key in ("max_new_tokens", "batch", "chunk", "max_rounds"):
            if getattr(self, key) < 1:
                raise UserError(f"evaluate.{key}={getattr(self, key)} must be at least 1")
        if self.samples and not self.temperature > 0:
            raise UserError(
                f"evaluate.temperature={self.temperature} must be above 0 where samples are drawn"
            )
        if self.protocol not in PROTOCOLS:
            raise UserError(f"evaluate.protocol={self.protocol}: one of {', '.join(PROTOCOLS)}")
        if self.compute_dtype not in ("float32", "bfloat16"):
            raise UserError(f"evaluate.compute_dtype={self.compute_dtype}: float32 or bfloat16")
        if self.grading_mode not in MODES:
            raise UserError(f"evaluate.grading_mode={self.grading_mode}: one of {', '.join(MODES)}")
        if self.source not in ("local", "hub"):
            raise UserError(f"evaluate.source={self.source}: local or hub")
        if not self.ks or min(self.ks) < 1 or list(self.ks) != sorted(set(self.ks)):
            raise UserError(f"evaluate.ks={list(self.ks)} must rise from at least 1")
        for name in self.questions_of:
            if name not in self.benchmarks:
                raise UserError(
                    f"evaluate.questions_of names {name}, which is not among evaluate.benchmarks"
                )
        for name, count in self.extra_samples.items():
            if name not in self.benchmarks:
                raise UserError(
                    f"evaluate.extra_samples names {name}, which is not among evaluate.benchmarks"
                )
            if count < self.samples:
                raise UserError(
                    f"evaluate.extra_samples.{name}={count} is below evaluate.samples={self.samples}"
                )
