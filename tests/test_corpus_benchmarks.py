"""Benchmark files of any shape, and what `decontaminate` makes of them."""

import json
from pathlib import Path

import pytest

from pipeline.cli.corpus import main
from pipeline.corpus.benchmark_files import names_of, texts_of

CLIPS = (
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."
)
DUCKS = "珍妮特的鸭子每天下 16 颗蛋。她每天早上早餐时吃 3 颗，每天用 4 颗为自己的朋友做松饼。"
SUM = "The sum of two even numbers is what kind of number, and why is that so in every case?"


def write(path: Path, *rows: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def decontaminate(
    folder: Path, benchmarks: list[Path], *texts: str, options: tuple[str, ...] = ()
) -> tuple[list, list]:
    """(rows, audit) of the command on rows with these texts."""
    rows = write(
        folder / "in.jsonl",
        *({"url": f"http://a.org/{n}", "text": text} for n, text in enumerate(texts)),
    )
    given = [str(path) for path in benchmarks]
    assert (
        main(
            [
                "decontaminate",
                str(rows),
                "--benchmarks",
                *given,
                "--out",
                str(folder / "out.jsonl"),
                *options,
            ]
        )
        == 0
    )
    return read(folder / "out.jsonl"), read(folder / "out.contamination.jsonl")


def test_files_of_one_name_are_all_read(tmp_path, capsys):
    files = [
        write(tmp_path / "gsm8k/test.jsonl", {"question": CLIPS, "answer": "72"}),
        write(
            tmp_path / "mgsm/test.jsonl",
            {"messages": [{"role": "user", "content": DUCKS}], "answer": "18"},
        ),
        tmp_path / "gsm8k/../gsm8k/test.jsonl",
    ]
    rows, audit = decontaminate(tmp_path, files, f"One.\n{CLIPS}\nTwo.", f"One.\n{DUCKS}\nTwo.")
    assert [row["text"] for row in rows] == ["One.\nTwo."] * 2
    assert {hit["benchmark"] for hit in audit} == {
        "gsm8k/test:question",
        "mgsm/test:messages.0.content",
    }
    error = capsys.readouterr().err
    assert (
        "gsm8k/test: 1 texts of 1 rows, 1 more under 3" in error and "mgsm/test: 1 texts" in error
    )
    assert list(names_of([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])) == ["a", "b"]
    assert len(names_of([tmp_path / "a.jsonl", tmp_path / "a.json"])) == 2


def test_a_file_without_a_text_that_can_match_is_one_line(tmp_path, capsys):
    bench = write(tmp_path / "b.jsonl", {"prompt": CLIPS, "answer": "18"})
    rows = write(tmp_path / "in.jsonl", {"text": CLIPS})
    assert (
        main(
            [
                "decontaminate",
                str(rows),
                "--benchmarks",
                str(bench),
                "--out",
                str(tmp_path / "o.jsonl"),
            ]
        )
        == 1
    )
    error = capsys.readouterr().err
    assert "b.jsonl: none of its 1 texts has 3 words" in error and error.count("\n") == 1


def test_shapes_of_rows():
    chat = [
        {"role": "system", "content": "Solve it."},
        {"role": "user", "content": [{"type": "text", "content": CLIPS}]},
    ]
    assert list(texts_of({"messages": chat, "ground_truth": {"answer": "3"}})) == [
        ("messages.1.content.0.content", CLIPS),
        ("ground_truth.answer", "3"),
    ]
    choice = {"question": "Which?", "options": ["all of the above", "1 2 3 4"], "answer": None}
    assert list(texts_of(choice)) == [
        ("question", "Which?"),
        ("options", "Which?\nall of the above\n1 2 3 4"),
    ]


def test_options_are_found_with_their_question_only(tmp_path):
    bench = write(
        tmp_path / "b.jsonl",
        {"question": SUM, "options": ["all of the above", "even and even and even"]},
    )
    rows, _ = decontaminate(
        tmp_path, [bench], "We saw all of the above.", f"So?\n{SUM[40:]} (A) all of the above"
    )
    assert rows[0]["text"] == "We saw all of the above." and rows[1]["text"] == "So?"


def test_the_audit_names_row_key_and_every_benchmark(tmp_path, capsys):
    one = write(
        tmp_path / "one.jsonl", {"question": SUM}, {"question": "none here"}, {"answer": CLIPS}
    )
    two = write(
        tmp_path / "two.jsonl",
        {"problem": "What?"},
        {"problem": CLIPS, "solution": "1 2 3 4 5 6 7 8 9 10 11"},
    )
    text = f"{CLIPS}\nwe count 1 2 3 4 5 6 7 8 9 10 now"
    source = write(
        tmp_path / "in.jsonl", {"url": "u", "source": "x.warc.gz", "offset": 7, "text": text}
    )
    given = [
        "--benchmarks",
        str(one),
        str(two),
        "--out",
        str(tmp_path / "out.jsonl"),
        "--information-rule",
    ]
    assert main(["decontaminate", str(source), *given]) == 0
    assert (
        "1 of them with a benchmark's words by the paper's rule, 1 by the information rule"
        in capsys.readouterr().out
    )
    first, *_, last = read(tmp_path / "out.contamination.jsonl")
    assert (first["benchmark"], first["item"], first["also"]) == (
        "one:answer",
        2,
        {"two:problem": 1},
    )
    assert (first["source"], first["offset"], first["removed"], last["removed"]) == (
        "x.warc.gz",
        7,
        True,
        False,
    )
    assert (last["benchmark"], last["item"], last["counting_run"]) == ("two:solution", 1, True)


def test_formulas_of_removed_lines_go(tmp_path):
    bench = write(tmp_path / "b.jsonl", {"question": CLIPS})
    written = ("a", False), ("a", True), ("b", False), ("a", False)
    formulas = [
        {"latex": latex, "display": display, "source": "script"} for latex, display in written
    ]
    source = write(
        tmp_path / "in.jsonl",
        {"text": f"$a$ and $$a$$\n{CLIPS} $b$ and $a$\nThe end.", "formulas": formulas},
    )
    assert (
        main(
            [
                "decontaminate",
                str(source),
                "--benchmarks",
                str(bench),
                "--out",
                str(tmp_path / "o.jsonl"),
            ]
        )
        == 0
    )
    row = read(tmp_path / "o.jsonl")[0]
    assert row["text"] == "$a$ and $$a$$\nThe end." and row["formulas"] == formulas[:2]


def test_rejected_rows_pass_and_score_too(tmp_path, capsys):
    bench = write(tmp_path / "b.jsonl", {"question": CLIPS})
    rows = write(
        tmp_path / "in.jsonl", {"url": "u", "text": None, "rejected": "short"}, {"text": "fine"}
    )
    assert (
        main(
            [
                "decontaminate",
                str(rows),
                "--benchmarks",
                str(bench),
                "--out",
                str(tmp_path / "o.jsonl"),
            ]
        )
        == 0
    )
    assert read(tmp_path / "o.jsonl") == [{"url": "u", "rejected": "short"}, {"text": "fine"}]
    assert "decontaminate 2/2 " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["extract", "score", "decontaminate", "pack"])
def test_a_folder_as_out_fails_at_once(tmp_path, capsys, command):
    more = {"score": ["--model", "m.bin"], "decontaminate": ["--benchmarks", "b.jsonl"]}.get(
        command, []
    )
    assert main([command, "in", *more, "--out", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert f"{tmp_path}: is a folder; --out needs a file" in error and error.count("\n") == 1
