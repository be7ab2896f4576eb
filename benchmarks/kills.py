"""kill -9 at random moments of RL runs, restarted until they end: does any file differ?

It is compared with that of an undisturbed run.

    OMP_NUM_THREADS=1 python -m benchmarks.kills [--kills 50] [--arms ppo grpo_iter] [--seed 0]

A case is an arm of conf/rl, and again with two updates per batch (mu 2) where the method has a
pi_old. Its run is the scratch run `python -m stages.rl profile=smoke rl=<arm> rl_scale.steps=8 ...
hydra.run.dir=<folder>`, in a process forked from this one, which has the libraries loaded. The
moment of a kill is uniform over the seconds that the undisturbed run spends in its loop (its end
included), counted from where the loop begins, after every start anew; the seed fixes the draws, not
the machine's pace. The case with the fewest kills is next, until the number is reached. Model,
metrics, rollouts, validation rows and summary are compared byte for byte; exit status 1 when a file
differs. tests/test_rl_resume.py does the same at chosen moments of each phase.
"""

from __future__ import annotations

import argparse
import mmap
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from pipeline.wiring.code import ROOT

SETTINGS = ("profile=smoke", "seed=0", "rl_scale.steps=8", "rl_scale.judge_questions=8")
DATA = "data/smoke"  # where stages at profile smoke read
BEFORE = "before the loop"
ABLATIONS = ("token_mean", "dr_grpo", "sample_std", "mu2")  # of grpo_os_rule: no mu 2 of their own


@dataclass
class Case:
    """An arm at a number of updates per batch, its undisturbed run, and where runs were killed."""

    arm: str
    mu: int
    seconds: float = 0.0  # wall, undisturbed, from the beginning of the loop
    files: dict[str, bytes] = field(default_factory=dict)
    fell: Counter = field(default_factory=Counter)  # kills, by the last thing that was done
    runs: int = 0
    different: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.arm}-mu{self.mu}"

    def arguments(self, folder: Path) -> list[str]:
        return [
            *SETTINGS,
            f"rl={self.arm}",
            f"rl.updates_per_rollout={self.mu}",
            f"hydra.run.dir={folder}",
        ]


def cases(arms: list[str]) -> list[Case]:
    """Every arm as it is configured, and the online methods with a pi_old at mu 2 too."""
    found = []
    for arm in arms:
        settings = yaml.safe_load((ROOT / f"conf/rl/{arm}.yaml").read_text(encoding="utf-8"))
        found.append(Case(arm, settings.get("updates_per_rollout", 1)))
        if settings["gradient_coefficient"].startswith(("grpo", "ppo")) and arm not in ABLATIONS:
            found.append(Case(arm, 2))
    return found


# ---- processes


def child(work: Callable[[], None]) -> int:
    """Start `work` in a forked process, on one thread. Returns its id.

    OpenMP's threads of the parent are not there after a fork, and a child that waits for them never
    ends.
    """
    import torch

    pid = os.fork()
    if pid == 0:
        status = 1
        torch.set_num_threads(1)
        try:
            work()
            status = 0
        except BaseException:  # nothing above this frame is the child's: it says why it ends
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return pid


def status_of(pid: int) -> int:
    """Wait for a process. Returns its exit status, -9 after a kill -9."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def files(folder: Path, without: tuple[str, ...] = ()) -> dict[str, bytes]:
    """The bytes of every file, but for those below a folder of these names."""
    kept = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {*path.relative_to(folder).parts} & {*without}
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


class Board:
    """Where a process says what it is doing; readable after its death."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 64)
        self.begun = float("inf")  # the parent's clock when the loop began

    def write(self, text: str) -> None:
        self.memory[:] = text.encode().ljust(64)

    def read(self) -> str:
        return self.memory[:].decode().strip()


def stage(case: Case, folder: Path, work: Path, board: Board) -> Callable[[], None]:
    """The scratch run of `python -m stages.rl`; the board says which phase has ended last."""
    board.write(BEFORE)

    def run() -> None:
        import stages.rl
        from pipeline.rl import loop
        from pipeline.rl.training import Training

        real_lap, real_train = Training.lap, loop.train_policy

        def lap(self, phase):
            real_lap(self, phase)
            board.write(f"after {phase}")

        def train_policy(*arguments):
            board.write("at its beginning")
            yield from real_train(*arguments)
            board.write("after the loop")

        Training.lap, loop.train_policy = lap, train_policy
        log = os.open(folder.parent / f"{folder.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(work)
        sys.argv = ["rl", *case.arguments(folder)]
        stages.rl.main()

    return run


# ---- the experiment


def prepare(work: Path) -> None:
    """A small instruct model with both reward models, in a process of its own.

    This process stays without threads.
    """
    from benchmarks.small import Small, add_rewards, make
    from pipeline.lm.model import ModelConfig
    from pipeline.reward.config import RewardConfig
    from pipeline.world.config import WorldConfig

    # questions of one or two steps, so that some outputs are right: pairs for DPO, outputs for RFT,
    # groups with unequal rewards
    easy = WorldConfig(
        instruct=600,
        questions=96,
        validation=24,
        benchmark=1,
        word_levels=(1, 2),
        symbolic_levels=(1, 2),
        instruct_formats=("cot",),
    )
    model = ModelConfig(hidden_size=64, layers=2, heads=2, intermediate_size=128, vocab_size=512)
    reward = RewardConfig(
        start="instruct",
        questions=24,
        held_out=12,
        samples=4,
        max_new_tokens=24,
        epochs=1,
        process=True,
        process_questions=12,
        process_samples=2,
        continuations=2,
    )

    def work_there() -> None:
        make(work / DATA, Small(model=model, world=easy, steps=900))
        add_rewards(work / DATA, reward)

    if status_of(child(work_there)):
        raise SystemExit("kills: the small model could not be made; its error stands above")


def undisturbed(case: Case, work: Path, board: Board) -> None:
    folder = work / "runs" / f"{case.name}-whole"
    ends_within(child(stage(case, folder, work, board)), float("inf"), folder, board)
    case.seconds, case.files = time.monotonic() - board.begun, files(folder / "rl")


def disturbed(case: Case, work: Path, board: Board, rng: random.Random) -> None:
    """One run, killed and restarted until it ends; files that differ go to `case.different`."""
    case.runs += 1
    folder = work / "runs" / f"{case.name}-{case.runs}"
    while not ends_within(
        child(stage(case, folder, work, board)), rng.uniform(0, case.seconds), folder, board
    ):
        case.fell[board.read()] += 1
    found = files(folder / "rl")
    case.different += [
        f"{folder / 'rl' / name}"
        for name in sorted(found.keys() | case.files.keys())
        if found.get(name) != case.files.get(name)
    ]
    shutil.rmtree(folder)


def ends_within(pid: int, seconds: float, folder: Path, board: Board) -> bool:
    """Whether the process ended by itself within this time of its loop; if not, it is killed."""
    board.begun = float("inf")
    while time.monotonic() < board.begun + seconds:
        if board.begun == float("inf") and board.read() not in ("", BEFORE):
            board.begun = time.monotonic()
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            if status:
                raise SystemExit(f"kills: a run failed; see {folder}.log")
            return True
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    return status_of(pid) == 0  # it may have ended in this very moment


def table(found: list[Case]) -> str:
    lines = [
        "| arm | mu | runs | kills | where they fell | files | identical |",
        "| --- | ---: | ---: | ---: | --- | ---: | --- |",
    ]
    for case in found:
        fell = ", ".join(
            f"{phase} {count}"
            for phase, count in sorted(case.fell.items(), key=lambda item: (-item[1], item[0]))
        )
        lines.append(
            f"| `{case.arm}` | {case.mu} | {case.runs} | {case.fell.total()} | {fell or '-'} | "
            f"{len(case.files)} | {'no' if case.different else 'yes'} |"
        )
    return "\n".join(lines)


def main() -> None:
    arms = sorted(path.stem for path in (ROOT / "conf/rl").glob("*.yaml"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--kills", type=int, default=50, help="at least; and each case at least once"
    )
    parser.add_argument("--arms", nargs="+", choices=arms, default=arms, metavar="ARM")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("build/kills"))
    args = parser.parse_args()
    from pipeline.wiring.stage import prepare_process

    prepare_process(threads=1)
    import torch
    import transformers.models.llama.modeling_llama  # noqa: F401  loaded once, for all children

    import stages.rl  # noqa: F401

    torch.set_num_threads(1)
    work, board, rng, found = (
        args.work.resolve(),
        Board(),
        random.Random(args.seed),
        cases(args.arms),
    )
    shutil.rmtree(work / "runs", ignore_errors=True)
    (work / "runs").mkdir(parents=True)
    prepare(work)
    while (
        not all(case.fell for case in found)
        or sum(case.fell.total() for case in found) < args.kills
    ):
        case = min(found, key=lambda case: case.fell.total())
        if not case.files:
            undisturbed(case, work, board)
        disturbed(case, work, board, rng)
        state = "DIFFERENT" if case.different else "identical"
        print(f"{case.name}: {case.fell.total()} kills, {state}", file=sys.stderr, flush=True)
    phases = sum((case.fell for case in found), Counter())
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(table(found))
    print(
        f"\n{phases.total()} kills in {sum(case.runs for case in found)} runs of {len(found)} "
        f"cases, seed {args.seed}: "
        + ", ".join(f"{name} {count}" for name, count in phases.most_common())
        + f". {(cpu.ru_utime + cpu.ru_stime) / 60:.1f} CPU minutes."
    )
    different = [name for case in found for name in case.different]
    print("every file identical" if not different else "different: " + " ".join(different))
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
