"""A least-recently-used cache that is bounded by bytes, since what a model writes may be of any
length."""

from __future__ import annotations

import functools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

_MISSING = object()


class BoundedCache:
    """Values by key, at most `max_bytes` of them by the caller's own estimate. Safe in threads and
    after a fork."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.bytes = max_bytes, 0
        self.values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self.lock = threading.Lock()
        os.register_at_fork(after_in_child=self._renew_lock)  # a thread may hold it at the fork

    def _renew_lock(self) -> None:
        self.lock = threading.Lock()

    def get(self, key: Hashable, default: Any = None) -> Any:
        with self.lock:
            entry = self.values.get(key)
            if entry is None:
                return default
            self.values.move_to_end(key)
            return entry[0]

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """Nothing is kept that would take more than a hundredth of the whole."""
        if size > self.max_bytes // 100:
            return
        with self.lock:
            if key in self.values:
                self.bytes -= self.values.pop(key)[1]
            self.values[key] = (value, size)
            self.bytes += size
            while self.bytes > self.max_bytes:
                self.bytes -= self.values.popitem(last=False)[1][1]


def bounded_cache(max_bytes: int, per_char: int) -> Callable:
    """Like functools.lru_cache for functions of texts and flags; an entry counts 200 bytes and
    `per_char` for every character of its string arguments. The cache is the attribute `cache` of
    the function."""

    def decorate(function: Callable) -> Callable:
        cache = BoundedCache(max_bytes)

        @functools.wraps(function)
        def cached(*args: Hashable, **options: Hashable) -> Any:
            key = (args, tuple(options.items())) if options else args
            value = cache.get(key, _MISSING)
            if value is _MISSING:
                value = function(*args, **options)
                length = sum(len(arg) for arg in args if isinstance(arg, str))
                cache.put(key, value, 200 + per_char * length)
            return value

        cached.cache = cache
        return cached

    return decorate
