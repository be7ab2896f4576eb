"""The command line of the checker."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.grade import main

ROOT = Path(__file__).parents[1]


def test_help_is_quick():
    """No heavy import: under a second of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.grading", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0 and "explain" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_malformed_rows_are_named_and_the_rest_is_graded(tmp_path, capsys):
    good = [
        {"id": "a", "kind": "answer", "prediction": "1/2", "reference": "0.5"},
        {
            "id": 2,
            "kind": "text",
            "prediction": "\\boxed{3}",
            "reference": "4",
            "question": "?",
            "lang": "en",
        },
        {"id": "none", "kind": "text", "prediction": "I give up.", "reference": "4"},
        {"id": "odd", "kind": "answer", "prediction": "\ud800", "reference": "4", "question": None},
    ]
    bad = [
        "not json",
        '{"id": "b"}',
        "[1]",
        '{"id": 1, "kind": "essay", "prediction": "", "reference": ""}',
        '{"id": 1, "kind": "answer", "prediction": 5, "reference": "5"}',
        "[" * 100_000,
    ]
    lines = [
        json.dumps(good[0]),
        bad[0],
        "",
        json.dumps(good[1]),
        *bad[1:],
        json.dumps(good[2]),
        json.dumps(good[3]),
    ]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(lines))
    with source.open("ab") as file:
        file.write(b"\n\xff\xfe\n")
    assert main(["grade", str(source), "--out", str(out)]) == 1
    captured = capsys.readouterr()
    assert [line.split(":")[1] for line in captured.err.splitlines()] == [
        "2",
        "5",
        "6",
        "7",
        "8",
        "9",
        "12",
    ]
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(row["id"], row["verdict"], row["status"]) for row in rows] == [
        ("a", True, "right"),
        (2, False, "wrong"),
        ("none", None, "no_answer"),
        ("odd", False, "wrong"),
    ]
    assert all(
        set(row) == {"id", "verdict", "status", "extracted", "rule", "mode", "seconds"}
        for row in rows
    )
    assert {row["mode"] for row in rows} == {"strict"}


@pytest.mark.parametrize("mode", ["strict", "deepseek"])
def test_explain(capsys, mode):
    assert main(["explain", "so $x=\\boxed{\\frac{2}{4}}$", "0.5", "--mode", mode]) == 0
    text = capsys.readouterr().out
    assert mode == "deepseek" or "read as it stands: scalar 2 * 1/4" in text
    assert (
        "extracted  \\frac{2}{4}" in text
        and "verdict    right" in text
        and f"mode       {mode}" in text
    )


def test_a_missing_file_is_one_line(tmp_path, capsys):
    assert main(["grade", str(tmp_path / "no.jsonl"), "--out", str(tmp_path / "out.jsonl")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_out_is_neither_a_folder_nor_the_input(tmp_path, capsys):
    source = tmp_path / "in.jsonl"
    source.write_text('{"id": 1, "kind": "answer", "prediction": "1", "reference": "1"}\n')
    for out in (source, tmp_path):
        assert main(["grade", str(source), "--out", str(out)]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    assert source.read_text().startswith('{"id"')


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ("(1, \\sqrt{8}]", "bracket (1, 8^(1/2)]"),
        ("x \\le -3", "relation x <= -3"),
        ("\\{1,2\\}", "set {1, 2}"),
        ("x>1 \\text{ or } x<0", "list x > 1, x < 0"),
        ("\\text{Monday}", 'text "monday"'),
        ("50\\%", "scalar 50%"),
        ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "matrix [1, 2; 3, 4]"),
        ("2:3", "ratio 2 : 3"),
        ("(0,1)\\cup[2,\\infty)", "union (0, 1) ∪ [2, infty)"),
        ("\\mathbb{R}\\setminus\\{0\\}", "minus (-infty, infty) \\ {0}"),
        ("-(x+1)^2\\sin 2x", "scalar -((x + 1)^2 * sin(2 * x))"),
        ("(2^3)^4", "scalar (2^3)^4"),
        ("2^{3^4}", "scalar 2^(3^4)"),
    ],
)
def test_forms_are_shown_as_people_write_them(capsys, answer, form):
    assert main(["explain", answer, "1", "--kind", "answer"]) == 0
    assert f"read as it stands: {form}\n" in capsys.readouterr().out
