"""What can be chosen about the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportConfig:
    """`curve_models`: models of the Figure 7 analogue; () = instruct and the GRPO cell with the most samples."""

    curve_models: tuple[str, ...] = ()
