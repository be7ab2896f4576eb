"""A reward model's own body: true equations, no held-out question in its training, a folder that the
reward models start from; and AUC next to the likelihood's, by kind of error.
"""

import copy

import numpy as np
import pytest
from rl_tiny import half_taught, instructions, questions, tokenizer

from pipeline.errors import UserError
from pipeline.grading.steps import has_false_equation
from pipeline.lm.model import ModelConfig
from pipeline.lm.train_config import TrainConfig
from pipeline.reward.build import Setting, train_outcome, train_own
from pipeline.reward.config import OwnConfig, RewardConfig
from pipeline.reward.measure import against_likelihood, aucs_within, over_questions
from pipeline.reward.own import LINES, body_examples, equation_examples, equations

OWN = OwnConfig(
    ModelConfig(hidden_size=32, layers=1, heads=1, intermediate_size=32, context=128),
    TrainConfig(
        steps=4, sequences=4, sequence_length=64, packing=False, log_every=2, checkpoint_every=2
    ),
    equations=60,
)
CONFIG = RewardConfig(
    questions=6, held_out=3, samples=4, max_new_tokens=12, epochs=1, start="own", own=OWN,
    head="likelihood",
)  # fmt: skip


def test_equations_are_true_whole_and_of_all_four_kinds():
    seen = set()
    for text, value in equations(400, 30, 0):
        assert not has_false_equation(text + value)
        sign = next(s for s in "+-*/" if s in text)
        numbers = [int(n) for n in text.rstrip("=").split(sign)]
        assert all(1 <= n <= 30 for n in (*numbers, int(value)))
        seen.add(sign)
    assert seen == set("+-*/")
    assert list(equations(5, 30, 0)) == list(equations(5, 30, 0)) != list(equations(5, 30, 1))


def test_only_results_count_in_the_loss_of_equations():
    examples = list(equation_examples(tokenizer(), OWN, 0))
    assert len(examples) == OWN.equations // LINES
    for ids, mask in examples:
        lines = tokenizer().decode(ids[1:]).strip().split("\n")
        results = [line.partition("=")[2] for line in lines]
        counted = [token for token, count in zip(ids, mask, strict=True) if count]
        assert tokenizer().decode(counted).replace(" ", "") == "".join(results)


def test_solutions_of_held_out_questions_are_left_out():
    rows = instructions()
    whole = body_examples(tokenizer(), rows, (), OWN, "mini", 0)
    less = body_examples(tokenizer(), rows, {rows[0].id}, OWN, "mini", 0)
    assert len(whole) == len(rows) + OWN.equations // LINES == len(less) + 1


def setting(tmp_path, name):
    for part in ("out", "state"):
        (tmp_path / name / part).mkdir(parents=True)
    return Setting(
        CONFIG, 0, "cpu", tokenizer(), copy.deepcopy(half_taught()), tmp_path / "nothing",
        questions(), tmp_path / name / "out", tmp_path / name / "state", instructions(),
    )  # fmt: skip


def last_of(rows, total, name):
    *_, last = rows
    return last


def test_the_reward_model_starts_from_its_own_body_and_is_compared(tmp_path):
    one = setting(tmp_path, "a")
    assert train_own(one, last_of)["step"] == OWN.train.steps
    assert (one.start / "model.safetensors").is_file()
    found = train_outcome(one, last_of)
    assert set(found["within"]) == {"all", "arithmetic", "reading"}
    again = setting(tmp_path, "b")
    train_own(again, last_of)
    files = [s.start / "model.safetensors" for s in (one, again)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_body_of_its_own_is_trained_from_scratch():
    with pytest.raises(UserError, match="from scratch"):
        OwnConfig(ModelConfig(path="somewhere"))
    with pytest.raises(UserError, match="base, instruct, own"):
        RewardConfig(start="elsewhere")


def row(question, text, right, logprob):
    return {"question": question, "text": text, "right": right, "logprob": logprob}


def test_wrong_outputs_are_told_apart_by_their_equations():
    rows = [
        row("a", "3+4=7\n\\boxed{7}", True, -1.0),
        row("a", "3+4=8\n\\boxed{8}", False, -3.0),
        row("a", "3+5=8\n\\boxed{8}", False, -0.5),
        row("b", "2+2=4\n\\boxed{4}", True, -1.0),
        row("b", "2+2=5\n\\boxed{5}", False, -0.5),
    ]
    found = against_likelihood(rows, [1.0, 0.0, 0.0, 1.0, 0.0])
    assert found["all"]["wrong"] == 3 and found["all"]["model"]["mean"] == 1.0
    assert found["all"]["likelihood"]["mean"] == 0.25  # .5 in a, 0 in b
    assert found["arithmetic"]["questions"] == 2 and found["arithmetic"]["wrong"] == 2
    assert found["arithmetic"]["likelihood"]["mean"] == 0.5
    assert found["reading"]["questions"] == 1 and found["reading"]["gain"] is None
    assert aucs_within(rows, [r["logprob"] for r in rows]) == {"a": 0.5, "b": 0.0}


def test_the_interval_over_questions_covers_its_mean():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        values = {str(i): x for i, x in enumerate(rng.random(60))}
        found = over_questions(values)
        hits += found["low"] <= 0.5 <= found["high"]
    assert 275 <= hits <= 298
