"""Stop strings found as tokens arrive."""

from __future__ import annotations

import numpy as np


class StopStrings:
    """Keeps the tail of each row's text; without stop strings it costs nothing."""

    def __init__(self, tokenizer, stop: tuple[str, ...], rows: int) -> None:
        self.tokenizer, self.stop = tokenizer, stop
        self.tail: list[list[int]] = [[] for _ in range(rows)] if stop else []
        # every token carries at least one byte, so this many tokens always hold the longest stop
        # string
        self.keep = max((len(s.encode()) for s in stop), default=0)

    def hit(self, row_B: np.ndarray, token_B: np.ndarray) -> np.ndarray:
        """Which rows of the batch have just completed a stop string. Rows numbered -1 have ended
        before.
        """
        hit_B = np.zeros(len(row_B), dtype=bool)
        if not self.stop:
            return hit_B
        for b, (row, token) in enumerate(zip(row_B, token_B, strict=True)):
            if row < 0:
                continue
            tail = self.tail[row] = (self.tail[row] + [int(token)])[-self.keep :]
            text = self.tokenizer.decode(tail)
            hit_B[b] = any(s in text for s in self.stop)
        return hit_B
