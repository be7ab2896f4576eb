"""What an arm is (one row of Table 10) and at which scale it runs (one profile)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from pipeline.errors import UserError
from pipeline.lm.train_config import DTYPES, LoRAConfig, OptimConfig

CHOICES = {
    "data_source": ("sft", "offline", "online"),
    "questions": ("taught", "new"),
    "reward_function": ("none", "rule", "rule_steps", "outcome", "process", "weighted"),
    "gradient_coefficient": ("sft", "rft", "dpo", "ppo", "grpo_outcome", "grpo_process"),
    "aggregation": ("output_mean", "token_mean", "constant_length"),
    "advantage_std": ("population", "sample", "batch", "none"),
    "dpo_reduction": ("mean", "sum"),
    "ratio": ("token", "sequence"),
    "kl_estimator": ("k3", "k2", "k1"),
    "kl_place": ("loss", "reward"),
    "lr_schedule": ("constant", "linear"),
    "schedule": ("", "constant", "linear"),
    "compute_dtype": DTYPES,
}


@dataclass(frozen=True)
class ArmConfig:
    """One row of Table 10. Everything that differs between arms is here, everything of scale in
    `RLConfig`.
    """

    name: str
    data_source: str  # sft: P_sft | offline: the instruct model, once | online: the policy
    # none | rule | rule_steps | outcome | process | package.module:function | weighted (`rewards`)
    reward_function: str
    gradient_coefficient: str  # sft | rft | dpo | ppo | grpo_outcome | grpo_process
    # taught: questions of the SFT data, as in the paper (4.2) | new: those of world.new_questions
    questions: str = "taught"
    kl_coef: float = 0.0  # beta: of the loss (GRPO), of the reward (PPO), of the margin (DPO)
    clip_eps: float = 0.2  # epsilon of Eq. 1 and 3; without effect at updates_per_rollout = 1
    updates_per_rollout: int = 1  # mu of Algorithm 1
    iterations: int = (
        1  # I of Algorithm 1; the steps of the profile are divided among them, the last has fewer
    )
    replay: float = 0.1  # share of earlier labels when the reward model is trained again
    # output_mean: the paper's 1/G 1/|o_i|; token_mean and constant_length (Dr. GRPO) are ablations
    aggregation: str = "output_mean"
    # population | sample | batch (of the whole batch's centred rewards) | none (Dr. GRPO)
    advantage_std: str = "population"
    # Switches of docs/bridge.md; the defaults are the paper's (pipeline/rl/bridge.py)
    std_eps: float = 0.0  # added to the standard deviation
    clip_eps_high: float = 0.0  # of ratios that rise; 0: as clip_eps
    dual_clip: float = 0.0  # ratio above which negative advantages push no more; 0: none
    ratio: str = "token"  # token | sequence (GSPO)
    kl_estimator: str = "k3"  # k3 (Eq. 4) | k2 | k1
    kl_place: str = "loss"  # loss (Eq. 3) | reward
    mask_truncated: bool = False  # outputs that reached max_new_tokens are not trained on
    drop_equal_groups: bool = False  # groups whose rewards are all equal are not trained on
    # with drop_equal_groups: draws of other questions per step, at most, until the batch is full
    dynamic_sampling: int = 0
    overlong_buffer: int = (
        0  # tokens before max_new_tokens over which a penalty grows to 1; 0: none
    )
    # reward_function weighted: weight of `rule` and of each package.module:function
    rewards: dict[str, float] = field(default_factory=dict)
    importance_cap: float = 0.0  # of pi_trainer / pi_sampler, multiplied to the advantage; 0: none
    lr_factor: float = 1.0  # of the profile's learning rate
    schedule: str = ""  # of the learning rate; "": the profile's lr_schedule
    # times the profile's questions per step, for offline arms, which keep few of their outputs
    questions_factor: int = 1
    gae_gamma: float = 1.0
    gae_lambda: float = 0.95
    value_lr_factor: float = 1.0  # PPO: the value model's learning rate, of the profile's
    dpo_reduction: str = "mean"  # Eq. 12 takes means over tokens, the original DPO sums

    def __post_init__(self) -> None:
        _check_choices(self, "arm " + self.name)
        refuse = partial(_refuse, "arm " + self.name)
        source, reward, kind = self.data_source, self.reward_function, self.gradient_coefficient
        grpo, steps = kind.startswith("grpo"), reward in ("rule_steps", "process")
        own = ":" in reward or reward == "weighted"
        refuse(
            (reward == "weighted") != bool(self.rewards)
            or any(name != "rule" and ":" not in name for name in self.rewards),
            "reward_function weighted and rewards go together; rewards names `rule` and functions as "
            "package.module:function",
        )
        refuse(
            kind == "sft" and (source, reward) != ("sft", "none"),
            "coefficient sft needs data sft and reward none",
        )
        refuse(
            source == "sft" and kind != "sft",
            "data sft holds solutions, not outputs: only coefficient sft",
        )
        refuse(kind != "sft" and reward == "none", f"coefficient {kind} needs a reward function")
        refuse(
            kind in ("rft", "dpo") and reward != "rule",
            f"coefficient {kind} takes the rule reward (Table 10)",
        )
        refuse(
            kind == "dpo" and source != "offline",
            "dpo takes pairs of the instruct model: data_source offline",
        )
        refuse(
            (grpo or kind == "ppo") and source != "online",
            f"coefficient {kind} needs data_source online",
        )
        refuse(
            not own and (kind == "grpo_process") != (grpo and steps),
            "grpo_process and step rewards go together",
        )
        refuse(kind == "ppo" and steps, "ppo takes one reward per output")
        refuse(kind == "dpo" and self.kl_coef <= 0, "dpo needs kl_coef > 0 (beta of Eq. 12)")
        refuse(
            kind in ("sft", "rft") and self.kl_coef > 0,
            f"coefficient {kind} has no KL term: kl_coef 0",
        )
        refuse(self.kl_coef < 0, "kl_coef is negative")
        refuse(not 0 < self.clip_eps < 1, "clip_eps must lie between 0 and 1")
        self._check_bridge(refuse)
        self._check_course(refuse)

    def _check_course(self, refuse) -> None:
        """Updates, iterations and rates."""
        grpo, kind, reward = self.groups, self.gradient_coefficient, self.reward_function
        refuse(self.updates_per_rollout < 1, "updates_per_rollout is at least 1")
        refuse(
            self.updates_per_rollout > 1 and not (grpo or kind == "ppo"),
            "the offline arms have no pi_old: updates_per_rollout 1",
        )
        refuse(
            self.questions_factor < 1 or (self.questions_factor > 1 and not self.offline),
            "questions_factor is at least 1, and 1 unless data_source is offline",
        )
        refuse(self.iterations < 1, "iterations is at least 1")
        refuse(
            self.iterations > 1 and reward != "outcome",
            "iterations > 1 trains the reward model again: reward outcome",
        )
        refuse(not 0 <= self.replay < 1, "replay is a share between 0 and 1")
        refuse(
            self.lr_factor <= 0 or self.value_lr_factor <= 0, "learning-rate factors are positive"
        )

    def _check_bridge(self, refuse) -> None:
        """Switches that would change nothing, or that make no sense together."""
        grpo = self.groups
        refuse(self.std_eps < 0 or self.importance_cap < 0, "std_eps or importance_cap is negative")
        refuse(
            self.overlong_buffer < 0 or self.dynamic_sampling < 0,
            "overlong_buffer or dynamic_sampling is negative",
        )
        refuse(
            self.dynamic_sampling > 0 and not self.drop_equal_groups,
            "dynamic_sampling draws questions for the groups that drop_equal_groups: true leaves out",
        )
        high = self.clip_eps_high
        refuse(high != 0 and high < self.clip_eps, "clip_eps_high is at least clip_eps, or 0")
        refuse(self.dual_clip != 0 and self.dual_clip <= 1, "dual_clip is above 1, or 0")
        asked = (
            self.std_eps,
            self.advantage_std == "batch",
            self.kl_estimator != "k3",
            self.kl_place != "loss",
            self.drop_equal_groups,
            self.ratio != "token",
        )
        refuse(
            any(asked) and not grpo,
            "std_eps, advantage_std batch, kl_estimator, kl_place, drop_equal_groups and ratio are "
            "switches of GRPO",
        )
        refuse(
            bool(self.overlong_buffer or self.importance_cap or self.mask_truncated)
            and not self.online,
            "overlong_buffer, importance_cap and mask_truncated need data_source online",
        )

    def file(self, name: str) -> str:
        """The file of the world that the arm's questions, or their solutions, are read from."""
        return f"new/{name}.jsonl" if self.questions == "new" else f"{name}.jsonl"

    @property
    def source_file(self) -> str:
        """The file of the world that it learns from."""
        return self.file("instruct" if self.data_source == "sft" else "questions")

    @property
    def learned(self) -> bool:
        """Whether a trained reward model gives the reward."""
        return self.reward_function in ("outcome", "process")

    @property
    def online(self) -> bool:
        """Whether outputs are sampled from the policy."""
        return self.data_source == "online"

    @property
    def offline(self) -> bool:
        """Whether outputs come from the instruct model's pool."""
        return self.data_source == "offline"

    @property
    def has_critic(self) -> bool:
        """Whether a value model is trained (PPO)."""
        return self.gradient_coefficient == "ppo"

    @property
    def groups(self) -> bool:
        """Whether advantages are relative to a group of outputs (GRPO)."""
        return self.gradient_coefficient.startswith("grpo")

    @property
    def needs_reference(self) -> bool:
        """Whether log-probabilities of the reference enter the update."""
        return self.kl_coef > 0


@dataclass(frozen=True)
class RLConfig:
    """Scale of an RL run: sizes, lengths, learning rate, validation. One block of a profile, the
    same for every arm.
    """

    questions_per_step: int = 16
    group_size: int = 16  # G, outputs per question
    steps: int = 100
    max_new_tokens: int = 64
    temperature: float = 1.0
    top_p: float = 1.0  # only 1: the trainer's log-probabilities would not be the sampler's
    top_k: int = 0  # only 0: as top_p
    lr: float = 3e-4
    lr_schedule: str = "linear"  # to 0 after the last step; or constant, as in the paper
    warmup_steps: int = 0
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.95
    max_grad_norm: float = 1.0
    # padded tokens of one forward: cache-sized on a CPU; changes no result beyond rounding
    micro_batch_tokens: int = 1024
    # bfloat16: autocast; the weights that the optimizer moves stay float32
    compute_dtype: str = "float32"
    peft: LoRAConfig | None = None  # train adapters alone; null trains every weight
    engine: str = "fast"
    # mean |sampler's - trainer's log-probability| of a step's tokens, in nats, above which a run
    # stops; rounding is 1e-6 in float32 and about 0.01 in bfloat16. 0: never
    max_sampler_gap: float = 0.05
    languages: tuple[str, ...] = ()  # of the RL questions; () = all
    protocol: str = "cot"
    style: str = "mini"
    validation_every: int = 10  # and before the first step, and after the last
    validation_size: int = 200
    validation_samples: int = 4
    validation_temperature: float = 0.7
    checkpoint_every: int = 10
    models_every: int = 0  # the policy as a model folder every so many steps; 0: the last one alone
    keep: int = 0  # of these folders the last so many; 0: all
    rollouts_every: int = 1  # store the rollouts of every k-th step
    # iterations > 1: RL questions whose fresh outputs the reward model is trained on
    judge_questions: int = 150
    judge_questions_per_step: int = 8
    judge_lr: float = 1e-3
    # lengths that the sft arm assumes for GRPO's prompts and outputs: its FLOPs follow from them
    control_prompt_tokens: int = 47
    control_output_tokens: int = 30

    def __post_init__(self) -> None:
        _check_choices(self, "rl settings")
        refuse = partial(_refuse, "rl settings")
        refuse(
            self.top_p != 1.0 or self.top_k != 0,
            "top_p and top_k filter the sampler, and the trainer's log-probabilities would differ: "
            "top_p 1, top_k 0",
        )
        for name in (
            "questions_per_step",
            "group_size",
            "steps",
            "max_new_tokens",
            "micro_batch_tokens",
            "validation_every",
            "checkpoint_every",
            "rollouts_every",
            "control_output_tokens",
            "judge_questions",
            "judge_questions_per_step",
        ):
            refuse(getattr(self, name) < 1, f"{name} is at least 1")
        for name in ("temperature", "lr", "max_grad_norm", "validation_temperature"):
            refuse(not getattr(self, name) > 0, f"{name} must be positive")
        refuse(
            self.max_sampler_gap < 0
            or self.validation_size < 0
            or self.validation_samples < 0
            or self.warmup_steps < 0,
            "a count, or max_sampler_gap, is negative",
        )

    def optim(self, factor: float = 1.0, schedule: str = "") -> OptimConfig:
        """How a model moves at `factor` times the profile's learning rate, on its schedule or on
        another.
        """
        return OptimConfig(
            steps=self.steps,
            lr=self.lr * factor,
            betas=(self.adam_beta1, self.adam_beta2),
            weight_decay=self.weight_decay,
            schedule=schedule or self.lr_schedule,
            warmup_steps=self.warmup_steps,
            max_grad_norm=self.max_grad_norm,
        )


def check_pair(arm: ArmConfig, cfg: RLConfig) -> None:
    """Refuse what an arm cannot do at a scale. Raises UserError."""
    refuse = partial(_refuse, f"arm {arm.name}")
    refuse(
        arm.groups and cfg.group_size < 2,
        "a group of one has no advantage: group_size at least 2",
    )
    refuse(
        cfg.steps < arm.iterations,
        f"steps {cfg.steps} are fewer than its {arm.iterations} iterations",
    )
    refuse(
        arm.iterations > 1 and cfg.peft is not None,
        "iterations > 1 makes the policy the reference, which with peft is the model without its "
        "adapter: leave rl_scale.peft out",
    )


def _refuse(where: str, wrong: bool, message: str) -> None:
    if wrong:
        raise UserError(f"{where}: {message}")


def _check_choices(config: ArmConfig | RLConfig, where: str) -> None:
    for key, allowed in CHOICES.items():
        value = getattr(config, key, None)
        own = key == "reward_function" and isinstance(value, str) and ":" in value
        if value is not None and value not in allowed and not own:
            raise UserError(f"{where}: {key} is {value!r}; choose one of {', '.join(allowed)}")
