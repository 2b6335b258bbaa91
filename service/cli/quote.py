"""`tunehouse quote FILE`: what a dataset costs to train on, and its model to use, everywhere."""

import os
import time
from pathlib import Path
from typing import Annotated, Any

import httpx2
from rich.console import Console
from rich.table import Table
from typer import Argument, Option

from service.cli.entry import app, fail

_TIMEOUT_S = 600.0
_POLL_S = 0.5
_CHECK_S = 600.0


@app.command()
def quote(
    file: Annotated[Path, Argument(exists=True, dir_okay=False, help="A dataset, as for POST /v1/files.")],
    requests_per_day: Annotated[int, Option(min=0, help="How often the model will be asked.")] = 0,
    input_tokens: Annotated[int, Option(min=0, help="Tokens of one request.")] = 500,
    output_tokens: Annotated[int, Option(min=0, help="Tokens of one answer.")] = 200,
    months: Annotated[int, Option(min=1, max=60, help="Months of 30 days to add up.")] = 12,
) -> None:
    """Upload a dataset and price it at every provider. Uses OPENAI_BASE_URL and OPENAI_API_KEY."""
    url, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
    if not url or not key:
        fail("Set OPENAI_BASE_URL to this service's address, ending in /v1, and OPENAI_API_KEY to your key.")
    body = {
        "use": {
            "requests_per_day": requests_per_day,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
        },
        "months": months,
    }
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=url.rstrip("/"), headers=headers, timeout=_TIMEOUT_S) as client:
        file_id = _upload(client, file)
        answer = _read(client.post("/fine_tuning/quotes", json=body | {"training_file": file_id}))
    Console().print(_table(answer))


def _upload(client: httpx2.Client, path: Path) -> str:
    """Upload the file and wait for its check; the file's id."""
    with path.open("rb") as content:
        sent = client.post("/files", data={"purpose": "fine-tune"}, files={"file": (path.name, content)})
    file = _read(sent)
    ends_at = time.monotonic() + _CHECK_S
    while file["status"] == "uploaded":
        if time.monotonic() > ends_at:
            fail(f"{file['id']} is still being checked. Is a worker running?")
        time.sleep(_POLL_S)  # between two looks; the service has no event for a caller to wait on
        file = _read(client.get(f"/files/{file['id']}"))
    if file["status"] != "processed":
        fail(f"{path} did not pass its checks: {file['status_details']}")
    return str(file["id"])


def _read(answer: httpx2.Response) -> dict[str, Any]:
    if not answer.is_success:
        try:
            message = answer.json()["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = f"the service answered {answer.status_code}"
        fail(str(message))
    found: dict[str, Any] = answer.json()
    return found


def _table(answer: dict[str, Any]) -> Table:
    table = Table(title=f"Cheapest first, over {answer['months']} months")
    for name in ("model", "training", "use / month", "hosting / month", "total", "until"):
        table.add_column(name, justify="left" if name in ("model", "until") else "right", overflow="fold")
    for one in answer["data"]:
        name = f"{one['provider']}/{one['model']} ({one['method']})"
        if one["problem"]:
            table.add_row(name, "-", "-", "-", "-", one["problem"])
            continue
        costs = ("training_usd", "use_usd_per_month", "hosting_usd_per_month", "total_usd")
        shown = ["unknown" if one[cost] is None else f"${one[cost]}" for cost in costs]
        table.add_row(name, *shown, one["shutdown_date"] or "")
    return table
