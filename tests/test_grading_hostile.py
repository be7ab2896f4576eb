"""Nothing in an answer takes more than two seconds, runs code, or is accepted for what it is not."""

import ast
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hostile_answers import EQUAL, HOSTILE

from pipeline.grading import worker
from pipeline.grading.grade import grade, grade_answer

GRADING = Path(__file__).parents[1] / "pipeline/grading"


@pytest.fixture(scope="module", autouse=True)
def warm_worker():
    worker.start()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answer(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer, reference = HOSTILE[name]
    for mode in ("strict", "deepseek"):
        calls = (
            (grade_answer, answer, reference),
            (grade_answer, reference, answer),
            (grade, "So \\boxed{" + answer + "}.", reference),
            (grade, "the answer is " + answer, reference),
        )
        for judge, prediction, against in calls:
            start = time.process_time()  # the worker's processor time has its own cap of a second
            verdict = judge(prediction, against, mode).verdict
            assert time.process_time() - start < 1, (mode, judge.__name__)
            assert verdict in ("right", "wrong", "undecided", "no_answer")
            if mode == "strict":
                assert verdict != "right" or name in EQUAL
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{" * 30_000,
        "\n" * 200_000,
        " " * 200_000,
        "$" * 100_000,
        "answer is " * 20_000,
        "\\(" * 100_000,
        "<<" * 100_000,
        "1" * 200_000,
        "1 " * 100_000,
        "\\text{" * 30_000,
        "答案是" * 60_000,
        "\\frac{" * 30_000,
        "```output" * 20_000,
        "1," * 100_000,
        "-" * 200_000,
    ],
)
def test_hostile_output(text):
    for mode in ("strict", "deepseek"):
        for output in (text, "\\boxed{4} " + text):
            start = time.process_time()
            assert grade(output, "5", mode).verdict != "right"
            assert time.process_time() - start < 1


def test_a_pair_that_sympy_cannot_finish_is_undecided_and_the_next_one_works():
    hard = "\\sum_{k=1}^{n} \\sin(k^2) \\cos(\\frac{k}{n})^{k}"
    start = time.perf_counter()
    assert grade_answer(f"({hard})\\sin 2x", f"2({hard})\\sin x\\cos x").verdict in (
        "undecided",
        "right",
        "wrong",
    )
    assert time.perf_counter() - start < worker.WALL_SECONDS + 2
    assert grade_answer("\\sin 4x", "2\\sin 2x\\cos 2x").verdict == "right"


def test_nothing_in_the_checker_evaluates_text_or_handles_signals():
    """The server of the sandbox and its layers are the one place that runs a snippet."""
    for path in GRADING.rglob("*.py"):
        if path.name in ("sandbox_server.py", "sandbox_layers.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr
                    if isinstance(node.func, ast.Attribute)
                    else getattr(node.func, "id", "")
                )
                assert name not in (
                    "eval",
                    "exec",
                    "parse_expr",
                    "sympify",
                    "parse_latex",
                    "alarm",
                    "setitimer",
                ), path
            names = (
                [alias.name for alias in getattr(node, "names", [])]
                if isinstance(node, ast.Import | ast.ImportFrom)
                else []
            )
            assert not {"signal", "pickle", "antlr4"} & set(names), path


def judged(name):
    """Verdict and processor seconds of one hostile answer; module level, so that a spawned process finds it."""
    start = time.process_time()
    return name, grade_answer(*HOSTILE[name]).verdict, time.process_time() - start


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))


def check(results):
    results = list(results)
    assert {name for name, _, _ in results} == set(HOSTILE)
    for name, verdict, seconds in results:
        assert verdict in (
            ("right", "wrong", "undecided") if name in EQUAL else ("wrong", "undecided")
        ), name
        assert seconds < 2, name


def test_hostile_answers_in_threads():
    """No signal handler and no main thread is needed. Threads share the processor time, so it is not asked for."""
    with ThreadPoolExecutor(4) as pool:
        check((name, verdict, 0) for name, verdict, _ in pool.map(judged, HOSTILE))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_hostile_answers_in_processes_with_little_memory(method):
    """A forked process starts a sympy worker of its own; two GiB of address space are enough."""
    with get_context(method).Pool(2, initializer=limit_memory) as pool:
        check(pool.imap_unordered(judged, HOSTILE))


def test_a_fork_beside_a_thread_that_proves_does_not_hang():
    with worker._lock:
        pid = os.fork()
        if pid == 0:
            os._exit(
                0 if grade_answer("\\frac{1}{2005!}", "\\frac{1}{2004!}").verdict == "wrong" else 1
            )
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
