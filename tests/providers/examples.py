"""A dataset and a job to send to a trainer."""

import io
import itertools
import json
from dataclasses import replace
from typing import Any

from service.providers.openai_wire import OpenAIWire
from service.providers.port import ProviderJob, ProviderJobSpec

_numbers = itertools.count(1)
CHAT = b"".join(
    json.dumps(
        {
            "messages": [
                {"role": "user", "content": f"What is {number} plus {number}?"},
                {"role": "assistant", "content": f"It is {2 * number}."},
            ]
        }
    ).encode()
    + b"\n"
    for number in range(12)
)


def new_stamp() -> str:
    """An id such as a job of ours has."""
    return f"ftjob-ours-{next(_numbers)}"


def upload(provider: OpenAIWire, content: bytes = CHAT) -> str:
    """Send the dataset."""
    return provider.upload_file("train.jsonl", io.BytesIO(content))


def make_spec(training_file_id: str, **changes: Any) -> ProviderJobSpec:
    """A small supervised job with a stamp of its own."""
    spec = ProviderJobSpec(
        model="sandbox-mini",
        training_file_id=training_file_id,
        validation_file_id=None,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
        suffix="small",
        seed=7,
        stamp=new_stamp(),
    )
    return replace(spec, **changes)


def start_job(provider: OpenAIWire, **changes: Any) -> ProviderJob:
    """A job on a dataset of its own."""
    return provider.create_job(make_spec(upload(provider), **changes))
