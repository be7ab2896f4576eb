"""One entry point per stage: run it, or (under --multirun) hand each job to a process of its own.

A run is *canonical* when its overrides are its matrix axes and nothing else, each a value that the
plan of its profile builds (pipeline/wiring/plans.py): it writes under the plan's data folder, and
DVC owns the result. Any other override (`rl.lr=5e-6`) makes a *scratch* run, which writes into
Hydra's output folder and never touches data/. Under --multirun a canonical job becomes `dvc repro
-s <stage>@<cell>`: skipped when it is built, restored when it is cached.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from pipeline.errors import UserError
from pipeline.files import fingerprint
from pipeline.wiring.code import OURS, ROOT, code_hashes, input_hashes, is_shown
from pipeline.wiring.config import (
    ChainConfig,
    StageConfig,
    build,
    defaults_of,
    flat,
    plain,
    register,
)
from pipeline.wiring.help import help_text
from pipeline.wiring.launch import delegate
from pipeline.wiring.lines import nearest, one_line_errors
from pipeline.wiring.marks import write_mark
from pipeline.wiring.plans import AXES, PLACES, SHOWN_KEY, built, leaves_out
from pipeline.wiring.run import PROCESSES, RANK, Job, OtherRun, Run, job_lock, publish

__all__ = ["ChainConfig", "Run", "StageConfig", "stage"]


class Contract(typing.NamedTuple):
    """One stage: its name, its function, the dataclass of its settings, and what it reads and
    writes.
    """

    name: str
    body: Callable
    kind: type
    cell: tuple[str, ...]
    out: str
    reads: tuple[str, ...] | Callable[[Any], tuple[str, ...]]
    profile: str
    processes: bool

    @property
    def entry(self) -> Path:
        """The file of the stage's module."""
        return Path(self.body.__code__.co_filename)

    def reads_of(self, settings: Any) -> tuple[str, ...]:
        """What a job with these settings reads."""
        return self.reads(settings) if callable(self.reads) else self.reads

    def keys(self) -> list[str]:
        """Every setting and choice that a command line may give."""
        groups = [axis for axis in self.cell if (ROOT / "conf" / axis).is_dir()]
        return [*flat(defaults_of(self.kind)), *WIRING, *groups]


WIRING = {"profile", "experiment", "launcher", "tracker"}  # they make no run a scratch run
CONTRACTS: dict[str, Contract] = {}  # by module, for tests


def stage(
    name: str,
    *,
    out: str,
    cell: tuple[str, ...] = (),
    reads: tuple[str, ...] | Callable[[Any], tuple[str, ...]] = (),
    profile: str = "",
    processes: bool = False,
) -> Callable:
    """Make `main(cfg, run)` the entry point of stage `name`; `cfg` is annotated with the stage's
    dataclass.

    `cell` names the matrix axes. `out` and `reads` are paths that may hold `{axis}`, and `{data}`
    and `{reports}`, the plan's folders. `reads` are the results of earlier stages that it reads:
    they key the checkpoint, and a missing one is reported before anything heavy is loaded; a
    function of the settings where these say what is read.
    `profile` is what the stage runs at when none is given; "" stands for the main plan's.
    `processes`: whether `accelerate launch` may start it as several, which `main` then joins.
    """

    def wrap(body: Callable) -> Callable:
        kind = typing.get_type_hints(body)["cfg"]
        contract = Contract(name, body, kind, cell, out, reads, profile, processes)
        CONTRACTS[body.__module__] = contract

        @functools.wraps(body)
        def main() -> None:
            start(contract)

        main.stage = name
        return main

    return wrap


def start(contract: Contract) -> None:
    """Take the command line: print the help, or let Hydra compose the configuration and run."""
    name, kind = contract.name, contract.kind
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints a message of its own and exits
    with one_line_errors(name, contract.keys):
        if {"--help", "-h"} & set(sys.argv[1:]):
            description = sys.modules[contract.body.__module__].__doc__ or name
            at = built(contract.profile)["profile"]
            print(help_text(name, description, defaults_of(kind), at))
            return
        register(name, kind, complete_arguments(contract))
        task = functools.partial(job, contract)
        functools.update_wrapper(task, contract.body)
        hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name=name)(task)()


def job(contract: Contract, cfg: Any) -> None:
    """One composed job: run it here, or under --multirun in a process of its own."""
    info = HydraConfig.get()
    overrides = [
        text for text in info.overrides.task if key_of(text) not in ("experiment", "launcher")
    ]
    canonical = is_canonical(overrides, contract.cell, contract.name)
    folder = Path(info.runtime.output_dir)
    with one_line_errors(contract.name):
        check_processes(contract, info.mode)
    if info.mode == RunMode.MULTIRUN:
        plan = built(info.runtime.choices["profile"]) if canonical else None
        begun = Path(info.runtime.cwd)
        if not canonical and is_canonical(overrides, contract.cell):
            print(f"{contract.name}: {' '.join(overrides)}: the plan has none in this chain")
            return
        delegate(contract.entry, overrides, contract.cell, plan, folder, begun)
        return

    with one_line_errors(contract.name, contract.keys):
        settings = build(contract.kind, own_sections(cfg, contract.kind, overrides))
        axes = {axis: info.runtime.choices.get(axis, cfg.get(axis)) for axis in contract.cell}
        plan = built(settings.profile)
        places = {key: plan[key] for key in PLACES} | axes
        paths = contract.out, *contract.reads_of(settings)
        target, *reads = (Path(path.format(**places)) for path in paths)
        tracker = OmegaConf.to_container(cfg.tracker) if "tracker" in cfg else {"name": "none"}
        execute(
            contract.body,
            settings,
            Job(
                stage=contract.name,
                axes=axes,
                out=target,
                reads=reads,
                data=Path(plan["data"]),
                scratch=None if canonical else folder,
                tracker=tracker,
                entry=contract.entry,
                shared=contract.out == "{reports}",
            ),
        )


def check_processes(contract: Contract, mode: RunMode) -> None:
    """Raise UserError when a job that needs one process was started as several."""
    if PROCESSES == 1:
        return
    if mode == RunMode.MULTIRUN:
        raise UserError("--multirun under a launcher of processes: start each job by itself")
    if not contract.processes:
        raise UserError("this stage works in one process; start it without a launcher")


def execute(body: Callable, settings: StageConfig, job: Job) -> None:
    """Run a stage in this process and publish what it wrote."""
    prepare_process(settings.threads)
    for path in job.reads:
        if not path.exists():
            raise UserError(
                f"{path}: missing; an earlier stage makes it: `dvc repro` runs the stages in order"
            )
    if RANK:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            body(settings, OtherRun(job, job_mark(settings, job), settings))
        return
    if job.scratch is None:  # so that DVC notes the code that ran, even after `dvc repro -s`
        write_mark(job.data / "code", job.entry)
    code = code_hashes(job.entry)
    mark = job_mark(settings, job)
    with job_lock(job.checkpoints(mark)):
        run = Run(job, mark, settings)
        try:
            body(settings, run)
        except OSError as error:
            error.filename = error.filename or str(run.folder)  # a failing write() names no file
            raise
        changed = sorted(set(code.items()) ^ set(code_hashes(job.entry).items()))
        if changed:
            raise UserError(f"{changed[0][0]}: changed while the stage ran; run it again")
        check_counted(job.entry, code)
        publish(run, code)
    if job.scratch is not None:
        shutil.rmtree(run.checkpoints)


def job_mark(settings: StageConfig, job: Job) -> str:
    """The fingerprint of a job: its code, settings and inputs; not in how many processes it runs."""
    return fingerprint(code_hashes(job.entry), plain(settings), input_hashes(job.reads))


def check_counted(entry: Path, code: dict[str, str]) -> None:
    """Refuse a result that came from code of ours which the fingerprint does not count (an import
    by name at run time).

    Only where the stage is what this process was started for; in a test, others are loaded too.
    """
    started = getattr(sys.modules["__main__"], "__file__", None)
    if started is None or Path(started).resolve() != entry:
        return
    loaded = {Path(m.__file__) for m in list(sys.modules.values()) if getattr(m, "__file__", None)}
    ours = {p.relative_to(ROOT).as_posix() for p in loaded if p.is_relative_to(ROOT)}
    ours = {path for path in ours if path.split("/")[0] in OURS and not is_shown(path)}
    if escaped := sorted(ours - code.keys()):
        raise AssertionError(f"{escaped[0]} was loaded, but the fingerprint does not count it")


def prepare_process(threads: int) -> None:
    """Fix the number of CPU threads, and quieten transformers' own bars, before numpy, torch or
    transformers load.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"


def own_sections(cfg: Any, kind: type, overrides: Sequence[str]) -> dict[str, Any]:
    """The composed configuration without the sections that the profile holds for other stages."""
    composed = OmegaConf.to_container(cfg, resolve=True)
    fields = set(typing.get_type_hints(kind))
    for text in overrides:
        top = key_of(text).split(".")[0]
        if top not in fields | WIRING:
            raise UserError(
                f"{key_of(text)}: not a setting of this stage{nearest(top, fields | WIRING)}; "
                f"it has {', '.join(sorted(fields))}"
            )
    path = ROOT / "conf/profile" / f"{composed['profile']}.yaml"
    sections = set(yaml.safe_load(path.read_text(encoding="utf-8"))) if path.is_file() else set()
    others = (sections - fields) | {"tracker"}
    if isinstance(composed.get("rl"), dict):  # pipeline/report/arms.py reads it
        composed["rl"].pop(SHOWN_KEY, None)
    return {key: value for key, value in composed.items() if key not in others}


def key_of(override: str) -> str:
    return override.split("=", 1)[0].lstrip("+~")


def values_of(overrides: Sequence[str]) -> dict[str, str]:
    return dict(text.partition("=")[::2] for text in overrides if not text.startswith("hydra."))


def is_canonical(overrides: Sequence[str], cell: tuple[str, ...], stage: str = "") -> bool:
    """Whether these overrides ask for exactly one thing that `dvc repro` builds; without `stage`,
    in some chain.
    """
    given = values_of(overrides)
    plan = built(given.get("profile", ""))
    choices = {axis: plan.get(key, []) for axis, key in AXES.items()}
    choices["profile"] = [plan["profile"]]
    if set(given) - set(cell) - WIRING or not set(cell) <= set(given):
        return False
    known = all(value in map(str, choices[key]) for key, value in given.items() if key in choices)
    return known and not (stage and leaves_out(plan, stage, given))


def complete_arguments(contract: Contract) -> str:
    """Without a `profile=` a stage runs at its own, else at the main plan's, and without a `chain=`
    in chain 0, unless an experiment says which; a canonical run leaves no Hydra folder.

    Returns the profile.
    """
    cell = contract.cell
    given = [text for text in sys.argv[1:] if "=" in text and not text.startswith("-")]
    keys = {key_of(text) for text in given}
    added = []
    if "chain" in cell and not keys & {"chain", "experiment"}:
        added.append("chain=0")
    if "profile" not in keys:
        added.append(f"profile={built(contract.profile)['profile']}")
    given += added
    if is_canonical(given, cell, contract.name):
        added += ["hydra.run.dir=.", "hydra.output_subdir=null"]
    elif RANK:  # the first process leaves Hydra's files
        added.append("hydra.output_subdir=null")
    sys.argv[1:1] = added  # in front: after `--cfg job` nothing may follow
    return next(text.partition("=")[2] for text in reversed(given) if key_of(text) == "profile")
