"""A team with datasets, jobs, a family of models, an alias and costs, made through the API."""

from __future__ import annotations

import json
from dataclasses import dataclass

from openai import OpenAI

from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until

HOSTILE = "<img src=x onerror=\"document.title='run'\">"
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Town:
    """What `settle` has made, by id."""

    team: TeamHandle
    good: str
    held_out: str
    bad: str
    first: str
    second: str
    job: str

    def is_quiet(self) -> bool:
        """Whether all jobs have ended."""
        return all(job.status in ENDED for job in self.team.sdk.fine_tuning.jobs.list().data)


def lines(count: int) -> bytes:
    """Examples of different lengths."""
    return b"\n".join(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"Where is order {number}? " + "Please. " * (number % 30)},
                    {"role": "assistant", "content": f"Order {number} ships tomorrow. " * (1 + number % 5)},
                ]
            }
        ).encode()
        for number in range(count)
    )


def upload(sdk: OpenAI, name: str, content: bytes) -> str:
    """Upload a file and wait for its check."""
    file = sdk.files.create(file=(name, content), purpose="fine-tune")
    wait_until(lambda: sdk.files.retrieve(file.id).status != "uploaded")
    return file.id


def tune(sdk: OpenAI, model: str, training: str, validation: str, suffix: str) -> tuple[str, str]:
    """Run a job to its end; its id and its model."""
    job = sdk.fine_tuning.jobs.create(
        model=model, training_file=training, validation_file=validation, suffix=suffix
    )
    wait_until(lambda: sdk.fine_tuning.jobs.retrieve(job.id).status in ENDED)
    ended = sdk.fine_tuning.jobs.retrieve(job.id)
    assert ended.fine_tuned_model is not None
    return job.id, ended.fine_tuned_model


def settle(service: Service) -> Town:
    """Make everything."""
    team = service.make_team(budget_usd="5.00")
    sdk = team.sdk
    good = upload(sdk, "tickets.jsonl", lines(60))
    held_out = upload(sdk, "tickets-held-out.jsonl", lines(12))
    bad = upload(sdk, "tone.jsonl", lines(12) + b'\n{"messages": [{"role": "user", "content": "x"}]}\n')
    _, first = tune(sdk, "sandbox-mini", good, held_out, "support-v1")
    job, second = tune(sdk, first, good, held_out, "support-v2")
    for model in (first, second):
        team.http.put("/v1/aliases/support", json={"model": model}).raise_for_status()
    sdk.chat.completions.create(
        model="support", messages=[{"role": "user", "content": "Hello"}], max_tokens=5
    )
    return Town(team, good, held_out, bad, first, second, job)
