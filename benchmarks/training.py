"""The cost of a job compared with a bare `transformers.Trainer` on the same data and machine.

`OMP_WAIT_POLICY=PASSIVE .venv-train/bin/python -m benchmarks.training [--rounds 3] [--hidden 256]`

Both sides read the same file, load the same model, tokenise, train it in full, keep a checkpoint of each
epoch with its optimiser, and report every step. Ours goes through HTTP, from the POST to the job's success,
polled five times a second. The bare loop runs in a warm process with its own session, like ours, because
Linux shares cores out by session. Neither side includes imports, and both wait for threads in the same way.
CPU seconds (of all the trainer's processes) are reported too, because they are comparable on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

from tests.support.trainer_process import TrainerProcess
from tests.train.data import manner
from tests.train.steps import train
from tests.train.tiny import CONTEXT, make_llama
from tests.trainer.conftest import make_client
from trainer.engines.transformers.data.encode import Encoder

EPOCHS, BATCH, RATE = 3, 8, 2e-5
EXAMPLES = 192


def bare(base: Path, data: bytes, folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of the plain loop."""
    started, cpu = time.perf_counter(), time.process_time()
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
    return time.perf_counter() - started, time.process_time() - cpu


def ours(client: Any, data: bytes, root: psutil.Process) -> tuple[float, float]:
    """Wall and CPU seconds of a job, from its upload to the answer that it succeeded."""
    started, cpu = time.perf_counter(), _cpu(root)
    train(client, data, model="base", epochs=EPOCHS, batch=BATCH, rate=RATE / 2e-5, every_s=0.2)
    return time.perf_counter() - started, _cpu(root) - cpu


def _cpu(root: psutil.Process) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in (root, *root.children()))


def main() -> None:
    """Run both in turns and print the table."""
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
        root = psutil.Process(process.process_id)
        rounds = []
        with get_context("spawn").Pool(1, initializer=os.setsid) as pool, make_client(process, 300) as client:
            pool.apply(bare, (base, data, folder / "warm"))
            ours(client, data, root)
            for number in range(options.rounds):
                rounds.append(
                    (pool.apply(bare, (base, data, folder / f"bare{number}")), ours(client, data, root))
                )
                (wall, cpu), (our_wall, our_cpu) = rounds[-1]
                print(
                    f"round {number}: wall {wall:.2f} and {our_wall:.2f} s, CPU {cpu:.2f} and {our_cpu:.2f} s"
                )
        process.stop()
    for at, what in enumerate(("wall", "CPU")):
        theirs, mine = (statistics.median(pair[side][at] for pair in rounds) for side in (0, 1))
        print(f"{what}: bare {theirs:.2f} s, ours {mine:.2f} s, ratio {mine / theirs:.3f}")


def _collate(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    longest = max(len(row["input_ids"]) for row in rows)

    def pad(name: str, filler: int) -> torch.Tensor:
        return torch.tensor([row[name] + [filler] * (longest - len(row[name])) for row in rows])

    ids = pad("input_ids", 0)
    return {"input_ids": ids, "labels": pad("labels", -100), "attention_mask": (ids != 0).long()}


if __name__ == "__main__":
    main()
