"""Rows, rollouts, the offline pool, the control's budget, the stop at a non-finite loss, golden
losses.
"""

import json
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from rl_tiny import (
    ARMS,
    GOLDEN,
    SCALE,
    batch_of,
    exact,
    half_taught,
    inputs,
    questions,
    reward_model,
    rewarded_by,
    run,
    tokenizer,
)
from test_rl_gradient import rollouts

from pipeline.errors import UserError
from pipeline.lm import flops
from pipeline.lm.checksum import checksum
from pipeline.lm.generate import Engine, Output, make_engine
from pipeline.lm.optim import clip_and_step, make_optimizers
from pipeline.lm.passes import Rows
from pipeline.lm.rollouts import Rollouts, sample_groups
from pipeline.records import Question, read_jsonl
from pipeline.rl import loop
from pipeline.rl.config import ArmConfig
from pipeline.rl.data_source import offline, questions_of
from pipeline.rl.glossary import GLOSSARY
from pipeline.rl.pool import Pool, make_pool
from pipeline.rl.record import step_flops, zero_variance_share
from pipeline.rl.reward_function import Rewarded

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folders = {name: tmp_path_factory.mktemp(name) for name in ARMS}
    return {name: (run(arm, folders[name]), folders[name] / "out") for name, arm in ARMS.items()}


@pytest.mark.parametrize("name", ARMS)
def test_rows_of_every_arm(runs, name):
    rows, out = runs[name]
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4]
    assert all(set(row) <= set(GLOSSARY) for row in rows)
    assert [("validation_greedy" in row) for row in rows] == [True, False, True, False, True]
    for counter in ("samples", "tokens", "flops"):
        values = [row[counter] for row in rows[1:]]
        assert values == sorted(values)
    assert not any("second" in key or "time" in key for row in rows for key in row)
    assert len(list(read_jsonl(out / "validation/step-00000.jsonl"))) == SCALE.validation_size


def test_what_every_arm_reports(runs):
    grpo = runs["grpo_os_rule"][0][1]
    assert {
        "reward",
        "accuracy",
        "kl",
        "entropy",
        "zero_variance",
        "truncated",
        "clip_fraction",
        "grad_norm",
    } <= set(grpo)
    assert grpo["kl"] == 0.0 and grpo["clip_fraction"] == 0.0 and grpo["reward"] == grpo["accuracy"]
    assert runs["grpo_os_rule"][0][3]["kl"] > 0
    assert "kl" not in runs["online_rft"][0][1] and "accuracy" not in runs["rft"][0][1]
    assert runs["dpo"][0][1]["loss"] == pytest.approx(0.6931471805599453)


def test_metrics_by_hand(runs):
    rows, out = runs["grpo_ps_rule"]
    stored = list(read_jsonl(out / "rollouts/step-00002.jsonl"))
    right = [len(row["tokens"]) for row in stored if row["right"]]
    assert rows[2]["accuracy"] == pytest.approx(len(right) / 12) and len(stored) == 12
    assert rows[2]["length_right"] == pytest.approx(sum(right) / len(right))
    mean = [sum(row["rewards"]) / len(row["rewards"]) for row in stored]
    assert rows[2]["reward"] == pytest.approx(sum(mean) / 12)
    groups = [[r for row in stored[g : g + 4] for r in row["rewards"]] for g in (0, 4, 8)]
    assert rows[2]["zero_variance"] == pytest.approx(sum(min(g) == max(g) for g in groups) / 3)
    logp = [x for row in stored for x in row["logprobs"]]
    assert rows[2]["entropy"] == pytest.approx(-sum(logp) / len(logp), abs=1e-4)
    assert rows[2]["truncated"] == pytest.approx(sum(not row["finished"] for row in stored) / 12)


def test_rollouts_on_file(runs):
    for row in read_jsonl(runs["grpo_ps_rule"][1] / "rollouts/step-00001.jsonl"):
        assert (
            len(row["tokens"]) == len(row["logprobs"]) and row["ends"][-1] == len(row["tokens"]) - 1
        )
        assert len(row["ends"]) == len(row["rewards"]) == len(row["advantages"])
        assert tokenizer().decode(row["tokens"], skip_special_tokens=True) == row["text"]
        assert "token_advantages" not in row
    ppo = list(read_jsonl(runs["ppo"][1] / "rollouts/step-00001.jsonl"))
    assert all(len(row["token_advantages"]) == len(row["tokens"]) for row in ppo)
    assert all(row["token_advantages"][-1] == row["advantages"][-1] for row in ppo)
    assert any(len(set(row["token_advantages"])) > 1 for row in ppo)  # GAE tells tokens apart


def drawn(some, key=(0, 0, 1)):
    engine = make_engine("fast", half_taught(), tokenizer())
    return sample_groups(engine, tokenizer(), some, SCALE.group_size, SCALE, key)


def test_copies_of_a_question_in_a_batch_are_two_groups():
    one = questions(1)[0]
    found = drawn([one, one])
    assert found.rows.prompt_of == [0] * 4 + [1] * 4
    assert found.rows.outputs[:4] != found.rows.outputs[4:]


def test_a_rollout_depends_on_its_key_and_slot_alone():
    some = questions(3)
    whole, fewer = drawn(some), drawn(some[:2])
    assert fewer.rows.outputs == whole.rows.outputs[:8]
    assert drawn(some, (0, 0, 2)).rows.outputs != whole.rows.outputs


def test_every_arm_with_a_seed_sees_the_same_questions():
    def asked(seed):
        return [q.id for step in (1, 2, 3, 4) for q in questions_of(questions(), seed, step, 3)]

    assert sorted(asked(3)) == sorted(q.id for q in questions())  # an epoch
    assert asked(3) != asked(4)


def test_rft_keeps_right_and_distinct_outputs_and_its_file_is_fixed(tmp_path):
    engine = make_engine("fast", half_taught(), tokenizer())
    for name in ("a", "b"):
        make_pool(engine, tokenizer(), questions(), SCALE, 0, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    pool = Pool(tmp_path / "a")
    assert sorted(pool) == sorted(q.id for q in questions())
    for name in pool:
        rows = [row for row in read_jsonl(tmp_path / "a") if row["question"] == name]
        assert pool[name] == rows and len(rows) == SCALE.group_size
    given = SimpleNamespace(questions=questions(), tokenizer=tokenizer())
    run = SimpleNamespace(inputs=given, seed=0, cfg=SCALE, questions_per_step=12, pool=pool)
    kept = offline(run, 1)
    assert kept.texts and all(rewarded_by("rule", kept).right)
    keys = list(zip(kept.rows.prompt_of, map(tuple, kept.rows.outputs), strict=True))
    assert len(keys) == len(set(keys))


def of_lengths(prompt, output):
    """The rollouts of a step with prompts and outputs of these lengths."""
    some = rollouts()
    outputs = [[b, *[2] * (output - 1)] for b in range(12)]
    return replace(some, rows=Rows([[1] * prompt] * 3, outputs, some.rows.prompt_of))


def flops_of(arm, data, scorer=None):
    """FLOPs of a step by formula, sampling apart."""
    batch = batch_of(arm, data, rewarded_by("rule", rollouts()))
    batch = replace(batch, ref_logp_BT=torch.zeros(1))
    given = SimpleNamespace(reward_model=scorer)
    return step_flops(
        SimpleNamespace(arm=arm, policy=half_taught(), inputs=given, critic=None), batch
    )


def test_the_controls_budget_is_a_grpo_runs_by_formula(runs):
    shape = flops.shape_of(half_taught().config)
    step = flops.grpo_step(shape, 3, 4, SCALE.control_prompt_tokens, SCALE.control_output_tokens)
    for row in runs["sft"][0][1:]:
        assert row["step"] * step <= row["flops"] < row["step"] * step + 0.2 * step
    data = of_lengths(6, 12)
    sampling = flops.rows_pass(shape, data.rows)
    assert flops_of(ARMS["grpo_os_rule"], data) + sampling == flops.grpo_step(shape, 3, 4, 6, 12)


def test_flops_count_every_output_though_equal_ones_share_a_pass():
    arm, distinct = ARMS["grpo_os"], of_lengths(6, 12)
    equal = replace(distinct, rows=replace(distinct.rows, outputs=[[2] * 12] * 12))
    rewarded = rewarded_by("rule", rollouts())
    reference = torch.zeros(1)
    passed = [
        len(replace(batch_of(arm, data, rewarded), ref_logp_BT=reference).active)
        for data in (equal, distinct)
    ]
    assert passed == [3, 12]
    assert flops_of(arm, equal, reward_model()) == flops_of(arm, distinct, reward_model())


def test_zero_variance_share():
    rewarded = Rewarded([[1.0], [1.0], [0.7], [0.2]], [[0]] * 4, [True] * 4)
    assert zero_variance_share(rewarded, 2) == 0.5
    steps = Rewarded([[0.7, 0.7], [0.7], [1.0, 0.0], [1.0]], [[0, 1], [0], [0, 1], [0]], [True] * 4)
    assert zero_variance_share(steps, 2) == 0.5


def test_the_answers_step_is_judged_by_the_rule():
    text = " 1/2+1/3=5/6\n\\boxed{\\frac{5}{6}}"
    tokens = tokenizer().encode(text, add_special_tokens=False) + [tokenizer().eos_token_id]
    question = Question("q", "?", "\\frac{5}{6}", trace=("5/6",))
    rows = Rows([[1, 2]], [tokens], [0])
    data = Rollouts([question], rows, [text], [[0.0] * len(tokens)], [True])
    rewarded = rewarded_by("rule_steps", data)
    assert rewarded.rewards == [[1.0, 1.0]] and rewarded.right == [True]


def test_exact_steps_are_refused_for_questions_without_a_trace(tmp_path):
    bare = [replace(question, trace=()) for question in questions()]
    with pytest.raises(UserError, match="q0 has no trace"):
        run(ARMS["grpo_ps_rule"], tmp_path, given=inputs(questions=bare))


# ---- reliability


def poison(model) -> None:
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight[0, 0] = torch.nan


def test_a_non_finite_loss_stops_the_run_and_keeps_the_batch(tmp_path, monkeypatch):
    given, real = inputs(), loop.new_batch

    def spoil(*arguments):  # after the outputs of step 1 were sampled
        poison(given.policy)
        return real(*arguments)

    monkeypatch.setattr(loop, "new_batch", spoil)
    with pytest.raises(UserError) as caught:
        run(ARMS["grpo_os_rule"], tmp_path, replace(SCALE, validation_size=0), given=given)
    assert "\n" not in str(caught.value) and "step 1: the loss is nan" in str(caught.value)
    assert len(list(read_jsonl(tmp_path / "state/failed-step-00001.jsonl"))) == 12


def test_damaged_weights_are_refused_before_anything_is_sampled(tmp_path):
    given = inputs()
    poison(given.policy)
    with pytest.raises(UserError, match="weights are damaged"):
        run(ARMS["grpo_os_rule"], tmp_path, given=given)


def test_small_steps_move_float32_weights_and_lower_precision_is_refused():
    model = torch.nn.Linear(4, 4)
    with torch.no_grad():
        model.weight.fill_(1.0)
    optimizers = make_optimizers(model, SCALE.optim())
    model.weight.grad = torch.ones(4, 4)
    clip_and_step(model, optimizers, 1e-6 / SCALE.lr, 1.0)
    assert (model.weight != 1.0).all()
    with pytest.raises(UserError, match="float32"):
        make_optimizers(torch.nn.Linear(4, 4).bfloat16(), SCALE.optim())


def test_bfloat16_compute_trains_float32_weights(tmp_path):
    given = inputs()
    before = [p.clone() for p in given.policy.parameters()]
    scale = replace(SCALE, steps=1, compute_dtype="bfloat16", lr=1e-6, validation_size=0)
    run(ARMS["online_rft"], tmp_path, scale, given=given)
    assert all(p.dtype == torch.float32 for p in given.policy.parameters())
    assert any(
        not torch.equal(a, b) for a, b in zip(before, given.policy.parameters(), strict=True)
    )


def test_every_arm_file_is_a_row_of_table10():
    names = {f.name for f in fields(ArmConfig)}
    files = sorted((ROOT / "conf/rl").glob("*.yaml"))
    assert {
        "sft",
        "rft",
        "online_rft",
        "dpo",
        "dpo_sum",
        "ppo",
        "grpo_os",
        "grpo_os_rule",
        "grpo_ps",
        "grpo_ps_rule",
        "grpo_iter",
        "token_mean",
        "dr_grpo",
        "sample_std",
        "mu2",
    } <= {path.stem for path in files}
    for path in files:
        settings = yaml.safe_load(path.read_text())
        settings.pop("report", None)  # how it is shown
        assert set(settings) <= names and settings["name"] == path.stem
        ArmConfig(**settings)


def test_no_questions_and_no_solutions_are_one_line(tmp_path):
    with pytest.raises(UserError, match="questions"):
        run(ARMS["mu2"], tmp_path / "a", replace(SCALE, languages=("xx",)))
    with pytest.raises(UserError, match="instruction"):
        run(ARMS["sft"], tmp_path / "b", replace(SCALE, protocol="pot"))


# ---- golden losses


class Recorded(Engine):
    """An engine that says what is on file: a processor's rounding cannot change what is learned
    from.
    """

    def __init__(self, steps: list[list[list[int]]]) -> None:
        self.steps = iter(steps)

    low = None

    def sync(self, model) -> None:
        self.model = model

    def checksum(self) -> int:
        return checksum(self.model.parameters())

    def sample(self, prompts, seeds, sampling) -> list[Output]:
        return [Output(tuple(t), (0.0,) * len(t), True) for t in next(self.steps)]


GOLDEN_ARMS = ("grpo_os_rule", "grpo_ps_rule", "online_rft", "mu2")
GOLDEN_SCALE = replace(SCALE, steps=10, validation_size=0, checkpoint_every=10, max_sampler_gap=0.0)


def losses(name: str, outputs: list[list[list[int]]], folder: Path) -> list[float]:
    """Ten losses of an arm that learns, in float64, from the outputs on file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "make_engine", lambda *_: Recorded(outputs))
        given = inputs(policy=exact(half_taught()))
        rows = run(ARMS[name], folder, GOLDEN_SCALE, given=given)
    return [row["loss"] for row in rows[1:]]


@pytest.mark.parametrize("name", GOLDEN_ARMS)
def test_golden_losses(name, tmp_path):
    """Changed on purpose? `PYTHONPATH=.:tests python tests/test_rl_metrics.py` writes them again."""
    golden = json.loads((GOLDEN / "rl_losses.json").read_text())
    # float64 throughout but for the advantages, which are rounded to float32: about 1e-7
    assert losses(name, golden["outputs"], tmp_path) == pytest.approx(golden[name], rel=1e-6)


def write_golden() -> None:
    import tempfile

    outputs = []
    for step in range(1, GOLDEN_SCALE.steps + 1):
        outputs.append(drawn(questions_of(questions(), 0, step, 3), (0, 0, step)).rows.outputs)
    golden = {"outputs": outputs}
    for name in GOLDEN_ARMS:
        with tempfile.TemporaryDirectory() as folder:
            golden[name] = losses(name, outputs, Path(folder))
    (GOLDEN / "rl_losses.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    write_golden()
