"""Claim C3 over worlds: the loops of three built webs, and the noise floor of each.

Writes the claim and a table: the share of each turn's pages that the turn before had collected, and
the overlap of two classifiers that learned from the same seed pages (lab/recall/floor.py).
"""

from dataclasses import dataclass

from pipeline.wiring.stage import Run, StageConfig, stage

WORLDS = ("data/recall", "data/recall_1", "data/recall_2")


@dataclass(frozen=True, kw_only=True)
class WorldsStage(StageConfig):
    pass


READS = tuple(f"{world}/{name}" for world in WORLDS for name in ("turn-4", "floor"))


@stage("worlds", out="{reports}", reads=READS, profile="worlds")
def main(cfg: WorldsStage, run: Run) -> None:
    import json
    from dataclasses import replace
    from pathlib import Path
    from statistics import mean

    from pipeline.records import write_json
    from pipeline.report.claims import c03
    from pipeline.report.claims.claim import settle
    from pipeline.report.claims.table import document
    from pipeline.report.page.blocks import Heading, Items, Table, Text, to_markdown
    from pipeline.report.tables.claims import claims_table, sentences
    from pipeline.wiring.code import rules_hash

    def read(world: str, name: str):
        return json.loads((Path(world) / name).read_text(encoding="utf-8"))

    rows = [read(world, "turn-4/iterations.json") for world in WORLDS]
    floors = [read(world, "floor/floor.json")["overlap"] for world in WORLDS]
    claims = settle([replace(c03.over_worlds(rows, mean(floors)), build="recall loop")])
    write_json(run.out / "claims.json", document(claims, profile="worlds", rules=rules_hash()))
    turns = max(map(len, rows))
    table = Table(
        ("world", *(f"turn {k}" for k in range(2, turns + 1)), "two classifiers, same seed pages"),
        tuple(
            (Path(world).name, *shares(found, turns), f"{100 * floor:.1f} %")
            for world, found, floor in zip(WORLDS, rows, floors, strict=True)
        ),
        "Share of a turn's pages that the turn before had collected.",
    )
    blocks = [
        Heading("Mining over three worlds", 1),
        Text("Made by `dvc repro lab/worlds/dvc.yaml`."),
        claims_table(claims),
        Items(tuple(sentences(claims))),
        table,
    ]
    (run.out / "report.md").write_text(to_markdown(blocks), encoding="utf-8")
    run.summary(floors=floors, verdict=claims[0].verdict)


def shares(rows: list[dict], turns: int) -> tuple[str, ...]:
    """Of each turn from the second on; "-" after the loop had stopped."""
    found = [f"{100 * row['pages_collected_before']:.1f} %" for row in rows[1:]]
    return (*found, *["-"] * (turns - 1 - len(found)))


if __name__ == "__main__":
    main()
