"""Chooses the examples of each step, and splits them into micro-batches and over processes."""

from __future__ import annotations

import torch

from trainer.engines.transformers.data.pack import Pack

TOKENS_AT_ONCE = 16_384  # padded tokens of one forward pass, halved whenever memory runs out


class TrainingBatches:
    """The examples of every step, fixed by the seed alone, so that any step can be repeated."""

    def __init__(self, pack: Pack, batch_size: int, seed: int) -> None:
        self.pack = pack
        self.tokens_at_once = TOKENS_AT_ONCE
        self._size = batch_size
        self._seed = seed
        self.per_epoch = -(-len(pack) // batch_size)
        self._order: tuple[int, list[int]] = (-1, [])

    def of_step(self, step: int) -> list[int]:
        """The examples of a step counted from 1: each epoch is a new order of all."""
        epoch, at = divmod(step - 1, self.per_epoch)
        if self._order[0] != epoch:
            generator = torch.Generator().manual_seed(self._seed * 100_003 + epoch)
            self._order = (epoch, torch.randperm(len(self.pack), generator=generator).tolist())
        return self._order[1][at * self._size : (at + 1) * self._size]

    def whole(self) -> list[list[int]]:
        """All examples in pieces, as they lie in the file."""
        return self.pieces(list(range(len(self.pack))))

    def pieces(self, examples: list[int]) -> list[list[int]]:
        """Cut where another example would exceed the tokens at once; each piece has at least one."""
        found: list[list[int]] = []
        longest = 0
        for example in examples:
            length = self.pack.longest(example)
            padded = max(longest, length) * self.pack.group * (len(found[-1]) + 1 if found else 1)
            if found and padded <= self.tokens_at_once:
                found[-1].append(example)
                longest = max(longest, length)
            else:
                found.append([example])
                longest = length
        return found

    def shrink(self, times: int = 1) -> bool:
        """Halve the micro-batches so often; False if they hold one example already."""
        shortest = min(map(self.pack.longest, range(len(self.pack)))) if times else 0
        for _ in range(times):
            if self.tokens_at_once <= shortest:
                return False
            self.tokens_at_once //= 2
        return True
