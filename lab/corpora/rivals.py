"""The corpora that are compared, a JSONL file each, and their one tokenizer.

Web pages are distinct, decontaminated, and known by the states of the recall loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.lm.model import ModelConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class RivalsStage(StageConfig):
    model: ModelConfig = field(default_factory=ModelConfig)


RECALL = Path("data/recall")
READS = tuple(str(RECALL / name) for name in ("world", "pages", "turn-1", "turn-4"))


@stage("rivals", out="{data}/rivals", reads=READS, profile="corpora")
def main(cfg: RivalsStage, run: Run) -> None:
    from lab.corpora.generated import texts
    from pipeline.records import read_jsonl, write_jsonl

    counts = {}
    for name, rows in web_corpora():
        counts[name] = write_jsonl(run.out / f"{name}.jsonl", rows)
    size = sum(len(row["text"]) for row in read_jsonl(run.out / "final.jsonl"))
    for name in ("arxiv", "code"):
        rows = ({"text": text} for text in texts(name, size, 0))
        counts[name] = write_jsonl(run.out / f"{name}.jsonl", rows)
    shared_tokenizer(run.out, cfg.model).save_pretrained(run.out / "tokenizer")
    run.summary(documents=counts)


def web_corpora() -> Iterator[tuple[str, Iterator[dict[str, str]]]]:
    """(name, rows) of each corpus that is a part of the crawl."""
    from lab.recall.loop import benchmark_texts, ground, load_turn, settings_of, truth_of
    from pipeline.corpus.config import DecontaminateConfig
    from pipeline.corpus.decontaminate import Index
    from pipeline.corpus.truth import Measure
    from pipeline.wiring.progress import Steps

    world, pages, first, last = (Path(path) for path in READS)
    bottom, _ = ground(world, pages, settings_of(pages), 1, Steps("rivals"))
    (early, _), (state, _) = load_turn(first), load_turn(last)
    mathematical = Measure(truth_of(world), bottom.crawl).is_math
    index = Index(benchmark_texts(world), DecontaminateConfig())
    masks = {
        "web": state.eligible,
        "iteration_1": early.kept,
        "final": state.kept,
        "final_en": state.kept,
        "general": state.eligible & ~mathematical,
    }
    for name, mask in masks.items():
        yield name, clean_rows(bottom.crawl, mask, index, only="en" if name == "final_en" else "")


def clean_rows(crawl: Any, mask: Any, index: Any, only: str) -> Iterator[dict[str, str]]:
    """The decontaminated texts of the pages of a mask, in one language when `only` names it."""
    from pipeline.corpus.decontaminate import clean

    for _, row in crawl.rows(mask, ["text", "lang"]):
        if only and row["lang"] != only:
            continue
        text = clean(row["text"], index).text
        if text:
            yield {"text": text}


def shared_tokenizer(folder: Path, model: ModelConfig) -> Any:
    """One vocabulary for all arms: a quarter of every corpus and all of the instruction data."""
    from itertools import chain

    from lab.corpora.matrix import instructions
    from pipeline.lm.tokenizer import train_tokenizer
    from pipeline.records import read_jsonl

    def part(path: Path) -> Iterator[str]:
        return (row["text"] for number, row in enumerate(read_jsonl(path)) if number % 4 == 0)

    formats = (f"{row.question}\n{row.solution}" for row in instructions(Path(READS[0])))
    files = sorted(folder.glob("*.jsonl"))
    return train_tokenizer(chain(*map(part, files), formats), model.vocab_size)


if __name__ == "__main__":
    main()
