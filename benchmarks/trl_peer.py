"""TRL's GRPOTrainer, set up to do what our GRPO step does: the peer of benchmarks/grpo_step.py."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from pipeline.errors import UserError
from pipeline.grading import grade_many
from pipeline.lm.model import load_model, load_tokenizer
from pipeline.lm.rollouts import encode_prompts
from pipeline.records import Question
from pipeline.rl.config import ArmConfig, RLConfig
from pipeline.rl.data_source import questions_of


def settings_of(
    arm: ArmConfig, cfg: RLConfig, seed: int, rows: int, place: str, on_gpu: bool = False
):
    """A GRPOConfig that asks for what our step does, without anything that would slow it down."""
    from trl import GRPOConfig

    outputs = cfg.questions_per_step * cfg.group_size
    return GRPOConfig(
        output_dir=place,
        use_cpu=not on_gpu,
        bf16=on_gpu,
        gradient_checkpointing=False,
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
        save_strategy="no",
        shuffle_dataset=False,
        max_steps=cfg.steps,
        seed=seed,
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=outputs // rows,
        num_generations=cfg.group_size,
        max_completion_length=cfg.max_new_tokens,
        temperature=cfg.temperature,
        loss_type="grpo",
        beta=arm.kl_coef,
        epsilon=arm.clip_eps,
        num_iterations=1,
        use_bias_correction_kl=False,
        learning_rate=cfg.lr,
        lr_scheduler_type="constant",
        adam_beta1=cfg.adam_beta1,
        adam_beta2=cfg.adam_beta2,
        weight_decay=cfg.weight_decay,
        max_grad_norm=cfg.max_grad_norm,
        model_init_kwargs={"dtype": "float32"},
    )


def trl_trainer(
    folder: Path,
    questions: list[Question],
    arm: ArmConfig,
    cfg: RLConfig,
    seed: int,
    rows: int,
    place: str,
    on_gpu: bool = False,
):
    """A GRPOTrainer on the questions of our steps, in their order.

    Raises UserError when its prompts are not ours.
    """
    from datasets import Dataset
    from trl import GRPOTrainer

    asked = [
        q
        for step in range(1, cfg.steps + 1)
        for q in questions_of(questions, seed, step, cfg.questions_per_step)
    ]
    data = Dataset.from_list(
        [{"prompt": [{"role": "user", "content": q.question}], "answer": q.answer} for q in asked]
    )
    tokenizer = load_tokenizer(folder)
    if tokenizer.pad_token_id >= load_model(folder).config.vocab_size:
        tokenizer.pad_token = tokenizer.bos_token
    trainer = GRPOTrainer(
        str(folder),
        reward_funcs=rule,
        args=settings_of(arm, cfg, seed, rows, place, on_gpu),
        train_dataset=data,
        processing_class=tokenizer,
    )
    same = encode_prompts(tokenizer, asked[:8], cfg)
    found = trainer._tokenize_prompts([row["prompt"] for row in data.select(range(8))])[0]
    if [list(ids) for ids in found] != same:
        raise UserError(
            "TRL's prompts for these questions differ from ours; use a model with a chat template"
        )
    return trainer


def rule(completions, answer, **_) -> list[float]:
    """Our rule as a reward function of TRL, on its conversational completions."""
    items = [
        (completion[0]["content"], right)
        for completion, right in zip(completions, answer, strict=True)
    ]
    return [float(grade.verdict == "right") for grade in grade_many(items)]


def watch(trainer, spent: Counter, clock=time.process_time) -> tuple[list[float], list[int]]:
    """Let a trainer mark the end of each step, and charge seconds of a clock to its phases.

    `spent` gets the phases' seconds from the second step on. Returns the marks and the lengths of
    the outputs of the steps that count; both fill while it trains.
    """
    from transformers import PrinterCallback, TrainerCallback

    marks: list[float] = []
    lengths: list[int] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_, **__):
            marks.append(clock())

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Clock())

    def timed(method: str, phase: str, when=lambda *_: True, keep=lambda _: None) -> None:
        real = getattr(trainer, method)

        def measured(*arguments, **named):
            begin = clock()
            found = real(*arguments, **named)
            if marks and when(*arguments):
                spent[phase] += clock() - begin
                keep(found)
            return found

        setattr(trainer, method, measured)

    timed("_generate", "sampling", keep=lambda found: lengths.extend(map(len, found[1])))
    timed("_calculate_rewards", "rewards")
    timed(
        "_get_per_token_logps_and_entropies",
        "reference",
        lambda model, *_: model is trainer.ref_model,
    )
    return marks, lengths
