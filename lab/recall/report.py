"""The last collection of the recall loop, decontaminated and measured."""

from dataclasses import dataclass, field

from pipeline.corpus.config import CorpusConfig
from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class RecallReportStage(StageConfig):
    corpus: CorpusConfig = field(default_factory=CorpusConfig)


@stage(
    "recall_report",
    out="{reports}",
    reads=("{data}/world", "{data}/pages", "{data}/turn-4"),
    profile="recall",
)
def main(cfg: RecallReportStage, run: Run) -> None:
    import json
    from dataclasses import replace

    from lab.recall.figure import write_report
    from lab.recall.loop import benchmark_texts, ground, load_turn, tasks_of, truth_of
    from pipeline.corpus import loop
    from pipeline.corpus.mine import finish
    from pipeline.corpus.truth import Measure
    from pipeline.records import write_json
    from pipeline.report.claims import c03
    from pipeline.report.claims.claim import settle
    from pipeline.report.claims.table import document
    from pipeline.wiring.code import rules_hash
    from pipeline.wiring.progress import Steps

    world, pages = run.data / "world", run.data / "pages"
    bottom, _ = ground(world, pages, cfg.corpus, cfg.threads, Steps(run.label))
    state, rows = load_turn(run.data / f"turn-{cfg.corpus.recall.iterations}")
    mined = loop.mined_of(bottom, state, run.data / "no-classifier-is-kept", rows)
    rejects = [task.results[1] for task in tasks_of(world, pages, cfg.corpus)]
    collection = run.checkpoint / "corpus"  # only its numbers are kept
    collection.mkdir(exist_ok=True)
    summary = finish(
        bottom.crawl,
        mined,
        rejects,
        benchmark_texts(world),
        cfg.corpus,
        collection,
        Measure(truth_of(world), bottom.crawl),
    )
    made = json.loads((world / "summary.json").read_text(encoding="utf-8"))
    write_report(run.out, summary | {"web": made["web"]})
    claim = replace(c03.over_worlds([summary["iterations"]]), build="recall loop")
    rules = rules_hash()
    write_json(run.out / "claims.json", document(settle([claim]), profile="recall", rules=rules))
    run.summary(**summary, web=made["web"])


if __name__ == "__main__":
    main()
