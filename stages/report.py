"""All results -> reports/: the report, the table of claims, outcomes per question.   python -m stages.report"""

from dataclasses import dataclass
from pathlib import Path

from pipeline.wiring.stage import Run, StageConfig, stage


@dataclass(frozen=True, kw_only=True)
class ReportStage(StageConfig):
    """What was planned (pipeline/wiring/plans.py); the report names what is missing."""

    arms: tuple[str, ...] = ()
    chains: tuple[int, ...] = ()
    reward_arms: tuple[str, ...] = ()
    reward_chains: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()


@stage("report", out="{reports}", reads=("{data}/chains",))
def main(cfg: ReportStage, run: Run) -> None:
    from dataclasses import replace

    from pipeline.report.data import Unit
    from pipeline.report.load import load
    from pipeline.report.origin import origin
    from pipeline.report.outputs import NAME, write_outputs
    from pipeline.report.page.render import write_report

    results = replace(load(run.data), profile=cfg.profile, origin=origin(Path("."), run.data))
    planned = {
        arm: [Unit(chain, seed) for chain in chains for seed in cfg.seeds]
        for arms, chains in ((cfg.arms, cfg.chains), (cfg.reward_arms, cfg.reward_chains))
        for arm in arms
    }
    summary = write_report(results, run.out, planned)
    size = write_outputs(run.data, run.out / NAME)
    run.summary(**summary, outputs_bytes=size)


if __name__ == "__main__":
    main()
