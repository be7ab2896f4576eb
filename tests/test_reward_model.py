"""Reward models: where they are read, what enters the loss, labels, calibration, and a folder that
loads again.
"""

import copy
import json
from dataclasses import replace

import pytest
import torch
from rl_tiny import SCALE, half_taught, questions, tokenizer

from pipeline.errors import UserError
from pipeline.lm.generate import make_engine
from pipeline.lm.model import save_model
from pipeline.lm.passes import Rows
from pipeline.lm.rollouts import sample_groups
from pipeline.reward import labels, measure
from pipeline.reward.build import Setting, train_outcome, train_process
from pipeline.reward.config import RewardConfig
from pipeline.reward.model import (
    Labelled,
    RewardModel,
    flatten,
    load_reward_model,
    new_reward_model,
    read_at,
    with_scalar_head,
)
from pipeline.reward.train import label_gradient, train_reward_model
from pipeline.rl.reward_function import reward_outputs

CONFIG = RewardConfig(
    questions=8,
    held_out=4,
    samples=6,
    max_new_tokens=12,
    epochs=3,
    questions_per_step=2,
    lr=3e-3,
    checkpoint_every=2,
    process=True,
    process_questions=4,
    process_samples=3,
    continuations=2,
)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    save_model(copy.deepcopy(half_taught()), tokenizer(), folder)
    return folder


def some(labels=((1.0,), (0.0,), (1.0,))):
    outputs = [[20, 21, 22, 23], [24, 25], [26, 27, 28]]
    return Labelled("q", [1, 5, 6], outputs, [[3], [1], [2]], [list(x) for x in labels])


def with_head(base):
    model = new_reward_model(base)
    model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    return model


def test_a_new_reward_model_is_undecided_and_has_the_bodys_weights(base):
    model = new_reward_model(base)
    rows, ends, _ = flatten([some()])
    assert RewardModel(model, 64)(rows, ends) == [[0.5]] * 3
    body = dict(half_taught().model.named_parameters())
    assert all(torch.equal(value, body[name]) for name, value in model.model.named_parameters())


def test_scores_are_read_at_the_given_tokens_whatever_follows(base):
    model = with_head(base)
    rows, _, _ = flatten([some()])
    got = read_at(model, rows, [[1, 3], [1], [0, 2]], 8)
    for output, ends, values in zip(rows.outputs, [[1, 3], [1], [0, 2]], got, strict=True):
        hidden = model.model(input_ids=torch.tensor([[1, 5, 6, *output]])).last_hidden_state[0]
        torch.testing.assert_close(
            values, model.score(hidden)[[3 + end for end in ends], 0], rtol=1e-5, atol=1e-5
        )
    shorter = flatten([Labelled("q", [1, 5, 6], [[20, 21]], [[1]], [[1.0]])])[0]
    torch.testing.assert_close(
        read_at(model, shorter, [[1]], 8)[0][0], got[0][0], rtol=1e-5, atol=1e-5
    )


def test_a_likelihood_head_adds_the_log_likelihood_of_what_was_read(base, tmp_path):
    model = new_reward_model(base, cfg=RewardConfig(head="likelihood"))
    model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    rows, _, _ = flatten([some()])
    got = read_at(model, rows, [[1, 3], [1], [0, 2]], 8)
    policy = half_taught()
    for output, ends, values in zip(rows.outputs, [[1, 3], [1], [0, 2]], got, strict=True):
        tokens = torch.tensor([[1, 5, 6, *output]])
        logp_T = torch.log_softmax(policy(tokens).logits[0, 2:-1], -1).gather(
            1, tokens[0, 3:, None]
        )[:, 0]
        linear = model.score(model.model(input_ids=tokens).last_hidden_state[0])[
            [3 + end for end in ends], 0
        ]
        torch.testing.assert_close(values, linear + logp_T.cumsum(0)[ends], rtol=1e-5, atol=1e-5)
    model.save_pretrained(tmp_path)
    same = load_reward_model(tmp_path, "cpu", 64)
    assert same.trained["head"] == "likelihood" and torch.equal(
        read_at(same.model, rows, [[3], [1], [2]], 8)[1], got[1]
    )
    label_gradient(model, [some()], 64)
    assert model.model.embed_tokens.weight.grad[200].norm() > 0  # of every token, by the softmax


def test_a_likelihood_head_needs_tied_embeddings(tmp_path):
    untied = copy.deepcopy(half_taught())
    untied.config.tie_word_embeddings = False
    save_model(untied, tokenizer(), tmp_path)
    with pytest.raises(UserError, match="head=linear"):
        new_reward_model(tmp_path, cfg=RewardConfig(head="likelihood"))
    with pytest.raises(UserError, match="linear or likelihood"):
        RewardConfig(head="quadratic")


def test_only_labelled_tokens_enter_the_loss(base):
    model = with_head(base)
    process = Labelled("q", [1, 5, 6], [[20, 21, 22, 23]], [[1, 3]], [[1.0, 0.0]])
    loss = label_gradient(model, [process], 64)[0]["loss"]
    logits = read_at(model, flatten([process])[0], [[1, 3]], 64)[0].detach()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, torch.tensor([1.0, 0.0])
    )
    assert abs(loss - expected.item()) < 1e-5
    model.zero_grad()
    label_gradient(model, [Labelled("q", [1, 5, 6], [[20, 21, 22, 23]], [[1]], [[1.0]])], 64)
    embedded = model.model.embed_tokens.weight.grad
    assert embedded[21].norm() > 0 and embedded[22].norm() == 0 and embedded[23].norm() == 0


def test_micro_batches_do_not_change_the_gradient(base):
    found = []
    for size in (1, 1000):
        model = with_head(base)
        label_gradient(model, [some(), some(((0.0,), (0.0,), (1.0,)))], size)
        found.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=2e-5)


def test_training_lowers_the_loss_and_resumes_to_the_bit(base, tmp_path):
    data = [some()] * 6
    whole = new_reward_model(base)
    rows = list(train_reward_model(whole, data, CONFIG, 0, _folder(tmp_path, "a")))
    assert rows[-1]["loss"] < rows[0]["loss"]
    torn = train_reward_model(new_reward_model(base), data, CONFIG, 0, _folder(tmp_path, "b"))
    for _ in range(6):
        next(torn)
    torn.close()
    again = new_reward_model(base)
    assert list(train_reward_model(again, data, CONFIG, 0, tmp_path / "b")) == rows
    assert all(
        torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True)
    )


def _folder(path, name):
    (path / name).mkdir()
    return path / name


def follow(rows, total, name):
    last = list(rows)[-1]
    assert last["step"] == total
    return last


def test_both_models_end_to_end_and_a_saved_one_scores_alike(base, tmp_path):
    out, state = _folder(tmp_path, "out"), _folder(tmp_path, "state")
    setting = Setting(CONFIG, 0, "cpu", tokenizer(), half_taught(), base, questions(), out, state)
    outcome, process = train_outcome(setting, follow), train_process(setting, follow)
    assert (
        outcome["n"] == 24
        and 0 <= outcome["ece"] <= 1
        and outcome["of_n"]["any"] >= outcome["of_n"]["best_of_n"]
    )
    assert process["against_exact_steps"]["steps"] > 0
    rows, ends, _ = flatten([some()])
    first = load_reward_model(out / "outcome", "cpu", 64)(rows, ends)
    assert (
        first == load_reward_model(out / "outcome", "cpu", 64)(rows, ends) and first != [[0.5]] * 3
    )
    kept = load_reward_model(out / "outcome", "cpu", 64).trained  # iteration 2 goes on so
    assert kept == {"balance": False, "labels_at": "last", "head": "linear"}
    stored = [json.loads(line) for line in (out / "step_labels.jsonl").read_text().splitlines()]
    assert all(
        row["labels"][-1] == float(row["right"]) and len(row["labels"]) == len(row["ends"])
        for row in stored
    )
    before = {path.name: path.read_bytes() for path in out.rglob("*.jsonl")}
    out, state = _folder(tmp_path, "out 2"), _folder(tmp_path, "state 2")
    again = Setting(CONFIG, 0, "cpu", tokenizer(), half_taught(), base, questions(), out, state)
    assert (train_outcome(again, follow), train_process(again, follow)) == (outcome, process)
    assert before == {path.name: path.read_bytes() for path in again.out.rglob("*.jsonl")}


def test_missing_folder_and_too_few_questions_are_one_line(base, tmp_path):
    with pytest.raises(UserError, match="no reward model"):
        load_reward_model(tmp_path / "nothing", "cpu", 64)
    setting = Setting(
        CONFIG, 0, "cpu", tokenizer(), half_taught(), base, questions(3), tmp_path, tmp_path
    )
    with pytest.raises(UserError, match="held_out"):
        train_outcome(setting, follow)


def test_step_labels_hard_any_soft_fraction():
    assert labels.step_label([False, True, False], hard=True) == 1.0
    assert labels.step_label([False, False], hard=True) == 0.0
    assert labels.step_label([False, True, False, False], hard=False) == 0.25


def test_continuations_start_after_each_step_but_the_last():
    engine = make_engine("fast", half_taught(), tokenizer())
    calls = []

    class Recorder:
        def sample(self, prompts, seeds, sampling):
            calls.append((prompts, seeds))
            return engine.sample(prompts, seeds, sampling)

    text = " 1+2=3\n\\boxed{3}"
    tokens = tokenizer().encode(text, add_special_tokens=False) + [tokenizer().eos_token_id]
    row = {
        "question": "q",
        "prompt": [1, 5],
        "tokens": tokens,
        "text": text,
        "right": True,
        "finished": True,
    }
    labelled = labels.step_labels(Recorder(), tokenizer(), [row], {"q": "3"}, CONFIG, ("k",))[0]
    prompts, seeds = calls[0]
    assert len(prompts) == CONFIG.continuations and len(set(seeds)) == CONFIG.continuations
    assert tokenizer().decode(prompts[0][2:]) == " 1+2=3"
    assert labelled["ends"][-1] == len(tokens) - 1 and labelled["labels"][-1] == 1.0


def test_training_labels_stand_at_every_token_or_at_the_last():
    rows = [
        {"question": "q", "prompt": [1, 2], "tokens": [7, 8, 9], "right": True, "weight": 0.6},
        {"question": "q", "prompt": [1, 2], "tokens": [7], "right": False, "weight": 0.5},
        {"question": "r", "prompt": [1, 2], "tokens": [7], "right": False, "weight": 0.0},
    ]
    (every,), (last,) = (labels.training_labels(rows, at) for at in ("every", "last"))
    assert (every.ends, every.labels) == ([[0, 1, 2], [0]], [[1.0, 1.0, 1.0], [0.0]])
    assert (last.ends, last.labels, last.weights) == ([[2], [0]], [[1.0], [0.0]], [[0.6], [0.5]])
    assert every.weights == [pytest.approx([0.2] * 3), [0.5]]
    with pytest.raises(UserError, match="labels_at"):
        RewardConfig(labels_at="first")


def test_right_and_wrong_labels_of_a_question_weigh_the_same():
    assert labels.balanced([[1.0, 0.0], [0.0, 0.0, 1.0]]) == [
        [0.25, 0.5 / 3],
        [0.5 / 3, 0.5 / 3, 0.25],
    ]
    both, one = [[1.0], [0.0]], [[1.0], [1.0]]
    assert labels.weigh([both, one], True) == [[[0.5], [0.5]], [[0.0], [0.0]]]
    assert labels.weigh([one, one], True) == labels.weigh([one, one], False) == [[[1.0], [1.0]]] * 2


def test_weights_scale_the_gradient_and_a_weight_of_0_is_no_label(base):
    def gradient(example):
        model = with_head(base)
        loss = label_gradient(model, [example], 64)[0]["loss"]
        return loss, torch.cat([p.grad.flatten() for p in model.parameters()])

    one = Labelled("q", [1, 5, 6], [[20, 21]], [[1]], [[1.0]])
    two = Labelled("q", [1, 5, 6], [[20, 21], [22]], [[1], [0]], [[1.0], [0.0]], [[0.3], [0.0]])
    assert gradient(one)[0] == pytest.approx(gradient(two)[0], rel=1e-5)
    torch.testing.assert_close(gradient(one)[1], gradient(two)[1], rtol=1e-3, atol=1e-4)


def test_auc_counts_ties_half():
    assert measure.auc([0.9, 0.8, 0.1], [True, True, False]) == 1.0
    assert measure.auc([0.1, 0.9], [True, False]) == 0.0
    assert measure.auc([0.5, 0.5, 0.5], [True, False, True]) == 0.5
    assert measure.auc([0.5], [True]) is None


def test_calibration_error_of_known_bins():
    found = measure.calibration([0.95, 0.95, 0.05, 0.05], [True, False, False, False])
    assert abs(found["ece"] - (0.5 * 0.45 + 0.5 * 0.05)) < 1e-12 and found["accuracy"] == 0.75
    assert [b["count"] for b in found["bins"]] == [2, 2]


def test_best_of_n_against_the_votes_and_chance():
    rows = [
        {"question": "q", "text": f"\\boxed{{{a}}}", "tokens": [a], "right": a == 3}
        for a in (4, 4, 3)
    ]
    found = measure.best_of_n(rows, [0.1, 0.2, 0.9])
    assert (found["best_of_n"], found["majority"], found["weighted"], found["any"]) == (
        1.0,
        0.0,
        1.0,
        1.0,
    )
    right_repeats = [
        {"question": "q", "text": f"\\boxed{{{a}}}", "tokens": [a], "right": a == 3}
        for a in (3, 3, 3, 4)
    ]
    found = measure.best_of_n(right_repeats, [0.5] * 4)
    assert (found["mean"], found["chance"]) == (
        0.75,
        0.5,
    )  # a score that knows nothing loses to a random sample


@pytest.mark.parametrize("name", ["outcome", "process"])
def test_equal_outputs_of_a_question_are_scored_alike_whatever_batch_they_fall_into(name):
    """Else a group that answers with one voice has a variance, and advantages, out of rounding."""
    scorer = with_scalar_head(half_taught())
    torch.manual_seed(0)
    torch.nn.init.normal_(scorer.score.weight)
    scale = replace(SCALE, questions_per_step=6)
    engine = make_engine("fast", half_taught(), tokenizer())
    drawn = sample_groups(engine, tokenizer(), questions(6), scale.group_size, scale, (0,))
    voices = [
        drawn.rows.outputs[scale.group_size * p] for p in range(6)
    ]  # of a question; the last group has two
    rows = Rows(
        drawn.rows.prompts,
        [voices[b // 7] for b in range(42)] + [voices[0]],
        [*(b // 7 for b in range(42)), 5],
    )
    data = replace(
        drawn,
        rows=rows,
        texts=[tokenizer().decode(tokens, skip_special_tokens=True) for tokens in rows.outputs],
    )
    for size in (20, 50, 90, 10**6):
        rewards = reward_outputs(name, data, tokenizer(), RewardModel(scorer, size)).rewards
        assert [rewards[7 * (b // 7)] for b in range(42)] == rewards[:42], size
        assert len({tuple(reward) for reward in rewards}) > 5
