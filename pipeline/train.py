"""Next-token training, for pretraining (section 2.3) and supervised fine-tuning (section 3): one loop, a generator of rows.

Shapes: B sequences a step, T positions.
"""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.flops import train_flops


@dataclass(frozen=True)
class TrainConfig:
    """A training run of `steps` steps over packed sequences.

    schedule: "linear" decays to `lr_end` of the peak; "multi_step" is the paper's (x0.316 at 80 %, x0.1 at 90 %);
    "constant" is the paper's for fine-tuning. optimizer "muon" gives matrices to Muon (`lr_muon`), the rest to AdamW.
    """

    steps: int = 1000
    sequences: int = 8  # a step
    sequence_length: int = 256
    lr: float = 3e-3
    lr_muon: float = 0.02
    optimizer: str = "muon"  # "muon" | "adamw"
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1
    schedule: str = "linear"
    lr_end: float = 0.0
    warmup_steps: int = 20
    max_grad_norm: float = 1.0
    checkpoint_every: int = 100
    log_every: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimizer not in ("muon", "adamw"):
            raise UserError(f"train.optimizer={self.optimizer}: muon or adamw")
        if self.schedule not in ("linear", "multi_step", "constant"):
            raise UserError(f"train.schedule={self.schedule}: linear, multi_step or constant")
        if min(self.steps, self.sequences, self.sequence_length) < 1:
            raise UserError("train: steps, sequences and sequence_length must be at least 1")
        if self.checkpoint_every % self.log_every:
            raise UserError(f"train.checkpoint_every={self.checkpoint_every} must be a multiple of log_every={self.log_every}")


def lr_factor(step: int, cfg: TrainConfig) -> float:
    """Learning rate of step 0, 1, ... as a share of the peak."""
    if step < cfg.warmup_steps:
        return (step + 1) / (cfg.warmup_steps + 1)
    done = step / cfg.steps
    if cfg.schedule == "constant":
        return 1.0
    if cfg.schedule == "multi_step":
        return 1.0 if done < 0.8 else 0.316 if done < 0.9 else 0.1
    rest = (cfg.steps - step) / max(1, cfg.steps - cfg.warmup_steps)
    return cfg.lr_end + (1 - cfg.lr_end) * rest


class Packed:
    """Examples laid end to end and cut into rows of T tokens; epochs in a new order each, drawn from the seed.

    `examples` are (ids, masks): a token counts in the loss where its mask is 1. Documents are packed without a mask
    between them, as in the paper ("randomly concatenated").
    """

    def __init__(self, examples: Sequence[tuple[list[int], list[int]]], length: int, seed: int) -> None:
        if not examples:
            raise UserError("no training examples: the stage before this one kept nothing")
        self.examples, self.length, self.seed = examples, length, seed
        self.tokens = sum(len(ids) for ids, _ in examples)

    def rows(self, epoch: int):
        """tokens_RT and mask_RT of one epoch; the tail that fills no row is left for other epochs."""
        import numpy as np

        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.examples))
        ids = np.concatenate([np.asarray(self.examples[i][0], dtype=np.int64) for i in order])
        mask = np.concatenate([np.asarray(self.examples[i][1], dtype=bool) for i in order])
        rows = len(ids) // self.length
        if rows == 0:
            repeat = -(-self.length // len(ids))
            return np.tile(ids, repeat)[None, : self.length], np.tile(mask, repeat)[None, : self.length]
        keep = rows * self.length
        return ids[:keep].reshape(rows, self.length), mask[:keep].reshape(rows, self.length)

    def batches(self, sequences: int, first_step: int) -> Iterator:
        """Batches (tokens_BT, mask_BT) from `first_step` on, for ever; the step alone decides the place in the stream."""
        import numpy as np
        import torch

        epoch, used = 0, 0  # rows used before the current epoch
        tokens, mask = self.rows(0)
        at = first_step * sequences
        while True:
            picked = []
            for row in range(at, at + sequences):
                while row - used >= len(tokens):
                    used += len(tokens)
                    epoch += 1
                    tokens, mask = self.rows(epoch)
                picked.append((tokens[row - used], mask[row - used]))
            at += sequences
            yield tuple(torch.from_numpy(np.stack(part)) for part in zip(*picked, strict=True))


def make_optimizers(model, cfg: TrainConfig) -> list:
    """AdamW for everything, or Muon for the matrices of the layers and AdamW for embeddings and norms."""
    import torch

    from pipeline.muon import Muon

    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and ".layers." in name]
    if cfg.optimizer == "adamw":
        matrices = []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    decay = [{"params": [p for p in rest if p.dim() > 1]}, {"params": [p for p in rest if p.dim() < 2], "weight_decay": 0.0}]
    found = [torch.optim.AdamW(decay, lr=cfg.lr, betas=cfg.betas, weight_decay=cfg.weight_decay, eps=1e-8)]
    if matrices:
        found.append(Muon(matrices, lr=cfg.lr_muon, weight_decay=cfg.weight_decay))
    return found


def next_token_loss(model, tokens_BT, mask_BT):
    """Mean of -log p(token) over positions where the mask is 1 (position 0 has no context and never counts)."""
    import torch.nn.functional as F

    hidden_BTD = model.get_decoder()(input_ids=tokens_BT, use_cache=False).last_hidden_state
    target_BT = mask_BT[:, 1:]
    logits_NV = model.get_output_embeddings()(hidden_BTD[:, :-1][target_BT])
    return F.cross_entropy(logits_NV.float(), tokens_BT[:, 1:][target_BT])


def train_lm(model, data: Packed, cfg: TrainConfig, checkpoint: Path | None = None) -> Iterator[dict[str, float]]:
    """Train `model` in place and yield a row every `log_every` steps: step, loss, lr, grad_norm, tokens, flops.

    With `checkpoint` (a folder) the run continues from the last state saved there, and on one CPU thread ends bit-identical
    to an undisturbed run. Raises UserError when the loss is no longer finite.
    """
    import torch

    from pipeline.model import position_limit

    limit = position_limit(model)
    if limit is not None and data.length > limit:
        raise UserError(f"sequence_length={data.length} exceeds the model's {limit} positions; lower it")
    optimizers = make_optimizers(model, cfg)
    first, rows = _resume(model, optimizers, checkpoint)
    yield from rows
    params = list(model.parameters())
    flops_step = train_flops(model.config, cfg.sequences, cfg.sequence_length)
    losses: list[float] = []
    model.eval()  # a base model's dropout would draw from a generator that no seed here reaches
    batches = data.batches(cfg.sequences, first)
    for step in range(first, cfg.steps):
        tokens_BT, mask_BT = next(batches)
        factor = lr_factor(step, cfg)
        for optimizer in optimizers:
            base = cfg.lr if isinstance(optimizer, torch.optim.AdamW) else cfg.lr_muon
            for group in optimizer.param_groups:
                group["lr"] = base * factor
        loss = next_token_loss(model, tokens_BT, mask_BT)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(params, cfg.max_grad_norm)
        losses.append(loss.item())
        if not (math.isfinite(losses[-1]) and math.isfinite(float(norm))):
            raise UserError(f"step {step}: loss {losses[-1]}, gradient norm {float(norm)}; lower train.lr or train.lr_muon")
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        done = step + 1
        if done % cfg.log_every == 0 or done == cfg.steps:
            row = {"step": done, "loss": sum(losses) / len(losses), "lr": cfg.lr * factor, "grad_norm": float(norm),
                   "tokens": done * cfg.sequences * cfg.sequence_length, "flops": done * flops_step}
            losses = []
            rows.append(row)
            yield row
        if checkpoint and done % cfg.checkpoint_every == 0 and done < cfg.steps:
            _save(model, optimizers, done, rows, checkpoint)


def _save(model, optimizers, step: int, rows: list[dict], folder: Path) -> None:
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "train.pt.tmp"
    torch.save({"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "step": step, "rows": rows},
               temporary)
    temporary.replace(folder / "train.pt")


def _resume(model, optimizers, folder: Path | None) -> tuple[int, list[dict]]:
    """Load the last state; weights_only, so that a checkpoint file can never run code."""
    import torch

    path = folder / "train.pt" if folder else None
    if path is None or not path.is_file():
        return 0, []
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return state["step"], state["rows"]
