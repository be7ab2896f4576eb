"""`dsm grade` on anyone's outputs, and `dsm grade bench`."""

import gzip
import io
import json
import sys

import pytest

from pipeline.cli.grade import main
from pipeline.evaluate.harness import FILTERS, gsm8k_right
from pipeline.evaluate.tally import interval, tally

SOLUTION = (
    "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\nIn all 48+24 = <<48+24=72>>72.\n#### 72"
)


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def scores(tmp_path, *arguments):
    """The JSON of a run that ends well."""
    assert main(["grade", *arguments, "--json", str(tmp_path / "s.json")]) == 0
    return json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["scores"]


def test_rows_need_neither_id_nor_kind_and_references_may_be_whole_solutions(tmp_path):
    source = write(
        tmp_path / "mine.jsonl",
        {"output": "So \\boxed{72}.", "answer": SOLUTION},
        {"output": "The answer is 71.", "answer": SOLUTION},
        {"output": "It is 5.", "answer": 5},
    )
    found = scores(tmp_path, source)["mine"]
    assert (found["questions"], found["accuracy"]) == (3, pytest.approx(2 / 3))
    assert 0.2 < found["interval"][0] < 2 / 3 < found["interval"][1] < 1


def test_several_samples_a_question(tmp_path):
    source = write(
        tmp_path / "many.jsonl",
        {
            "id": 1,
            "prediction": ["\\boxed{3}", "\\boxed{3}", "\\boxed{4}", "\\boxed{5}"],
            "gold": "3",
        },
        {"id": 2, "prediction": ["\\boxed{1}", "\\boxed{1}", "\\boxed{1}", "none"], "gold": "2"},
    )
    found = scores(tmp_path, source, "--out", str(tmp_path / "v.jsonl"))["many"]
    assert found["accuracy"] == 0.25 and found["no_answer"] == 0.125
    assert found["pass"]["1"] == 0.25 and found["pass"]["2"] == pytest.approx(5 / 12)
    assert found["maj"]["4"] == 0.5 and found["pass"]["4"] == 0.5
    rows = [json.loads(line) for line in (tmp_path / "v.jsonl").read_text().splitlines()]
    assert [(row["id"], row["sample"]) for row in rows] == [
        (k, n) for k in (1, 2) for n in range(4)
    ]


def test_repeated_ids_are_samples_only_when_told(tmp_path, capsys):
    rows = [{"id": 7, "prediction": f"\\boxed{{{k}}}", "reference": "1"} for k in (1, 2)]
    source = write(tmp_path / "twice.jsonl", *rows)
    assert main(["grade", source]) == 1
    assert "id 7 stands in" in capsys.readouterr().err
    assert scores(tmp_path, source, "--repeated")["twice"]["accuracy"] == 0.5


@pytest.mark.parametrize("shape", ["gz", "parquet", "stdin"])
def test_files_of_other_shapes(tmp_path, monkeypatch, shape):
    rows = [{"id": k, "prediction": str(k), "reference": str(min(k, 2))} for k in range(4)]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    source = tmp_path / f"in.{shape}"
    if shape == "gz":
        source.write_bytes(gzip.compress(data))
    elif shape == "parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), source)
    else:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        source = "-"
    (found,) = scores(tmp_path, str(source)).values()
    assert found["accuracy"] == 0.75


def test_samples_files_of_lm_evaluation_harness(tmp_path):
    def row(doc_id, text, filter):
        doc = {"question": "How many?", "answer": SOLUTION}
        return {
            "doc_id": doc_id,
            "doc": doc,
            "target": SOLUTION,
            "resps": [[text]],
            "filter": filter,
        }

    path = tmp_path / "samples_gsm8k_2026-01-02T03-04-05.678.jsonl"
    texts = ("It is 72.\n#### 72", "The answer is 72.", "#### 71")
    source = write(path, *(row(k, text, name) for name in FILTERS for k, text in enumerate(texts)))
    found = scores(tmp_path, source)["gsm8k"]
    assert (found["questions"], found["accuracy"]) == (3, pytest.approx(2 / 3))
    assert found["lm_evaluation_harness"]["strict-match"] == pytest.approx(1 / 3)
    assert found["lm_evaluation_harness"]["flexible-extract"] == pytest.approx(2 / 3)


def test_results_of_an_openai_batch(tmp_path):
    def row(name, text, reason="stop", code=200):
        choice = {"message": {"content": text}, "finish_reason": reason}
        return {"custom_id": name, "response": {"status_code": code, "body": {"choices": [choice]}}}

    source = write(
        tmp_path / "batch.jsonl",
        row("a", "\\boxed{1}"),
        row("b", "cut off at", "length"),
        row("c", "\\boxed{3}", code=500),
    )
    references = write(
        tmp_path / "r.jsonl", *({"id": n, "reference": k} for k, n in enumerate("abc", 1))
    )
    found = scores(tmp_path, source, "--references", references)["batch"]
    assert found["accuracy"] == pytest.approx(1 / 3) and found["truncated"] == 0.5
    assert found["no_answer"] == pytest.approx(2 / 3)


def test_a_tolerance_is_used_only_when_it_is_asked_for(tmp_path):
    source = write(tmp_path / "t.jsonl", {"prediction": "0.333", "reference": "\\frac13"})
    assert scores(tmp_path, source)["t"]["accuracy"] == 0
    assert scores(tmp_path, source, "--tolerance", "0.01")["t"]["accuracy"] == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no rows to grade"),
        ([{"prediction": "1", "reference": ""}], "the reference is empty"),
        ([{"prediction": "1", "reference": "word by word " * 20}], "no answer can be read"),
        ([{"prediction": "1", "reference": [1]}], "the reference is list"),
        ([{"prediction": "1"}], "no reference for id 1"),
        ([{"reference": "1"}], "no key 'prediction'"),
    ],
)
def test_what_cannot_be_graded_is_an_error(tmp_path, capsys, rows, message):
    assert main(["grade", write(tmp_path / "bad.jsonl", *rows)]) == 1
    assert message in capsys.readouterr().err


def test_an_unwritable_output_is_one_line(tmp_path, capsys):
    source = write(tmp_path / "in.jsonl", {"prediction": "1", "reference": "1"})
    assert main(["grade", source, "--out", "/proc/x.jsonl"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_references_without_ids_are_refused(tmp_path, capsys):
    """Joined by their place in the file they could all be one row off."""
    source = write(tmp_path / "o.jsonl", {"id": 0, "prediction": "1"})
    references = write(tmp_path / "r.jsonl", {"question": "?", "answer": "1"})
    assert main(["grade", source, "--references", references]) == 1
    assert "no key 'id'" in capsys.readouterr().err


def test_bench_counts_false_accepts_and_false_rejects(tmp_path, capsys):
    source = write(
        tmp_path / "pairs.jsonl",
        {
            "prediction": "\\boxed{\\frac12}",
            "reference": "0.5",
            "label": 1,
            "category": "fractions",
        },
        {"prediction": "\\boxed{3}", "reference": "4", "label": "wrong", "category": "numbers"},
        {"prediction": "\\boxed{3}", "reference": "4", "label": True, "category": "numbers"},
        {"prediction": "\\boxed{5}", "reference": "5", "label": False, "category": "numbers"},
    )
    assert main(["grade", "bench", source, "--no-math-verify", "--wrong"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| all | 2 / 2 | 1 (") and "| 1 (" in lines[2][18:]
    assert [line for line in lines if line.startswith("| fractions")][0].endswith("%) |")
    assert sum("accepted" in line or "rejected" in line for line in lines[5:]) == 2


def test_bench_needs_a_label_in_every_row(tmp_path, capsys):
    source = write(tmp_path / "p.jsonl", {"prediction": "1", "reference": "1", "label": "perhaps"})
    assert main(["bench", source]) == 1
    assert "no label of right or wrong" in capsys.readouterr().err


def test_the_harness_counts_strings():
    assert [gsm8k_right("#### $1,234.", "1234", name) for name in FILTERS] == [False, True]
    assert [gsm8k_right("#### 18.0", "18", name) for name in FILTERS] == [False, False]
    assert [gsm8k_right("nothing", "18", name) for name in FILTERS] == [False, False]


def test_intervals_are_over_questions_and_stay_within_0_and_1():
    assert interval([0.0] * 10)[0] == 0 and interval([1.0] * 10)[1] == 1
    assert interval([1.0] * 56 + [0.0] * 44) == pytest.approx((0.4623, 0.6533), abs=1e-4)  # Wilson
    one = {"verdict": "right", "rule": "", "vote": 0, "finished": None}
    sample = [{**one}, {**one, "verdict": "wrong", "vote": 1}]
    few = tally([{"id": k, "benchmark": "b", "level": "", "samples": sample} for k in range(20)])
    assert few["accuracy"] == 0.5 and few["outputs"] == 40
