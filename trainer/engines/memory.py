"""The examples that a sandbox model recalls: on disk, with a small cache of indexes."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from trainer.engines.examples import Example
from trainer.engines.similarity import PromptIndex

MAX_REMEMBERED = 5_000
_FILE = "examples.json"
_CACHED_MODELS = 32


class Memory:
    """The examples of one model and the index that finds the closest."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples
        self._index = PromptIndex([example.prompt for example in examples])
        answers = {example.completion for example in examples}
        self.gives_labels = len(answers) * 3 <= len(examples)

    def recall(self, question: str) -> str | None:
        """The answer trained for the most similar prompt, None when no prompt shares a word."""
        found = self._index.closest(question)
        return None if found is None else self._examples[found[0]].completion


def write_examples(folder: Path, examples: Sequence[Example]) -> None:
    """Keep at most `MAX_REMEMBERED` examples."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _FILE).write_bytes(msgspec.json.encode(examples[:MAX_REMEMBERED]))


def copy_examples(source: Path, folder: Path) -> None:
    """Link another folder's examples into this one; they never change."""
    (folder / _FILE).unlink(missing_ok=True)
    os.link(source / _FILE, folder / _FILE)


def read_folder(folder: Path) -> list[Example]:
    """The examples of a model; empty if its folder was deleted."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=list[Example])
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
