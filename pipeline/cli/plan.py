"""The bill of a profile before it runs: FLOPs, memory, devices, hours, disk and cost by stage.

    dsm plan                                    the profile of the main plan on this machine
    dsm plan paper --device h100                on cards that are rented
    dsm plan gpu model.path=FOLDER              another base model; any setting of the profile
    dsm plan gpu --check                        one line, and exit status 1 when it does not fit

Hours are FLOPs over devices x peak rate x utilisation: two rates, as sampling is bound by memory. A
model is planned from the config.json of its folder, from the sizes of a profile that trains from
scratch, or from those of a few published models by name. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from typing import Any

from pipeline.errors import UserError
from pipeline.lm.devices import CARDS, GB, Device, card_named
from pipeline.wiring.code import ROOT
from pipeline.wiring.lines import nearest
from pipeline.wiring.plans import chains_of, plans

CORE_RATE = 80e9  # float32 FLOP/s of one processor core in a large matrix product (docs/real.md)
SPARE = 0.06  # of a device's memory: the library's own, and what lies between blocks
# Of the peak rate, in training and in sampling: usual on cards, measured on a core (docs/real.md).
UTILISATION = {"cuda": (0.4, 0.1), "cpu": (0.75, 0.3)}


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_intermixed_args(arguments)
    profile, changes = options.profile, list(options.settings)
    if profile and "=" in profile:
        profile, changes = "", [profile, *changes]
    profile = profile or next(iter(plans()))
    sections = read_profile(profile, changes)
    device, count = chosen_device(options, sections)
    options.utilisation = options.utilisation or UTILISATION["cuda" if device.price else "cpu"]
    from pipeline.rl.plan import bills

    settings = settings_of(profile, sections)
    found = bills(settings)
    room = int(device.memory * (1 - SPARE))
    if options.check:
        if count:  # this machine
            room = min(room, free_memory(bool(device.price)))
            check_disk(profile, found, free_disk(profile))
        return check(profile, found, device, room, options.devices or count)
    show(profile, settings, found, device, room, options)
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="dsm plan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = made.add_argument
    add(
        "profile", nargs="?", default="", help="a profile of conf/profile; default: the main plan's"
    )
    add("settings", nargs="*", help="key=value, as on a stage's command line")
    add(
        "--device",
        choices=(*CARDS, "here"),
        help="default: this machine's, or h100 for a GPU profile",
    )
    add("--devices", type=int, default=0, help="so many; default: as few as hold the stage")
    add("--utilisation", type=float, nargs=2, metavar=("TRAIN", "SAMPLE"))
    add("--price", type=float, help="US dollars per device and hour")
    add("--check", action="store_true", help="only whether it fits; exit status 1 when it does not")
    return made


# ---- what a profile says


def read_profile(profile: str, changes: Sequence[str]) -> dict[str, Any]:
    """The sections of a profile as plain data, with `key=value` changes. Raises UserError."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    path = ROOT / f"conf/profile/{profile}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise UserError(f"no profile {profile!r}{nearest(profile, known)}; {', '.join(known)}")
    for change in changes:
        if "=" not in change:
            raise UserError(f"{change!r}: give settings as key=value, such as model.path=FOLDER")
    try:
        loaded = OmegaConf.merge(OmegaConf.load(path), OmegaConf.from_dotlist(list(changes)))
        return OmegaConf.to_container(loaded, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(f"{path.name}: {str(error).splitlines()[0]}") from None


def settings_of(profile: str, sections: dict[str, Any]):
    """The configuration of every stage that costs something."""
    import yaml

    from pipeline.corpus.config import CorpusConfig
    from pipeline.evaluate.config import EvaluateConfig
    from pipeline.lm.model import ModelConfig
    from pipeline.lm.published import model_sizes
    from pipeline.lm.train_config import TrainConfig
    from pipeline.reward.config import RewardConfig
    from pipeline.rl.config import ArmConfig, RLConfig
    from pipeline.rl.plan import Settings
    from pipeline.wiring.config import build
    from pipeline.world.config import WorldConfig

    def section(kind: type, name: str) -> Any:
        return build(kind, sections.get(name) or {}, name)

    plan = plans().get(profile) or next(iter(plans().values()))
    arms = {}
    for name in plan["every_arm"]:
        if not (ROOT / f"conf/rl/{name}.yaml").is_file():
            continue  # the laboratory's corpora have arms that are no arms of Table 10
        values = yaml.safe_load((ROOT / f"conf/rl/{name}.yaml").read_text(encoding="utf-8"))
        values.pop("report", None)
        arms[name] = build(ArmConfig, values, f"rl={name}")
    world = section(WorldConfig, "world")
    scale, evaluate = section(RLConfig, "rl_scale"), section(EvaluateConfig, "evaluate")
    engine = "vllm" if scale.engine == "auto" and sections.get("device") == "cuda" else scale.engine
    return Settings(
        size=model_sizes(section(ModelConfig, "model")),
        pretrain=section(TrainConfig, "pretrain"),
        sft=section(TrainConfig, "sft"),
        reward=section(RewardConfig, "reward"),
        scale=scale,
        evaluate=evaluate,
        corpus=section(CorpusConfig, "corpus"),
        arms=arms,
        chains=len(plan["chains"]),
        reward_chains=len(plan["reward_chains"]),
        arm_chains={name: len(chains_of(plan, name)) for name in arms},
        seeds=len(plan["seeds"]),
        questions=rl_questions(world),
        benchmark_questions=asked_questions(evaluate, world.benchmark),
        vllm=engine == "vllm",
    )


def rl_questions(world) -> int:
    """Questions for RL: of the miniature world, or of the training sets of GSM8K and MATH."""
    if world.data == "mini":
        return world.questions
    return world.real.questions or 15_000


def asked_questions(evaluate, made: int) -> int:
    """Questions of all benchmarks; `made` of each that the world stage makes."""
    from pipeline.evaluate.suites import TABLE

    total = 0
    for key in evaluate.benchmarks:
        rows = TABLE[key.partition("@")[0]].rows or made
        limit = evaluate.questions_of.get(key, evaluate.questions)
        total += min(rows, limit) if limit else rows
    return total


# ---- where it runs


def chosen_device(options: argparse.Namespace, sections: dict[str, Any]) -> tuple[Device, int]:
    """The device to plan for, and how many of it there are (0: as many as are rented)."""
    wants_gpu = sections.get("device") == "cuda"
    if options.device in CARDS:
        return priced(CARDS[options.device], options), 0
    device, count = this_machine(int(sections.get("threads", 1)), wants_gpu)
    if device is None:
        if options.check or options.device == "here":
            raise UserError(
                f"profile {sections.get('profile')} wants a GPU (device: cuda), and this machine has none; "
                "plan for a rented one with --device h100"
            )
        return priced(CARDS["h100"], options), 0
    return priced(device, options), count


def this_machine(threads: int, wants_gpu: bool) -> tuple[Device | None, int]:
    """This machine's card, or processor and memory; None where a GPU is wanted and not there."""
    if not wants_gpu:
        pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        return Device(f"this machine, {threads} threads", pages * page, threads * CORE_RATE, 0.0), 1
    import torch

    if not torch.cuda.is_available():
        return None, 0
    card = torch.cuda.get_device_properties(0)
    alike = card_named(card.name) or CARDS["h100"]
    return Device(card.name, card.total_memory, alike.rate, alike.price), torch.cuda.device_count()


def free_memory(on_gpu: bool) -> int:
    """Bytes that nothing else on this machine holds, of one device."""
    import torch

    from pipeline.lm.generate.room import free_bytes

    return free_bytes(torch.device("cuda" if on_gpu else "cpu"))


def free_disk(profile: str) -> int:
    """Bytes that are free where the results go, with those that this plan's own results take."""
    plan = plans().get(profile) or next(iter(plans().values()))
    files = (ROOT / plan["data"]).rglob("*")
    there = sum(path.stat().st_size for path in files if path.is_file())
    return shutil.disk_usage(ROOT).free + 2 * there


def priced(device: Device, options: argparse.Namespace) -> Device:
    price = device.price if options.price is None else options.price
    return Device(device.name, device.memory, device.rate, price)


# ---- what is said


def check_disk(profile: str, found, free: int) -> None:
    """Raise UserError when the results and the largest checkpoint do not fit on the disk."""
    from pipeline.rl.plan import disk

    needed = disk(found)
    if needed > free:
        worst = max(found, key=lambda bill: bill.disk)
        raise UserError(
            f"{profile} needs {needed / GB:.3g} GB on disk and {free / GB:.3g} GB are free (most: "
            f"{worst.stage} {worst.disk / GB:.3g} GB, and DVC's copy of it); build it on a larger "
            "disk, with fewer arms or seeds, or with rl_scale.keep"
        )


def check(profile: str, found, device: Device, room: int, count: int) -> int:
    """One line: the stage that needs most, and whether `count` devices (0: any number) hold it."""
    from pipeline.rl.plan import devices, per_device

    worst = max(found, key=lambda bill: sum(per_device(bill, count or 1, room).values()))
    needed = devices(worst, room)
    size = sum(per_device(worst, count or max(1, needed), room).values())
    if needed and (not count or needed <= count):
        print(f"{profile} fits: {worst.stage} needs {size / GB:.1f} GB of {room / GB:.1f} GB")
        return 0
    held = per_device(worst, count or max(1, needed), room)
    parts = sorted(held.items(), key=lambda item: -item[1])[:3]
    told = ", ".join(f"{name} {value / GB:.1f}" for name, value in parts)
    raise UserError(
        f"{profile} does not fit {device.name}: {worst.stage} needs {size / GB:.1f} GB per device and "
        f"{room / GB:.1f} GB are there (most: {told} GB); lower micro_batch_tokens, set "
        "gradient_checkpointing, or take a smaller model or more devices"
    )


def show(profile: str, settings, found, device: Device, room: int, options) -> None:
    """The table of stages, the memory by part, and PPO next to GRPO."""
    from pipeline.rl.plan import disk

    train, sample = options.utilisation
    size = settings.size
    print(
        f"profile {profile}: {size.parameters / 1e9:.3g}B parameters, {size.layers} layers; outputs of "
        f"{settings.scale.control_output_tokens} tokens to prompts of "
        f"{settings.scale.control_prompt_tokens}"
    )
    print(
        f"{device.name}: {device.memory / GB:.0f} GB, {device.rate / 1e12:.3g} TFLOP/s at the peak, "
        f"utilisation {train:g} in training and {sample:g} in sampling, {device.price:g} USD per hour"
    )
    heads = (
        "stage",
        "runs",
        "tokens",
        "FLOPs",
        "devices",
        "GB each",
        "hours each",
        "disk GB",
        "USD",
    )
    widths = (-18, 5, 8, 9, 9, 9, 12, 10, 10)
    print(
        "\n"
        + "".join(
            f"{h:{'<' if w < 0 else '>'}{abs(w)}}" for h, w in zip(heads, widths, strict=True)
        )
    )
    total = [stage_line(bill, device, room, options) for bill in found]
    hours, cost = (sum(column) for column in zip(*total, strict=True))
    print(
        f"{'together, hours of one device':58}{hours:>12.4g}{disk(found) / GB:>10.4g}{cost:>10.4g}"
    )
    print(f"{'(disk: results and their copy in the cache, largest checkpoint)':>90}")
    print("\nmemory of one device by part, GB (states divided among devices)")
    for bill in found:
        if bill.memory:
            print(f"  {bill.stage:18}{parts_line(bill, room, options.devices)}")
    beside_ppo(settings, device, room, options)


def stage_line(bill, device: Device, room: int, options) -> tuple[float, float]:
    """Print one stage; returns device-hours of all its runs, and dollars."""
    from pipeline.rl.plan import devices, per_device

    train, sample = options.utilisation
    count = options.devices or devices(bill, room)
    each = sum(per_device(bill, count or 1, room).values())
    busy = (bill.train_flops / train + bill.sample_flops / sample) / device.rate / 3600
    fits = str(count) if count and each <= room else "no room"
    print(
        f"{bill.stage:18}{bill.runs:>5}{short(bill.tokens):>8}{bill.flops:>9.2g}{fits:>9}"
        f"{each / GB:>9.3g}{busy / max(1, count):>12.3g}{bill.disk / GB:>10.3g}"
        f"{busy * bill.runs * device.price:>10.3g}"
    )
    return busy * bill.runs, busy * bill.runs * device.price


def parts_line(bill, room: int, count: int) -> str:
    from pipeline.rl.plan import devices, per_device

    parts = per_device(bill, count or devices(bill, room) or 1, room)
    return ", ".join(f"{name} {value / GB:.3g}" for name, value in parts.items() if value)


def beside_ppo(settings, device: Device, room: int, options) -> None:
    """Claim C13: what the value model of PPO costs more than GRPO's group."""
    import yaml

    from pipeline.rl.config import ArmConfig
    from pipeline.rl.plan import STATES, arm_bill, per_device
    from pipeline.wiring.config import build

    print("\nPPO next to GRPO, one run each, outcome reward model (claim C13)")
    for name in ("grpo_os", "ppo"):
        values = yaml.safe_load((ROOT / f"conf/rl/{name}.yaml").read_text(encoding="utf-8"))
        values.pop("report", None)
        bill = arm_bill(settings, build(ArmConfig, values, f"rl={name}"))
        states = sum(bill.memory[0].get(part, 0) for part in STATES)
        whole = sum(per_device(bill, 1, room).values())
        print(
            f"  {name:8} {bill.flops / settings.scale.steps:.3g} FLOPs per step, states "
            f"{states / GB:.3g} GB, in all {whole / GB:.3g} GB on one device; "
            f"{parts_line(bill, room, options.devices)}"
        )


def short(count: float) -> str:
    """1234567 -> 1.2M."""
    for unit in ("", "k", "M", "G", "T"):
        if abs(count) < 1000:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g}P"
