"""Log-probabilities in chunks: values and gradients as without, for every head, and no [N, V]
tensor.
"""

from __future__ import annotations

import pytest
import torch

from pipeline.lm.head import Head, log_probs

N, E, V = 37, 16, 50


def made(bias: bool, scale: float, cap: float, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(*shape, generator=generator).to(dtype).requires_grad_(True)

    hidden, weight = random(N, E), random(V, E)
    head = Head(weight, random(V) if bias else None, scale, cap)
    return head, hidden, torch.randint(0, V, (N,), generator=generator), random(N).detach()


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("cap", [0.0, 3.0])
@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize("bias", [False, True])
def test_chunks_have_the_values_and_gradients_of_the_whole(bias, scale, cap, temperature) -> None:
    head, hidden, target, push = made(bias, scale, cap)
    leaves = [t for t in (hidden, head.weight, head.bias) if t is not None]
    whole = log_probs(head, hidden, target, temperature)
    wanted = torch.autograd.grad((whole * push).sum(), leaves)
    chunked = log_probs(head, hidden, target, temperature, entries=5 * V)
    found = torch.autograd.grad((chunked * push).sum(), leaves)
    torch.testing.assert_close(chunked, whole, rtol=1e-12, atol=1e-12)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_a_second_pass_over_the_same_graph_has_the_same_gradient() -> None:
    """The first one overwrites the softmax that was kept."""
    head, hidden, target, push = made(True, 0.5, 3.0)
    leaves = [hidden, head.weight, head.bias]
    total = (log_probs(head, hidden, target, 0.7) * push).sum()
    first, second = (torch.autograd.grad(total, leaves, retain_graph=True) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)


def test_a_frozen_head_gets_no_gradient() -> None:
    head, hidden, target, push = made(False, 1.0, 0.0)
    frozen = Head(head.weight.detach())
    (log_probs(frozen, hidden, target, entries=5 * V) * push).sum().backward()
    (wanted,) = torch.autograd.grad((log_probs(frozen, hidden, target) * push).sum(), hidden)
    torch.testing.assert_close(hidden.grad, wanted)


def test_bfloat16_autocast_rounds_chunks_as_the_whole() -> None:
    head, hidden, target, push = made(False, 1.0, 0.0, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        whole = log_probs(head, hidden, target)
        chunked = log_probs(head, hidden, target, entries=5 * V)
    assert chunked.dtype == whole.dtype == torch.float32
    torch.testing.assert_close(chunked, whole)
    wanted = torch.autograd.grad((whole * push).sum(), (hidden, head.weight))
    found = torch.autograd.grad((chunked * push).sum(), (hidden, head.weight))
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype == torch.float32
        assert (a - b).norm() < 0.02 * b.norm()


def test_no_tensor_has_all_logits() -> None:
    head, hidden, target, _ = made(False, 1.0, 0.0)
    sizes = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            sizes.extend(t.numel() for t in [result] if isinstance(t, torch.Tensor))
            return result

    with Watch():
        log_probs(head, hidden, target, entries=5 * V).sum().backward()
    assert max(sizes) == max(5 * V, V * E, N * E)
