"""Turn raw reviews into a sentiment classifier and use it, through Tunehouse's API with the stock OpenAI SDK.

    python examples/sentiment/run.py http://localhost:8800 th-KEY

needs a trainer that offers the base `minilm` (docs/guide/local-training.md starts one).
"""

from __future__ import annotations

import json
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
    """The measured results; accuracies are shares of the held-out reviews, 0 to 1.

    `tokens` has the training file's tokens by the base's own tokenizer and by that of OpenAI's models.
    """

    examples: tuple[int, int]
    tokens: tuple[int, int]
    estimate: dict[str, Any]
    before: float
    by_epoch: list[float]
    macro_f1: float
    after: float
    after_by_language: dict[str, float]
    model: str
    job: dict[str, Any]
    lineage: dict[str, Any]
    costs: list[dict[str, Any]]
    cost_usd: str


def run(client: OpenAI, base: str, wait: Callable[[Callable[[], bool]], object]) -> Figures:
    """Run all steps. `wait` returns once the condition that it is given holds."""

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
    # Without known column names this file fails its check, but /convert accepts it with a mapping.
    wait(lambda: client.files.retrieve(raw.id).status != "uploaded")
    converted = post(
        f"/files/{raw.id}/convert",
        {
            "format": "completion",
            "columns": {"prompt": "review", "completion": "sentiment"},
            "clean": {"html": True, "control": True},
        },
    )
    parts = post(f"/files/{ready(converted['id'])}/split", {"validation_share": 0.2, "seed": 7})
    training, held_out = (ready(parts[name]["id"]) for name in ("training_file", "validation_file"))

    def read_report() -> Any:
        return client.get(f"/files/{training}/report", cast_to=object)

    wait(lambda: any(one["model"] == base and one["total"] for one in read_report()["tokens_by_base"]))
    report = read_report()
    rows = [json.loads(line) for line in client.files.content(held_out).read().splitlines()]

    settings = {"n_epochs": 6, "learning_rate_multiplier": 3}
    estimate = post(
        "/fine_tuning/estimates", {"model": base, "training_file": training, "hyperparameters": settings}
    )
    job = client.fine_tuning.jobs.create(
        model=base,
        training_file=training,
        validation_file=held_out,
        seed=7,
        suffix="sentiment",
        hyperparameters=settings,  # type: ignore[arg-type]
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
    costs: Any = client.get("/costs?group_by=kind", cast_to=object)
    (exact,) = (one["total"] for one in report["tokens_by_base"] if one["model"] == base)
    every = right["en"] + right["zh"]
    return Figures(
        examples=(report["examples"], len(rows)),
        tokens=(exact, report["tokens"]["total"]),
        estimate=estimate,
        before=next(d["start_valid_mean_token_accuracy"] for d in told if "start_valid_loss" in d),
        by_epoch=[data["full_valid_mean_token_accuracy"] for data in epochs],
        macro_f1=max(data["full_valid_macro_f1"] for data in epochs),
        after=sum(every) / len(every),
        after_by_language={name: sum(found) / len(found) for name, found in right.items() if found},
        model=str(job.fine_tuned_model),
        job=job.to_dict(),
        lineage=lineage,
        costs=costs["data"],
        cost_usd=costs["total_usd"],
    )


def main() -> None:
    """Run against a running Tunehouse."""
    url, key = sys.argv[1:3]

    def wait(is_done: Callable[[], bool]) -> None:
        while not is_done():
            time.sleep(0.5)

    figures = run(OpenAI(base_url=f"{url}/v1", api_key=key), "minilm", wait)
    print(f"{figures.examples[0]} reviews to train on, {figures.examples[1]} held out")
    print(f"held-out accuracy before {figures.before:.2f}, by epoch {figures.by_epoch}")
    print(f"in use: {figures.after:.2f} {figures.after_by_language}, macro-F1 {figures.macro_f1:.2f}")
    print(f"{figures.tokens[0]} tokens by the base's tokenizer, {figures.tokens[1]} by o200k_base")
    seconds = figures.job["tunehouse"]["training_seconds"]
    print(f"estimated at most {figures.estimate['training_hours']} hours, trained {seconds:.0f} seconds")
    for row in figures.costs:
        print(f"{row['kind']}: {row['quantity']} for ${row['amount_usd']}")
    print(f"{figures.model} cost ${figures.cost_usd}, lineage {len(figures.lineage['nodes'])} nodes")


if __name__ == "__main__":
    main()
