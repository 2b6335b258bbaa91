"""Chapter 2: a broken dataset is refused with reasons; a good one gets a report with its cost."""

from importlib.resources import as_file, files

from openai.types import FileObject

from service.cli.demo.people import DemoTeam
from service.cli.demo.screen import Screen, usd

_DATA = files("service.cli.demo") / "data"
_PROCESSING_S = 60.0
# The lines of broken.jsonl with deliberate errors.
BROKEN_LINES = [3, 5, 7, 9, 11, 13]


def upload(team: DemoTeam, name: str) -> FileObject:
    """Upload one of the demo's files and wait until the service has checked it."""
    with as_file(_DATA / name) as path, path.open("rb") as file:
        sent = team.sdk.files.create(file=file, purpose="fine-tune")
    return team.sdk.files.wait_for_processing(sent.id, poll_interval=0.1, max_wait_seconds=_PROCESSING_S)


def refuse_broken(team: DemoTeam, screen: Screen) -> None:
    """Upload the broken file and show the error of each line."""
    file = upload(team, "broken.jsonl")
    screen.claim("The broken dataset is refused", file.status == "error", file.status)
    report = team.get(f"/files/{file.id}/report")
    screen.table(
        ["line", "place", "code", "problem"],
        [
            [str(error["line"]), error["path"] or "whole line", error["code"], error["message"]]
            for error in report["errors"]
        ],
    )
    lines = [error["line"] for error in report["errors"]]
    screen.claim("The report names each of the six broken lines, and no other", lines == BROKEN_LINES, lines)


def report_good(team: DemoTeam, screen: Screen) -> FileObject:
    """Upload the shop's examples and show their report."""
    file = upload(team, "tea-shop.jsonl")
    screen.claim("The good dataset is processed", file.status == "processed", file.status_details)
    report = team.get(f"/files/{file.id}/report")
    tokens = report["tokens"]
    screen.say(
        f"{report['examples']} {report['format']} examples with {tokens['total']} tokens, "
        f"{tokens['trained']} of them trained on; median {tokens['p50']} tokens per example, maximum "
        f"{tokens['max']}"
    )
    screen.table(
        ["model", "method", "epochs", "cost"],
        [[c["model"], c["method"], str(c["n_epochs"]), usd(c["cost_usd"])] for c in report["costs"]],
        numbers=2,
    )
    priced = {cost["model"] for cost in report["costs"]}
    screen.claim(
        "The report has the cost for every model that the dataset fits",
        {"sandbox-mini", "sandbox-large"} <= priced,
        priced,
    )
    return file
