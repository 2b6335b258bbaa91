"""What a job was asked to do: its facts, its cost, and the same request by API."""

import json
from typing import Any

from service.jobs.schemas import JobOut
from service.pages.words import count, dollars, moment

Pairs = list[tuple[str, str | None]]


def money(job: JobOut) -> Pairs:
    """The estimate, and what came of it."""
    extras = job.tunehouse
    return [
        ("Estimated", dollars(extras.estimated_cost_usd)),
        ("Held", dollars(extras.held_usd) if job.finished_at is None else None),
        ("Charged", dollars(extras.cost_usd)),
        ("Its own limit", dollars(extras.max_cost_usd) if extras.max_cost_usd else None),
    ]


def facts(job: JobOut) -> Pairs:
    """What it trains, on what, and how."""
    settings = _settings(job)
    return [
        ("From", job.model),
        ("Base", job.tunehouse.base_model if job.tunehouse.base_model != job.model else None),
        ("Method", str(job.method.get("type"))),
        ("Epochs", str(settings.get("n_epochs", "auto"))),
        ("Batch size", str(settings.get("batch_size", "auto"))),
        ("Learning rate multiplier", str(settings.get("learning_rate_multiplier", "auto"))),
        ("Trained tokens", count(job.trained_tokens) if job.trained_tokens else None),
        ("Seed", None if job.seed is None else str(job.seed)),
        ("Provider", job.tunehouse.provider),
        ("Created", moment(job.created_at)),
        ("Finished", moment(job.finished_at) if job.finished_at else None),
    ]


def python(job: JobOut, base_url: str) -> str:
    """The same job by the openai SDK."""
    arguments = "".join(f"    {name}={value!r},\n" for name, value in _request(job).items())
    return (
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{base_url}/v1")  # reads OPENAI_API_KEY\n'
        f"client.fine_tuning.jobs.create(\n{arguments})"
    )


def curl(job: JobOut, base_url: str) -> str:
    """The same job by curl."""
    body = json.dumps(_request(job), indent=2).replace("'", "'\\''")
    return (
        f"curl {base_url}/v1/fine_tuning/jobs \\\n"
        '  -H "Authorization: Bearer $OPENAI_API_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{body}'"
    )


def _request(job: JobOut) -> dict[str, Any]:
    asked = {
        "model": job.model,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "suffix": job.user_provided_suffix,
        "seed": job.seed,
        "method": job.method,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _settings(job: JobOut) -> dict[str, Any]:
    settings = job.method.get(str(job.method.get("type")), {})
    found: dict[str, Any] = settings.get("hyperparameters", {}) if isinstance(settings, dict) else {}
    return found
