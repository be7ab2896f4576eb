"""What a running stage writes to: output folder, checkpoint, metrics, summary and cost."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import re
import resource
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import UserError
from pipeline.records import write_json
from pipeline.wiring.code import commit, rules_hash
from pipeline.wiring.config import StageConfig, plain
from pipeline.wiring.plans import CHAIN
from pipeline.wiring.progress import Progress

# What `accelerate launch` and torchrun tell each of the processes that they start.
RANK = int(os.environ.get("RANK", "0"))
PROCESSES = int(os.environ.get("WORLD_SIZE", "1"))
DATED = re.compile(
    r"(outputs|multirun)/\d{4}-\d\d-\d\d/"
)  # Hydra's folders: a new one for every run


class Job(NamedTuple):
    """Where one run of a stage stands."""

    stage: str
    axes: dict[str, Any]
    out: Path
    reads: list[Path]
    data: Path  # the plan's folder of results
    scratch: Path | None  # Hydra's output folder; None = canonical
    tracker: dict[str, Any]
    entry: Path
    shared: bool = False  # `out` holds what other runs and people wrote (reports/)

    @property
    def cell(self) -> str:
        return "-".join(str(value) for value in self.axes.values())

    @property
    def target(self) -> Path:
        return self.scratch / self.stage if self.scratch else self.out

    def checkpoints(self, mark: str) -> Path:
        """Where checkpoints of this job lie, in a folder for each fingerprint.

        Those of a scratch run are kept outside of Hydra's dated folder, so that the same command
        finds them again.
        """
        if self.scratch is None:
            return self.data / ".ckpt" / self.stage / (self.cell or "all")
        dated = DATED.search(self.scratch.as_posix())
        base = Path(self.scratch.as_posix()[: dated.end(1)]) if dated else self.scratch
        return base / ".ckpt" / f"{self.stage}-{mark}"

    @property
    def cost_file(self) -> Path:
        label = f"{self.stage}-{self.cell}" if self.cell else self.stage
        return self.scratch / "cost.json" if self.scratch else self.data / ".cost" / f"{label}.json"


class Run:
    """Handed to a stage's `main`.

    out         folder to write results to; renamed to its final name when the stage ends well
    checkpoint  folder that survives a kill; it exists; keyed by code, configuration and inputs
    data        folder with the results of the plan's stages
    chain       folder with the results of the stages of this job's chain, below `data`
    resumed     whether the checkpoint holds something
    """

    def __init__(self, job: Job, mark: str, settings: StageConfig):
        self.job, self.fingerprint, self.settings, self.data = job, mark, settings, job.data
        self.place(mark)
        self.checkpoint.mkdir(parents=True, exist_ok=True)
        self.resumed = any(self.checkpoint.iterdir())
        if not self.resumed:
            shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(exist_ok=True)
        self.before = (
            json.loads(self.clock_file.read_text(encoding="utf-8"))
            if self.clock_file.is_file()
            else {}
        )
        self.start = self.noted = time.monotonic()
        self.costs: dict[str, Any] = {}
        self.tracker: Any = None
        self.progress: Progress | None = None
        write_json(self.out / "config.json", plain(settings))
        self.label = f"{job.stage} {job.cell}".strip()
        begun = "resumed from its checkpoint" if self.resumed else "started"
        print(f"{self.label}: {begun} ({settings.profile})", flush=True)

    def place(self, mark: str) -> None:
        self.checkpoints = self.job.checkpoints(mark)
        self.folder = self.checkpoints / mark
        self.out, self.checkpoint = self.folder / "out", self.folder / "state"

    @property
    def chain(self) -> Path:
        return Path(CHAIN.format(data=self.data, chain=self.job.axes["chain"]))

    @property
    def clock_file(self) -> Path:
        return self.folder / "clock.json"

    def clock(self) -> dict[str, float]:
        """Seconds by the wall's clock and of the processor (children too), those of attempts that
        were killed included.
        """
        spent = {"seconds": time.monotonic() - self.start, "cpu_seconds": sum(os.times()[:4])}
        return {name: round(self.before.get(name, 0.0) + value, 3) for name, value in spent.items()}

    def follow(
        self,
        rows: Iterable[dict[str, Any]],
        total: int | None = None,
        name: str = "metrics",
        unit: str = "step",
        done: int | None = None,
    ) -> dict[str, Any]:
        """Consume a generator of metric rows: append each to `<name>.jsonl`, track it, show
        progress. Returns the last.

        unit -- of a row's `step`, for the rate that is shown; done -- how many of them an earlier
        attempt did, which count for no rate (None: those of the first row).

        After a resume the generator yields rows from the checkpoint's step on; kept rows from that
        `step` on are dropped first, so that the file equals that of an undisturbed run. Rows must
        hold no clock.
        """
        path = self.out / f"{name}.jsonl"
        rows = iter(rows)
        first = next(rows, None)
        kept = kept_rows(path, first)
        last = kept[-1] if kept else {}
        with (
            path.open("w", encoding="utf-8") as file,
            Progress(self.label, total, initial=done, unit=unit) as self.progress,
        ):
            for old in kept:
                file.write(dump(old))
            for row in () if first is None else itertools.chain([first], rows):
                file.write(dump(row))
                file.flush()
                self.progress.show(row)
                if self.job.tracker["name"] != "none":
                    self.track(row)
                last = row
                if time.monotonic() - self.noted > 5:
                    write_json(self.clock_file, self.clock())
                    self.noted = time.monotonic()
        return last

    def at(self, count: float) -> None:
        """Show, between two rows that `follow` takes, how far the work is."""
        if self.progress:
            self.progress.go_to(int(count))

    def track(self, row: dict[str, Any]) -> None:
        from pipeline.wiring import tracking

        if self.tracker is None:
            self.tracker = tracking.start(self)
        self.tracker.log(row)

    def summary(self, **values: Any) -> None:
        """Write `summary.json`: counts, scores, tokens, FLOPs by formula. No clock, host or
        absolute path.
        """
        write_json(
            self.out / "summary.json", {"stage": self.job.stage, **self.job.axes, **plain(values)}
        )

    def cost(self, **values: Any) -> None:
        """Keep measured figures (seconds of a part, GPU memory) for the cost file, which no stage
        depends on.
        """
        self.costs.update(values)


class OtherRun(Run):
    """What processes 1, 2, ... of a job are handed: they read its checkpoint, and write nothing."""

    def __init__(self, job: Job, mark: str, settings: StageConfig):
        self.job, self.fingerprint, self.settings, self.data = job, mark, settings, job.data
        self.place(mark)

    def follow(self, rows: Iterable[dict[str, Any]], *_: Any, **__: Any) -> dict[str, Any]:
        """Consume the rows. Returns the last."""
        last: dict[str, Any] = {}
        for row in rows:
            last = row
        return last

    def at(self, count: float) -> None:
        pass

    def summary(self, **values: Any) -> None:
        pass

    def cost(self, **values: Any) -> None:
        pass


def publish(run: Run, code: dict[str, str]) -> None:
    """Give the output its final name, write the cost file, remove the checkpoints of this job.

    `code`: the hash of each file of the stage's code, which is put into the cost file.
    """
    if not (run.out / "summary.json").is_file():
        raise AssertionError(f"stage {run.job.stage} wrote no summary.json")
    target = run.job.target
    target.parent.mkdir(parents=True, exist_ok=True)
    # first: a state that outlived its `out` would be resumed into an empty folder, and the rows
    # before it be missing
    shutil.rmtree(run.folder / "spent", ignore_errors=True)
    os.replace(run.checkpoint, run.folder / "spent")
    if run.job.shared and target.is_dir():
        fill(target, run.out)
    else:
        replace(target, run.out)
    clock = run.clock()
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    peak_mb = peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    cost = {**clock, "peak_rss_mb": round(peak_mb, 1), "resumed": run.resumed, **plain(run.costs)}
    cost["processes"] = PROCESSES  # the other figures are of the first one
    origin = {"fingerprint": run.fingerprint, "profile": run.settings.profile, "commit": commit()}
    origin["rules"] = rules_hash()
    write_json(run.job.cost_file, {**cost, **origin, "code": code})
    if run.tracker is not None:
        run.tracker.finish(cost)
    for folder in run.checkpoints.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    print(f"{run.label}: done in {clock['seconds']:.1f} s, {target}", flush=True)


def replace(target: Path, made: Path) -> None:
    """Give `made` the name `target`."""
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.replace(target, old)
    os.replace(made, target)
    shutil.rmtree(old, ignore_errors=True)


def fill(target: Path, made: Path) -> None:
    """Put what `made` holds into `target`, over what has the same name, and leave the rest: results
    of other runs, pilots and notes lie in reports/ too.
    """
    for path in sorted(made.iterdir()):
        if path.is_dir():
            shutil.rmtree(target / path.name, ignore_errors=True)
        os.replace(path, target / path.name)
    made.rmdir()


@contextlib.contextmanager
def job_lock(folder: Path) -> Iterator[None]:
    """Hold a job's checkpoint folder. Raises UserError when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{folder}: another process runs this job; wait for it or stop it"
            ) from None
        yield


def kept_rows(path: Path, first: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of an interrupted run that come before `first`, the first new one.

    All of them when there is none; none when rows have no `step` to know them by. A torn last line
    is dropped.
    """
    if not path.is_file() or (first is not None and "step" not in first):
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return [row for row in rows if first is None or row["step"] < first["step"]]


def dump(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"
