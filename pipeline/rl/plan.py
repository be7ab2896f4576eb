"""The bill of a profile before it is run: tokens, FLOPs, memory by part and disk of every stage.

FLOPs are those that the stages count themselves (pipeline/lm/flops.py), at the lengths of prompts
and outputs that the profile states (`rl_scale.control_prompt_tokens`, `control_output_tokens`).
Memory is pipeline/lm/memory.py's. Every output counts as distinct and as long as stated, so what
equal outputs and prompts save is not subtracted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.corpus.config import CorpusConfig
from pipeline.evaluate.config import EvaluateConfig
from pipeline.lm import flops, memory
from pipeline.lm.generate.api import Sampling
from pipeline.lm.generate.room import SHARE
from pipeline.lm.memory import Sizes
from pipeline.lm.passes import PROMPTS
from pipeline.lm.train_config import LoRAConfig, TrainConfig
from pipeline.reward.config import RewardConfig
from pipeline.rl.config import ArmConfig, RLConfig

LINES = 4  # steps of a worked solution, from each of which continuations are drawn
ROW_BYTES = 25  # of a stored output per token: its id, its log-probability and its text as JSON
TEXT_BYTES = 4.5  # per token of the corpus
FEWEST = 64
VLLM_ROWS = 256  # sequences that vLLM decodes at once (generate/vllm.py)
STATES = ("weights", "gradients", "optimizer", "reference", "reward model", "value model")
# Parts that there are on one device alone, and on several alone (pipeline/lm/shards.py).
ALONE, SEVERAL = ("fused weights", "merged weights"), ("gathered", "whole copy")


@dataclass(frozen=True)
class Settings:
    """The sections of a profile that cost something, and how much data there is."""

    size: Sizes
    pretrain: TrainConfig
    sft: TrainConfig
    reward: RewardConfig
    scale: RLConfig
    evaluate: EvaluateConfig
    corpus: CorpusConfig
    arms: Mapping[str, ArmConfig]
    chains: int
    reward_chains: int  # that have reward models
    arm_chains: Mapping[str, int]  # on which an arm is built
    seeds: int  # of each arm in a chain
    questions: int  # for RL
    benchmark_questions: int  # of all benchmarks together
    vllm: bool = False  # whether the engine is vLLM


@dataclass(frozen=True)
class Bill:
    """One stage, or one arm at one seed. `memory` holds bytes by part, of each of its moments."""

    stage: str
    runs: int = 1
    tokens: int = 0  # that are trained on or sampled, prompts left out
    train_flops: int = 0  # forward and backward, reference and scores
    sample_flops: int = 0
    memory: Sequence[Mapping[str, int]] = ()
    disk: int = 0  # of what all runs leave behind
    checkpoint: int = 0  # bytes of one run's, which goes when the run ends

    @property
    def flops(self) -> int:
        """Of one run."""
        return self.train_flops + self.sample_flops


def bills(plan: Settings) -> list[Bill]:
    """Every stage of the graph in its order, and every arm, on as many chains as the plan says."""
    found = [
        (lm_bill("pretrain", plan, plan.pretrain), plan.chains),
        (lm_bill("sft", plan, plan.sft), plan.chains),
        (reward_bill(plan), plan.reward_chains),
        *((arm_bill(plan, arm), plan.arm_chains[name]) for name, arm in plan.arms.items()),
    ]
    return [
        corpus_bill(plan),
        *(replace(b, runs=n * b.runs, disk=n * b.disk) for b, n in found if n),
        evaluate_bill(plan),
    ]


def devices(bill: Bill, room: int) -> int:
    """Devices of `room` bytes that a stage needs, a power of two; 0 where no number is enough."""
    for count in (2**i for i in range(13)):
        if sum(per_device(bill, count, room).values()) <= room:
            return count
    return 0


def disk(found: Sequence[Bill]) -> int:
    """Bytes on disk when all stages have run, one at a time.

    Results count twice, as DVC keeps a copy where the file system cannot share blocks, and so does
    the largest checkpoint, since the old one stays until the new one is complete.
    """
    return 2 * (sum(bill.disk for bill in found) + max(bill.checkpoint for bill in found))


def per_device(bill: Bill, count: int, room: int) -> dict[str, int]:
    """Memory of each of `count` devices by part, in the stage's most expensive moment."""
    found = [shared_out(moment, count, room) for moment in bill.memory]
    return max(found, key=lambda parts: sum(parts.values()), default={})


def shared_out(moment: Mapping[str, int], count: int, room: int) -> dict[str, int]:
    """The parts of one of `count` devices.

    Fully sharded: weights, gradients, moments and frozen models are divided among the devices, and
    so are the outputs that are sampled; what a pass adds is not. The sampler has a whole copy, which
    it gives back while the policy trains. Where the cache of all outputs does not fit, fewer are
    decoded at once, down to a `FEWEST`th of them.
    """
    others = SEVERAL if count == 1 else ALONE
    parts = {part: size for part, size in moment.items() if part not in others}
    found = {part: -(-size // count) if part in STATES else size for part, size in parts.items()}
    if "cache" in found:
        wanted = -(-found["cache"] // count)
        left = room - sum(found.values()) + found["cache"]
        found["cache"] = max(min(wanted, int(left * SHARE)), wanted // FEWEST)
    return found


# ---- stages


def corpus_bill(plan: Settings) -> Bill:
    """fastText's two matrices of one row per bucket; words come on top. No FLOPs: it runs on CPUs."""
    cfg = plan.corpus
    classifier = 4 * cfg.classifier.dim * cfg.classifier.bucket
    return Bill(
        "corpus",
        tokens=cfg.token_budget,
        memory=[{"classifier": classifier}],
        disk=int(cfg.token_budget * TEXT_BYTES) + classifier,
    )


def lm_bill(stage: str, plan: Settings, cfg: TrainConfig) -> Bill:
    """Next-token training; without packing an upper bound, as every sequence counts as full."""
    size, tokens = plan.size, cfg.sequences * cfg.sequence_length
    if not cfg.steps:
        return Bill(stage, disk=memory.weight(size))
    forward = flops.forward(
        size.shape, tokens, cfg.sequences * flops.triangle(cfg.sequence_length), tokens
    )
    once = max(cfg.micro_batch_tokens, cfg.sequence_length) if cfg.micro_batch_tokens else tokens
    kept = memory.states(size, cfg.optimizer, cfg.peft)
    passing = memory.passing(
        size, min(once, tokens), cfg.compute_dtype, cfg.gradient_checkpointing, peft=cfg.peft
    )
    passing["gathered"] = memory.gathered(size, cfg.peft)
    return Bill(
        stage,
        tokens=cfg.steps * tokens,
        train_flops=3 * cfg.steps * forward,
        memory=[kept | passing],
        disk=memory.weight(size),
        checkpoint=checkpoint_bytes(size, cfg.optimizer, cfg.peft),
    )


def reward_bill(plan: Settings) -> Bill:
    """Labels by sampling, then one or two reward models."""
    cfg, scale, size = plan.reward, plan.scale, plan.size
    prompt, output = scale.control_prompt_tokens, scale.control_output_tokens
    asked = cfg.questions + cfg.held_out
    sampled = groups(size.shape, asked, cfg.samples, prompt, output)
    tokens = asked * cfg.samples * output
    body = scalar(size, cfg.head)
    trained = 3 * cfg.epochs * groups(body, cfg.questions, cfg.samples, prompt, output)
    models = 1
    if cfg.process:
        models = 2
        outputs = 2 * cfg.process_questions * cfg.process_samples  # training and held out
        starts = outputs * (LINES - 1)
        begun = prompt + output // 2
        sampled += groups(size.shape, starts, cfg.continuations, begun, output - output // 2)
        tokens += starts * cfg.continuations * (output - output // 2)
        trained += (
            3
            * cfg.epochs
            * groups(body, cfg.process_questions, cfg.process_samples, prompt, output)
        )
    labelled = min(cfg.questions_per_step * prompt, PROMPTS * cfg.micro_batch_tokens)
    labelled += cfg.micro_batch_tokens
    updating = memory.states(size, peft=cfg.peft) | memory.passing(
        size, labelled, cfg.compute_dtype, scored=0, peft=cfg.peft
    )
    updating["gathered"] = memory.gathered(size, cfg.peft)
    rows = min(Sampling.batch_rows, asked * cfg.samples)
    reading = {"weights": memory.weight(size)}
    reading |= sampler(plan, rows, cfg.samples, (prompt, cfg.max_new_tokens), cfg.compute_dtype)
    return Bill(
        "reward",
        tokens=tokens,
        train_flops=trained,
        sample_flops=sampled,
        memory=[updating, reading],
        disk=models * memory.weight(size) + tokens * ROW_BYTES,
        checkpoint=checkpoint_bytes(size, peft=cfg.peft),
    )


def arm_bill(plan: Settings, arm: ArmConfig) -> Bill:
    """One arm of Table 10. `flops` are those that the run counts; validation is sampled on top."""
    cfg, size = plan.scale, plan.size
    prompt, output = cfg.control_prompt_tokens, cfg.control_output_tokens
    judge = scalar(size, plan.reward.head)
    sampled, trained = arm_flops(size, judge, arm, cfg, (prompt, output), plan.questions)
    looked = cfg.validation_size * (1 + cfg.validation_samples)
    looks = cfg.steps // cfg.validation_every + 1
    validation = looks * groups(size.shape, looked, 1, prompt, output)
    outputs = cfg.questions_per_step * cfg.group_size
    stored = -(-cfg.steps // cfg.rollouts_every) * outputs * output * ROW_BYTES
    models = 2 if arm.gradient_coefficient == "ppo" else 1
    state = models * checkpoint_bytes(size, peft=cfg.peft)
    if arm.iterations > 1:
        state += 2 * memory.weight(size)  # the reference and the reward model, which move
    kept = cfg.steps // cfg.models_every if cfg.models_every else 0
    kept = 1 + (min(kept, cfg.keep) if cfg.keep else kept)
    kept += (models - 1) + (arm.iterations > 1)  # PPO's value model, the reward model that moved
    return Bill(
        f"rl {arm.name}",
        runs=plan.seeds,
        tokens=cfg.steps * outputs * output,
        train_flops=trained,
        sample_flops=sampled + validation,
        memory=arm_memory(plan, arm),
        disk=plan.seeds * (kept * memory.weight(size) + stored),
        checkpoint=state,
    )


def evaluate_bill(plan: Settings) -> Bill:
    """Base and instruct of every chain, and every arm at every seed, on every benchmark."""
    cfg, scale, size = plan.evaluate, plan.scale, plan.size
    prompt, output = scale.control_prompt_tokens, scale.control_output_tokens
    outputs = plan.benchmark_questions * (1 + cfg.samples)
    models = 2 * plan.chains + sum(plan.arm_chains.values()) * plan.seeds
    engine = sampler(plan, cfg.batch, 1, (prompt, cfg.max_new_tokens), cfg.compute_dtype)
    return Bill(
        "evaluate",
        runs=models,
        tokens=outputs * output,
        sample_flops=groups(size.shape, plan.benchmark_questions, 1 + cfg.samples, prompt, output),
        memory=[{"weights": memory.weight(size)} | engine],
        disk=models * outputs * output * ROW_BYTES,
    )


# ---- reinforcement learning


def arm_flops(
    size: Sizes,
    judge: flops.Shape,
    arm: ArmConfig,
    cfg: RLConfig,
    lengths: tuple[int, int],
    questions: int,
) -> tuple[int, int]:
    """FLOPs of sampling and of everything else, as a run counts them.

    judge -- the reward model's shape; lengths -- of every prompt and of every output; questions --
    how many there are, for arms that sample each of them once.
    """

    asked = cfg.questions_per_step * arm.questions_factor

    def step_of(shape: flops.Shape) -> int:
        return groups(shape, asked, cfg.group_size, *lengths)

    one = step_of(size.shape)
    if arm.data_source == "sft":  # as many solutions as bring its FLOPs to GRPO's
        sizes = cfg.questions_per_step, cfg.group_size, *lengths
        return 0, cfg.steps * flops.grpo_step(size.shape, *sizes)
    step = 3 * arm.updates_per_rollout * one
    if arm.needs_reference:
        step += one
    if arm.learned:
        step += step_of(judge)
    if arm.gradient_coefficient == "ppo":
        step += (1 + 3 * arm.updates_per_rollout) * step_of(scalar(size))
    if arm.data_source == "offline":
        once = min(cfg.steps * asked, questions)
        return groups(size.shape, once, cfg.group_size, *lengths), cfg.steps * step
    return cfg.steps * one, cfg.steps * step


def arm_memory(plan: Settings, arm: ArmConfig) -> list[dict[str, int]]:
    """Two moments: the update, and sampling, when vLLM is awake."""
    cfg, size = plan.scale, plan.size
    prompt, output = cfg.control_prompt_tokens, cfg.control_output_tokens
    kept = memory.states(size, peft=cfg.peft)
    if (arm.needs_reference or arm.data_source == "offline") and cfg.peft is None:
        kept["reference"] = memory.weight(size)
    if arm.learned:
        kept["reward model"] = memory.weight(size)
    if arm.gradient_coefficient == "ppo":
        kept["value model"] = sum(memory.states(size, peft=cfg.peft).values())
    once = min(cfg.micro_batch_tokens, cfg.questions_per_step * cfg.group_size * output)
    # prompts are read in a pass of their own, and kept until their outputs are done
    prompts = min(PROMPTS * cfg.micro_batch_tokens, cfg.questions_per_step * prompt)
    updating = kept | memory.passing(
        size, once + prompts, cfg.compute_dtype, scored=once, peft=cfg.peft
    )
    updating["gathered"] = memory.gathered(size, cfg.peft)
    copies = memory.prompts_read_again(size, -(-once // output), prompt, cfg.compute_dtype)
    updating["activations"] += copies
    if not plan.vllm and cfg.peft is None:
        updating["fused weights"] = memory.fused_projections(size, cfg.compute_dtype)
    rows = min(Sampling.batch_rows, cfg.questions_per_step * cfg.group_size)
    lengths = prompt, cfg.max_new_tokens
    engine = sampler(plan, rows, cfg.group_size, lengths, cfg.compute_dtype, cfg.peft)
    return [updating, kept | engine]


def sampler(
    plan: Settings,
    rows: int,
    group: int,
    lengths: tuple[int, int],
    dtype: str,
    peft: LoRAConfig | None = None,
) -> dict[str, int]:
    """What the engine adds while it samples `rows` outputs, `group` per prompt: its weights, and
    keys and values; the own decoder's hold a prompt once per group.

    lengths -- of every prompt and of every output.
    """
    size, (prompt, output) = plan.size, lengths
    if plan.vllm:
        room = memory.cache(size, min(rows, VLLM_ROWS), prompt + output, dtype)
        return {"engine": memory.weight(size, dtype), "cache": room}
    room = memory.cache(size, rows, output, dtype)
    room += memory.cache(size, -(-rows // group), prompt, dtype)
    found = {"engine": memory.fused_projections(size, dtype), "cache": room}
    if peft is not None:
        found["merged weights"] = memory.merged(size, peft)
    return found | {"whole copy": memory.weight(size)}


def groups(shape: flops.Shape, questions: int, count: int, prompt: int, output: int) -> int:
    """Forward over `count` outputs for each question, each prompt once."""
    one = flops.group_pass(shape, [prompt], [output] * count, [0] * count)
    return questions * one


def scalar(size: Sizes, head: str = "linear") -> flops.Shape:
    """A reward or value model on the same body: its head is one vector, next to the vocabulary's
    where likelihoods are read."""
    vocabulary = size.shape.head if head == "likelihood" else 0
    return replace(size.shape, head=size.hidden + vocabulary)


def checkpoint_bytes(size: Sizes, name: str = "adamw", peft: LoRAConfig | None = None) -> int:
    """The weights and the moments of one model, or of its adapters."""
    if peft is not None:
        return 3 * memory.FLOAT * memory.adapter(size, peft)
    return memory.weight(size) + memory.optimizer(size, name)
