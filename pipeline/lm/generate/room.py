"""How many rows can be decoded at once in the memory there is."""

from __future__ import annotations

from pathlib import Path

import torch

from pipeline.errors import UserError

SHARE = 0.5  # of the free memory, for keys and values; the rest is for logits and copies


def row_bytes(config, positions: int, size: int) -> int:
    """Bytes of the keys and values of one row; `size`: bytes per number."""
    heads = config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    width = kv_heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    return 2 * config.num_hidden_layers * width * positions * size


def free_bytes(device: torch.device) -> int:
    """Memory that is free on a device: of the GPU, or of the machine and its container."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + held
    lines = Path("/proc/meminfo").read_text().splitlines() if Path("/proc/meminfo").exists() else []
    told = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    limits = [told["MemAvailable"]] if told else []
    most, used = (Path(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if most.exists() and most.read_text().strip().isdigit():
        limits.append(int(most.read_text()) - int(used.read_text()))
    return min(limits, default=1 << 40)


def rows_at_once(config, positions: int, size: int, wanted: int, free: int) -> int:
    """`wanted` rows, or as many as fit. Raises UserError when not even one does."""
    each = row_bytes(config, positions, size)
    fit = int(free * SHARE) // max(1, each)
    if fit < 1:
        raise UserError(
            f"one row of {positions} positions needs {each / 2**20:.0f} MiB of keys and values, and "
            f"{free / 2**20:.0f} MiB are free; lower max_new_tokens, or leave out the longest questions"
        )
    return min(wanted, fit)
