"""One arm of the rival corpora with other settings, asked validation problems: how lab/corpora was
set.

    python -m lab.corpora.tune ARM [--rate 0.006] [--steps 1000] [--sft-rate 0.006] [--sft-steps 1500] [--rows 12]

Needs the stage `rivals` of lab/corpora/dvc.yaml and writes nothing. Says what the base model knows
of the results in the formulas of mined pages, and what it reaches after fine-tuning on 150 problems
a language of split "validation", none of a benchmark.
"""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import replace

import torch
from transformers import PreTrainedTokenizerFast

from benchmarks.finetune import ask
from lab.corpora.matrix import ARMS, RIVALS, documents, instructions, phases, settings
from pipeline.lm.examples import instruction_examples
from pipeline.lm.model import ModelConfig, new_model
from pipeline.lm.train import make_stream, train_lm
from pipeline.lm.train_config import TrainConfig
from pipeline.records import read_jsonl
from pipeline.world.draw import draw

FORMULA = re.compile(r"\$\d+ (?:\+|-|\\times|\\cdot|\\div|/) \d+ = (\d+)\$")


def results_on_pages(
    model, tokenizer, pages: int = 150, context: int = 256
) -> tuple[int, float, float]:
    """Results in formulas on mined pages: how many, bits for each, and the share whose every digit
    is the likeliest.
    """
    spent, right = [], []
    for number, row in enumerate(read_jsonl(RIVALS / "final.jsonl")):
        if number == pages:
            break
        found = tokenizer(row["text"], add_special_tokens=False, return_offsets_mapping=True)
        tokens_1T = torch.tensor([[tokenizer.bos_token_id, *found["input_ids"]][:context]])
        starts = [start for start, _ in found["offset_mapping"]][: tokens_1T.shape[1] - 1]
        with torch.inference_mode():
            logits_TV = model(input_ids=tokens_1T).logits[0, :-1].float()
        target_T = tokens_1T[0, 1:]
        losses_T = torch.nn.functional.cross_entropy(logits_TV, target_T, reduction="none")
        bits = (losses_T / math.log(2)).tolist()
        best = (logits_TV.argmax(-1) == target_T).tolist()
        for match in FORMULA.finditer(row["text"]):
            at = [i for i, start in enumerate(starts) if match.start(1) <= start < match.end(1)]
            if at and starts[-1] >= match.end(1):
                spent.append(sum(bits[i] for i in at))
                right.append(all(best[i] for i in at))
    return len(spent), sum(spent) / len(spent), sum(right) / len(right)


def main() -> None:
    pretrain, sft = settings("pretrain", TrainConfig), settings("sft", TrainConfig)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument(
        "--rate", type=float, default=pretrain.lr_muon, help="Muon's, of pre-training"
    )
    parser.add_argument("--steps", type=int, default=pretrain.steps)
    parser.add_argument("--sft-rate", type=float, default=sft.lr_muon)
    parser.add_argument("--sft-steps", type=int, default=sft.steps)
    parser.add_argument(
        "--rows", type=int, default=sft.sequences, help="solutions in a step of fine-tuning"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(RIVALS / "tokenizer")
    cfg = settings("model", ModelConfig)
    model = new_model(
        cfg, len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, seed=args.seed
    )
    pretrain = replace(pretrain, lr_muon=args.rate, steps=args.steps, seed=args.seed)
    sft = replace(
        sft, lr_muon=args.sft_rate, steps=args.sft_steps, sequences=args.rows, seed=args.seed
    )
    loss = {}
    for number, name, train in phases(args.arm, pretrain):
        examples = documents(tokenizer, name, train, phase=number)
        for row in train_lm(model, make_stream(examples, train), train):
            loss[name] = round(row["loss"], 3)
    count, bits, right = results_on_pages(model, tokenizer)
    print(
        f"base: loss {loss}; {count} results in formulas of mined pages: {bits:.2f} bits each, {100 * right:.0f} % right"
    )
    for row in train_lm(
        model, make_stream(instruction_examples(tokenizer, instructions(), "mini"), sft), sft
    ):
        loss["sft"] = round(row["loss"], 3)
    for kind in ("word_en", "word_zh"):
        greedy, sampled = ask(
            model, tokenizer, draw("validation", 150, "probe", kind, (2, 3, 4), unique=True), 2, 64
        )
        print(
            f"fine-tuned: loss {loss['sft']}; {kind}: greedy {100 * sum(greedy) / 150:.1f}, sampled {100 * sampled:.1f}"
        )


if __name__ == "__main__":
    main()
