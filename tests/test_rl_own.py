"""Rewards, prompts and metrics of one's own; the example of docs/real.md."""

from __future__ import annotations

import copy
import json
import sys
from dataclasses import replace

import pytest
from rl_tiny import ARMS, SCALE, inputs, questions, run, tokenizer

from examples import own_data
from pipeline.errors import UserError
from pipeline.lm.conversations import Conversation, read_conversations
from pipeline.lm.model import load_model, save_model
from pipeline.lm.passes import Rows
from pipeline.lm.rollouts import Rollouts, encode_prompts
from pipeline.reward.model import load_reward_model
from pipeline.rl.config import ArmConfig
from pipeline.rl.own_rewards import own_reward

HERE = "tests.test_rl_own"
ONE = {"data_source": "online", "gradient_coefficient": "grpo_outcome"}


def short(questions, outputs, references):
    return [1.0 / len(output.tokens) for output in outputs]


def lines(questions, outputs, references):
    written = [[x for x in o.text.split("\n") if x.strip()] or [""] for o in outputs]
    return [[float(k) for k in range(len(some))] for some in written]


def raises(questions, outputs, references):
    if any("bad" in output.text for output in outputs):
        raise KeyError("table")
    return [0.0] * len(outputs)


def gives_nan(questions, outputs, references):
    return [float("nan")] * len(outputs)


def too_few(questions, outputs, references):
    return [1.0]


def some(*texts: str) -> Rollouts:
    tokens = [[*tokenizer().encode(text, add_special_tokens=False), 1] for text in texts]
    rows = Rows([[0, 5, 6]], tokens, [0] * len(texts))
    return Rollouts([questions()[0]], rows, list(texts), [[0.0]] * len(texts), [True] * len(texts))


def test_several_functions_are_weighted_and_told_apart() -> None:
    data = some("1\n2", "\\boxed{0}")
    found = own_reward({"rule": 2.0, f"{HERE}:short": 0.5})(data, tokenizer())
    lengths = [len(tokens) for tokens in data.rows.outputs]
    assert found.rewards == [[0.5 / lengths[0]], [2.0 + 0.5 / lengths[1]]]
    assert found.right == [False, True]
    assert found.ends == [[n - 1] for n in lengths]
    assert found.means == {"rule": 0.5, f"{HERE}:short": sum(1 / n for n in lengths) / 2}


def test_a_list_is_a_reward_per_line_and_a_number_joins_the_last() -> None:
    data = some("1+1\n2", "3")
    found = own_reward({f"{HERE}:lines": 1.0, f"{HERE}:short": 1.0})(data, tokenizer())
    lengths = [len(tokens) for tokens in data.rows.outputs]
    assert found.rewards == [[0.0, 1.0 + 1 / lengths[0]], [0.0 + 1 / lengths[1]]]
    assert len(found.ends[0]) == 2 and found.ends[0][-1] == lengths[0] - 1


@pytest.mark.parametrize(
    "name, told",
    [
        (f"{HERE}:raises", "failed on the output 'bad' to question q0 .KeyError: 'table'"),
        (f"{HERE}:gives_nan", "gave nan for the output 'good' to question q0"),
        (f"{HERE}:too_few", "1 rewards for 2 outputs"),
        (f"{HERE}:nothing", "has no function 'nothing'"),
        ("no.such.module:f", "no.such.module:f: No module named"),
    ],
)
def test_an_error_in_a_function_names_the_output(name: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        own_reward({name: 1.0})(some("good", "bad"), tokenizer())


def test_arms_with_own_rewards_run_and_log_their_parts(tmp_path) -> None:
    several = ArmConfig(
        "mine", reward_function="weighted", rewards={"rule": 1.0, f"{HERE}:short": 0.1}, **ONE
    )
    metrics = {"half": lambda rollouts, rewarded: len(rollouts.texts) / 2}
    rows = run(several, tmp_path / "a", replace(SCALE, steps=2), given=inputs(metrics=metrics))
    assert all(row["own/half"] == 6 and row[f"reward/{HERE}:short"] > 0 for row in rows[1:])

    single = ArmConfig("mine", "online", f"{HERE}:lines", "grpo_process", kl_coef=0.04)
    assert len(run(single, tmp_path / "b", replace(SCALE, steps=2))) == 3


def numpy_scalars(questions, outputs, references):
    import numpy as np

    return np.linspace(0, 1, len(outputs), dtype=np.float32)


def a_tensor(questions, outputs, references):
    import torch

    return torch.ones(len(outputs), dtype=torch.bfloat16)


def says_none(questions, outputs, references):
    return [None] * len(outputs)


def test_numbers_of_numpy_and_torch_are_numbers() -> None:
    data = some("1", "2", "3")
    found = own_reward({f"{HERE}:numpy_scalars": 1.0})(data, tokenizer())
    assert found.rewards == [[0.0], [0.5], [1.0]]
    assert own_reward({f"{HERE}:a_tensor": 1.0})(data, tokenizer()).rewards == [[1.0]] * 3
    with pytest.raises(UserError, match="gave None for the output '1' to question q0"):
        own_reward({f"{HERE}:says_none": 1.0})(data, tokenizer())


def test_a_number_per_line_needs_process_supervision(tmp_path) -> None:
    arm = ArmConfig("mine", reward_function=f"{HERE}:lines", **ONE)
    with pytest.raises(UserError, match="number for each line, which gradient_coefficient grpo_p"):
        run(arm, tmp_path)


def test_a_metric_that_fails_or_gives_no_number_is_named(tmp_path) -> None:
    one = replace(SCALE, steps=1)
    arm = ARMS["grpo_os_rule"]
    for name, metric, told in (
        ("broken", lambda rollouts, rewarded: 1 / 0, "metric broken failed .ZeroDivisionError"),
        ("odd", lambda rollouts, rewarded: float("nan"), "metric odd gave nan; a finite number"),
    ):
        with pytest.raises(UserError, match=told):
            run(arm, tmp_path / name, one, given=inputs(metrics={name: metric}))


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(UserError, match="weighted and rewards"):
        ArmConfig("mine", reward_function="weighted", **ONE)
    with pytest.raises(UserError, match="weighted and rewards"):
        ArmConfig("mine", reward_function="weighted", rewards={"brief": 1.0}, **ONE)
    with pytest.raises(UserError, match="choose one of"):
        ArmConfig("mine", reward_function="brief", **ONE)


def test_questions_without_an_answer_are_refused_by_the_rule_alone(tmp_path) -> None:
    blank = [replace(q, answer=" ") for q in questions()]
    with pytest.raises(UserError, match="question q0 has no answer"):
        run(ARMS["grpo_os_rule"], tmp_path / "a", given=inputs(questions=blank))
    weights = {"rule": 1.0, f"{HERE}:short": 0.1}
    both = ArmConfig("mine", reward_function="weighted", rewards=weights, **ONE)
    with pytest.raises(UserError, match="reward_function rule would give 0"):
        run(both, tmp_path / "c", given=inputs(questions=blank))
    own = ArmConfig("mine", reward_function=f"{HERE}:short", **ONE)
    rows = run(own, tmp_path / "b", replace(SCALE, steps=1), given=inputs(questions=blank))
    assert rows[1]["accuracy"] == 0 and rows[1]["reward"] > 0


def test_messages_are_asked_as_the_template_writes_them(tmp_path) -> None:
    talk = [
        {"role": "user", "content": "1+1"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "2+2"},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"messages": talk, "answer": "4", "colour": "red"}) + "\n")
    (row,) = read_conversations(path)
    assert isinstance(row, Conversation) and row.answer == "4" and row.row["colour"] == "red"
    text = tokenizer().decode(encode_prompts(tokenizer(), [row], SCALE)[0])
    assert text == "<s>User: 1+1\n\nAssistant: 2</s>User: 2+2\n\nAssistant:"

    system = [{"role": "system", "content": "Be brief."}, *talk]
    path.write_text(
        "".join(json.dumps({"id": i, "messages": system, "answer": None}) + "\n" for i in (1, 1))
    )
    with pytest.raises(UserError, match="rows.jsonl:2: the id '1' is that of line 1 too"):
        read_conversations(path)
    path.write_text(json.dumps({"messages": system, "answer": None}) + "\n")
    (row,) = read_conversations(path)
    assert row.answer == ""
    strict = copy.deepcopy(tokenizer())
    strict.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    )
    with pytest.raises(
        UserError, match="question 1: the model's chat template refuses .*no system"
    ):
        encode_prompts(strict, [row], SCALE)

    path.write_text('{"messages": [{"role": "assistant", "content": "2"}]}\n')
    with pytest.raises(UserError, match="rows.jsonl:1"):
        read_conversations(path)


def test_the_example_trains_on_a_file_of_rows(tmp_path, capsys) -> None:
    save_model(inputs().policy, tokenizer(), tmp_path / "model")
    rows = [
        {"id": q.id, "messages": [{"role": "user", "content": q.question}], "answer": q.answer}
        for q in questions()
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    scale = replace(SCALE, steps=2, lr=1e-3)
    places = [str(tmp_path / name) for name in ("model", "rows.jsonl", "out")]
    own_data.main(*places, scale=scale)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line[0] == "{"]
    assert [row["step"] for row in told] == [0, 1, 2]
    assert 0 <= told[1]["own/finished"] <= 1
    assert told[1]["reward/examples.own_data:brief"] > 0
    assert (tmp_path / "out/model/model.safetensors").is_file()
    assert len(open(own_data.__file__, encoding="utf-8").readlines()) <= 40
    assert sys.modules["examples.own_data"] is own_data


def test_models_of_earlier_steps_and_of_what_else_moved_are_left(tmp_path) -> None:
    scale = replace(SCALE, steps=4, models_every=1, keep=2, validation_size=0)
    run(ARMS["ppo"], tmp_path / "a", scale)
    left = sorted(path.name for path in (tmp_path / "a/out/models").iterdir())
    assert left == ["step-00003", "step-00004"]
    assert load_model(tmp_path / "a/out/models/step-00003").config.model_type == "llama"
    assert (tmp_path / "a/out/value_model/model.safetensors").is_file()
    run(ARMS["grpo_iter"], tmp_path / "b", replace(SCALE, validation_size=0))
    assert load_reward_model(tmp_path / "b/out/reward_model", "cpu", 64).shape.layers == 2


def test_the_gsm8k_example_trains_and_leaves_models(tmp_path, capsys, monkeypatch) -> None:
    from examples import gsm8k
    from pipeline.world.real import sets

    save_model(inputs().policy, tokenizer(), tmp_path / "model")
    (tmp_path / "gsm8k").mkdir()
    rows = [{"question": f"{i}+1", "answer": f"{i}+1=<<{i}+1={i + 1}>>{i + 1}\n#### {i + 1}"}
            for i in range(60)]  # fmt: skip
    (tmp_path / "gsm8k/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setitem(sets.TABLE, "gsm8k", replace(sets.TABLE["gsm8k"], rows=60))
    small = {"steps": 2, "questions_per_step": 2, "group_size": 2, "max_new_tokens": 6,
             "models_every": 1, "validation_size": 2, "compute_dtype": "float32"}  # fmt: skip
    gsm8k.main(str(tmp_path / "model"), str(tmp_path), str(tmp_path / "out"), "cpu", **small)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line[0] == "{"]
    assert [row["step"] for row in told] == [0, 1, 2] and "validation_sampled" in told[2]
    left = sorted(path.name for path in (tmp_path / "out/models").iterdir())
    assert left == ["step-00001", "step-00002"]
