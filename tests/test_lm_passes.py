"""Log-probabilities with shared prompts: those of whole sequences, of the sampler, in micro-batches
of any size.
"""

from dataclasses import replace

import pytest
import torch
from rl_tiny import SCALE, exact, half_taught, tokenizer
from test_rl_gradient import F64, grads, rollouts

from pipeline.lm.passes import Rows, micro_batches, output_log_probs, passes


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer()), n_positions=64, n_embd=32, n_layer=2, n_head=2, n_inner=64
    )
    return GPT2LMHeadModel(config).double().eval()


@pytest.mark.parametrize("make", [lambda: exact(half_taught()), gpt2], ids=["llama", "gpt2"])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_shared_prompts_give_the_log_probs_and_gradient_of_whole_sequences(make, temperature):
    rows = Rows(
        [[1, 5, 6, 7], [1, 8, 9, 10, 11, 12, 13], [1, 2]],
        [[20, 21, 22], [23], [24, 25, 26, 27, 28, 29], [30, 31], [32, 33, 34, 35]],
        [0, 0, 1, 1, 2],
    )
    model = make()
    push = torch.rand(5, 6, dtype=F64, generator=torch.Generator().manual_seed(0))
    for batch, logp, _ in passes(model, rows, range(5), 8, temperature):
        (push[torch.tensor(batch), : logp.shape[1]] * logp).sum().backward()
    shared, logp_BT = grads(model), output_log_probs(model, rows, temperature, 8)
    model.zero_grad()
    for b, output in enumerate(rows.outputs):
        prompt = rows.prompts[rows.prompt_of[b]]
        logits = (
            model(input_ids=torch.tensor([prompt + output])).logits[0, len(prompt) - 1 : -1]
            / temperature
        )
        logp = torch.log_softmax(logits, -1).gather(1, torch.tensor(output)[:, None])[:, 0]
        torch.testing.assert_close(logp_BT[b, : len(output)], logp.detach(), rtol=0, atol=1e-12)
        assert logp_BT[b, len(output) :].count_nonzero() == 0
        (push[b, : len(output)] * logp).sum().backward()
    torch.testing.assert_close(shared, grads(model), rtol=0, atol=1e-11)


def test_trainer_log_probs_are_the_samplers():
    for temperature in (1.0, 0.6):
        data = rollouts(cfg=replace(SCALE, temperature=temperature))
        logp_BT = output_log_probs(half_taught(), data.rows, temperature, 64)
        for b, sampled in enumerate(data.logprobs):
            torch.testing.assert_close(
                logp_BT[b, : len(sampled)], torch.tensor(sampled), rtol=1e-5, atol=1e-5
            )


def test_eos_is_trained_on_and_a_truncated_output_has_none():
    data = rollouts()
    eos = tokenizer().eos_token_id
    for tokens, finished in zip(data.rows.outputs, data.finished, strict=True):
        assert (tokens[-1] == eos) == finished and eos not in tokens[:-1]


def test_micro_batches_cover_all_rows_once_within_the_limit():
    rows = Rows([[1, 2]], [[3] * n for n in (5, 1, 9, 2, 2, 7)], [0] * 6)
    batches = list(micro_batches(rows, range(6), 12))
    assert sorted(b for batch in batches for b in batch) == list(range(6))
    assert all(
        len(batch) == 1 or len(batch) * max(len(rows.outputs[b]) for b in batch) <= 12
        for batch in batches
    )
