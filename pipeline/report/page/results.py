"""The middle of the report: results, from the end of the chain to its beginning."""

from __future__ import annotations

from pipeline.report.arms import arm_order
from pipeline.report.claims.c11 import once
from pipeline.report.data import Results
from pipeline.report.page.blocks import Block, Heading, Picture, Text
from pipeline.report.page.words import control_text, validation_size
from pipeline.report.tables.corpus import corpus_tables
from pipeline.report.tables.effort import effort_table
from pipeline.report.tables.judges import judges_table
from pipeline.report.tables.levels import levels_table
from pipeline.report.tables.pairs import against_table, counterparts_table
from pipeline.report.tables.scores import gains_table, scores_table

Pictures = dict[str, list[str]]

FIGURE5 = (
    "Left: validation accuracy over RL steps, the mean of the runs; the band reaches from the "
    "lowest to the highest run.{size} Right: the difference from one arm at the same steps, "
    "paired by question and by run, with its 95 % interval (cut off where it leaves the panel); "
    "an interval that crosses 0 leaves the two statistically indistinguishable. An arm that ends "
    "far below leaves the panel, and its label says where it ends. Compare the paper's Figure 5."
)
FIGURE6 = (
    "Iterative GRPO (Algorithm 1) against {once}, drawn as above; a dashed line marks where the "
    "reference is reset and the reward model is trained further. Compare the paper's Figure 6."
)
FIGURE7 = (
    "Maj@K (the majority of K samples) and Pass@K (any of K is right) at T 0.7. Band: 95 % "
    "interval over questions, and over models where an arm has several. Last panel: the "
    "differences from instruct on the same questions, paired, which the bands of the levels do "
    "not show. Both are exact expectations over K-subsets of the samples drawn; ties are broken "
    "by a fair draw, and an output without an answer has no vote."
)
TRAINING = (
    "Right outputs among those sampled in training, as the difference from one arm that met the "
    "same questions (the share itself follows how hard a batch is); KL to the reference; output "
    "length: mean of the runs, smoothed over a twentieth of the steps."
)
RELIABILITY = (
    "Reliability on held-out questions: how often outputs of similar scores are labelled right. "
    "The label of a step is an estimate (whether any continuation from there ends right), not "
    "the truth. The area of a dot is the number of outputs or steps in its bin."
)


def results_blocks(results: Results, pictures: Pictures) -> list[Block]:
    """Scores and gains, reinforcement learning, the models before it, the corpus, the reward
    models.
    """
    return [
        *scores(results, pictures),
        *over_steps(results, pictures),
        *before_rl(results, pictures),
    ]


def scores(results: Results, pictures: Pictures) -> list[Block]:
    blocks: list[Block] = [Heading("Scores")]
    for benchmark in results.benchmarks:
        blocks += [Heading(f"`{benchmark}`", 3), scores_table(results, benchmark)]

    blocks += [Heading("Gains over instruct and over continued SFT"), Text(control_text(results))]
    for benchmark in results.benchmarks:
        table = gains_table(results, benchmark)
        blocks += [Heading(f"`{benchmark}`: gains", 3), table] if table.rows else []
    gains = "Gain of each arm over the instruct model in mean sampled accuracy."
    blocks += shown(pictures, "gains", gains)

    first = results.benchmarks[0]
    levels = levels_table(results, first)
    blocks += [Heading(f"`{first}`: gains by level", 3), levels] if levels.rows else []
    for heading, table in (
        ("Arms and ablations, paired", against_table(results)),
        ("Two arms that differ in one point", counterparts_table(results)),
    ):
        blocks += [Heading(heading), table] if table.rows else []
    return blocks


def over_steps(results: Results, pictures: Pictures) -> list[Block]:
    nothing = "No validation rows of these arms were found."
    ablations = "The ablations of GRPO+OS with the rule, drawn as above."
    others = "The other arms next to continued SFT, RFT and GRPO+OS; drawn as above."
    blocks: list[Block] = [
        Heading("Reinforcement learning over its steps (Figure 5)"),
        *shown(pictures, "figure5", FIGURE5.format(size=validation_size(results)), nothing),
        *shown(pictures, "figure5_ablations", ablations),
        *shown(pictures, "figure5_others", others),
        *shown(pictures, "figure6", FIGURE6.format(once=once(results))),
        *shown(pictures, "rl_training", TRAINING),
        Heading("Maj@K and Pass@K (Figure 7)"),
        *shown(pictures, "figure7", FIGURE7, "Too few samples for a curve over K."),
    ]
    effort = effort_table(results, sorted(results.cells, key=arm_order))
    return blocks + ([Heading("What each arm takes (claim C13)"), effort] if effort.rows else [])


def before_rl(results: Results, pictures: Pictures) -> list[Block]:
    losses = "Training loss, raw and smoothed."
    histogram = "Scores of the fastText classifier over the candidate pages."
    judged = judges_table(results)
    return [
        Heading("Base and instruct model"),
        *shown(pictures, "training_loss", losses, "No training curves were found."),
        Heading("Corpus"),
        *shown(
            pictures,
            "funnel",
            "Pages left after each step of mining (section 2.1).",
            "No funnel was found.",
        ),
        *shown(pictures, "classifier_scores", histogram),
        *corpus_tables(results),
        Heading("Reward model"),
        *([judged] if judged else []),
        *shown(pictures, "reliability", RELIABILITY, "No reward model was evaluated."),
    ]


def shown(pictures: Pictures, name: str, caption: str, missing: str = "") -> list[Block]:
    """The pictures of a figure, or a sentence that says why there is none."""
    files = pictures.get(name, [])
    if not files:
        return [Text(missing)] if missing else []
    return [Picture(file, caption) for file in files]
