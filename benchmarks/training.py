"""What a job costs beside a bare `transformers.Trainer` on the same data, in turns on one machine.

`OMP_WAIT_POLICY=PASSIVE .venv-train/bin/python -m benchmarks.training [--rounds 3] [--hidden 256]`

Both sides read the same file, load the same model, tokenise, train it in full, keep a checkpoint of each
epoch with its optimiser, and tell every step. Ours goes through HTTP, from POST to the answer that it
succeeded; the bare loop runs in this process. Imports are left out on both sides, and both wait for threads
in the same way.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

from tests.support.trainer_process import TrainerProcess
from tests.train.data import manner
from tests.train.steps import train
from tests.train.tiny import CONTEXT, make_llama
from tests.trainer.conftest import make_client
from trainer.engines.transformers.encode import Encoder

EPOCHS, BATCH, RATE = 3, 8, 2e-5
EXAMPLES = 192


def bare(base: Path, data: bytes, folder: Path) -> float:
    """Seconds of the plain loop."""
    started = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoder = Encoder(tokenizer, CONTEXT)
    rows = []
    for line in data.splitlines():
        (sequence,) = encoder.chat(json.loads(line)["messages"])
        pairs = zip(sequence.ids, sequence.weights, strict=True)
        rows.append({"input_ids": sequence.ids, "labels": [i if weight else -100 for i, weight in pairs]})
    torch.manual_seed(7)
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        warmup_steps=EXAMPLES * EPOCHS // BATCH // 10,
        lr_scheduler_type="linear",
        logging_steps=1,
        save_strategy="epoch",
        save_total_limit=3,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        seed=7,
    )
    model = AutoModelForCausalLM.from_pretrained(base)
    trainer = Trainer(model, arguments, train_dataset=rows, data_collator=_collate)
    trainer.train()
    trainer.save_model(str(folder / "final"))
    return time.perf_counter() - started


def ours(client: Any, data: bytes) -> float:
    """Seconds of a job, its upload left out as the bare loop has its file already."""
    started = time.perf_counter()
    train(client, data, model="base", epochs=EPOCHS, batch=BATCH, rate=RATE / 2e-5)
    return time.perf_counter() - started


def main() -> None:
    """Take turns and print."""
    parser = argparse.ArgumentParser()
    for name, default in (("rounds", 3), ("hidden", 256), ("layers", 4)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    data = manner(EXAMPLES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = make_llama(folder / "base", options.hidden, options.layers)
        process = TrainerProcess(
            folder / "trainer", engine="transformers", bases=[f"base={base}@full"]
        ).start()
        times: dict[str, list[float]] = {"bare": [], "ours": []}
        try:
            with make_client(process, timeout_s=300) as client:
                ours(client, data)  # warms both the child and this process's tokenizer
                bare(base, data, folder / "warm")
                for number in range(options.rounds):
                    times["bare"].append(bare(base, data, folder / f"bare{number}"))
                    times["ours"].append(ours(client, data))
                    print(f"round {number}: bare {times['bare'][-1]:.2f} s, ours {times['ours'][-1]:.2f} s")
        finally:
            process.stop()
    middle = {name: statistics.median(found) for name, found in times.items()}
    ratio = middle["ours"] / middle["bare"]
    print(f"median: bare {middle['bare']:.2f} s, ours {middle['ours']:.2f} s, ratio {ratio:.3f}")


def _collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    longest = max(len(row["input_ids"]) for row in rows)

    def pad(name: str, filler: int) -> torch.Tensor:
        return torch.tensor([row[name] + [filler] * (longest - len(row[name])) for row in rows])

    ids = pad("input_ids", 0)
    return {"input_ids": ids, "labels": pad("labels", -100), "attention_mask": (ids != 0).long()}


if __name__ == "__main__":
    main()
