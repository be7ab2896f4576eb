"""The model card of a trained model: what it is, how it was made, and what it must not be taken
for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PAPER = "arXiv 2402.03300"
KINDS = {
    "base": "a base model, pre-trained on the mined corpus",
    "instruct": "an instruct model, fine-tuned on worked solutions",
    "reward": "a reward model, trained on judged outputs of the instruct model",
    "rl": "a policy, trained by reinforcement learning from the instruct model",
    "value": "the value model of a PPO run, which starts as the instruct model's body",
}
OTHERS = {"value_model": "value", "reward_model": "reward"}  # folders next to a policy
RL_DATA = {  # by the arm's data source; the first is of instructions, the others of questions
    "sft": "Worked solutions (`world/{}`).",
    "offline": "Outputs of the instruct model to the RL questions (`world/{}`).",
    "online": "Its own outputs to the RL questions (`world/{}`).",
}
LIMITS = (
    "Made to study methods. It answers short problems of the kind it was trained on, often wrongly and always "
    "confidently, and it was not tested for anything else."
)


def model_card(
    name: str,
    kind: str,
    settings: Mapping[str, Any],
    summary: Mapping[str, Any],
    data: str,
    base_model: str = "",
    languages: tuple[str, ...] = ("en", "zh"),
) -> str:
    """README.md of a model folder, as model hubs read it.

    name       -- as in the results: `instruct`, `grpo_os_rule-0`
    kind       -- base, instruct, reward or rl
    settings   -- of the stage that made it, nested
    summary    -- what that stage measured of itself; nested values are left out
    data       -- a sentence on what it was trained on
    base_model -- the pretrained model it comes from; "" where it was trained from scratch
    """
    head = {
        "language": list(languages),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "license": "apache-2.0",
        "tags": ["math", "deepseekmath-reproduction", kind],
    }
    if base_model:
        head["base_model"] = base_model
    origin = (
        f"It starts from `{base_model}`."
        if base_model
        else "The weights of its base start at random."
    )
    measured = {
        key: value
        for key, value in summary.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    parts = [
        f"---\n{front_matter(head)}---",
        f"# {name}",
        f"This is {KINDS[kind]}, of an open reproduction of DeepSeekMath ({PAPER}). {origin}",
        f"**Training data.** {data}",
        "**Settings.**\n\n```json\n" + json.dumps(settings, indent=2) + "\n```",
        "**What its stage measured.**\n\n" + table(measured),
        f"**Limits.** {LIMITS}",
    ]
    return "\n\n".join(parts) + "\n"


def write_cards(
    out: Path,
    name: str,
    kind: str,
    settings: Mapping[str, Any],
    summary: Mapping[str, Any],
    data: str,
    base_model: str = "",
) -> list[Path]:
    """Write README.md into every model folder below `out`; the arguments are those of `model_card`.

    A folder that is not called `model` has its own name in the card's title. Of several processes
    the first one writes.
    """
    from pipeline.lm import parallel

    folders = sorted({path.parent for path in out.rglob("*.safetensors")})
    for folder in folders if parallel.first() else ():
        place = folder.relative_to(out).as_posix()
        title = name if place in ("model", ".") else f"{name}, {place}"
        own = OTHERS.get(folder.name, kind)
        text = model_card(title, own, settings, summary, data, base_model)
        (folder / "README.md").write_text(text, encoding="utf-8")
    return folders


def base_of(folder: Path) -> str:
    """The pretrained model that a model folder comes from, by its card; "" for one from scratch or
    without a card.
    """
    card, start = folder / "README.md", "base_model: "
    lines = card.read_text(encoding="utf-8").splitlines() if card.is_file() else []
    return next((json.loads(x.removeprefix(start)) for x in lines if x.startswith(start)), "")


def front_matter(values: Mapping[str, Any]) -> str:
    """Lines `key: value` with JSON values, which YAML reads."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items())


def table(values: Mapping[str, Any]) -> str:
    lines = ["| quantity | value |", "| --- | ---: |"]
    for key, value in sorted(values.items()):
        lines.append(f"| {key} | {f'{value:,}' if isinstance(value, int) else f'{value:.4g}'} |")
    return "\n".join(lines)
