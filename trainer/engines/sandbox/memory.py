"""The answers that a sandbox model recalls: on disk, with a small cache of indexes."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from trainer.engines.examples import Turn
from trainer.engines.sandbox.similarity import PromptIndex

MAX_REMEMBERED = 5_000
_FILE = "examples.json"
_CACHED_MODELS = 32


class Memory:
    """The answers of one model, and the indexes that find the one for a question."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns: dict[int, list[Turn]] = defaultdict(list)
        for turn in turns:
            self._turns[turn.after_calls].append(turn)
        self._indexes = {at: PromptIndex([t.prompt for t in some]) for at, some in self._turns.items()}
        answers = [turn.completion for turn in turns if turn.completion]
        self.gives_labels = bool(answers) and len(set(answers)) * 3 <= len(turns)

    def recall(self, question: str, after_calls: int = 0) -> Turn | None:
        """The answer trained for the most similar prompt; None when no prompt shares a word.

        `after_calls` is the number of tool calls that have followed the question.
        """
        index = self._indexes.get(after_calls)
        found = index.closest(question) if index else None
        return None if found is None else self._turns[after_calls][found[0]]


def write_turns(folder: Path, turns: Sequence[Turn]) -> None:
    """Keep at most `MAX_REMEMBERED` answers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _FILE).write_bytes(msgspec.json.encode(turns[:MAX_REMEMBERED]))


def copy_turns(source: Path, folder: Path) -> None:
    """Link another folder's answers into this one; they never change."""
    (folder / _FILE).unlink(missing_ok=True)
    os.link(source / _FILE, folder / _FILE)


def read_folder(folder: Path) -> list[Turn]:
    """The answers of a model; empty if its folder was deleted."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=list[Turn])
    except FileNotFoundError:
        return []


class MemoryCache:
    """The most recently asked models; a folder never changes once it is written."""

    def __init__(self) -> None:
        self._memories: OrderedDict[Path, Memory] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, folder: Path) -> Memory:
        """The memory of a model, read on first use."""
        with self._lock:
            if folder not in self._memories:
                self._memories[folder] = Memory(read_folder(folder))
                if len(self._memories) > _CACHED_MODELS:
                    self._memories.popitem(last=False)
            self._memories.move_to_end(folder)
            return self._memories[folder]
