"""The corpus tool's shards done by datatrove's executors: processes, Slurm or Ray.

    pip install -e .[datatrove]        # or .[ray]
    python -m pipeline.cli.executors slurm --partition cpu --env-command "source .venv/bin/activate" \\
        mine crawl/*.warc.gz --seed-rows seed.jsonl --benchmarks test.jsonl --out corpus

What follows the executor's options is a command of `python -m pipeline.corpus` (extract or mine).
Extraction, signatures and scoring run as one datatrove task per shard; what is global (the cut,
clusters, the domains) runs here. Whether a shard is done is decided by this project's receipts
alone (pipeline/corpus/shards.py), not by datatrove's completion marks, which lose documents when
the number of tasks changes; so a run can be stopped, and go on under another executor.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.corpus.shards import Task, do
from pipeline.errors import UserError
from pipeline.files import fingerprint

NAMES = r"[\w.,-]+"  # of partitions (several with commas) and qualities of service
TIMES = r"\d+(:\d\d){0,2}|\d+-\d+(:\d\d){0,2}"  # as sbatch documents --time
COMMANDS = (
    "pack",
    "extract",
    "score",
    "mine",
    "decontaminate",
    "inspect",
)  # where the executor's options end


@dataclass(frozen=True)
class ExecutorConfig:
    """`kind` is local, slurm or ray. Times and memory are those of one shard."""

    kind: str
    logs: Path = Path("data/.executor")
    workers: int = -1  # shards at a time; -1 = no limit
    partition: str = ""  # Slurm's; needed there
    time: str = "08:00:00"
    memory_gb: int = 4
    env_command: str = ""  # what makes this project's Python the one that runs on a node
    qos: str = ""


class Step:
    """A datatrove pipeline of one step: rank r does task r. The input is empty, and so is the
    output.
    """

    def __init__(self, tasks: list[Task]):
        self.tasks = tasks

    def __call__(self, data: Any, rank: int = 0, world_size: int = 1) -> None:
        if not self.tasks[rank].is_done():  # another run may have done it meanwhile
            do(self.tasks[rank])


def runner(cfg: ExecutorConfig) -> Callable[[list[Task]], None]:
    """A function that has tasks done, to hand to `shards.run` instead of a number of
    processes.
    """
    make = {"local": _local, "slurm": _slurm, "ray": _ray}.get(cfg.kind)
    if make is None:
        raise UserError(f"executor {cfg.kind!r}: local, slurm or ray")
    if cfg.kind == "slurm":
        check_slurm(cfg)

    def run(tasks: list[Task]) -> None:
        logs = cfg.logs / fingerprint([task.proof for task in tasks])
        common = {
            "pipeline": [Step(tasks)],
            "tasks": len(tasks),
            "logging_dir": str(logs.absolute()),
            "skip_completed": False,
        }
        make(common, cfg).run()

    return run


def check_slurm(cfg: ExecutorConfig) -> None:
    """Raises UserError for what sbatch would refuse once the job is queued: these go into the
    script's directives.
    """
    if not cfg.partition:
        raise UserError("executor slurm: --partition is needed")
    for name, value, form in (
        ("partition", cfg.partition, NAMES),
        ("qos", cfg.qos or "-", NAMES),
        ("time", cfg.time, TIMES),
    ):
        if not re.fullmatch(form, value):
            expected = (
                "minutes, hours:minutes:seconds or days-hours"
                if name == "time"
                else "a name as sinfo lists it"
            )
            raise UserError(f"executor slurm: --{name} is {value!r}; give {expected}")
    if cfg.memory_gb < 1 or cfg.workers == 0 or cfg.workers < -1:
        raise UserError(
            "executor slurm: --memory-gb is at least 1, --at-once at least 1 (or -1, no limit)"
        )


def _missing(error: ImportError, extra: str) -> UserError:
    return UserError(f"executor: {error.name or error} is not installed; pip install -e .[{extra}]")


def _local(common: dict[str, Any], cfg: ExecutorConfig) -> Any:
    try:
        from datatrove.executor import LocalPipelineExecutor
    except ImportError as error:
        raise _missing(error, "datatrove") from None
    return LocalPipelineExecutor(**common, workers=cfg.workers)


def _slurm(common: dict[str, Any], cfg: ExecutorConfig) -> Any:
    """`sbatch --wait` returns when the array has ended, so that the run goes on by itself."""
    try:
        from datatrove.executor import SlurmPipelineExecutor
    except ImportError as error:
        raise _missing(error, "datatrove") from None
    return SlurmPipelineExecutor(
        **common, workers=cfg.workers, time=cfg.time, partition=cfg.partition, mem_per_cpu_gb=cfg.memory_gb, qos=cfg.qos,
        env_command=cfg.env_command or None, job_name="dsm-corpus", sbatch_args={"wait": ""},
    )  # fmt: skip


def _ray(common: dict[str, Any], cfg: ExecutorConfig) -> Any:
    try:
        import ray
        from datatrove.executor.ray import RayPipelineExecutor
    except ImportError as error:
        raise _missing(error, "ray") from None
    if not ray.is_initialized():
        ray.init(
            log_to_driver=False, include_dashboard=False
        )  # joins the cluster that RAY_ADDRESS names
    return RayPipelineExecutor(**common, workers=cfg.workers, mem_per_cpu_gb=cfg.memory_gb)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m pipeline.cli.executors", description=__doc__.split("\n", 1)[0],
        usage="%(prog)s {local,slurm,ray} [options] extract|mine ... (as python -m pipeline.corpus)",
    )  # fmt: skip
    top.add_argument("kind", choices=["local", "slurm", "ray"])
    top.add_argument("--logs", type=Path, default=ExecutorConfig.logs)
    top.add_argument("--at-once", type=int, default=-1, help="shards at a time; -1 = no limit")
    for name in ("partition", "time", "env-command", "qos"):
        top.add_argument(f"--{name}", default=getattr(ExecutorConfig, name.replace("-", "_")))
    top.add_argument("--memory-gb", type=int, default=ExecutorConfig.memory_gb)
    return top


def main(argv: list[str] | None = None) -> int:
    given = list(sys.argv[1:] if argv is None else argv)
    at = next((place for place, word in enumerate(given) if word in COMMANDS), len(given))
    args = parser().parse_args(given[:at])
    from pipeline.cli import corpus_commands as commands
    from pipeline.cli.corpus import parser as corpus_parser

    cfg = ExecutorConfig(
        args.kind,
        args.logs,
        args.at_once,
        args.partition,
        args.time,
        args.memory_gb,
        args.env_command,
        args.qos,
    )
    inner = corpus_parser().parse_args(given[at:])
    try:
        if not hasattr(inner, "workers"):
            raise UserError(
                f"{inner.command}: has no shards; run python -m pipeline.corpus {inner.command}"
            )
        inner.workers = runner(cfg)
        getattr(commands, inner.command)(inner)
    except UserError as error:
        print(f"executors: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
