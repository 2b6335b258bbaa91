"""One step of real training that may allocate only so much more memory, then the same step with no limit.

`python -m tests.train.starved BASE FOLDER MEGABYTES` with `train.jsonl` in FOLDER prints what became of both.
Under a launcher, only the last process starves.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import psutil
import torch
from accelerate import Accelerator

from trainer.engines.base import TrainingFailedError, TrainSpec
from trainer.engines.transformers.bases import find_bases
from trainer.engines.transformers.loop import Run
from trainer.engines.transformers.prepare import prepare


def main() -> None:
    """Train one step of the whole file at once, twice."""
    (base,) = find_bases(f"base={sys.argv[1]}@full")
    folder, limit_mb = Path(sys.argv[2]), int(sys.argv[3])
    spec = TrainSpec(
        job_id="job", base="base", parent=None, method="supervised",
        hyperparameters={"n_epochs": 1, "batch_size": 64, "learning_rate_multiplier": 1.0},
        method_options={}, seed=7, training_file="train.jsonl", training_path=folder / "train.jsonl",
        validation_file=None, validation_path=None, work_dir=folder / "job",
    )  # fmt: skip
    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True)
    plan = prepare(spec, base) if accelerator.is_main_process else None
    if accelerator.num_processes > 1:
        box = [plan]
        torch.distributed.broadcast_object_list(box)
        plan = box[0]
    assert plan
    run, free_run = (Run(spec, base, plan, 0, accelerator, 1e9) for _ in range(2))
    torch.ones(64, 64, requires_grad=True).matmul(torch.ones(64, 64)).sum().backward()  # starts its threads
    allowed = psutil.Process().memory_info().vms + limit_mb * 2**20
    if accelerator.is_last_process:
        resource.setrlimit(resource.RLIMIT_AS, (allowed, resource.RLIM_INFINITY))
    starved = _step(run)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    sys.stdout.write(json.dumps({"starved": starved, "free": _step(free_run)}) + "\n")


def _step(run: Run) -> dict[str, object]:
    try:
        progress = run.step()
    except TrainingFailedError as error:
        return {"code": error.code, "message": error.message}
    return {"loss": progress.metrics["train_loss"], "tokens_at_once": run._batches.tokens_at_once}


if __name__ == "__main__":
    main()
