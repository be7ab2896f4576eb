"""Next-token training, for pretraining (section 2.3) and supervised fine-tuning (section 3): one loop, a generator of rows.

Shapes: B sequences a step, T positions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.lm.flops import train_flops

Example = tuple[list[int], list[int]]  # token ids, loss mask


@dataclass(frozen=True)
class TrainConfig:
    """A training run of `steps` steps over packed sequences.

    schedule: "linear" decays to `lr_end` of the peak; "multi_step" is the paper's (x0.316 at 80 %, x0.1 at 90 %);
    "constant" is the paper's for fine-tuning. optimizer "muon" gives matrices to Muon (`lr_muon`), the rest to AdamW.
    """

    steps: int = 1000
    sequences: int = 8  # a step
    sequence_length: int = 256
    packing: bool = True  # examples end to end (the paper); else one a row, as they will be asked
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
            raise UserError(
                f"train.checkpoint_every={self.checkpoint_every} must be a multiple of log_every={self.log_every}"
            )


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


class Stream:
    """Batches of training examples, for ever: epochs in a new order each, drawn from the seed.

    `examples` are (ids, masks): a token counts in the loss where its mask is 1. The step alone decides the place in the
    stream, so a resumed run reads on where the killed one stopped. A row is a pair of lists (ids, mask).
    """

    def __init__(self, examples: Sequence[Example], seed: int) -> None:
        if not examples:
            raise UserError("no training examples: the stage before this one kept nothing")
        self.examples, self.seed = examples, seed

    def order(self, epoch: int):
        import numpy as np

        return np.random.default_rng([self.seed, epoch]).permutation(len(self.examples))

    def epoch(self, epoch: int) -> Sequence[Example]:
        raise NotImplementedError

    def batches(self, sequences: int, first_step: int) -> Iterator:
        """(tokens_BT, mask_BT) from `first_step` on; rows shorter than the longest of their batch are padded on the right."""
        epoch, before = 0, 0  # `before`: rows of earlier epochs
        rows = self.epoch(0)
        at = first_step * sequences
        while True:
            picked = []
            for row in range(at, at + sequences):
                while row - before >= len(rows):
                    before += len(rows)
                    epoch += 1
                    rows = self.epoch(epoch)
                picked.append(rows[row - before])
            at += sequences
            yield _pad(picked)


class Packed(Stream):
    """Examples laid end to end and cut into rows of `length` tokens, without a mask between them: the paper's "randomly
    concatenated". The tail that fills no row is left for other epochs."""

    def __init__(self, examples: Sequence[Example], length: int, seed: int) -> None:
        super().__init__(examples, seed)
        self.length = length

    def epoch(self, epoch: int) -> Sequence[Example]:
        ids: list[int] = []
        mask: list[int] = []
        for i in self.order(epoch):
            ids += self.examples[i][0]
            mask += self.examples[i][1]
        if len(ids) < self.length:
            repeat = -(-self.length // len(ids))
            ids, mask = ids * repeat, mask * repeat
        starts = range(0, len(ids) - self.length + 1, self.length)
        return [(ids[s : s + self.length], mask[s : s + self.length]) for s in starts]


class Unpacked(Stream):
    """One example a row, as it will be asked: at position 0 and with nothing before it. `length` cuts longer ones."""

    def __init__(self, examples: Sequence[Example], length: int, seed: int) -> None:
        super().__init__([(ids[:length], mask[:length]) for ids, mask in examples], seed)

    def epoch(self, epoch: int) -> Sequence[Example]:
        return [self.examples[i] for i in self.order(epoch)]


def make_stream(examples: Sequence[Example], cfg: TrainConfig) -> Stream:
    return (Packed if cfg.packing else Unpacked)(examples, cfg.sequence_length, cfg.seed)


def _pad(rows: Sequence[Example]):
    import torch

    width = max(len(ids) for ids, _ in rows)
    tokens_BT = torch.zeros(len(rows), width, dtype=torch.long)
    mask_BT = torch.zeros(len(rows), width, dtype=torch.bool)
    for b, (ids, mask) in enumerate(rows):
        tokens_BT[b, : len(ids)] = torch.tensor(ids)
        mask_BT[b, : len(ids)] = torch.tensor(mask, dtype=torch.bool)
    return tokens_BT, mask_BT


def make_optimizers(model, cfg: TrainConfig) -> list:
    """AdamW for everything, or Muon for the matrices of the layers and AdamW for embeddings and norms."""
    import torch

    from pipeline.lm.muon import Muon

    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and ".layers." in name]
    if cfg.optimizer == "adamw":
        matrices = []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    decay = [
        {"params": [p for p in rest if p.dim() > 1]},
        {"params": [p for p in rest if p.dim() < 2], "weight_decay": 0.0},
    ]
    found = [
        torch.optim.AdamW(
            decay, lr=cfg.lr, betas=cfg.betas, weight_decay=cfg.weight_decay, eps=1e-8
        )
    ]
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


def train_lm(
    model, data: Stream, cfg: TrainConfig, checkpoint: Path | None = None
) -> Iterator[dict[str, float]]:
    """Train `model` in place and yield a row every `log_every` steps: step, loss, lr, grad_norm, tokens (with padding), flops.

    With `checkpoint` (a folder) the run continues from the last state saved there, and on one CPU thread ends bit-identical
    to an undisturbed run. Raises UserError when the loss is no longer finite.
    """
    import torch

    from pipeline.lm.model import position_limit

    limit = position_limit(model)
    if limit is not None and cfg.sequence_length > limit:
        raise UserError(
            f"sequence_length={cfg.sequence_length} exceeds the model's {limit} positions; lower it"
        )
    optimizers = make_optimizers(model, cfg)
    first, rows = _resume(model, optimizers, checkpoint)
    yield from rows
    params = list(model.parameters())
    tokens, work = (rows[-1]["tokens"], rows[-1]["flops"]) if rows else (0, 0)
    losses: list[float] = []
    model.eval()  # a base model's dropout would draw from a generator that no seed here reaches
    batches = data.batches(cfg.sequences, first)
    for step in range(first, cfg.steps):
        tokens_BT, mask_BT = next(batches)
        tokens += tokens_BT.numel()
        work += train_flops(model.config, *tokens_BT.shape)
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
            raise UserError(
                f"step {step}: loss {losses[-1]}, gradient norm {float(norm)}; lower train.lr or train.lr_muon"
            )
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        done = step + 1
        if done % cfg.log_every == 0 or done == cfg.steps:
            row = {
                "step": done,
                "loss": sum(losses) / len(losses),
                "lr": cfg.lr * factor,
                "grad_norm": float(norm),
                "tokens": tokens,
                "flops": work,
            }
            losses = []
            rows.append(row)
            yield row
        if checkpoint and done % cfg.checkpoint_every == 0 and done < cfg.steps:
            _save(model, optimizers, done, rows, checkpoint)


def _save(model, optimizers, step: int, rows: list[dict], folder: Path) -> None:
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "train.pt.tmp"
    torch.save(
        {
            "model": model.state_dict(),
            "optimizers": [o.state_dict() for o in optimizers],
            "step": step,
            "rows": rows,
        },
        temporary,
    )
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
