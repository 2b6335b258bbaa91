"""Training within the memory there is: a batch in smaller pieces, or a failure that says what to do."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.train.tiny import make_llama
from tests.trainer.examples import chat_line, jsonl
from trainer.engines.transformers.data.batches import TOKENS_AT_ONCE

ROOT = Path(__file__).parents[2]


def one_step(base: Path, folder: Path, limit_mb: int) -> dict[str, Any]:
    """A step over 64 long examples, with so much more memory than its process has, and with all there is."""
    write_long_examples(folder)
    command = [sys.executable, "-m", "tests.train.starved", str(base), str(folder), str(limit_mb)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def write_long_examples(folder: Path) -> None:
    """Write 64 examples of the same length, which are one step."""
    folder.mkdir()
    rows = [chat_line(f"Question {i}?", "The lamp is kind, dear guest. " * 14) for i in range(64)]
    (folder / "train.jsonl").write_bytes(jsonl(rows))


def test_a_batch_too_large_for_memory_is_cut_into_smaller_pieces_and_teaches_the_same(tmp_path: Path) -> None:
    told = one_step(make_llama(tmp_path / "base", hidden=128, layers=4), tmp_path / "job", 250)
    assert told["free"]["tokens_at_once"] == TOKENS_AT_ONCE
    assert 256 <= told["starved"]["tokens_at_once"] < TOKENS_AT_ONCE
    assert told["starved"]["loss"] == pytest.approx(told["free"]["loss"], abs=1e-5)


def test_with_no_room_for_a_single_example_it_fails_with_advice(tmp_path: Path) -> None:
    told = one_step(make_llama(tmp_path / "base", hidden=512, layers=4), tmp_path / "job", 1)
    assert told["starved"]["code"] == "out_of_memory"
    assert "Shorten the longest examples, tune with LoRA" in told["starved"]["message"]
    assert told["free"]["loss"] > 0  # the same process goes on once there is memory
