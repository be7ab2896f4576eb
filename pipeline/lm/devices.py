"""The devices that a run is planned for and measured against. Nothing but the standard library."""

from __future__ import annotations

from dataclasses import dataclass

GB = 10**9


@dataclass(frozen=True)
class Device:
    """memory: bytes; rate: dense bfloat16 FLOP/s at the peak; price: US dollars per hour.

    Prices are list prices of rented cards in 2026, to be replaced by your own (`dsm plan --price`).
    """

    name: str
    memory: int
    rate: float
    price: float


CARDS = {
    "a100": Device("A100 80 GB", 80 * GB, 312e12, 1.8),
    "h100": Device("H100 80 GB", 80 * GB, 989e12, 2.8),
    "h200": Device("H200 141 GB", 141 * GB, 989e12, 3.5),
}


def card_named(name: str) -> Device | None:
    """The card that a driver calls so ("NVIDIA H100 80GB HBM3"); None for one not listed."""
    return next((card for key, card in CARDS.items() if key.upper() in name.upper()), None)
