"""Simulated, repeatable training curves: the same seed and data give the same numbers."""

from __future__ import annotations

import hashlib
import math

MAX_EVENTS = 40  # a job has events for at most this many steps, whatever its length, so that it takes seconds


def event_steps(total_steps: int, n_epochs: int) -> list[int]:
    """The steps that get an event: evenly spread, plus the last step and the ends of the last 3 epochs."""
    spread = {max(1, round(total_steps * i / MAX_EVENTS)) for i in range(1, MAX_EVENTS + 1)}
    return sorted(spread | set(checkpoint_steps(total_steps, n_epochs)))


def checkpoint_steps(total_steps: int, n_epochs: int) -> list[int]:
    """The last step of each of the last 3 epochs."""
    per_epoch = total_steps // n_epochs
    return [per_epoch * epoch for epoch in range(max(1, n_epochs - 2), n_epochs + 1)]


class SimulatedCurve:
    """Losses that fall from about 2.4 towards a floor, with noise derived from a hash."""

    def __init__(self, seed: int, fingerprint: str, total_steps: int) -> None:
        self._key = f"{seed}:{fingerprint}"
        self._total = total_steps
        self._start = 2.1 + 0.6 * self._noise("start")
        self._floor = 0.25 + 0.35 * self._noise("floor")

    def loss(self, step: int, name: str, lag: float = 0.0) -> float:
        """Loss after `step`; `lag` keeps validation above training."""
        share = step / self._total
        smooth = self._floor + lag + (self._start - self._floor) * math.exp(-3.5 * share)
        return round(smooth * (0.97 + 0.06 * self._noise(f"{name}{step}")), 5)

    def accuracy(self, loss: float) -> float:
        """The mean token accuracy that matches a loss."""
        return round(min(0.99, math.exp(-loss * 0.55)), 5)

    def reward(self, step: int, name: str) -> float:
        """Mean reward of reinforcement, rising from about 0.3 towards 0.9."""
        smooth = 0.9 - 0.6 * math.exp(-3 * step / self._total)
        return round(min(1.0, smooth * (0.96 + 0.08 * self._noise(f"{name}{step}"))), 5)

    def _noise(self, name: str) -> float:
        digest = hashlib.blake2b(f"{self._key}:{name}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") / 0xFFFFFFFF
