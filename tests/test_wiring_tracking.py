"""MLflow is a view: rebuilt from files, parent and child runs, no loss in batches."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.records import write_json, write_jsonl
from pipeline.wiring import tracking


def make_cell(root: Path, name: str, rows: int) -> None:
    folder = root / "data/main/chains/0/rl" / name
    write_json(folder / "config.json", {"profile": "mini", "rl": {"name": name, "kl_coef": 0.04}})
    write_json(
        folder / "summary.json",
        {"stage": "rl", "steps": rows, "maj": {"8": 0.5}, "best@8": float("nan")},
    )
    write_jsonl(
        folder / "metrics.jsonl", ({"step": i, "reward": i / 10, "kl": 0.0} for i in range(rows))
    )
    write_json(
        root / f"data/main/.cost/rl-0-{name}.json",
        {"seconds": 2.5, "fingerprint": "f00", "commit": "abc"},
    )


def test_laboratory_stands_beside_the_main_graph(tmp_path: Path) -> None:
    """Each plan has a folder in data/, with the costs of its own cells."""
    make_cell(tmp_path, "a-0", 2)
    for name in ("lab/chains/0/rl/a-0", "lab/chains/0/sft"):
        folder = tmp_path / "data" / name
        write_json(folder / "config.json", {"profile": "lab"})
        write_json(folder / "summary.json", {"stage": name.split("/")[3]})
    found = {
        str(folder.relative_to(tmp_path)): str(cost.relative_to(tmp_path))
        for folder, cost in tracking.result_folders(tmp_path)
    }
    assert found == {
        "data/main/chains/0/rl/a-0": "data/main/.cost/rl-0-a-0.json",
        "data/lab/chains/0/rl/a-0": "data/lab/.cost/rl-0-a-0.json",
        "data/lab/chains/0/sft": "data/lab/.cost/sft-0.json",
    }
    store = tmp_path / "mlflow.db"
    assert tracking.rebuild(tmp_path, store) == 3
    client = tracking.Store(f"sqlite:///{store}").client
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT).experiment_id
    cells = {
        run.info.run_name: run.data.tags.get("cell") for run in client.search_runs([experiment])
    }
    assert cells == {
        "rl mini": None,
        "rl lab": None,
        "sft lab": None,
        "data/main/chains/0/rl/a-0": "0-a-0",
        "data/lab/chains/0/rl/a-0": "0-a-0",
        "data/lab/chains/0/sft": "0",
    }


def test_rebuild_has_every_row_and_the_tree_of_runs(tmp_path: Path) -> None:
    make_cell(tmp_path, "a-0", 1000)
    make_cell(tmp_path, "b-0", 3)
    store = tmp_path / "mlflow.db"
    assert tracking.rebuild(tmp_path, store) == 2
    assert tracking.rebuild(tmp_path, store) == 2  # anew, not in addition
    client = tracking.Store(f"sqlite:///{store}").client
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT).experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    assert set(runs) == {"rl mini", "data/main/chains/0/rl/a-0", "data/main/chains/0/rl/b-0"}
    child = runs["data/main/chains/0/rl/a-0"]
    assert child.data.tags["mlflow.parentRunId"] == runs["rl mini"].info.run_id
    assert {key: child.data.tags[key] for key in ("commit", "profile", "fingerprint")} == {
        "commit": "abc",
        "profile": "mini",
        "fingerprint": "f00",
    }
    assert "Table 10" in child.data.tags["paper_ref"]
    assert child.data.params["rl.kl_coef"] == "0.04"
    assert child.data.metrics["summary.maj.8"] == 0.5 and child.data.metrics["cost.seconds"] == 2.5
    history = client.get_metric_history(child.info.run_id, "reward")
    assert sorted((m.step, m.value) for m in history) == [(i, i / 10) for i in range(1000)]
    live_tracking(tmp_path, store)


def test_cells_have_tags_to_compare_them_by() -> None:
    arm = {"chain": 2, "seed": 1, "rl": {"name": "grpo_os_rule", "kl_coef": 0.04}}
    found = tracking.comparison_tags(arm)
    assert (found["chain"], found["arm"], found["seed"]) == ("2", "grpo_os_rule", "1")
    assert found["compares"].split(", ")[0] == "sft"
    evaluated = tracking.comparison_tags({"chain": 2, "model": "grpo_os_rule-1"})
    assert evaluated == found
    instruct = {"chain": "0", "arm": "instruct"}
    assert tracking.comparison_tags({"chain": 0, "model": "instruct"}) == instruct
    assert tracking.comparison_tags({"profile": "mini", "model": {"path": ""}, "seed": 0}) == {}


def live_tracking(root: Path, store: Path) -> None:
    """A scratch run of a sweep logs into the same store; two of them share one parent."""
    for number in ("0", "1"):
        folder = root / "multirun/day/time-rl" / number
        write_json(folder / "out/config.json", {"profile": "mini"})
        job = SimpleNamespace(
            stage="rl",
            cell="a-0",
            scratch=folder,
            tracker={"name": "mlflow", "uri": f"sqlite:///{store}"},
        )
        run = SimpleNamespace(
            job=job, settings=SimpleNamespace(profile="mini"), fingerprint="f", out=folder / "out"
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(root)
            tracker = tracking.start(run)
        tracker.log({"step": 1, "reward": 0.25, "note": "text", "bad": float("inf")})
        tracker.finish({"seconds": 1})
    client = tracking.Store(f"sqlite:///{store}").client
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT).experiment_id
    live = [run for run in client.search_runs([experiment]) if run.data.tags["source"] == "live"]
    parents = [run for run in live if "sweep" in run.data.tags]
    assert len(parents) == 1 and len(live) == 3
    assert {run.data.tags.get("mlflow.parentRunId") for run in live} == {
        None,
        parents[0].info.run_id,
    }
    assert all(run.data.metrics["reward"] == 0.25 for run in live if "sweep" not in run.data.tags)


def test_torn_file_is_one_line(tmp_path: Path) -> None:
    make_cell(tmp_path, "a-0", 1)
    (tmp_path / "data/main/chains/0/rl/a-0/summary.json").write_text("{")
    with pytest.raises(tracking.UserError, match="summary.json: not JSON"):
        tracking.read(tmp_path / "data/main/chains/0/rl/a-0/summary.json")


def test_numbers_are_flat_and_finite() -> None:
    assert tracking.numbers({"a": {"x@8": 1, "y": float("nan")}, "b": "text", "c": True}) == {
        "a.x_at_8": 1.0,
        "c": 1.0,
    }
    assert json.dumps(tracking.flat({"a": {"b": {"c": 1}}})) == '{"a.b.c": 1}'
