"""Real data instead of the miniature world: GSM8K and MATH train, the user's pages and rows."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
import yaml

from pipeline.corpus.read.pack import write_warc
from pipeline.errors import UserError
from pipeline.records import Instruction, Question, read_jsonl, read_rows, write_jsonl
from pipeline.world.real import sets as real_sets
from pipeline.world.real.build import build_real, key_of
from pipeline.world.real.config import RealConfig
from pipeline.world.real.pages import write_seed, write_web

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("DSM_SHARED", ROOT.parent / "shared"))
needs_shared = pytest.mark.skipif(
    not (SHARED / "datasets/gsm8k/train.jsonl").is_file(),
    reason="no data sets at ../shared/datasets (DSM_SHARED names another place)",
)
PAGE = "<html><body><p>{}</p></body></html>"
PROSE = (
    "A page of some length about the derivative of a polynomial, its roots and the slope of its "
    "graph at each of them. "
)


# ---- rows of the data sets


def test_a_gsm8k_row() -> None:
    work = "Ann sold 48/2 = <<48/2=24>>24 clips.\nIn all 2,400/2=<<2400/2=1200>>1200.\n#### 1,200"
    row = {"question": "How many? ", "answer": work}
    found = real_sets.gsm8k(row, 3)
    assert found.solution == "Ann sold 48/2 = 24 clips.\nIn all 2,400/2=1200.\n\\boxed{1200}"
    assert (found.id, found.question, found.answer, found.format) == (
        "gsm8k-train-3",
        "How many?",
        "1200",
        "cot",
    )


def test_a_math_row_of_the_parquet_loses_its_suffix_and_one_of_the_hub_reads_the_same() -> None:
    solution = "We get $x=\\boxed{\\frac{1}{2}}$."
    glued = {
        "level": "Level 4",
        "type": "Algebra",
        "reward_model": {
            "ground_truth": {
                "question": "Find $x$." + real_sets.SUFFIX,
                "solution": solution,
                "target": "\\frac{1}{2}",
            }
        },
    }
    plain = {"problem": "Find $x$.", "solution": solution, "level": "Level 4", "type": "Algebra"}
    assert real_sets.math(glued, 0) == real_sets.math(plain, 0)
    assert real_sets.math(glued, 0) == Instruction(
        "math-train-0", "Find $x$.", solution, "\\frac{1}{2}", level=4, family="Algebra"
    )
    glued["reward_model"]["ground_truth"]["question"] = "Find $x$."
    with pytest.raises(ValueError, match="suffix"):
        real_sets.math(glued, 0)


@pytest.fixture(scope="module")
def real_world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """The whole real world, but for the pages, which are two small ones."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "pages").mkdir()
    for name in ("a", "b"):
        (folder / "pages" / f"{name}.html").write_text(PAGE.format(PROSE + name))
    pages = folder / "pages"
    cfg = RealConfig(
        folder=str(SHARED / "datasets"),
        questions=500,
        web=(str(pages),),
        seed=(str(pages / "a.html"),),
    )
    return folder / "out", build_real(cfg, 0, folder / "out")


@needs_shared
def test_all_rows_come_through_and_none_is_used_twice(real_world: tuple[Path, dict]) -> None:
    out, counts = real_world
    instruct = list(read_rows(out / "instruct.jsonl", Instruction))
    questions = {q.id for q in read_rows(out / "questions.jsonl", Question)}
    held = list(read_rows(out / "validation.jsonl", Question))
    assert [counts["sources"][name]["rows"] for name in ("gsm8k", "math")] == [7473, 7500]
    assert len(instruct) + len(held) + sum(counts["dropped"].values()) == 7473 + 7500
    assert counts["questions"] == len(questions) == 500 and questions < {row.id for row in instruct}
    keys = {key_of(row.question) for row in instruct}
    assert not keys & {key_of(q.question) for q in held} and 200 < len(held) < 400
    asked = {
        key_of(q.question)
        for name in ("gsm8k", "math", "cmath")
        for q in read_rows(out / f"benchmarks/{name}.jsonl", Question)
    }
    assert len(asked) > 7400 and not asked & (keys | {key_of(q.question) for q in held})


@needs_shared
def test_solutions_are_clean_and_end_in_their_answer(real_world: tuple[Path, dict]) -> None:
    from pipeline.grading import grade_many

    rows = list(read_rows(real_world[0] / "instruct.jsonl", Instruction))
    word = [row for row in rows if row.family == "gsm8k"]
    assert all(row.solution.splitlines()[-1] == f"\\boxed{{{row.answer}}}" for row in word)
    assert not any("<<" in row.solution or "####" in row.solution for row in word)
    assert not any("output the final answer" in row.question for row in rows)
    some = word[:200] + [row for row in rows if row.family != "gsm8k"][:200]
    grades = grade_many([(r.solution, r.answer) for r in some])
    wrong = [row.id for row, g in zip(some, grades, strict=True) if g.verdict != "right"]
    assert len(wrong) <= 2, wrong


@needs_shared
def test_the_answers_are_the_ones_that_the_parquet_states() -> None:
    """The parquet's own targets are normalised (no spaces, \\frac for \\dfrac), so equal in value,
    not in letters.
    """
    from pipeline.grading import grade_many

    raw = list(real_sets.file_rows(SHARED / "datasets/math/train.verl.parquet"))[::25]
    pairs = [
        (real_sets.math(row, i).answer, row["reward_model"]["ground_truth"]["target"])
        for i, row in enumerate(raw)
    ]
    wrong = [
        pair
        for pair, g in zip(
            pairs, grade_many([(f"\\boxed{{{a}}}", t) for a, t in pairs]), strict=True
        )
        if pair[0] != pair[1] and g.verdict != "right"
    ]
    assert len(wrong) <= 10, wrong


# ---- own data, the hub, and what is missing


def own_rows(path: Path, count: int = 40) -> str:
    write_jsonl(
        path,
        [
            Instruction(
                f"own-{i}", f"What is {i}+1?", f"{i}+1={i + 1}\n\\boxed{{{i + 1}}}", str(i + 1)
            )
            for i in range(count)
        ],
    )
    return str(path)


def test_own_instruction_rows_alone(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE.format(PROSE))
    page = str(tmp_path / "page.html")
    cfg = RealConfig(
        train=(own_rows(tmp_path / "own.jsonl"),),
        benchmarks=(),
        validation=0.2,
        web=(page,),
        seed=(page,),
    )
    counts = build_real(cfg, 0, tmp_path / "out")
    assert (
        counts["instruct"] == counts["questions"]
        and counts["instruct"] + counts["validation"] == 40
    )
    assert counts["sources"]["own.jsonl"]["rows"] == 40
    again = build_real(cfg, 0, tmp_path / "again")
    assert counts == again
    for path in sorted((tmp_path / "out").rglob("*.jsonl")):
        assert (
            path.read_bytes()
            == (tmp_path / "again" / path.relative_to(tmp_path / "out")).read_bytes()
        )


def test_the_hub_through_the_datasets_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`datasets` reads a folder as it reads the hub: configurations from the card, the train split
    of each.
    """
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder, names = tmp_path / "mathset", ("algebra", "geometry")
    card = [
        {"config_name": name, "data_files": [{"split": "train", "path": f"{name}.jsonl"}]}
        for name in names
    ]
    folder.mkdir()
    (folder / "README.md").write_text("---\n" + yaml.safe_dump({"configs": card}) + "---\n")
    for name in names:
        write_jsonl(
            folder / f"{name}.jsonl",
            [
                {
                    "problem": f"{name} {i}?",
                    "solution": f"$\\boxed{{{i}}}$",
                    "level": "Level 2",
                    "type": name,
                }
                for i in range(3750)
            ],
        )
    rows, note = real_sets.load("math", RealConfig(source="hub", hub={"math": str(folder)}))
    assert (
        len(rows) == 7500
        and rows[3750].question == "geometry 0?"
        and rows[3750].level == 2
        and note["hub"] == str(folder)
    )
    with pytest.raises(UserError, match=r"world\.real\.hub: .*nowhere"):
        real_sets.load("gsm8k", RealConfig(source="hub", hub={"gsm8k": str(tmp_path / "nowhere")}))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"folder": ""}, r"gsm8k/train\.jsonl.*7473 rows.*world\.real\.folder"),
        ({"folder": "nowhere"}, r"nowhere: no gsm8k/train\.jsonl.*DSM_DATASETS.*source=hub"),
        (
            {"train": ("no_such_set",)},
            r"world\.real\.train: no_such_set: must be gsm8k, math, or a \.jsonl",
        ),
        ({"train": ("bad.jsonl",)}, r"bad\.jsonl:2: not a JSON line"),
        (
            {"train": ("own.jsonl",), "web": ("missing",)},
            r"missing: no such file or folder; world\.real\.web",
        ),
        (
            {"train": ("own.jsonl",), "web": ("empty",)},
            r"empty: no WARC, WET or HTML file.*world\.real\.web",
        ),
        (
            {"train": ("own.jsonl",), "seed": ("missing",)},
            r"missing: no such file or folder; world\.real\.seed",
        ),
        ({"train": ("own.jsonl",), "seed": ()}, r"world\.real\.seed: no page"),
        (
            {"train": ("own.jsonl",), "seed": ("bad_seed.jsonl",)},
            r"bad_seed\.jsonl:1: a seed page needs url and text",
        ),
        ({"train": ("own.jsonl",), "validation": 1e-9}, r"validation; both are needed"),
        (
            {"benchmarks": ("gsm8k",), "train": ("own.jsonl",)},
            r"evaluate\.folder is not set|folder that holds gsm8k/test\.jsonl",
        ),
    ],
)
def test_what_is_missing_is_named_in_one_line(
    settings: dict, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own_rows(Path("own.jsonl"))
    Path("empty").mkdir()
    Path("bad.jsonl").write_text(
        '{"id": "a", "question": "q", "solution": "s", "answer": "1"}\n{"id":\n'
    )
    Path("bad_seed.jsonl").write_text('{"url": "https://x.org"}\n')
    Path("page.html").write_text(PAGE.format(PROSE))
    base = {"validation": 0.2, "benchmarks": (), "web": ("page.html",), "seed": ("page.html",)}
    with pytest.raises(UserError, match=says) as caught:
        build_real(RealConfig(**(base | settings)), 0, Path("out"))
    assert "\n" not in str(caught.value)


# ---- pages


def test_a_folder_of_html_and_archives_becomes_a_crawl(tmp_path: Path) -> None:
    from pipeline.corpus.read.record import RawPage
    from pipeline.corpus.read.warc import read_warc

    web = tmp_path / "web"
    (web / "math").mkdir(parents=True)
    (web / "other").mkdir()
    (web / "math/one.html").write_text(PAGE.format(PROSE))
    (web / "other/two.html").write_text(PAGE.format("Two. " + PROSE))
    (web / "MANIFEST.md").write_text(
        "| file | url |\n|---|---|\n| math/one.html | https://a.org/one |\n"
        "| other/two.html | https://a.org/two |\n"
    )
    write_warc(web / "crawl.warc.gz", [("https://b.org/three", PAGE.format(PROSE).encode())])
    assert write_web([web], tmp_path / "out") == {"files": 2, "packed_pages": 2}
    urls = {
        page.url
        for path in (tmp_path / "out").glob("*.warc.gz")
        for page in read_warc(path)
        if isinstance(page, RawPage)
    }
    assert urls == {"https://a.org/one", "https://a.org/two", "https://b.org/three"}
    assert (tmp_path / "out/000-crawl.warc.gz").read_bytes() == (web / "crawl.warc.gz").read_bytes()
    assert gzip.decompress((tmp_path / "out/000-crawl.warc.gz").read_bytes()).startswith(
        b"WARC/1.0"
    )
    # a part of the crawl's folder as its seed: the URLs are the crawl's
    write_jsonl(tmp_path / "more.jsonl", [{"url": "https://c.org", "text": "known"}])
    found = write_seed([web / "math", tmp_path / "more.jsonl"], tmp_path / "seed.jsonl", 10**6)
    rows = list(read_jsonl(tmp_path / "seed.jsonl"))
    assert found["pages"] == 2 and [row["url"] for row in rows] == [
        "https://a.org/one",
        "https://c.org",
    ]
    assert "derivative of a polynomial" in rows[0]["text"] and "<p>" not in rows[0]["text"]
