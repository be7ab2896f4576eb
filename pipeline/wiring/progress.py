"""How far a piece of work is: one bar on a terminal, plain lines elsewhere.

    for page in counted(pages, "extract", total=len(pages)): ...

    with Progress("rl grpo_os_rule-0", total=110) as progress:
        progress.show({"step": 10, "reward": 0.41})

    show = Steps("corpus")
    show("extract", 3, 16)

The bar fits the terminal's width. Where stderr is no terminal, or DSM_PROGRESS=lines (which
parallel jobs are started with, as two bars would overwrite each other), a whole line with rate and
time left is printed every ten seconds.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
TIMES = "{n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]{postfix}"
BAR = "{desc} {percentage:3.0f}%|{bar:10}| " + TIMES
LINE = "{desc} " + TIMES
OPEN_END = "{desc} {n_fmt} [{elapsed}, {rate_fmt}]{postfix}"  # the total is not known
FIGURES = 5  # numbers of a metric row that are shown


class Progress:
    """Shows a count that goes up to `total` (None when unknown).

    `initial` was done before the clock started, and counts for no rate; None stands for the first
    count that is shown.
    """

    EVERY = 10.0  # seconds between lines, where stderr is no terminal

    def __init__(
        self, label: str, total: int | None = None, initial: int | None = 0, unit: str = "step"
    ):
        self.terminal = sys.stderr.isatty() and os.environ.get("DSM_PROGRESS") != "lines"
        self.shape = (BAR if self.terminal else LINE) if total else OPEN_END
        self.every = 0.2 if self.terminal else self.EVERY  # seconds
        self.bar = tqdm(
            desc=label,
            total=total,
            initial=initial or 0,
            unit=unit,
            dynamic_ncols=self.terminal,
            mininterval=self.every,
            bar_format=self.shape,
            file=sys.stderr if self.terminal else Lines(),
            delay=1e-9,  # draws nothing before the first step
        )
        self.counting = initial is not None
        self.printed = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def show(self, row: dict[str, Any]) -> None:
        """Go to `row["step"]`, or one further when there is none, and show the first numbers of the
        row.
        """
        at = row["step"] if isinstance(row.get("step"), int) else self.bar.n + 1
        numbers = {
            key: value
            for key, value in row.items()
            if isinstance(value, (int, float)) and key != "step"
        }
        figures = [f"{key} {value:.4g}" for key, value in numbers.items()]
        self.go_to(at, "  ".join(figures[:FIGURES]))

    def go_to(self, count: int, note: str | None = None) -> None:
        """Set the count, which never goes down: rows that a resumed run hands out again are behind
        what it began with. `note` is shown after it, from now on.
        """
        count = max(count, self.bar.n)
        if not self.counting:
            self.counting = True
            self.bar.initial = self.bar.n = self.bar.last_print_n = count
        if note is not None:
            self.bar.set_postfix_str(note, refresh=False)
        self.bar.update(count - self.bar.n)
        done = self.bar.total and count >= self.bar.total
        if not self.terminal and (done or time.monotonic() - self.printed >= self.every):
            self.print()

    def remind(self) -> None:
        """Show the present state unless it was shown a moment ago."""
        if self.terminal:
            self.bar.refresh()
        elif time.monotonic() - self.printed >= self.every:
            self.print()

    def print(self) -> None:
        """Write the present state as a line, in one piece: jobs at the same time share a stderr."""
        self.printed = time.monotonic()
        sys.stderr.write(self.line() + "\n")
        sys.stderr.flush()

    def line(self) -> str:
        """The present state as one line of text."""
        return self.bar.format_meter(**{**self.bar.format_dict, "bar_format": self.shape})

    def close(self) -> None:
        """Leave the bar as it is and go to the next line."""
        self.bar.close()


class Steps:
    """Shows several pieces of work, one after the other, each under its name.

    A piece that reports nothing for a while is still seen to go on.
    """

    def __init__(self, label: str = "", unit: str = "shard") -> None:
        self.label, self.unit, self.name = f"{label}: " if label else "", unit, ""
        self.bar: Progress | None = None
        self.is_over = threading.Event()

    def __call__(self, name: str, done: int, total: int) -> None:
        """The piece `name` is done up to `done` of `total`."""
        if name != self.name:
            self.close()
            self.name = name
            unit = self.unit if total > 1 else "step"
            self.bar = Progress(self.label + name, total, initial=done, unit=unit)
            self.is_over = threading.Event()
            weakref.finalize(self, self.is_over.set)  # after an error nobody calls `close`
            arguments = (self.bar, self.is_over)
            threading.Thread(target=remind, args=arguments, daemon=True).start()
        if self.bar is not None:
            self.bar.go_to(done)
            if done == total:
                self.close()

    def close(self) -> None:
        self.is_over.set()
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def remind(bar: Progress, is_over: threading.Event) -> None:
    """Show a bar again and again until its work is over."""
    while not is_over.wait(max(1.0, bar.every)):
        bar.remind()


@contextlib.contextmanager
def reminding(bar: Progress) -> Iterator[Progress]:
    """A bar that is seen to go on while nothing is reported, for as long as the block lasts."""
    is_over = threading.Event()
    threading.Thread(target=remind, args=(bar, is_over), daemon=True).start()
    try:
        yield bar
    finally:
        is_over.set()


class Lines:
    """Takes what tqdm would draw on a terminal, and drops it: `Progress.line` prints instead."""

    def write(self, text: str) -> None:
        pass

    def flush(self) -> None:
        pass


def counted(
    items: Iterable[Item], label: str, total: int | None = None, unit: str = "it"
) -> Iterator[Item]:
    """Yield the items and show how many are done."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    with Progress(label, total, unit=unit) as progress:
        for number, item in enumerate(items, 1):
            yield item
            progress.go_to(number)
