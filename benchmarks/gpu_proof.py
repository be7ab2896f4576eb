"""What one GPU shows in at most seven minutes: one table, and one JSON file.

    make gpu-proof                                    # the same as: python -m benchmarks.gpu_proof
    make gpu-proof ARGS="--base models/qwen --data DATASETS"
    make gpu-proof ARGS=--dry                         # tiny shapes, on a processor too
    python -m benchmarks.gpu_proof --only device mfu  # some of the parts

torch alone is enough to begin: a part that lacks a package says so and is skipped. Each part runs
in a process of its own, for as long as its share of the seven minutes lasts; what it has said until
then is kept, and one that fails says so in one line while the others go on. The exit status is 1
when a part failed or a check did not hold.

    card     rates of matrix products and copies
    device   one step of every stage and of eight arms on the GPU, against the same on the processor
    engines  outputs, log-probabilities and speed of the samplers `fast` and `hf`
    mfu      model FLOPs utilisation of training at 0.5 and 1.5B; peak memory against `dsm plan`
    grpo     GRPO steps at 0.1 and 0.5B from random weights, and TRL's where it is installed
    vllm     the engine `vllm`: sleep, wake, weights in place, speed
    gsm8k    GRPO steps on GSM8K, with --base and --data
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TOTAL = 400  # seconds of all parts together; what is left of seven minutes is for this process
# Seconds of each part, the start of its process included; scaled where `gsm8k` joins them.
BUDGETS = {
    "card": 25,
    "device": 60,
    "engines": 50,
    "mfu": 55,
    "grpo": 80,
    "vllm": 130,
    "gsm8k": 100,
}


Rows = Iterator[dict[str, Any]]


class Skip(Exception):
    """Why a part, or what is left of it, is not run."""


@dataclass(frozen=True)
class Place:
    """Where a part runs. `until`: the clock (`time.monotonic`) at which it is ended."""

    device: str
    dry: bool
    until: float
    base: Path | None = None
    data: Path | None = None

    def left(self) -> float:
        """Seconds."""
        return self.until - time.monotonic()

    def needs(self, *packages: str) -> None:
        """Raise Skip for the first package that is not installed."""
        for name in packages:
            if not installed(name):
                raise Skip(f"{name} is not installed")


def installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def row(check: str, value: Any, ok: bool | None = None) -> dict[str, Any]:
    """One line of the table. `ok`: whether a check held; None for a measurement."""
    return {"check": check, "value": value, "ok": ok}


# ---- one part, in its own process


def work_of(part: str):
    """The generator of rows of a part. The modules are loaded when it is its turn."""
    if part == "device":
        from benchmarks import gpu_device as module
    elif part in ("card", "engines", "mfu"):
        from benchmarks import gpu_parts as module
    else:
        from benchmarks import gpu_rl as module
    return getattr(module, part)


def run_part(work, place: Place) -> Rows:
    """The rows of a part, and a last one that says how it ended."""
    try:
        yield from work(place)
        yield {"end": "ok"}
    except Skip as skip:
        yield {"end": "skipped", "said": str(skip)}
    except Exception as error:  # whatever it is, the other parts go on
        said = " ".join(str(error).split())[:300]
        yield {"end": "failed", "said": f"{type(error).__name__}: {said}"}


# ---- all parts


def run_all(parts: Sequence[str], options: argparse.Namespace, command) -> list[dict[str, Any]]:
    """Each part in a process of its own. `command(part, seconds)`: its command line."""
    found, scale = [], min(1.0, options.seconds / sum(BUDGETS[part] for part in parts))
    end = time.monotonic() + options.seconds
    for part in parts:
        seconds = min(BUDGETS[part] * scale, end - time.monotonic())
        begin = time.monotonic()
        rows = lines_of(command(part, seconds), seconds) if seconds > 1 else []
        last = rows.pop() if rows and "end" in rows[-1] else {"end": "failed", "said": ""}
        if not last.get("said") and last["end"] == "failed":
            last["said"] = f"ended without a word, or after its {seconds:.0f} seconds"
        if last["end"] == "ok" and any(found["ok"] is False for found in rows):
            last = {"end": "failed", "said": "a check did not hold"}
        spent = round(time.monotonic() - begin, 1)
        found.append(
            {"part": part, "seconds": spent, "budget": round(seconds), **last} | {"rows": rows}
        )
        print(part_table(found[-1]), flush=True)
    return found


def lines_of(command: Sequence[str], seconds: float) -> list[dict[str, Any]]:
    """What a process printed in so many seconds as lines of JSON; then it is ended."""
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=told, cwd=ROOT, start_new_session=True)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        told.seek(0)
        return [json.loads(line) for line in told if line.startswith("{")]


def part_table(part: dict[str, Any]) -> str:
    said = f": {part['said']}" if part.get("said") else ""
    lines = [f"{part['part']:8} {part['end']}{said} ({part['seconds']:.0f} of {part['budget']} s)"]
    for found in part["rows"]:
        mark = {True: "holds", False: "DOES NOT HOLD", None: ""}[found["ok"]]
        lines.append(f"         {found['check']:58} {found['value']!s:>28}  {mark}".rstrip())
    return "\n".join(lines)


def machine(options: argparse.Namespace) -> dict[str, Any]:
    """The card, the versions and the commit that the result belongs to."""
    import torch

    told: dict[str, Any] = {"device": options.device, "torch": torch.__version__}
    if options.device == "cuda":
        card = torch.cuda.get_device_properties(0)
        told |= {"card": card.name, "memory_gb": round(card.total_memory / 1e9, 1)}
    else:
        told |= {"card": "none (a processor)"}
    for name in ("transformers", "vllm", "trl"):
        told[name] = version_of(name)
    return told | {"commit": options.commit or commit(), "dry": options.dry}


def version_of(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """The commit of this tree; `+` behind it where files differ from it."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown (give it with --commit)"
    return said.stdout.strip()


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu_proof",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--dry", action="store_true", help="tiny shapes, the same code; also without a GPU")
    add("--only", nargs="+", choices=tuple(BUDGETS), metavar="PART")
    add("--base", type=Path, help="a model folder for the part gsm8k")
    add("--data", type=Path, help="the data sets' folder for the part gsm8k (docs/real.md)")
    add("--out", type=Path, default=Path("build/gpu_proof.json"))
    add("--commit", default="", help="where the tree is no git repository")
    add("--seconds", type=float, default=TOTAL, help="of all parts together")
    add("--part", choices=tuple(BUDGETS), help=argparse.SUPPRESS)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    import torch

    options.device = "cuda" if torch.cuda.is_available() else "cpu"
    if options.part:
        until = time.monotonic() + options.seconds
        place = Place(options.device, options.dry, until, options.base, options.data)
        for found in run_part(work_of(options.part), place):
            print(json.dumps(found), flush=True)
        return 0
    if options.device == "cpu" and not options.dry:
        print("gpu_proof: this machine has no GPU; --dry runs the same code at tiny shapes")
        return 1
    parts = options.only or [p for p in BUDGETS if p != "gsm8k" or options.base]
    given = [f"--{name}={value}" for name in ("base", "data") if (value := getattr(options, name))]

    def command(part: str, seconds: float) -> list[str]:
        start = [sys.executable, "-m", "benchmarks.gpu_proof", "--part", part]
        return [*start, "--seconds", str(seconds), *given, *(["--dry"] if options.dry else [])]

    begin, told = time.monotonic(), machine(options)
    print(", ".join(f"{name} {value}" for name, value in told.items()), flush=True)
    found = run_all(parts, options, command)
    told["seconds"] = round(time.monotonic() - begin, 1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(told | {"parts": found}, indent=1) + "\n", encoding="utf-8")
    print(f"{told['seconds']:.0f} seconds; {options.out}")
    return int(any(part["end"] == "failed" for part in found))


if __name__ == "__main__":
    sys.exit(main())
