"""One turn of the recall loop, from the state that the turn before left.

A turn after the stop rule was met repeats the state before it.
"""

from dataclasses import dataclass, field

from pipeline.corpus.config import CorpusConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class TurnStage(StageConfig):
    """`turn` counts from 1."""

    turn: int
    corpus: CorpusConfig = field(default_factory=CorpusConfig)


# The state of the turn before is a function of these and of the same code, so they key the
# checkpoint without it.
READS = ("{data}/world/web", "{data}/world/seed.jsonl", "{data}/pages")


@stage("turn", cell=("turn",), out="{data}/turn-{turn}", reads=READS, profile="recall")
def main(cfg: TurnStage, run: Run) -> None:
    from lab.recall.loop import ground, load_turn, truth_of
    from pipeline.corpus import loop
    from pipeline.corpus.domains import by_samples
    from pipeline.corpus.truth import Measure
    from pipeline.records import write_json
    from pipeline.wiring.progress import Steps

    world, show, rows = run.data / "world", Steps(run.label), []
    bottom, state = ground(world, run.data / "pages", cfg.corpus, cfg.threads, show)
    if cfg.turn > 1:
        state, rows = load_turn(run.data / f"turn-{cfg.turn - 1}")
    if rows and rows[-1].get("pages_collected_before", 0.0) >= cfg.corpus.recall.stop_share:
        print(f"{run.label}: the loop had stopped at turn {state.number}")
    else:
        truth = truth_of(world)
        annotate = by_samples(truth.by_url)
        work = run.checkpoint  # classifier and scores, 240 MB that no later turn reads
        state = loop.iterate(bottom, state, cfg.corpus, annotate, work, run.out, cfg.threads, show)
        rows.append(state.row | Measure(truth, bottom.crawl).collection(state.kept))
    state.save(run.out / "state.npz")
    write_json(run.out / "iterations.json", rows)
    run.summary(**rows[-1])


if __name__ == "__main__":
    main()
