"""Make a plausible data/ tree after docs/contracts.md, to test and to look at the report without
hours of training.

python tests/report_tree.py FOLDER [lab]      writes FOLDER/data; every number in it is made up
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import yaml

from pipeline.evaluate.run import summarise
from pipeline.records import write_json, write_jsonl

ARMS = {"sft": 0.01, "rft": 0.03, "online_rft": 0.07, "grpo_os_rule": 0.09, "grpo_ps_rule": 0.10}
LAB = ARMS | {
    "dpo": 0.04,
    "dpo_sum": 0.02,
    "ppo": 0.06,
    "grpo_os": 0.05,
    "grpo_ps": -0.06,
    "grpo_iter": 0.08,
    "token_mean": 0.085,
    "dr_grpo": 0.09,
    "sample_std": 0.092,
    "mu2": 0.07,
}
CONF = Path(__file__).parents[1] / "conf/rl"
SETTINGS = {
    path.stem: {
        key: value
        for key, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()
        if key not in ("report", "lr_factor")
    }
    for path in CONF.glob("*.yaml")
}
SETTINGS = {arm: {"kl_coef": 0.0, **settings} for arm, settings in SETTINGS.items()}
SCALE = {
    "validation_samples": 4,
    "lr": 3e-4,
    "lr_schedule": "linear",
    "group_size": 8,
    "questions_per_step": 48,
    "steps": 100,
    "max_new_tokens": 80,
}
BENCHMARKS = {
    "mini_gsm8k": ("en", 0.42, 0.2),
    "mini_math": ("en", 0.30, 0.2),
    "mini_cmath": ("zh", 0.36, 0.2),
}


def make_tree(
    folder: Path,
    arms=tuple(ARMS),
    seeds=(0, 1, 2),
    questions=200,
    samples=8,
    deep=(64, 60),
    benchmarks=tuple(BENCHMARKS),
    skill=1.0,
    profile="mini",
    deepest=("grpo_os_rule-0",),
) -> Path:
    """Write every file that the report reads; `deep` = (samples, questions) of the extra samples of
    instruct and `deepest`; returns the data folder.
    """
    data = folder / "data"
    chain = data / "chains/0"
    rng = np.random.default_rng(7)
    difficulty = {name: rng.normal(0, BENCHMARKS[name][2], questions) for name in benchmarks}
    gains = {"base": -0.4, "instruct": 0.0}
    gains |= {f"{arm}-{seed}": LAB[arm] + rng.normal(0, 0.008) for arm in arms for seed in seeds}
    for model, gain in gains.items():
        many = deep if model == "instruct" or model in deepest else (samples, 0)
        _evaluation(chain, model, gain, difficulty, samples, many, skill, rng)
        write_json(chain / "evaluate" / model / "config.json", {"profile": profile, "seed": 0})
    for arm in arms:
        for seed in seeds:
            _cell(chain / "rl" / f"{arm}-{seed}", arm, seed, LAB[arm], skill, rng)
            write_json(
                data / f".cost/rl-0-{arm}-{seed}.json",
                {
                    "seconds": 200.0 + 60 * (arm == "ppo"),
                    "seconds_sampling": 90.0,
                    "seconds_update": 80.0 + 50 * (arm == "ppo"),
                    "peak_rss_mb": 800.0 + 30 * (arm == "ppo") + float(rng.normal(0, 10)),
                    "commit": "ab" * 20,
                    **({"cpu_seconds": 150.0} if seed == 1 else {}),
                },
            )  # written by later code than the rest
    _before_rl(data, rng)
    for label, seconds in {
        "world": 20,
        "corpus": 80,
        "pretrain-0": 300,
        "sft-0": 280,
        "evaluate-0-instruct": 40,
    }.items():
        write_json(
            data / ".cost" / f"{label}.json",
            {"seconds": float(seconds), "peak_rss_mb": 900.5, "commit": "cd" * 20},
        )
    return data


def _evaluation(chain, model, gain, difficulty, samples, deep, skill, rng) -> None:
    summaries = {}
    for name, hard_N in difficulty.items():
        lang, base, _ = BENCHMARKS[name]
        own = gain * (0.3 if lang == "zh" else 1.0)
        rows = []
        for i, hard in enumerate(hard_N):
            p = skill * float(np.clip(base + own + hard, 0.0, 0.98))
            count = deep[0] if i < deep[1] else samples
            rows.append(
                {
                    "id": f"{name}-{i:05d}",
                    "question": "?",
                    "answer": "1",
                    "lang": lang,
                    "level": 1 + i % 3,
                    "greedy": _sample(rng, min(1.0, p * 1.15), False),
                    "samples": [_sample(rng, p) for _ in range(count)],
                }
            )
        write_jsonl(chain / "evaluate" / model / f"{name}.jsonl", rows)
        summaries[name] = {
            **summarise(rows, samples, (1, 2, 4, 8, 16, 32, 64)),
            "protocol": "cot",
            "data": f"{len(rows)} rows",
        }
    write_json(
        chain / "evaluate" / model / "summary.json",
        {
            "model": model,
            "benchmarks": summaries,
            "grading_mode": "strict",
            "protocol": "cot",
            "temperature": 0.7,
        },
    )


def _sample(rng, p: float, vote: bool = True) -> dict:
    right, silent = rng.random() < p, rng.random() < 0.05
    answer = 0 if right else -1 if silent else int(rng.integers(1, 6))
    row = {
        "text": "t",
        "tokens": 24,
        "finished": answer >= 0,
        "extracted": None if answer < 0 else str(answer),
        "verdict": {0: "right", -1: "no_answer"}.get(answer, "wrong"),
        "rule": "number",
    }
    return row | ({"vote": answer} if vote else {})


def _cell(folder: Path, arm: str, seed: int, gain: float, skill: float, rng) -> None:
    steps = np.arange(0, 101, 10)
    rise = gain * (1 - np.exp(-steps / 35.0)) + rng.normal(0, 0.006, len(steps)).cumsum() * 0.5
    shares = skill * np.clip(0.36 + rise, 0, 1)
    write_jsonl(
        folder / "validation.jsonl",
        [
            {
                "step": int(s),
                "id": f"v{i}",
                "greedy": True,
                "right": int(rng.binomial(4, p)),
                "samples": 4,
            }
            for s, p in zip(steps, shares, strict=True)
            for i in range(100)
        ],
    )
    rows = [
        {
            "step": int(s),
            "kl": float(0.0006 * s),
            "length": float(26 + 0.02 * s + rng.normal(0, 0.4)),
        }
        for s in range(101)
    ]
    for row in rows[1:]:
        if arm == "grpo_iter":
            row["iteration"] = 1 + (row["step"] > 50)
        row["accuracy"] = float(
            0.34 + gain * (1 - np.exp(-row["step"] / 35.0)) + rng.normal(0, 0.02)
        )
    for s, r in zip(steps, rise, strict=True):
        rows[s] |= {
            "validation_sampled": float(skill * (0.36 + r)),
            "validation_greedy": float(skill * (0.42 + 0.7 * r)),
        }
    write_jsonl(folder / "metrics.jsonl", rows)
    tokens = (100_000 if arm == "rft" else 1_500_000) + 1000 * seed
    flops = 4.1e13 if arm.startswith("grpo") or arm == "sft" else 3.0e13
    write_json(
        folder / "summary.json",
        {
            "arm": arm,
            "seed": seed,
            "flops": flops * (1.6 if arm == "ppo" else 1),
            "step": 100,
            "tokens": tokens,
            "outputs": 384,
            "samples": 30_720,
            "parameters": 172_352,
        },
    )
    write_json(
        folder / "config.json",
        {"profile": "mini", "seed": seed, "rl": SETTINGS[arm], "rl_scale": SCALE},
    )


def _before_rl(data: Path, rng) -> None:
    for stage, top in (("pretrain", 5.6), ("sft", 2.2)):
        write_jsonl(
            data / "chains/0" / stage / "metrics.jsonl",
            [
                {
                    "step": s,
                    "loss": float(1.1 + (top - 1.1) * np.exp(-s / 400) + rng.normal(0, 0.03)),
                }
                for s in range(10, 2001, 10)
            ],
        )
        write_json(
            data / "chains/0" / stage / "summary.json",
            {"parameters": 354_000, "tokens": 3_000_000, "flops": 6.0e12},
        )
        write_json(
            data / "chains/0" / stage / "config.json",
            {
                "profile": "mini",
                "seed": 0,
                stage: {"optimizer": "muon", "packing": stage == "pretrain"},
            },
        )
    _corpus(data, rng)
    _reward(data, rng)
    write_json(
        data / "world/config.json",
        {"world": {"data": "mini", "word_levels": [3, 4, 5, 6]}},
    )


def _corpus(data: Path, rng) -> None:
    steps = [
        ("records", 12000, None),
        ("text", 10900, 5_200_000),
        ("distinct URLs", 8100, 3_900_000),
        ("collected", 3300, 1_700_000),
        ("decontaminated", 3240, 1_660_000),
    ]
    turns = [
        {"iteration": i + 1} | ({"pages_collected_before": s} if s else {})
        for i, s in enumerate((None, 0.81, 0.94, 0.985))
    ]
    write_json(
        data / "corpus/funnel.json",
        {
            "steps": [dict(zip(("step", "pages", "tokens"), row, strict=True)) for row in steps],
            "iterations": turns,
            "rejects": {"below_cut": 4800, "torn_gzip": 3},
            "rejected_tokens": {"below_cut": 2_200_000},
        },
    )
    write_jsonl(
        data / "corpus/audit.jsonl",
        [
            {
                "side": "above" if rank < 10 else "below",
                "rank": rank,
                "score": 0.5,
                "tokens": 90,
                "opening": f"page {rank} | `x` *y*",
            }
            for rank in range(20)
        ],
    )
    edges = np.linspace(0, 1, 21)
    math, _ = np.histogram(rng.beta(6, 1, 3500), edges)
    other, _ = np.histogram(rng.beta(1, 8, 4600), edges)
    write_json(
        data / "corpus/summary.json",
        {
            "score_histogram": {
                "edges": edges.tolist(),
                "math": math.tolist(),
                "other": other.tolist(),
            },
            "pages": 3240,
            "tokens": 1_660_000,
        },
    )


def _reward(data: Path, rng) -> None:
    bins = [
        {
            "from": i / 10,
            "to": (i + 1) / 10,
            "count": int(60 + 20 * abs(i - 5)),
            "predicted": i / 10 + 0.05,
            "right": float(np.clip(i / 10 + 0.02 + rng.normal(0, 0.03), 0, 1)),
        }
        for i in range(10)
    ]
    write_json(
        data / "chains/0/reward/summary.json",
        {
            "outcome": {
                "accuracy": 0.81,
                "auc": 0.88,
                "auc_within": 0.5,
                "ece": 0.034,
                "n": 1000,
                "bins": bins,
                "samples": 4,
                "flops": 2.0e13,
                "of_n": {"best_of_n": 0.45, "majority": 0.43, "chance": 0.3},
                "likelihood": {"auc": 0.86, "auc_within": 0.72, "best_of_n": 0.44},
            },
            "process": {
                "accuracy": 0.83,
                "auc": 0.89,
                "auc_within": 0.73,
                "ece": 0.04,
                "n": 1000,
                "bins": bins,
            },
        },
    )
    write_json(
        data / "chains/0/reward/config.json",
        {"reward": {"start": "instruct", "head": "likelihood", "lr": 3e-4}},
    )


if __name__ == "__main__":
    lab = {
        "arms": tuple(LAB),
        "seeds": (0, 1, 2, 3, 4),
        "samples": 4,
        "profile": "lab",
        "deepest": tuple(f"grpo_os_rule-{seed}" for seed in range(5)),
    }
    print(
        make_tree(
            Path(sys.argv[1]),
            questions=400,
            deep=(64, 150),
            **(lab if "lab" in sys.argv[2:] else {}),
        )
    )
