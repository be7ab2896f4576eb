"""Real input: any Hugging Face causal LM as the base, and the profile of real data."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_world_real import own_rows

from pipeline.errors import UserError
from pipeline.records import Instruction, Question, read_jsonl, write_jsonl
from pipeline.rl.config import ArmConfig, RLConfig

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("DSM_SHARED", ROOT.parent / "shared"))
needs_shared = pytest.mark.skipif(
    not (SHARED / "datasets/gsm8k/train.jsonl").is_file(),
    reason="no data sets at ../shared/datasets (DSM_SHARED names another place)",
)
PROSE = (
    "A page of some length about the derivative of a polynomial, its roots and the slope of its "
    "graph at each of them. "
)


# ---- any Hugging Face causal LM as the base

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def base_folder(kind: str, path: Path) -> Path:
    """A random model with a tokenizer trained here: GPT-2 (learned positions, tied head, no chat
    template, no BOS) or Qwen2 (rotary, grouped heads, untied head, its own chat template and end of
    turn).
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        PreTrainedTokenizerFast,
        Qwen2Config,
        Qwen2ForCausalLM,
    )

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    core = Tokenizer(models.BPE())
    core.pre_tokenizer, core.decoder = (
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoders.ByteLevel(),
    )
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    core.train_from_iterator([f"What is {i}+1? {PROSE} {i}+1={i + 1}" for i in range(50)], trainer)
    chat = kind == "qwen2"
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token=special[2] if chat else special[0]
    )
    tokenizer.chat_template = CHATML if chat else None
    torch.manual_seed(0)
    if chat:
        model = Qwen2ForCausalLM(
            Qwen2Config(
                vocab_size=len(tokenizer),
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                intermediate_size=64,
                max_position_embeddings=256,
                tie_word_embeddings=False,
            )
        )
    else:
        model = GPT2LMHeadModel(
            GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=256)
        )
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def run_stage(name: str, cfg, axes: dict | None = None) -> Path:
    """A canonical run of a stage in the current folder, in this process."""
    import importlib

    from pipeline.wiring.run import Job
    from pipeline.wiring.stage import CONTRACTS, execute

    body = importlib.import_module(f"stages.{name}").main.__wrapped__
    contract, axes = CONTRACTS[f"stages.{name}"], {"chain": 0, **(axes or {})}
    out, *reads = (
        Path(str(path).format(data="data", **axes))
        for path in (contract.out, *contract.reads_of(cfg))
    )
    job = Job(
        name,
        axes,
        out,
        reads,
        Path("data"),
        None,
        {"name": "none"},
        Path(body.__code__.co_filename),
    )
    execute(body, cfg, job)
    return job.target


def small_world() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    world = Path("data/world")
    own_rows(world / "instruct.jsonl")
    asked = [Question(f"q{i}", f"What is {i}+1?", str(i + 1)) for i in range(6)]
    for name in ("questions", "validation", "benchmarks/mini_gsm8k", "new/questions"):
        write_jsonl(world / f"{name}.jsonl", asked)
    Path("data/corpus").mkdir()
    Path("data/chains/0/reward/outcome").mkdir(parents=True)
    pq.write_table(pa.table({"text": [PROSE * 3] * 20}), "data/corpus/pages.parquet")


TWO_ARMS = {
    "grpo_os_rule": ArmConfig("grpo_os_rule", "online", "rule", "grpo_outcome", kl_coef=0.04),
    "sft": ArmConfig("sft", "sft", "none", "sft"),
}
TWO_STEPS = RLConfig(
    questions_per_step=2,
    group_size=2,
    steps=2,
    max_new_tokens=6,
    lr=4e-5,
    engine="auto",
    style="paper",
    validation_size=2,
    validation_samples=1,
    control_prompt_tokens=20,
    control_output_tokens=6,
)


@pytest.mark.parametrize("kind", ["gpt2", "qwen2"])
def test_a_hugging_face_folder_goes_through_the_chain(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.evaluate.config import EvaluateConfig
    from pipeline.lm.model import ModelConfig, load_model, load_tokenizer
    from pipeline.lm.train_config import TrainConfig
    from stages.evaluate import EvaluateStage
    from stages.pretrain import PretrainStage
    from stages.rl import RLStage
    from stages.sft import SFTStage

    monkeypatch.chdir(tmp_path)
    base = base_folder(kind, tmp_path / "base")
    small_world()
    train = TrainConfig(
        steps=2, sequences=2, sequence_length=64, optimizer="adamw", warmup_steps=0, lr=4e-4
    )
    run_stage(
        "pretrain", PretrainStage(profile="test", model=ModelConfig(path=str(base)), pretrain=train)
    )
    run_stage("sft", SFTStage(profile="test", sft=train, style="paper"))
    for arm, row in TWO_ARMS.items():
        run_stage("rl", RLStage(profile="test", rl=row, rl_scale=TWO_STEPS), {"rl": arm, "seed": 0})
    cfg = EvaluateConfig(
        benchmarks=("mini_gsm8k",),
        samples=2,
        ks=(1, 2),
        max_new_tokens=6,
        engine="auto",
        style="paper",
    )
    out = run_stage(
        "evaluate",
        EvaluateStage(profile="test", model="grpo_os_rule-0", evaluate=cfg),
        {"model": "grpo_os_rule-0"},
    )
    rows = list(read_jsonl(out / "mini_gsm8k.jsonl"))
    assert len(rows) == 6 and all(
        len(row["samples"]) == 2 and row["greedy"]["tokens"] > 0 for row in rows
    )

    policy, first = load_model("data/chains/0/rl/sft-0/model"), load_model(base)
    assert policy.config.model_type == kind and type(policy) is type(first)
    head, embedding = policy.get_output_embeddings().weight, policy.get_input_embeddings().weight
    assert (head.data_ptr() == embedding.data_ptr()) == (kind == "gpt2")
    assert any(
        not p.equal(q) for p, q in zip(policy.parameters(), first.parameters(), strict=True)
    ), "nothing was trained"
    assert (
        load_tokenizer("data/chains/0/rl/sft-0/model").chat_template
        == load_tokenizer(base).chat_template
    )


@pytest.mark.parametrize("kind", ["gpt2", "qwen2"])
def test_the_prompt_is_the_folders_own(kind: str, tmp_path: Path) -> None:
    from pipeline.lm.examples import instruction_example
    from pipeline.lm.model import load_tokenizer

    tokenizer = load_tokenizer(base_folder(kind, tmp_path / "base"))
    ids, mask = instruction_example(tokenizer, Instruction("i", "Why?", "So.", "1"), "mini")
    prompt = tokenizer.decode([t for t, m in zip(ids, mask, strict=True) if not m])
    response = tokenizer.decode([t for t, m in zip(ids, mask, strict=True) if m])
    if kind == "qwen2":
        assert (
            prompt == "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
            and response == "So.<|im_end|>"
        )
    else:
        assert prompt == "User: Why?\n\nAssistant:" and response == " So.<|endoftext|>"


def test_a_base_folder_that_will_not_do_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.lm.generate import Sampling, make_engine
    from pipeline.lm.model import load_model, load_tokenizer
    from pipeline.lm.stream import Packed
    from pipeline.lm.train import train_lm
    from pipeline.lm.train_config import TrainConfig

    base = base_folder("gpt2", tmp_path / "base")
    model, tokenizer = load_model(base), load_tokenizer(base)
    with pytest.raises(UserError, match="sequence_length=300 exceeds the model's 256 positions"):
        next(
            train_lm(
                model, Packed([([1] * 400, [1] * 400)], 300, 0), TrainConfig(sequence_length=300)
            )
        )
    with pytest.raises(UserError, match="engine=fast reads llama.*use engine=hf"):
        make_engine("fast", model, tokenizer)
    with pytest.raises(
        UserError,
        match="prompt of 250 tokens and max_new_tokens=20 exceed the model's 256 positions",
    ):
        make_engine("auto", model, tokenizer).sample([[5] * 250], [0], Sampling(0.0, 20))
    settings = json.loads((base / "tokenizer_config.json").read_text())
    (base / "tokenizer_config.json").write_text(
        json.dumps({k: v for k, v in settings.items() if k != "eos_token"})
    )
    with pytest.raises(UserError, match=r"no eos_token.*tokenizer_config\.json"):
        load_tokenizer(base)
    for path in base.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(UserError, match="no tokenizer"):
        load_tokenizer(base)
    with pytest.raises(UserError, match=r"no config\.json"):
        load_model(tmp_path / "nowhere")


def test_an_arm_that_needs_traces_refuses_real_questions() -> None:
    from pipeline.rl.reward_function import check_rewardable

    check_rewardable(
        "grpo_ps_rule", "rule_steps", (), [Question("a", "?", "1", trace=("1",))], None
    )
    with pytest.raises(
        UserError, match="arm grpo_ps_rule: question b has no trace.*out of the plan"
    ):
        check_rewardable("grpo_ps_rule", "rule_steps", (), [Question("b", "?", "1")], None)


# ---- the profile


@pytest.mark.e2e
@pytest.mark.timeout(1800)
@needs_shared
def test_the_whole_graph_on_real_data(tmp_path: Path) -> None:
    """Every stage of profile=real, with fewer steps and questions."""
    for name in ("conf", "docs", "stages", "pipeline"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    path = tmp_path / "conf/profile/real.yaml"
    text = path.read_text()
    for old, new in (
        ("steps: 120", "steps: 10"),
        ("steps: 300", "steps: 10"),
        ("steps: 10\n", "steps: 2\n"),
        ("questions: 100", "questions: 6"),
        ("max_new_tokens: 192", "max_new_tokens: 16"),
        ("max_new_tokens: 128", "max_new_tokens: 16"),
        ("held_out: 30", "held_out: 6"),
        ("questions: 60", "questions: 6"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)
    plan = (tmp_path / "conf/plan.yaml").read_text()
    small = {"profile": "real", "arms": "[rft, grpo_os_rule]", "chains": "[0]", "seeds": "[0]"}
    small["reward_chains"] = "[0]"
    for key, value in small.items():
        plan = re.sub(f"^{key}:.*", f"{key}: {value}", plan, flags=re.MULTILINE)
    (tmp_path / "conf/plan.yaml").write_text(plan)
    environment = {
        **os.environ,
        "DSM_DATASETS": str(SHARED / "datasets"),
        "DSM_WEB": str(SHARED / "web"),
        "DVC_NO_ANALYTICS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for command in (["init", "--no-scm", "--quiet"], ["repro"]):
        subprocess.run(
            [sys.executable, "-m", "dvc", *command], cwd=tmp_path, env=environment, check=True
        )
    scores = json.loads(
        (tmp_path / "data/main/chains/0/evaluate/grpo_os_rule-0/summary.json").read_text()
    )["benchmarks"]
    assert {name: row["n"] for name, row in scores.items()} == {"gsm8k": 6, "math": 6, "cmath": 6}
    assert (tmp_path / "reports/report.md").is_file() and (
        tmp_path / "reports/index.html"
    ).is_file()
