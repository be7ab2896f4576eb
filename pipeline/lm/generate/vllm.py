"""vLLM in the process that trains: same weights, same memory, one engine after the other.

The engine is built without weights and is handed the model's after every optimizer step, in place.
On a GPU it sleeps while the policy trains: cached prompts are forgotten, weights and cache are
given back, and at the next sync the weights come first, are overwritten, and the cache comes last,
so that the policy's gradients and the cache are never there together.

Every output is a request of its own with its own seed. vLLM draws with torch's generator and not
with `draw.py`, so sampled outputs are others than those of `fast` and `hf`; greedy ones are equal.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from pipeline.errors import UserError
from pipeline.lm import whole
from pipeline.lm.checksum import checksum
from pipeline.lm.generate.api import Engine, Output, Sampling
from pipeline.lm.generate.room import free_bytes, row_bytes
from pipeline.lm.generate.stop import StopStrings
from pipeline.lm.template import end_tokens

# Read when vllm is imported. Without a second process tensors are handed over and not copied.
ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}
ROWS = 256  # outputs decoded at once
BLOCK = 128  # positions; no cache is handed out in larger blocks, nor in other multiples
SHORTEST = BLOCK  # positions of one sequence that the cache has to hold at least
LEAST_TEMPERATURE = 0.01  # vLLM raises what is lower, without an error
# Bytes per parameter that training adds after the engine was built: gradient and both moments.
TRAINING_BYTES = 12
# For the cache, of the free memory: a GPU's is given back in the sleep, main memory is not.
CACHE_SHARE = {"cuda": 0.8, "cpu": 0.1}


def missing() -> str:
    """Why vLLM cannot be used in this environment; "" when it can."""
    from importlib.util import find_spec

    return "" if find_spec("vllm") else "vllm is not installed (requirements/README.md)"


class VLLMEngine(Engine):
    """Holds a copy of the weights in `compute_dtype`; `sync` overwrites it.

    Raises UserError when vLLM cannot be built for this model on this device, when a prompt and its
    output do not fit, and when the engine dies.
    """

    windows_fixed = True

    def __init__(self, model, tokenizer, compute_dtype: str = "float32") -> None:
        if why := missing():
            raise UserError(f"engine=vllm: {why}; use engine=auto")
        for key, value in ENVIRONMENT.items():
            os.environ.setdefault(key, value)
        self.tokenizer, self.compute_dtype = tokenizer, compute_dtype
        self.device = model.device.type
        self.dtype = torch.bfloat16 if compute_dtype == "bfloat16" else torch.float32
        self.low = self.dtype if self.dtype != torch.float32 else None
        self.ends = list(end_tokens(tokenizer, model))
        self.sleeps, self.asleep = self.device == "cuda", False
        check_heads(model.config, self.device)
        self.length, cache_bytes = cache_room(model, self.dtype)
        self.folder = tempfile.TemporaryDirectory(prefix="vllm-")
        model.config.save_pretrained(self.folder.name)
        tokenizer.save_pretrained(self.folder.name)
        with in_one_line("the engine could not be built"):
            from vllm import LLM, _custom_ops
            from vllm.model_executor.layers import utils

            # oneDNN, and on processors with AMX the kernels for 16 bits, pack matrices so that none
            # can be read again, by which `checksum` is blind; on a CPU torch's own product is as
            # fast for the small models it is good for
            _custom_ops._supports_onednn = False
            utils.check_cpu_sgl_kernel = lambda *_: False
            self.llm = LLM(
                model=self.folder.name,
                load_format="dummy",  # `sync` brings the weights
                dtype=str(self.dtype).removeprefix("torch."),
                generation_config="vllm",  # the folder's own defaults would change what is sampled
                logprobs_mode="processed_logprobs",  # of softmax(logits / temperature)
                max_model_len=self.length,
                max_num_seqs=ROWS,
                kv_cache_memory_bytes=cache_bytes,
                gpu_memory_utilization=share_of_device(model, self.dtype, cache_bytes),
                enable_prefix_caching=True,
                enable_sleep_mode=self.sleeps,
                enforce_eager=self.device == "cpu",
                disable_log_stats=True,
                seed=0,
            )
        self.sync(model)

    def sync(self, model) -> None:
        """See `Engine`. Wakes the engine; prompts cached under the old weights are forgotten."""
        self.model = model
        with in_one_line("the weights could not be handed over"):
            if self.asleep:
                self.llm.wake_up(["weights"])
            self.push(model)
            if self.asleep:
                self.llm.wake_up(["kv_cache"])
                self.asleep = False
            if not self.llm.reset_prefix_cache():
                raise RuntimeError("the prompts cached under the old weights are still in use")

    def push(self, model) -> None:
        """Overwrite the engine's weights, under the names of a published folder."""
        from transformers.core_model_loading import revert_weight_conversion

        named = {name: weight.detach() for name, weight in model.state_dict().items()}
        if whole.in_parts(model):
            named = dict(whole.weights(model))
        named = revert_weight_conversion(model, named)
        self.llm.collective_rpc("reload_weights", kwargs={"weights_iterator": named.items()})

    def sleep(self) -> None:
        """See `Engine`. On a CPU the engine keeps its memory, and forgets its cached prompts."""
        if self.asleep:
            return
        with in_one_line("the engine could not be put to sleep"):
            if not self.llm.reset_prefix_cache():
                raise RuntimeError("its cached prompts are still in use")
            if self.sleeps:
                self.llm.sleep(level=2)  # weights too: the next `sync` brings new ones
                self.asleep = True

    def wake(self) -> None:
        """Be ready to sample, with the weights of the last model handed over."""
        if self.asleep:
            self.sync(self.model)

    def checksum(self) -> int:
        """See `Engine`."""
        self.wake()
        return self.llm.apply_model(lambda model: checksum(model.parameters()))[0]

    def expected(self, model) -> int:
        """See `Engine`. vLLM casts vectors too."""
        each = (checksum([weight.to(self.dtype)]) for _, weight in whole.weights(model))
        return sum(each) % (1 << 64)

    def close(self) -> None:
        """Stop the engine and give back what it holds."""
        with in_one_line("the engine could not be stopped"):
            self.llm.llm_engine.engine_core.shutdown()
        self.folder.cleanup()

    def sample(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], sampling: Sampling
    ) -> list[Output]:
        """See `Engine`. `batch_rows` has no effect: vLLM schedules by the room in its cache."""
        if len(prompts) != len(seeds):
            raise ValueError(f"{len(prompts)} prompts and {len(seeds)} seeds")
        if not len(prompts):
            return []
        self._check(prompts, sampling)
        self.wake()
        requests = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        given = [self._request(int(seed), sampling) for seed in seeds]
        with (
            in_one_line("the engine died; run the stage again to go on from its last checkpoint"),
            torch.autocast(self.device, enabled=False),
        ):
            done = self.llm.generate(requests, given, use_tqdm=False)
        sampling.tell(0, len(done), 0)  # vLLM says nothing before all are done
        return self._cut([_output(request.outputs[0]) for request in done], sampling)

    def _check(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> None:
        longest = max(map(len, prompts))
        if longest + sampling.max_new_tokens > self.length:
            raise UserError(
                f"engine=vllm: a prompt of {longest} tokens and max_new_tokens="
                f"{sampling.max_new_tokens} exceed {self.length} positions, which the model has or "
                "the memory holds; lower max_new_tokens, or leave out the longest questions"
            )
        if 0 < sampling.temperature < LEAST_TEMPERATURE:
            raise UserError(
                f"engine=vllm: temperature {sampling.temperature} is below {LEAST_TEMPERATURE}, "
                "which vLLM would raise; use 0 for greedy answers"
            )

    def _request(self, seed: int, sampling: Sampling):
        """Every field that changes what is drawn, whatever a later vLLM has for its default."""
        from vllm import SamplingParams

        return SamplingParams(
            n=1,
            temperature=sampling.temperature,
            seed=seed,
            top_p=1.0,
            top_k=0,
            min_p=0.0,
            presence_penalty=0.0,
            frequency_penalty=0.0,
            repetition_penalty=1.0,
            logit_bias=None,
            allowed_token_ids=None,
            bad_words=None,
            watermarking=False,
            repetition_detection=None,
            min_tokens=0,
            max_tokens=sampling.max_new_tokens,
            ignore_eos=True,  # the ends are ours, the configuration's own among them
            stop_token_ids=self.ends,
            stop=list(sampling.stop) or None,
            detokenize=bool(sampling.stop),
            skip_special_tokens=False,
            logprobs=0,  # of the sampled token alone
        )

    def _cut(self, outputs: list[Output], sampling: Sampling) -> list[Output]:
        """Outputs up to the token that completes a stop string, as every engine cuts them."""
        if not sampling.stop:
            return outputs
        stop = StopStrings(self.tokenizer, sampling.stop, len(outputs))
        return [
            next(
                (
                    Output(output.tokens[: t + 1], output.logprobs[: t + 1], True)
                    for t, token in enumerate(output.tokens)
                    if stop.hit(np.array([row]), np.array([token]))[0]
                ),
                output,
            )
            for row, output in enumerate(outputs)
        ]


def _output(completion) -> Output:
    tokens = list(completion.token_ids)
    logprobs = [at[token].logprob for token, at in zip(tokens, completion.logprobs, strict=True)]
    return Output(tokens, logprobs, completion.finish_reason == "stop")


def check_heads(config, device: str) -> None:
    """Raise UserError for a head dimension that vLLM's attention on a CPU does not have."""
    if device != "cpu":
        return
    from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend

    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    known = CPUAttentionBackend.get_supported_head_sizes()
    if head_dim not in known:
        raise UserError(
            f"engine=vllm: on a CPU the head dimension is one of {', '.join(map(str, known))}, not "
            f"{head_dim}; use engine=fast or hf"
        )


def cache_room(model, dtype: torch.dtype) -> tuple[int, int]:
    """Positions of the longest sequence, and bytes of the cache of keys and values.

    Room for `ROWS` sequences of the model's full length, or for what the memory leaves. One block
    more than the longest sequence fills is counted, as vLLM keeps one for itself. Raises UserError
    when there is no room for even one short sequence, as with a second engine on one GPU.
    """
    longest, device = model.config.max_position_embeddings, model.device.type
    per_token = row_bytes(model.config, 1, dtype.itemsize)
    free, parameters = free_bytes(model.device), model.num_parameters()
    left = free - parameters * (TRAINING_BYTES + dtype.itemsize)
    most = int(left * CACHE_SHARE[device])
    length = min(longest, most // per_token // BLOCK * BLOCK - BLOCK)
    if length < min(SHORTEST, longest):
        raise UserError(
            f"engine=vllm: {free / 1e9:.1f} GB are free on this {device} device, and training "
            f"{parameters / 1e9:.2f}B parameters next to the engine leaves no room for its cache; is "
            "another run on it? (one engine per device; see dsm plan)"
        )
    wanted = (ROWS * -(-length // BLOCK) + 1) * BLOCK * per_token
    return length, min(most, wanted)


def share_of_device(model, dtype: torch.dtype, cache_bytes: int) -> float:
    """The share of the GPU that the engine asks for: its weights and its cache.

    vLLM refuses to start when less than `gpu_memory_utilization` of the whole card is free, and
    next to a policy its default of 0.92 never is. The size of the cache is given, so the share
    decides nothing else.
    """
    if model.device.type != "cuda":
        return 0.5
    _, total = torch.cuda.mem_get_info(model.device)
    return min(1.0, (cache_bytes + model.num_parameters() * dtype.itemsize) / total)


@contextmanager
def in_one_line(what: str) -> Iterator[None]:
    """An error of the engine as a UserError of one line; its cause stays in the traceback."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(f"engine=vllm: {what}: {said}") from error
