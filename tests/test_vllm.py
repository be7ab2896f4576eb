"""vLLM as the engine: equal to the model's own forward, up to date, and dead in one line.

Runs where vLLM is installed: `make test-vllm`. Attention on a CPU needs a head dimension of 32.
"""

import copy
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from rl_tiny import ARMS, SCALE, inputs, instructions, policy, questions, tokenizer

from pipeline.errors import UserError
from pipeline.evaluate.config import EvaluateConfig
from pipeline.evaluate.run import evaluate, make_tasks
from pipeline.lm.generate import Sampling, check_sync, make_engine
from pipeline.lm.generate import vllm as room
from pipeline.lm.generate.randomness import row_seed
from pipeline.lm.generate.vllm import VLLMEngine
from pipeline.lm.optim import autocast
from pipeline.lm.passes import Rows, output_log_probs, passes
from pipeline.lm.prompts import prompt_ids
from pipeline.lm.train_config import LoRAConfig
from pipeline.records import Question, write_jsonl
from pipeline.rl.data_source import solutions
from pipeline.rl.loop import train_policy

pytestmark = [pytest.mark.vllm, pytest.mark.skipif(bool(room.missing()), reason=room.missing())]

SIZES = {"hidden_size": 64, "heads": 2}  # head dimension 32
GREEDY = Sampling(0.0, 16)
CFG = replace(SCALE, engine="vllm", max_sampler_gap=1e-3)


@lru_cache
def taught():
    """A policy that gets some sums right, so that rewards differ within a group."""
    model = policy(**SIZES)
    data = solutions(tokenizer(), instructions(35), SCALE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        for _, logp_RT, _ in passes(model, data.rows, range(35), 4096, 1.0):
            (-logp_RT.sum() / 35).backward()
        optimizer.step()
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def engine():
    made = make_engine("vllm", taught(), tokenizer())
    yield made
    made.close()


def prompts(count: int = 12) -> list[list[int]]:
    asked = [(q.question, q.lang) for q in questions(count)]
    return [list(prompt_ids(tokenizer(), q, lang, "cot", "mini")) for q, lang in asked]


def same(theirs, ours) -> None:
    assert [o.tokens for o in theirs] == [o.tokens for o in ours]
    assert [o.finished for o in theirs] == [o.finished for o in ours]
    for a, b in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(a.logprobs, b.logprobs, atol=1e-4)


@pytest.mark.parametrize("stop", [(), ("=",), ("\n", "5=")])
def test_greedy_answers_are_those_of_transformers(engine, stop):
    engine.sync(taught())
    sampling = replace(GREEDY, stop=stop)
    hf = make_engine("hf", taught(), tokenizer()).sample(prompts(), [0] * 12, sampling)
    same(engine.sample(prompts(), [0] * 12, sampling), hf)
    assert any(o.finished for o in hf)
    assert not stop or any(len(o.tokens) > 1 and o.tokens[-1] not in engine.ends for o in hf)


def test_a_row_depends_on_its_seed_alone_and_states_the_trainer_s_log_probabilities(engine):
    engine.sync(taught())
    hot, asked = Sampling(0.7, 16), prompts(3)[2]
    seeds = [row_seed("seed", i) for i in range(8)]
    batch = engine.sample([asked] * 8, seeds, hot)
    assert len({tuple(o.tokens) for o in batch}) > 4
    alone = [engine.sample([asked], [seed], hot)[0].tokens for seed in seeds]
    assert alone == [o.tokens for o in batch]

    rows = Rows([asked], [o.tokens for o in batch], [0] * 8)
    ours = output_log_probs(taught(), rows, 0.7, 4096)
    for b, output in enumerate(batch):
        theirs = torch.tensor(output.logprobs)
        torch.testing.assert_close(theirs, ours[b, : len(theirs)], atol=1e-4, rtol=0)


def test_five_switches_of_weights(engine):
    """The same prompts after each, so that keys and values of the weights before would show."""
    other = policy(seed=7, **SIZES)
    greedy = {}
    for i in range(5):
        model = (other, taught())[i % 2]
        engine.sync(model)
        check_sync(engine, model)
        hf = make_engine("hf", model, tokenizer()).sample(prompts(), [0] * 12, GREEDY)
        same(engine.sample(prompts(), [0] * 12, GREEDY), hf)
        greedy[i % 2] = [o.tokens for o in hf]
    assert greedy[0] != greedy[1]
    with pytest.raises(UserError, match="its sync is broken"):
        check_sync(engine, other if i % 2 else taught())


def test_one_step_of_an_optimizer_changes_the_checksum(engine):
    moved = copy.deepcopy(taught())
    engine.sync(moved)
    with torch.no_grad():
        moved.model.layers[1].mlp.down_proj.weight[0, 0] *= 1 + 1e-6
    with pytest.raises(UserError, match="its sync is broken"):
        check_sync(engine, moved)
    engine.sync(moved)
    check_sync(engine, moved)


def test_sleep_and_wake_in_the_order_of_a_gpu(engine, monkeypatch):
    """The scheduler and the executor of vLLM sleep on a CPU too; only the worker keeps its memory.

    Here its weights are spoilt in the sleep, as a GPU loses them.
    """
    from vllm.v1.worker.cpu_worker import CPUWorker

    said = []

    def sleep(self, level=1):
        said.append(f"sleep {level}")
        for weight in self.model_runner.model.parameters():
            weight.data.fill_(float("nan"))

    monkeypatch.setattr(CPUWorker, "sleep", sleep)
    monkeypatch.setattr(CPUWorker, "wake_up", lambda self, tags=None: said.append(f"wake {tags}"))
    monkeypatch.setattr(engine, "sleeps", True)
    for name in ("push", "reset"):
        owner, method = (engine, "push") if name == "push" else (engine.llm, "reset_prefix_cache")
        real = getattr(owner, method)
        monkeypatch.setattr(
            owner, method, lambda *given, r=real, n=name: (said.append(n), r(*given))[1]
        )

    engine.sync(policy(seed=7, **SIZES))
    said.clear()
    engine.sleep()
    engine.sleep()  # nothing more
    assert said == ["reset", "sleep 2"] and engine.asleep
    engine.sync(taught())
    assert said[2:] == ["wake ['weights']", "push", "wake ['kv_cache']", "reset"]
    check_sync(engine, taught())
    hf = make_engine("hf", taught(), tokenizer()).sample(prompts(), [0] * 12, GREEDY)
    same(engine.sample(prompts(), [0] * 12, GREEDY), hf)

    engine.sleep()  # woken by whoever samples, with the weights of the last sync
    same(engine.sample(prompts(), [0] * 12, GREEDY), hf)


def test_room_is_whole_blocks_and_a_small_share_of_the_card(monkeypatch):
    model = policy(**SIZES)
    per_token = room.row_bytes(model.config, 1, 4)
    training = model.num_parameters() * 16
    for blocks, told in ((2, 128), (3, 128), (300, 128)):
        free = training + int(blocks * room.BLOCK * per_token / room.CACHE_SHARE["cpu"]) + 999
        monkeypatch.setattr(room, "free_bytes", lambda device, free=free: free)
        length, size = room.cache_room(model, torch.float32)
        assert length == told == model.config.max_position_embeddings
        assert size <= (room.ROWS + 1) * room.BLOCK * per_token
        assert size // (room.BLOCK * per_token) >= 2
    monkeypatch.setattr(model.config, "max_position_embeddings", 10**6)
    length, size = room.cache_room(model, torch.float32)
    assert length == 299 * room.BLOCK and size < 301 * room.BLOCK * per_token


def test_an_evaluation_writes_the_files_of_transformers(engine, tmp_path):
    rows = [Question(q.id, q.question, q.answer, q.lang) for q in questions(10)]
    write_jsonl(tmp_path / "world/mini_gsm8k.jsonl", rows)
    cfg = EvaluateConfig(benchmarks=("mini_gsm8k",), samples=0, max_new_tokens=16, chunk=4)
    engine.sync(taught())
    written = []
    for name, sampler in (("vllm", engine), ("hf", make_engine("hf", taught(), tokenizer()))):
        tasks, folder = make_tasks(cfg, "instruct", tmp_path / "world"), tmp_path / name
        (folder / "ckpt").mkdir(parents=True)
        list(evaluate(sampler, tokenizer(), tasks, cfg, folder / "ckpt", folder / "out", []))
        written.append((folder / "out/mini_gsm8k.jsonl").read_bytes())
    assert written[0] == written[1]


def test_what_does_not_fit_is_one_line(engine, monkeypatch):
    with pytest.raises(UserError, match="a prompt of 120 tokens and max_new_tokens=16 exceed 128"):
        engine.sample([[5] * 120], [0], GREEDY)
    with pytest.raises(UserError, match="temperature 0.001 is below"):
        engine.sample([[5]], [0], Sampling(0.001, 4))
    with pytest.raises(UserError, match="the head dimension is one of 32, .* not 16"):
        make_engine("vllm", policy(), tokenizer())
    monkeypatch.setattr(room, "free_bytes", lambda device: 10**6)
    with pytest.raises(UserError, match="is another run on it"):
        make_engine("vllm", taught(), tokenizer())


def test_bfloat16_states_the_log_probabilities_of_the_trainer_s_autocast():
    engine = make_engine("vllm", taught(), tokenizer(), "bfloat16")
    check_sync(engine, taught())
    outputs = engine.sample(prompts(), range(12), Sampling(1.0, 16))
    rows = Rows(prompts(), [o.tokens for o in outputs], list(range(12)))
    with torch.no_grad(), autocast(taught(), "bfloat16"):
        ours = output_log_probs(taught(), rows, 1.0, 4096)
    gaps = [
        abs(float(ours[b, t]) - stated)
        for b, output in enumerate(outputs)
        for t, stated in enumerate(output.logprobs)
    ]
    assert 0 < max(gaps) and sum(gaps) / len(gaps) < 0.05


# Runs with engines of their own come last: all engines of a process share its groups, and the first
# one to go ends them.


def trained(folder, stop_after=None, cfg=CFG):
    """The rows of a GRPO run and its weights; with `stop_after` it is left there, checkpoint and
    all.
    """
    given, rows = inputs(policy=copy.deepcopy(taught()).requires_grad_(True)), []
    arm = ARMS["grpo_os_rule"]
    for row in train_policy(given, arm, cfg, 5, folder / "out", folder / "state", {}):
        rows.append(row)
        if len(rows) == stop_after:
            break
    return rows, given.policy.state_dict()


@pytest.mark.parametrize("peft", [None, LoRAConfig(r=4, alpha=8.0)])
def test_a_grpo_arm_is_the_same_when_it_was_left_in_mid_run(peft, tmp_path):
    """With adapters too, which the engine is handed merged."""
    cfg = replace(CFG, peft=peft, lr=1e-2 if peft else CFG.lr)
    whole, weights = trained(tmp_path / "whole", cfg=cfg)
    assert len(whole) == cfg.steps + 1
    assert max(row["grad_norm"] for row in whole[1:]) > 0
    assert max(row["sampler_gap_max"] for row in whole[1:]) < 1e-4

    trained(tmp_path / "left", stop_after=3, cfg=cfg)
    resumed, found = trained(tmp_path / "left", cfg=cfg)
    assert resumed == whole
    assert all(torch.equal(weights[name], found[name]) for name in weights)


def test_a_sync_that_hands_nothing_over_ends_the_run(tmp_path, monkeypatch):
    real, calls = VLLMEngine.push, []

    def push(self, model):
        calls.append(None)
        if len(calls) <= 2:  # when it is built, and before the first step
            real(self, model)

    monkeypatch.setattr(VLLMEngine, "push", push)
    with pytest.raises(UserError, match="its sync is broken"):
        trained(tmp_path)


def test_an_engine_that_dies_ends_the_run_in_one_line(tmp_path, monkeypatch):
    """The last test: the engine of this process is dead after it."""
    from vllm.v1.worker.cpu_model_runner import CPUModelRunner

    real, calls = CPUModelRunner.execute_model, []

    def execute_model(self, *arguments, **named):
        calls.append(None)
        if len(calls) > 60:
            raise RuntimeError("device lost\nin several lines")
        return real(self, *arguments, **named)

    monkeypatch.setattr(CPUModelRunner, "execute_model", execute_model)
    with pytest.raises(UserError) as caught:
        trained(tmp_path)
    assert "engine=vllm: the engine died" in str(caught.value)
    assert "device lost in several lines" in str(caught.value)
    assert "\n" not in str(caught.value)
