"""How models, benchmarks and claims are called and coloured everywhere in the report."""

from __future__ import annotations

# Okabe and Ito's palette: told apart by readers with any colour vision.
ARMS: dict[str, tuple[str, str]] = {
    "base": ("base", "#999999"),
    "instruct": ("instruct", "#333333"),
    "sft": ("continued SFT", "#8c6d46"),
    "rft": ("RFT", "#e69f00"),
    "online_rft": ("Online RFT", "#009e73"),
    "dpo": ("DPO", "#b0a000"),
    "dpo_sum": ("DPO (sums)", "#6b7a1f"),
    "ppo": ("PPO", "#7a4fa3"),
    "grpo_os": ("GRPO+OS", "#56b4e9"),
    "grpo_os_rule": ("GRPO+OS (rule)", "#0072b2"),
    "grpo_ps": ("GRPO+PS", "#cc79a7"),
    "grpo_ps_rule": ("GRPO+PS (rule)", "#d55e00"),
    "grpo_iter": ("GRPO, iterative", "#c0392b"),
    "token_mean": ("token mean", "#e69f00"),
    "dr_grpo": ("Dr. GRPO", "#009e73"),
    "sample_std": ("sample std", "#cc79a7"),
    "mu2": ("mu = 2", "#d55e00"),
}
CONTROL = "sft"  # the arm that continues supervised fine-tuning, at the FLOPs of RULE
RULE = "grpo_os_rule"  # what the ablations change in one point; the control has its FLOPs
SPARE = ("#4d4d4d", "#2f7f7f", "#7f2f5f", "#5f7f2f")

FIGURE5 = (
    "sft",
    "rft",
    "online_rft",
    "grpo_os",
    "grpo_os_rule",
    "grpo_ps",
    "grpo_ps_rule",
)  # the paper's, and ours beside
ABLATIONS = (
    "grpo_os_rule",
    "token_mean",
    "dr_grpo",
    "sample_std",
    "mu2",
)  # the first is what the others change
GRPO = ("grpo_os", "grpo_os_rule")  # the paper's reward is learned; the rule stands beside it
JUDGED_BY = {
    "grpo_os": "outcome",
    "grpo_ps": "process",
    "grpo_iter": "outcome",
    "ppo": "outcome",
}  # reward models
IN_DOMAIN = ("mini_gsm8k", "mini_math", "gsm8k", "math", "math500")
OUT_OF_DOMAIN = ("mini_cmath", "cmath", "mgsm_zh")


def arm_label(arm: str) -> str:
    return ARMS[arm][0] if arm in ARMS else arm.replace("_", " ")


def arm_colour(arm: str) -> str:
    return ARMS[arm][1] if arm in ARMS else SPARE[sum(map(ord, arm)) % len(SPARE)]
