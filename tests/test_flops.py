"""The formulas against a real model's weights and against counting by hand."""

from transformers import LlamaConfig, LlamaForCausalLM

from pipeline.lm import flops

CONFIG = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}


def test_shape_counts_the_matrices_of_a_model():
    model = LlamaForCausalLM(LlamaConfig(**CONFIG, tie_word_embeddings=True))
    shape = flops.shape_of(model.config)
    layers = sum(
        p.numel() for name, p in model.named_parameters() if ".layers." in name and p.dim() == 2
    )
    assert (shape.body, shape.head, shape.width) == (layers, 50 * 32, 64)


def test_six_operations_a_weight_and_token_and_the_attention_term():
    shape = flops.Shape(body=1000, head=10, layers=2, width=8)
    assert flops.forward(shape, 5, 0, 0) == 2 * 1000 * 5
    assert flops.forward(shape, 0, 3, 4) == 4 * 2 * 8 * 3 + 2 * 10 * 4
    assert flops.triangle(3) == 1 + 2 + 3 and flops.triangle(2, before=5) == 6 + 7


def test_a_shared_prompt_is_counted_once():
    shape = flops.Shape(body=1000, head=0, layers=0, width=8)
    assert flops.group_pass(shape, [7], [3, 4], [0, 0]) == 2 * 1000 * (7 + 3 + 4)
    assert flops.grpo_step(shape, 1, 2, 7, 3) == 5 * 2 * 1000 * (7 + 3 + 3)
