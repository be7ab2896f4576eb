"""Which real data replaces the miniature world."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.errors import UserError


@dataclass(frozen=True)
class RealConfig:
    """Real data, with `world.data=real`; pipeline/world/real/build.py says what is made of it.

    train         data sets of worked solutions: names of pipeline/world/real/sets.py, or your own
                  JSONL files of `Instruction` rows
    source        "local": files below `folder`; "hub": the Hugging Face data sets of `hub`
    folder        holds gsm8k/train.jsonl, math/train.jsonl or math/train.verl.parquet, and the
                  files of the benchmarks
    hub           {data set: name on the hub, or a folder that `datasets` loads}, instead of the
                  usual one
    instruct      instruction rows; 0 = all
    questions     RL questions; 0 = all
    validation    share of the questions held out of both
    benchmarks    the benchmarks whose questions and answers are removed from the corpus
    web           WARC or WET files, HTML files, or folders of them; empty = `corpus.input` names
                  the crawl
    seed          known mathematical pages: JSONL files with url and text, HTML files, or folders
                  of HTML
    """

    train: tuple[str, ...] = ("gsm8k", "math")
    source: str = "local"
    folder: str = ""
    hub: dict[str, str] = field(default_factory=dict)
    instruct: int = 0
    questions: int = 0
    validation: float = 0.02
    benchmarks: tuple[str, ...] = ("gsm8k", "math", "cmath")
    web: tuple[str, ...] = ()
    seed: tuple[str, ...] = ()
    max_page_bytes: int = 8_000_000  # larger seed pages are left out

    def __post_init__(self) -> None:
        if self.source not in ("local", "hub"):
            raise UserError(f"world.real.source={self.source}: local or hub")
        if not self.train:
            raise UserError(
                "world.real.train is empty: name gsm8k, math or a JSONL file of your own"
            )
        if not 0 < self.validation < 1:
            raise UserError(f"world.real.validation={self.validation}: a share between 0 and 1")
        if min(self.instruct, self.questions) < 0:
            raise UserError("world.real: instruct and questions must not be negative; 0 takes all")
