"""The own decoder next to vLLM's CPU build and transformers: CPU seconds for the same greedy tokens.

    OMP_NUM_THREADS=1 python -m benchmarks.engines --model models/smollm2 \\
        --questions $DSM_DATASETS/gsm8k/test.jsonl [--engines fast vllm hf] [--group 4]

float32, one thread, one process; every output has all `--tokens` tokens, whatever the model says.
The engines take turns, `--repeats` times; medians of CPU seconds are printed, prompts included, and
those of a run of one token alone (`prompts`). vLLM runs by itself and not as our engine does:
matrices packed by oneDNN, no cache of prompts, eager. It needs the environment of `make test-vllm`.

`of matmul`: the operations of the model's matrices and of attention, each distinct prompt read once
(pipeline/lm/flops.py), over what a product of two matrices of 1024 x 1024 reaches in that time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from pipeline.lm.flops import group_pass, shape_of
from pipeline.lm.generate import Sampling, make_engine
from pipeline.lm.model import load_model, load_tokenizer
from pipeline.lm.prompts import prompt_ids
from pipeline.records import read_jsonl

Sample = Callable[[list[list[int]], int], list[list[int]]]


def own(name: str, folder: Path) -> Sample:
    model = load_model(folder)
    engine = make_engine(name, model, load_tokenizer(folder))
    engine.ends = np.array([-1])  # no token ends an output

    def sample(prompts: list[list[int]], tokens: int) -> list[list[int]]:
        outputs = engine.sample(prompts, range(len(prompts)), Sampling(0.0, tokens))
        return [output.tokens for output in outputs]

    return sample


def vllm(folder: Path) -> Sample:
    os.environ |= {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_CPU_KVCACHE_SPACE": "2",
        "HF_HUB_OFFLINE": "1",
    }
    from vllm import LLM, SamplingParams

    llm = LLM(
        model=str(folder),
        dtype="float32",
        enforce_eager=True,
        enable_prefix_caching=False,
        max_model_len=2048,
        disable_log_stats=True,
    )

    def sample(prompts: list[list[int]], tokens: int) -> list[list[int]]:
        how = SamplingParams(
            temperature=0.0, max_tokens=tokens, ignore_eos=True, detokenize=False, logprobs=0
        )
        asked = [{"prompt_token_ids": prompt} for prompt in prompts]
        found = llm.generate(asked, how, use_tqdm=False)
        return [list(request.outputs[0].token_ids) for request in found]

    return sample


def matmul_rate() -> float:
    """Operations per CPU second of a product of two matrices of 1024 x 1024 in float32."""
    a, b = torch.randn(2, 1024, 1024)
    return 2 * 1024**3 / min(cpu_seconds(lambda: a @ b) for _ in range(20))


def cpu_seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def operations(config, prompts: list[list[int]], group: int, tokens: int) -> int:
    """Of sampling, the last token of each output not being read."""
    lengths = [len(prompt) for prompt in prompts]
    prompt_of = [p for p in range(len(prompts)) for _ in range(group)]
    return group_pass(shape_of(config), lengths, [tokens] * len(prompt_of), prompt_of)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True, help="JSONL with `question`")
    parser.add_argument("--engines", nargs="*", default=["fast", "vllm"])
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--group", type=int, default=1, help="outputs per prompt")
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def main() -> None:
    args = options()
    torch.set_num_threads(1)
    engines: dict[str, Sample] = {
        name: vllm(args.model) if name == "vllm" else own(name, args.model) for name in args.engines
    }
    torch.set_num_threads(1)
    tokenizer = load_tokenizer(args.model)
    rows = [row for row, _ in zip(read_jsonl(args.questions), range(args.prompts), strict=False)]
    asked = [list(prompt_ids(tokenizer, row["question"], "en", "cot", "paper")) for row in rows]
    prompts = [prompt for prompt in asked for _ in range(args.group)]
    whole, first, said = ({name: [] for name in engines} for _ in range(3))
    rates = [matmul_rate()]
    for sample in engines.values():
        sample(prompts[:2], 2)  # what is made at the first use
    for _ in range(args.repeats):
        for name, sample in engines.items():
            whole[name].append(
                cpu_seconds(lambda name=name, s=sample: said[name].append(s(prompts, args.tokens)))
            )
            first[name].append(cpu_seconds(lambda s=sample: s(prompts, 1)))
            rates.append(matmul_rate())

    work = operations(load_model(args.model).config, asked, args.group, args.tokens)
    rate, tokens = statistics.median(rates), sum(map(len, asked))
    print(
        f"{args.prompts} prompts of {tokens} tokens in all, {args.group} outputs each of "
        f"{args.tokens} tokens; {work / 1e9:.0f} GFLOP; matmul {rate / 1e9:.0f} GFLOP/s; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{'engine':<8}{'CPU s':>8}{'prompts':>9}{'of matmul':>11}{'same as first':>15}  each run"
    )
    reference = next(iter(said.values()))[0]
    for name in engines:
        seconds = statistics.median(whole[name])
        same = sum(a == b for a, b in zip(said[name][0], reference, strict=True))
        print(
            f"{name:<8}{seconds:>8.2f}{statistics.median(first[name]):>9.2f}"
            f"{work / rate / seconds:>11.0%}{same:>9} of {len(reference):<3}  "
            + ", ".join(f"{value:.1f}" for value in whole[name])
        )


if __name__ == "__main__":
    main()
