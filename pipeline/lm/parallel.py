"""Several processes work on shares of a batch, each with the whole model or with a shard of it.

`accelerate launch` or torchrun starts the processes; each calls `join` once. Without them every
function here hands back what it was given, so that one process computes as if this file were not
there. Whatever decides what happens next (outputs, verdicts, log-probabilities, the loss) is made
the same in every process; sums differ from those of one process by rounding alone. Process 0 alone
writes, and the others read its files: processes on several machines need a folder in common.
Shards are pipeline/lm/shards.py's; without them this is plain data parallel.
"""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from pipeline import records
from pipeline.errors import ProcessLost, UserError
from pipeline.lm.checksum import checksum

Value = TypeVar("Value")

# How long a process waits for the others: longer than the slowest share of a step may lag behind.
# A process that dies is noticed at once, by its closed connections and by the launcher.
PATIENCE = timedelta(minutes=10)


def join(device: str) -> str:
    """Join the processes of this job, if there are several. Returns the device of this one.

    On GPUs that is the one of its number on its machine. Raises UserError when there is none.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        return device
    # accelerate's default, by which transformers would load weights in process 0 alone and leave
    # the others' to chance
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
    on_gpu = device.startswith("cuda")
    if on_gpu:
        place, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
        if place >= count:
            raise UserError(
                f"process {place} of this machine has no GPU of its own: there are {count}; start "
                "as many processes as GPUs (--num_processes)"
            )
        device = f"cuda:{place}"
        torch.cuda.set_device(place)
    with _lost_in_one_line():
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=PATIENCE)
    atexit.register(dist.destroy_process_group)
    signal.signal(signal.SIGTERM, _stopped)
    return device


def _stopped(*_: Any) -> None:
    """What a launcher does to the other processes when one ends, or when it is stopped itself."""
    raise ProcessLost(
        "the launcher stopped this process, because another one of the job ended (its own message "
        "says why) or the job was stopped; start it again: it resumes from its last checkpoint"
    )


def world() -> int:
    """How many processes work on this job."""
    return dist.get_world_size() if dist.is_initialized() else 1


def first() -> bool:
    """Whether this is process 0, which writes."""
    return not dist.is_initialized() or dist.get_rank() == 0


# ---- shares


def share(items: Sequence[Value], unit: int = 1) -> Sequence[Value]:
    """This process's part of the items; the parts of all processes, in their order, are the whole.

    Neighbours stay together as far as the numbers allow, since they may have a prompt in common;
    `unit` of them always do. A part is empty where there are fewer units than processes.
    """
    if world() == 1:
        return items
    units, place = len(items) // unit, dist.get_rank()
    begin, end = (units * at // world() * unit for at in (place, place + 1))
    return items[begin:end]


def by_share(work: Callable[..., Sequence[Value]], *items: Sequence[Any]) -> list[Value]:
    """`work` of the items, one result per item, of which each process computes its share.

    Every process gets all results, in the order of the items.
    """
    if world() == 1:
        return list(work(*items))
    mine = [share(some) for some in items]  # of nothing too: a model in shards needs everyone
    return [result for part in gathered(list(work(*mine))) for result in part]


# ---- what processes tell each other


def gathered(value: Value) -> list[Value]:
    """The value of each process, in their order."""
    if world() == 1:
        return [value]
    found: list[Any] = [None] * world()
    with _lost_in_one_line():
        dist.all_gather_object(found, value)
    return found


def agreed(value: Value) -> Value:
    """The value of process 0, in every process."""
    return gathered(value if first() else None)[0]


def total(sums: dict[str, float]) -> dict[str, float]:
    """The sum of each entry over all processes; one that a process lacks counts as 0."""
    if world() == 1:
        return sums
    parts = gathered(dict(sums))
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: sum(part.get(key, 0) for part in parts) for key in keys}


def summed(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor, in place, summed over all processes."""
    return sum_all([tensor])[0]


def sum_all(tensors: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """Each tensor, in place, summed over all processes, to the same bits in each of them."""
    if world() > 1:
        with _lost_in_one_line():
            for work in [dist.all_reduce(tensor, async_op=True) for tensor in tensors]:
                work.wait()
    return tensors


def check_same(models: dict[str, torch.nn.Module]) -> None:
    """Raise UserError when the weights of a model are not the same in every process."""
    if world() == 1:
        return
    for name, model in models.items():
        if len(set(gathered(checksum(model.parameters())))) > 1:
            raise UserError(
                f"the weights of {name} differ between the processes of this job; start it again "
                "from its last checkpoint, on devices of one kind"
            )


@contextmanager
def _lost_in_one_line() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise ProcessLost.told_by(error) from error


# ---- files


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """Process 0 writes the rows to a JSONL file; the others go through them and wait for it."""
    if first():
        records.write_jsonl(path, rows)
    else:
        for _ in rows:
            pass
    gathered(None)


def exists(path: Path) -> bool:
    """Whether process 0 finds this file: one answer for all, though it may be written meanwhile."""
    return agreed(path.is_file())
