"""MLflow as a view of the runs. The files are the truth: `python -m pipeline.wiring.tracking
rebuild` makes it again.

A parent run is a sweep, a child run is a cell (arm x seed) or a model; stages without cells stand
alone. The pipeline that `dvc repro` builds never talks to MLflow while it runs (`make repro`
rebuilds the view at its end), so that fan-out needs no shared database. A scratch run may log live:
`tracker=mlflow`.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import math
import os
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UserError
from pipeline.wiring.code import ROOT, commit
from pipeline.wiring.config import flat
from pipeline.wiring.plans import SHOWN_KEY

EXPERIMENT = "deepseekmath"
PAPER = {
    "world": "the miniature world; no counterpart",
    "corpus": "section 2.1",
    "pretrain": "section 2.3",
    "sft": "section 3",
    "reward": "section 4.1",
    "rl": "section 4, section 5.2, Table 10, Figure 5",
    "evaluate": "Table 5, Figure 7",
}
BATCH = 800  # metrics a call; the server's limit is 1000


def start(run: Any) -> Tracker:
    """A tracker for a running stage (pipeline.wiring.run.Run)."""
    job = run.job
    folder = job.scratch.resolve() if job.scratch else None
    sweep = (
        str(folder.parent.relative_to(Path.cwd()))
        if folder and "multirun" in folder.parts
        else None
    )
    config = json.loads((run.out / "config.json").read_text(encoding="utf-8"))
    tags = {
        "stage": job.stage,
        "cell": job.cell,
        "profile": run.settings.profile,
        "fingerprint": run.fingerprint,
        "commit": commit(),
        "paper_ref": PAPER.get(job.stage, ""),
        "source": "live",
        **comparison_tags(config),
    }
    with store_lock(job.tracker["uri"]):
        store = Store(job.tracker["uri"])
        parent = store.parent(f"{job.stage} {sweep}", tags) if sweep else None
        return store.child(f"{job.stage} {job.cell}".strip(), tags, config, parent)


class Store:
    """An MLflow store. Open the first one under `store_lock`: a cold sqlite store is created and
    migrated then.
    """

    def __init__(self, uri: str):
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.tracking import MlflowClient

        self.client = MlflowClient(uri)
        found = self.client.get_experiment_by_name(EXPERIMENT)
        self.experiment = (
            found.experiment_id if found else self.client.create_experiment(EXPERIMENT)
        )

    def parent(self, name: str, tags: dict[str, str]) -> str:
        """The parent run of that name, made when it is not there."""
        query = f"tags.sweep = '{name}'"
        found = self.client.search_runs([self.experiment], query, max_results=1)
        if found:
            return found[0].info.run_id
        shared = {key: tags[key] for key in ("stage", "profile", "commit", "paper_ref", "source")}
        made = self.client.create_run(
            self.experiment, run_name=name, tags={**shared, "sweep": name}
        )
        self.client.set_terminated(made.info.run_id)
        return made.info.run_id

    def child(
        self, name: str, tags: dict[str, str], config: dict[str, Any], parent: str | None
    ) -> Tracker:
        from mlflow.entities import Param

        above = {"mlflow.parentRunId": parent} if parent else {}
        made = self.client.create_run(self.experiment, run_name=name, tags={**tags, **above})
        params = [Param(key, str(value)[:500]) for key, value in flat_names(config).items()]
        for at in range(0, len(params), 100):
            self.client.log_batch(made.info.run_id, params=params[at : at + 100])
        return Tracker(self.client, made.info.run_id)


class Tracker:
    """Buffers metric rows and writes them in batches."""

    def __init__(self, client: Any, run_id: str):
        self.client, self.run_id = client, run_id
        self.waiting: list[Any] = []
        self.count = 0

    def log(self, row: dict[str, Any], stamp: int | None = None) -> None:
        from mlflow.entities import Metric

        stamp = int(time.time() * 1000) if stamp is None else stamp
        step = row["step"] if isinstance(row.get("step"), int) else self.count
        self.count += 1
        self.waiting += [
            Metric(key, value, stamp, step) for key, value in numbers(row).items() if key != "step"
        ]
        if len(self.waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        for at in range(0, len(self.waiting), BATCH):
            self.client.log_batch(self.run_id, metrics=self.waiting[at : at + BATCH])
        self.waiting = []

    def finish(self, values: dict[str, Any] | None = None, stamp: int | None = None) -> None:
        if values:
            self.log(values, stamp)
        self.flush()
        self.client.set_terminated(self.run_id)


def comparison_tags(config: dict[str, Any]) -> dict[str, str]:
    """Tags to find and compare cells by: `chain`, `arm`, `seed` as far as a run has them, and
    `compares`, the arms that the arm's file names as its counterparts.

    A run of the stage `evaluate` has the arm and seed of its model.
    """
    arm, seed = (config.get("rl") or {}).get("name", ""), config.get("seed")
    if isinstance(config.get("model"), str):
        name, _, last = config["model"].rpartition("-")
        arm, seed = (name, last) if name else (config["model"], None)
    tags = {"chain": config.get("chain"), "arm": arm or None, "seed": seed if arm else None}
    path = ROOT / f"conf/rl/{arm}.yaml"
    if arm and path.is_file():
        shown = yaml.safe_load(path.read_text(encoding="utf-8")).get(SHOWN_KEY) or {}
        tags["compares"] = ", ".join(shown.get("against") or {})
    return {key: str(value) for key, value in tags.items() if value not in (None, "")}


def flat_names(values: dict[str, Any]) -> dict[str, Any]:
    """`flat`, with `@` as `_at_`, because MLflow does not allow `@` in names."""
    return {key.replace("@", "_at_"): value for key, value in flat(values).items()}


def numbers(row: dict[str, Any]) -> dict[str, float]:
    """The finite numbers of a row."""
    flattened = flat_names(row).items()
    return {
        key: float(value)
        for key, value in flattened
        if isinstance(value, (int, float)) and math.isfinite(value)
    }


@contextlib.contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """Held while a store is opened or a parent run is made; nothing to hold for a server."""
    path = uri.removeprefix("sqlite:///")
    if path == uri:
        yield
        return
    with open(f"{path}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def result_folders(root: Path) -> Iterator[tuple[Path, Path]]:
    """(result folder, cost file) of every finished run: those of the plans (data/<plan>/), then the
    scratch runs.
    """
    for data in sorted(path for path in (root / "data").glob("*") if path.is_dir()):
        for kind in ("*", "*/*", "chains/*/*", "chains/*/*/*"):
            for summary in sorted(data.glob(f"{kind}/summary.json")):
                parts = summary.parent.relative_to(root).parts
                stage = parts[4 if parts[2] == "chains" else 2]
                label = "-".join(filter(None, (stage, cell_of(parts))))
                yield summary.parent, data / ".cost" / f"{label}.json"
    for kind in ("outputs/*/*/*", "multirun/*/*/*/*"):
        for summary in sorted(root.glob(f"{kind}/summary.json")):
            yield summary.parent, summary.parent.parent / "cost.json"


def cell_of(parts: tuple[str, ...]) -> str:
    """The cell of a result folder: data/<plan>/chains/0/rl/sft-1 -> 0-sft-1; "" for a stage that
    has no cells.
    """
    if parts[2] == "chains":
        return "-".join((parts[3], *parts[5:]))
    return "-".join(parts[3:])


def rebuild(root: Path, target: Path) -> int:
    """Make the store `target` (a sqlite file) anew from the files under `root`. Returns the number
    of runs.
    """
    fresh = target.with_name(
        f"{target.name}.{uuid.uuid4().hex}"
    )  # SQLAlchemy keeps connections by path
    count = 0
    with store_lock(f"sqlite:///{target}"):
        store = Store(f"sqlite:///{fresh}")
        for folder, cost_file in result_folders(root):
            if (folder / "config.json").is_file():
                copy_run(store, root, folder, cost_file)
                count += 1
        os.replace(fresh, target)
    return count


def copy_run(store: Store, root: Path, folder: Path, cost_file: Path) -> None:
    """One finished run, from its files into the store."""
    summary = read(folder / "summary.json")
    cost = read(cost_file) if cost_file.is_file() else {}
    config = read(folder / "config.json")
    parts = folder.relative_to(root).parts
    cell = cell_of(parts) if parts[0] == "data" else ""
    sweep = {
        "data": f"{summary['stage']} {config['profile']}" if cell else None,
        "multirun": "/".join(parts[:3]),
    }
    tags = {
        "stage": summary["stage"],
        "cell": cell,
        "profile": config["profile"],
        "source": "files",
        "fingerprint": cost.get("fingerprint", ""),
        "commit": cost.get("commit", ""),
        "paper_ref": PAPER.get(summary["stage"], ""),
        **comparison_tags(config),
    }
    above = sweep.get(parts[0])
    tracker = store.child(
        "/".join(parts), tags, config, store.parent(above, tags) if above else None
    )
    stamp = int((folder / "summary.json").stat().st_mtime * 1000)
    if (folder / "metrics.jsonl").is_file():
        for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
            tracker.log(json.loads(line), stamp)
    tracker.finish({"summary": summary, "cost": cost}, stamp)


def read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not JSON ({error}); run the stage that makes it again") from None


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.wiring.tracking", description=__doc__.splitlines()[0]
    )
    parser.add_argument("command", choices=["rebuild"])
    parser.add_argument(
        "--store",
        type=Path,
        default=Path("mlflow.db"),
        help="sqlite file to make (default: %(default)s)",
    )
    parser.add_argument(
        "--if-stale", action="store_true", help="do nothing when no run is newer than the store"
    )
    given = parser.parse_args()
    root = Path.cwd()
    newest = max(
        (folder / "summary.json" for folder, _ in result_folders(root)),
        key=os.path.getmtime,
        default=None,
    )
    if (
        given.if_stale
        and given.store.is_file()
        and newest
        and newest.stat().st_mtime <= given.store.stat().st_mtime
    ):
        return
    try:
        count = rebuild(root, given.store)
    except UserError as error:
        sys.exit(f"tracking: {error}")
    print(
        f"{given.store}: {count} runs; see them with "
        f"`mlflow ui --backend-store-uri sqlite:///{given.store}`"
    )


if __name__ == "__main__":
    main()
