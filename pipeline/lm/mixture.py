"""What the base model is trained on: the mined corpus mixed with other sources in given shares
(section 2.3).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import UserError
from pipeline.records import read_jsonl


@dataclass(frozen=True)
class MixtureConfig:
    """Shares of tokens by source. `corpus` is the mined corpus; any other source names a file in
    `files`.

    A file is parquet or JSONL with a `text` column. A small source is repeated until it fills its
    share.
    """

    shares: dict[str, float] = field(default_factory=lambda: {"corpus": 1.0})
    files: dict[str, str] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        if abs(sum(self.shares.values()) - 1) > 1e-9 or min(self.shares.values(), default=0) <= 0:
            raise UserError(
                f"mixture.shares: positive shares that add up to 1 are needed, not {dict(self.shares)}"
            )
        if "corpus" not in self.shares:
            raise UserError("mixture.shares: give the mined corpus a share (`corpus`)")

    def path(self, source: str, corpus: Path) -> Path:
        if source == "corpus":
            return corpus
        if source not in self.files:
            raise UserError(
                f"mixture.files.{source}: has no value; give a parquet or JSONL file with a `text` column"
            )
        return Path(self.files[source])


def read_texts(path: Path) -> Iterator[str]:
    """Texts of a parquet or JSONL file, in its order. Raises UserError when the file or its `text`
    is missing.
    """
    if path.suffix != ".parquet":
        for number, row in enumerate(read_jsonl(path), 1):
            if not isinstance(row.get("text"), str):
                raise UserError(f"{path}:{number}: no `text`; every line needs one")
            yield row["text"]
        return
    import pyarrow.parquet

    if not path.is_file():
        raise UserError(f"{path}: no such file; run the stage that makes it, or give another path")
    file = pyarrow.parquet.ParquetFile(path)
    if "text" not in file.schema_arrow.names:
        raise UserError(f"{path}: no `text` column; it has {', '.join(file.schema_arrow.names)}")
    for batch in file.iter_batches(batch_size=256, columns=["text"]):
        yield from batch.column("text").to_pylist()


def mix(
    cfg: MixtureConfig, corpus: Path, encode: Callable[[str], tuple]
) -> tuple[list[tuple], dict[str, int]]:
    """Examples of every source in its share of tokens, and the tokens of each source.

    `encode` makes an example, (ids, mask), of a text. The corpus is taken whole and sets the total.
    """
    examples = [encode(text) for text in read_texts(corpus)]
    if not examples:
        raise UserError(
            f"{corpus}: holds no page; loosen corpus.keep_fraction or corpus.token_budget"
        )
    counts = {"corpus": sum(len(ids) for ids, _ in examples)}
    for source in sorted(set(cfg.shares) - {"corpus"}):
        path = cfg.path(source, corpus)
        wanted = round(counts["corpus"] * cfg.shares[source] / cfg.shares["corpus"])
        texts = list(read_texts(path))
        if not texts:
            raise UserError(f"{path}: holds no text; give another file for mixture.files.{source}")
        random.Random(f"{cfg.seed}/{source}").shuffle(texts)
        counts[source] = 0
        at = 0
        while counts[source] < wanted:
            example = encode(texts[at % len(texts)])
            examples.append(example)
            counts[source] += len(example[0])
            at += 1
    return examples, counts
