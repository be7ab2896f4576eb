"""One entry point a stage: run it, or (under --multirun) hand each job to a process of its own.

A run is *canonical* when its overrides are its matrix axes and nothing else, each a value that the plan of its profile
builds (conf/pipeline.yaml, or the laboratory's): it writes under the plan's data folder, and DVC owns the result. Any
other override (`rl.lr=5e-6`) makes a *scratch* run, which writes into Hydra's output folder and never touches data/.
Under --multirun a canonical job becomes `dvc repro -s <stage>@<cell>`: skipped when it is built, restored when it is
cached.
"""

from __future__ import annotations

import errno
import functools
import os
import subprocess
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pipeline.errors import UserError
from pipeline.wiring.code import ROOT, code_hashes, fingerprint, input_hashes
from pipeline.wiring.config import PLACES, StageConfig, build, built, defaults_of, plain, register
from pipeline.wiring.help import help_text
from pipeline.wiring.run import Job, Run, job_lock, publish

__all__ = ["Run", "StageConfig", "stage"]


class Contract(typing.NamedTuple):
    cell: tuple[str, ...]
    out: str
    reads: tuple[str, ...]


WIRING = {
    "profile",
    "experiment",
    "launcher",
    "tracker",
}  # choices that do not make a run a scratch run
CONTRACTS: dict[str, Contract] = {}  # by module: what each stage reads and writes, for tests
SHOW_TRACE = os.environ.get("HYDRA_FULL_ERROR") == "1"
HINTS = {
    errno.ENOSPC: "free some space, then run it again: it resumes",
    errno.EACCES: "grant the permission, then run it again",
    errno.EROFS: "write elsewhere or remount it, then run it again",
    errno.ENOENT: "make it or give another path",
}


def stage(
    name: str, *, out: str, cell: tuple[str, ...] = (), reads: tuple[str, ...] = ()
) -> Callable:
    """Make `main(cfg, run)` the entry point of stage `name`; `cfg` is annotated with the stage's dataclass.

    `cell` names the matrix axes; `out` and `reads` are paths that may hold `{axis}`, and `{data}` and `{reports}`, the
    plan's folders. `reads` are what it reads of earlier stages: they key the checkpoint, and a missing one is reported
    before anything heavy is loaded.
    """

    def wrap(body: Callable) -> Callable:
        kind = typing.get_type_hints(body)["cfg"]
        CONTRACTS[body.__module__] = Contract(cell, out, reads)

        def job(cfg: Any) -> None:
            info = HydraConfig.get()
            overrides = [
                text
                for text in info.overrides.task
                if key_of(text) not in ("experiment", "launcher")
            ]
            canonical = is_canonical(overrides, cell)
            if info.mode == RunMode.MULTIRUN:
                plan = built(info.runtime.choices["profile"])
                return delegate(
                    name,
                    overrides,
                    cell,
                    plan if canonical else None,
                    Path(info.runtime.output_dir),
                )
            with one_line_errors(name):
                run_here(cfg, info, overrides, canonical)

        def run_here(cfg: Any, info: Any, overrides: list[str], canonical: bool) -> None:
            axes = {axis: info.runtime.choices.get(axis, cfg.get(axis)) for axis in cell}
            folder = None if canonical else Path(info.runtime.output_dir)
            settings = build(kind, own_sections(cfg, kind, overrides))
            tracker = OmegaConf.to_container(cfg.tracker) if "tracker" in cfg else {"name": "none"}
            entry = Path(body.__code__.co_filename)
            plan = built(settings.profile)
            places = {key: plan[key] for key in PLACES} | axes
            paths = [Path(path.format(**places)) for path in (out, *reads)]
            execute(
                body,
                settings,
                Job(name, axes, paths[0], paths[1:], Path(plan["data"]), folder, tracker, entry),
            )

        @functools.wraps(body)
        def main() -> None:
            os.environ["HYDRA_FULL_ERROR"] = (
                "1"  # else Hydra prints a message of its own and leaves
            )
            with one_line_errors(name):
                if {"--help", "-h"} & set(sys.argv[1:]):
                    description = sys.modules[body.__module__].__doc__ or name
                    return print(
                        help_text(name, description, defaults_of(kind), built()["profile"])
                    )
                register(name, kind, complete_arguments(cell))
                hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name=name)(
                    job
                )()

        return main

    return wrap


def execute(body: Callable, settings: StageConfig, job: Job) -> None:
    """Run a stage in this process and publish what it wrote."""
    prepare_process(settings.threads)
    for path in job.reads:
        if not path.exists():
            raise UserError(
                f"{path}: missing; an earlier stage makes it: `dvc repro` runs the stages in order"
            )
    code = code_hashes(job.entry)
    mark = fingerprint(code, plain(settings), input_hashes(job.reads))
    with job_lock(job.checkpoints):
        run = Run(job, mark, settings)
        try:
            body(settings, run)
        except OSError as error:
            error.filename = error.filename or str(run.folder)  # a failing write() names no file
            raise
        changed = sorted(set(code.items()) ^ set(code_hashes(job.entry).items()))
        if changed:
            raise UserError(f"{changed[0][0]}: changed while the stage ran; run it again")
        publish(run)


def prepare_process(threads: int) -> None:
    """Fix the number of CPU threads, and quieten transformers' own bars, before numpy, torch or transformers load."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"


def own_sections(cfg: Any, kind: type, overrides: Sequence[str]) -> dict[str, Any]:
    """The composed configuration without the sections that the profile holds for other stages."""
    composed = OmegaConf.to_container(cfg, resolve=True)
    # how the report shows an arm (pipeline/report/arms.py) shapes nothing that a stage computes
    (composed.get("rl") or {}).pop("report", None)
    fields = set(typing.get_type_hints(kind))
    for text in overrides:
        top = key_of(text).split(".")[0]
        if top not in fields | WIRING:
            raise UserError(
                f"{key_of(text)}: not a setting of this stage; it has {', '.join(sorted(fields))}"
            )
    path = ROOT / "conf/profile" / f"{composed['profile']}.yaml"
    others = (
        set(yaml.safe_load(path.read_text(encoding="utf-8"))) - fields if path.is_file() else set()
    )
    return {key: value for key, value in composed.items() if key not in others | {"tracker"}}


def key_of(override: str) -> str:
    return override.split("=", 1)[0].lstrip("+~")


def is_canonical(overrides: Sequence[str], cell: tuple[str, ...]) -> bool:
    """Whether these overrides ask for exactly one thing that `dvc repro` builds."""
    given = dict(text.partition("=")[::2] for text in overrides if not text.startswith("hydra."))
    plan = built(given.get("profile", ""))
    choices = {
        "profile": [plan["profile"]],
        "rl": plan["arms"],
        "seed": plan["seeds"],
        "model": plan["models"],
    }
    if set(given) - set(cell) - WIRING or not set(cell) <= set(given):
        return False
    return all(value in map(str, choices[key]) for key, value in given.items() if key in choices)


def dvc_target(name: str, cell: str) -> str:
    """The stage's name in dvc.yaml; base and instruct stand outside the matrix of arms and seeds."""
    return f"{name}_{cell}" if cell in ("base", "instruct") else f"{name}@{cell}" if cell else name


def delegate(
    name: str,
    overrides: list[str],
    cell: tuple[str, ...],
    plan: dict[str, Any] | None,
    folder: Path,
) -> None:
    """One job of a multirun, in a process of its own: its memory, threads and failure stay apart from the others'.

    `plan`: that of a canonical job; None = a scratch run into `folder`.
    """
    given = dict(text.partition("=")[::2] for text in overrides)
    if plan:
        target = f"{plan['pipeline']}:{dvc_target(name, '-'.join(given[axis] for axis in cell))}"
        command = ["-m", "dvc", "--wait-for-lock", "repro", "-s", target]
    else:
        target = " ".join(overrides)
        command = ["-m", f"stages.{name}", *overrides, f"hydra.run.dir={folder}", "hydra.mode=RUN"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    if subprocess.run([sys.executable, *command], env=environment, check=False).returncode:
        raise UserError(f"{target}: failed; its own message stands above")


def complete_arguments(cell: tuple[str, ...]) -> str:
    """Without a `profile=` a stage runs at the one that is built; a canonical run leaves no Hydra folder behind.

    Returns the profile.
    """
    given = [text for text in sys.argv[1:] if "=" in text and not text.startswith("-")]
    if not any(key_of(text) == "profile" for text in given):
        sys.argv.append(f"profile={built()['profile']}")
        given.append(sys.argv[-1])
    if is_canonical(given, cell):
        sys.argv += ["hydra.run.dir=.", "hydra.output_subdir=null"]
    return next(text.partition("=")[2] for text in reversed(given) if key_of(text) == "profile")


class one_line_errors:  # noqa: N801  reads as a statement
    """A user's mistake, or a refusal of the file system, ends as one line and exit status 1.

    HYDRA_FULL_ERROR=1 shows the whole trace instead. Anything else is a bug and keeps its trace.
    """

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, KeyboardInterrupt):
            print(f"{self.name}: stopped; run it again and it resumes", file=sys.stderr)
            sys.exit(130)
        message = explain(error) if error is not None else None
        if message is not None and not SHOW_TRACE:
            print(f"{self.name}: {message}", file=sys.stderr)
            sys.exit(1)


def explain(error: BaseException) -> str | None:
    """One line for the errors that a user can mend; None for a bug."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        text = text.split(" Config search path:")[0].split(" To append to your config use")[0]
        return (
            text.split(" full_key:")[0]
            .replace("set the environment variable HYDRA_FULL_ERROR=1", "")
            .strip()
        )
    if "No space left on device" in text or "os error 28" in text:
        where = getattr(error, "filename", None)
        return f"{f'{where}: ' if where else ''}no space left on the device; {HINTS[errno.ENOSPC]}"
    if isinstance(error, OSError) and error.strerror:
        hint = HINTS.get(error.errno or 0, "mend that, then run it again")
        return f"{error.filename or 'the file system'}: {error.strerror.lower()}; {hint}"
    return text if isinstance(error, OSError) else None
