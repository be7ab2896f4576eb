"""What the reward stage measured of its models on held-out questions, as a table."""

from __future__ import annotations

from typing import Any

from pipeline.report.data import Results
from pipeline.report.page.blocks import Table

OF_N = ("best_of_n", "chance", "mean", "majority", "weighted", "any")
CAPTION = (
    "Held-out questions. AUC inside a question: among the outputs of one, what the advantages of "
    "a group are made of. ECE: expected calibration error. Best of N to any: share of questions, "
    "in %, that are right when the best-scored of N outputs is taken, a random one of the "
    "distinct outputs (chance, where best of N starts), a random one (mean), the majority, the "
    "majority weighted by the scores, or any that is right."
)


def judges_table(results: Results) -> Table | None:
    """A row a reward model and one for ranking by the sampler's own likelihood; None where none was
    measured.
    """
    rows = []
    for kind, found in results.reward_models.items():
        of_n, n = found.get("of_n") or {}, str(found.get("samples", "-"))
        rows.append(
            (
                f"{kind} model",
                n,
                f"{found['n']:,}" if found.get("n") else "-",
                number(found.get("accuracy")),
                number(found.get("auc")),
                number(found.get("auc_within")),
                number(found.get("ece")),
                *(share(of_n.get(key)) for key in OF_N),
            )
        )
        plain = found.get("likelihood")
        if plain:
            rows.append(
                (
                    "likelihood of the sampler",
                    n,
                    "-",
                    "-",
                    number(plain.get("auc")),
                    number(plain.get("auc_within")),
                    "-",
                    share(plain.get("best_of_n")),
                    *(["-"] * (len(OF_N) - 1)),
                )
            )
    if not rows:
        return None
    columns = (
        "ranked by",
        "N",
        "labels",
        "accuracy",
        "AUC",
        "AUC inside a question",
        "ECE",
        "best of N",
        "chance",
        "mean",
        "majority",
        "weighted vote",
        "any",
    )
    return Table(columns, tuple(rows), CAPTION + spread(results) + by_chain(results))


def by_chain(results: Results) -> str:
    """AUC inside a question in every chain, where there are several; the table is of the first."""
    if len(results.judges) < 2:
        return ""
    said = [
        f"{kind} model {', '.join(number(found[kind].get('auc_within')) for found in results.judges)}"
        for kind in results.reward_models
        if all(kind in found for found in results.judges)
    ]
    plain = [
        (found["outcome"].get("likelihood") or {}).get("auc_within") for found in results.judges
    ]
    said.append(f"likelihood {', '.join(map(number, plain))}")
    return f" The table is of the first chain. AUC inside a question by chain: {'; '.join(said)}."


def spread(results: Results) -> str:
    """How far two shares have to be apart before one may be called better, as far as the summary
    tells.
    """
    outcome = results.reward_models.get("outcome", {})
    if not outcome.get("n") or not outcome.get("samples"):
        return ""
    questions = outcome["n"] // outcome["samples"]
    return (
        f" A share of {questions} questions has a standard error of up to "
        f"{50 / questions**0.5:.1f} points; the summary has no paired errors, so rows or columns "
        "that differ by less than twice that are not said to differ."
    )


def number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, (int, float)) else "-"


def share(value: Any) -> str:
    return f"{100 * value:.1f}" if isinstance(value, (int, float)) else "-"
