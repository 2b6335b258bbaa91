"""From raw reviews to a sentiment classifier in use, through Tunehouse's API with the stock OpenAI SDK.

    python examples/sentiment/run.py http://localhost:8800 th-KEY

needs a trainer that offers the base `minilm` (docs/guide/local-training.md starts one).
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import OpenAI

REVIEWS = Path(__file__).with_name("reviews.csv")
ENDED = ("succeeded", "failed", "cancelled")


@dataclass
class Figures:
    """What the story measured; accuracies are shares of held-out reviews."""

    examples: tuple[int, int]
    before: float
    by_epoch: list[float]
    macro_f1: float
    after: float
    after_by_language: dict[str, float]
    model: str
    lineage: dict[str, Any]
    cost_usd: str


def run(client: OpenAI, base: str, wait: Callable[[Callable[[], bool]], object]) -> Figures:
    """Convert, clean, split, train, watch, use; `wait` waits until what it is given is true."""

    def ready(file_id: str) -> str:
        wait(lambda: client.files.retrieve(file_id).status != "uploaded")
        file = client.files.retrieve(file_id)
        if file.status != "processed":
            raise SystemExit(f"{file_id} did not pass its checks: {file.status_details}")
        return file_id

    def post(path: str, body: dict[str, Any]) -> Any:
        return client.post(path, body=body, cast_to=object)

    with REVIEWS.open("rb") as file:
        raw = client.files.create(file=file, purpose="fine-tune")
    # Its columns are no prompts and completions, so its own check fails; /convert takes it all the same.
    wait(lambda: client.files.retrieve(raw.id).status != "uploaded")
    converted = post(
        f"/files/{raw.id}/convert",
        {
            "format": "completion",
            "columns": {"prompt": "review", "completion": "sentiment"},
            "clean": {"html": True, "control": True},
        },
    )
    lines = client.files.content(ready(converted["id"])).read().splitlines(keepends=True)
    random.Random(7).shuffle(lines)  # noqa: S311
    cut = len(lines) // 5
    training, held_out = (
        ready(client.files.create(file=("part.jsonl", b"".join(part)), purpose="fine-tune").id)
        for part in (lines[cut:], lines[:cut])
    )
    report: Any = client.get(f"/files/{training}/report", cast_to=object)
    rows = [json.loads(line) for line in client.files.content(held_out).read().splitlines()]

    job = client.fine_tuning.jobs.create(
        model=base,
        training_file=training,
        validation_file=held_out,
        seed=7,
        suffix="sentiment",
        hyperparameters={"n_epochs": 6, "learning_rate_multiplier": 3},
    )
    wait(lambda: client.fine_tuning.jobs.retrieve(job.id).status in ENDED)
    job = client.fine_tuning.jobs.retrieve(job.id)
    if job.status != "succeeded":
        raise SystemExit(f"the job {job.status}: {job.error}")
    told: list[Any] = [e.data for e in client.fine_tuning.jobs.list_events(job.id, limit=100) if e.data]
    told.sort(key=lambda data: data.get("step", 0))
    epochs = [data for data in told if "full_valid_macro_f1" in data]

    right: dict[str, list[bool]] = {"en": [], "zh": []}
    for row in rows:
        reply = client.chat.completions.create(
            model=str(job.fine_tuned_model), messages=[{"role": "user", "content": row["prompt"]}]
        )
        language = "en" if row["prompt"].isascii() else "zh"
        right[language].append(reply.choices[0].message.content == row["completion"].strip())
    lineage: Any = client.get(f"/models/{job.fine_tuned_model}/lineage", cast_to=object)
    costs: Any = client.get("/costs", cast_to=object)
    every = right["en"] + right["zh"]
    return Figures(
        examples=(report["examples"], len(rows)),
        before=next(d["start_valid_mean_token_accuracy"] for d in told if "start_valid_loss" in d),
        by_epoch=[data["full_valid_mean_token_accuracy"] for data in epochs],
        macro_f1=max(data["full_valid_macro_f1"] for data in epochs),
        after=sum(every) / len(every),
        after_by_language={name: sum(found) / len(found) for name, found in right.items() if found},
        model=str(job.fine_tuned_model),
        lineage=lineage,
        cost_usd=costs["total_usd"],
    )


def main() -> None:
    """Run against a Tunehouse that is up."""
    url, key = sys.argv[1:3]

    def wait(is_done: Callable[[], bool]) -> None:
        while not is_done():
            time.sleep(0.5)

    figures = run(OpenAI(base_url=f"{url}/v1", api_key=key), "minilm", wait)
    print(f"{figures.examples[0]} reviews to train on, {figures.examples[1]} held out")
    print(f"held-out accuracy before {figures.before:.2f}, by epoch {figures.by_epoch}")
    print(f"in use: {figures.after:.2f} {figures.after_by_language}, macro-F1 {figures.macro_f1:.2f}")
    print(f"{figures.model} cost ${figures.cost_usd}, lineage {len(figures.lineage['nodes'])} nodes")


if __name__ == "__main__":
    main()
