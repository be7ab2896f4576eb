"""Rows, rollouts, the offline pool, the control's budget, the stop at a non-finite loss, golden losses."""

import json
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from pipeline.rl.update import apply_gradient, make_optimizer, zero_variance_share
from rl_tiny import ARMS, SCALE, half_taught, inputs, questions, run, tokenizer
from test_rl_gradient import rollouts

from pipeline.errors import UserError
from pipeline.lm import flops
from pipeline.lm.generate import make_engine
from pipeline.records import read_jsonl
from pipeline.rl import data_source, loop
from pipeline.rl.config import ArmConfig
from pipeline.rl.glossary import GLOSSARY
from pipeline.rl.reward_function import Judged, judge

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests/golden/rl_smoke.json"


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


def test_copies_of_a_question_in_a_batch_are_two_groups():
    engine, one = make_engine("fast", half_taught(), tokenizer()), questions(1)[0]
    drawn = data_source.online(engine, tokenizer(), [one, one], SCALE, (0, 0, 1))
    assert drawn.rows.prompt_of == [0] * 4 + [1] * 4
    assert drawn.rows.outputs[:4] != drawn.rows.outputs[4:]


def test_a_rollout_depends_on_its_key_and_slot_alone():
    engine, some = make_engine("fast", half_taught(), tokenizer()), questions(3)
    drawn = data_source.online(engine, tokenizer(), some, SCALE, (0, 0, 1))
    fewer = data_source.online(engine, tokenizer(), some[:2], SCALE, (0, 0, 1))
    assert fewer.rows.outputs == drawn.rows.outputs[:8]
    assert (
        data_source.online(engine, tokenizer(), some, SCALE, (0, 0, 2)).rows.outputs
        != drawn.rows.outputs
    )


def test_every_arm_with_a_seed_sees_the_same_questions():
    seen = [q.id for step in (1, 2, 3, 4) for q in data_source.batch_of(questions(), 3, step, 3)]
    assert sorted(seen) == sorted(q.id for q in questions())  # an epoch
    assert seen != [
        q.id for step in (1, 2, 3, 4) for q in data_source.batch_of(questions(), 4, step, 3)
    ]


def test_rft_keeps_right_and_distinct_outputs_and_its_file_is_fixed(tmp_path):
    engine = make_engine("fast", half_taught(), tokenizer())
    for name in ("a", "b"):
        data_source.make_pool(engine, tokenizer(), questions(), SCALE, 0, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    pool = data_source.read_pool(tmp_path / "a")
    assert all(len(rows) == SCALE.group_size for rows in pool.values())
    kept = data_source.offline(pool, tokenizer(), questions(), SCALE)
    assert kept.texts and all(judge("rule", kept, tokenizer(), None).right)
    keys = [
        (slot, tuple(tokens))
        for slot, tokens in zip(kept.rows.prompt_of, kept.rows.outputs, strict=True)
    ]
    assert len(keys) == len(set(keys))


def test_the_controls_budget_is_a_grpo_runs_by_formula(runs):
    shape = flops.shape_of(half_taught().config)
    step = flops.grpo_step(shape, 3, 4, SCALE.control_prompt_tokens, SCALE.control_output_tokens)
    for row in runs["sft"][0][1:]:
        assert row["step"] * step <= row["flops"] < row["step"] * step + 0.2 * step
    fixed = replace(SCALE, control_prompt_tokens=6, control_output_tokens=12)
    drawn = rollouts()
    exact = replace(
        drawn, rows=data_source.Rows([[1] * 6] * 3, [[2] * 12] * 12, drawn.rows.prompt_of)
    )
    batch = replace(
        loop.make_batch(
            ARMS["grpo_os_rule"], fixed, exact, judge("rule", drawn, tokenizer(), None)
        ),
        ref_logp_BT=torch.zeros(1),
    )
    measured = loop.step_work(
        ARMS["grpo_os_rule"], batch, half_taught(), None, None
    ) + loop.one_pass(half_taught().config, exact.rows)
    assert measured == flops.grpo_step(shape, 3, 4, 6, 12)


def test_operations_count_every_output_though_equal_ones_share_a_pass():
    arm, model, drawn = ARMS["grpo_os"], half_taught(), rollouts()
    judged = judge("rule", drawn, tokenizer(), None)
    counted = []
    for outputs in ([[2] * 12] * 12, [[b, *[2] * 11] for b in range(12)]):
        data = replace(drawn, rows=data_source.Rows([[1] * 6] * 3, outputs, drawn.rows.prompt_of))
        batch = replace(loop.make_batch(arm, SCALE, data, judged), ref_logp_BT=torch.zeros(1))
        scorer = SimpleNamespace(shape=flops.shape_of(model.config))
        counted.append((len(batch.active), loop.step_work(arm, batch, model, scorer, None)))
    assert counted[0][0] == 3 and counted[1][0] == 12 and counted[0][1] == counted[1][1]


def test_zero_variance_share():
    judged = Judged([[1.0], [1.0], [0.7], [0.2]], [[0]] * 4, [True] * 4)
    assert zero_variance_share(judged, 2) == 0.5
    steps = Judged([[0.7, 0.7], [0.7], [1.0, 0.0], [1.0]], [[0, 1], [0], [0, 1], [0]], [True] * 4)
    assert zero_variance_share(steps, 2) == 0.5


def test_the_answers_step_is_judged_by_the_rule():
    from pipeline.records import Question

    text = " 1/2+1/3=5/6\n\\boxed{\\frac{5}{6}}"
    tokens = tokenizer().encode(text, add_special_tokens=False) + [tokenizer().eos_token_id]
    question = Question("q", "?", "\\frac{5}{6}", trace=("5/6",))
    data = data_source.Rollouts(
        [question], data_source.Rows([[1, 2]], [tokens], [0]), [text], [[0.0] * len(tokens)], [True]
    )
    judged = judge("rule_steps", data, tokenizer(), None)
    assert judged.rewards == [[1.0, 1.0]] and judged.right == [True]
    bare = replace(data, questions=[replace(question, trace=())])
    with pytest.raises(UserError, match="trace"):
        judge("rule_steps", bare, tokenizer(), None)


# ---- reliability


def test_a_non_finite_gradient_stops_the_run_and_keeps_the_batch(tmp_path):
    given = inputs()
    with torch.no_grad():
        given.policy.model.layers[0].mlp.down_proj.weight[0, 0] = torch.nan
    with pytest.raises(UserError) as caught:
        run(ARMS["grpo_os_rule"], tmp_path, replace(SCALE, validation_size=0), given=given)
    assert "\n" not in str(caught.value) and "step 1" in str(caught.value)
    assert len(list(read_jsonl(tmp_path / "state/failed-step-00001.jsonl"))) == 12


def test_small_steps_move_float32_weights_and_lower_precision_is_refused():
    model = torch.nn.Linear(4, 4)
    with torch.no_grad():
        model.weight.fill_(1.0)
    optimizer = make_optimizer(model, SCALE)
    model.weight.grad = torch.ones(4, 4)
    apply_gradient(model, optimizer, 1e-6, 1.0, pytest.fail)
    assert (model.weight != 1.0).all()
    with pytest.raises(UserError, match="float32"):
        make_optimizer(torch.nn.Linear(4, 4).bfloat16(), SCALE)


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
        assert set(settings) <= names and settings["name"] == path.stem
        ArmConfig(**settings)


def test_no_questions_and_no_solutions_are_one_line(tmp_path):
    with pytest.raises(UserError, match="questions"):
        run(ARMS["mu2"], tmp_path, replace(SCALE, languages=("xx",)))
    with pytest.raises(UserError, match="instruction"):
        run(ARMS["sft"], tmp_path, replace(SCALE, protocol="pot"))


def losses() -> dict[str, list[float]]:
    import tempfile

    found = {}
    for name in ("grpo_os_rule", "grpo_ps_rule", "online_rft"):
        with tempfile.TemporaryDirectory() as folder:
            rows = run(
                ARMS[name],
                Path(folder),
                replace(SCALE, steps=10, validation_size=0, checkpoint_every=10),
            )
        found[name] = [row["loss"] for row in rows[1:]]
    return found


def test_golden_losses():
    """Ten losses an arm. Changed on purpose? `PYTHONPATH=.:tests python tests/test_rl_metrics.py` writes them anew."""
    golden = json.loads(GOLDEN.read_text())
    for name, values in losses().items():
        assert values == pytest.approx(golden[name], rel=1e-3, abs=1e-4), name


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(losses(), indent=2) + "\n")
