"""A limit of processor time for one page, so that no page can hold up a shard.

In the main thread of a process (that of every worker, of datatrove's and of Ray's too) it is a
signal, which also ends a search that a pattern has been at for too long. Any other thread receives
no signals: there a second thread watches the first one's clock and has Python raise the exception
in it, at its next step.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PAGE_SECONDS = 60.0  # of processor time; an honest page takes a hundredth of a second


class TooSlow(Exception):
    """A page took longer than it may."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooSlow in the block after so many seconds of processor time: of this process in its
    main thread, of the thread in any other. 0 seconds are no limit.
    """
    if seconds <= 0:
        yield
    elif threading.current_thread() is threading.main_thread():
        with limited_by_signal(seconds):
            yield
    else:
        with Watch(seconds):
            yield


@contextmanager
def limited_by_signal(seconds: float) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Watch:
    """Watches the processor time of the thread that enters it."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.thread = seconds, threading.get_ident()
        self.clock = time.pthread_getcpuclockid(self.thread)
        self.lock, self.is_over, self.has_raised = threading.Lock(), threading.Event(), False

    def __enter__(self) -> None:
        self.end = time.clock_gettime(self.clock) + self.seconds
        threading.Thread(target=self.watch, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.is_over.set()
            if self.has_raised:  # it may not have arrived yet, and must not arrive later
                raise_in(self.thread, None)

    def watch(self) -> None:
        while not self.is_over.wait(max(0.001, self.left())):
            with self.lock:
                if not self.is_over.is_set() and self.left() <= 0:
                    self.has_raised = True
                    raise_in(self.thread, TooSlow)
                    return

    def left(self) -> float:
        """Seconds that the thread may still take; the clock of one that has ended is no more."""
        try:
            return self.end - time.clock_gettime(self.clock)
        except OSError:
            return self.seconds


def raise_in(thread: int, error: type[Exception] | None) -> None:
    """Have Python raise an exception in a thread at its next step; None takes it back."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), None if error is None else ctypes.py_object(error)
    )
