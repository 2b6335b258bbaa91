"""Point 2: a broken dataset is refused with reasons, a good one reported with its cost."""

from importlib.resources import as_file, files

from openai.types import FileObject

from service.cli.demo.people import Team
from service.cli.demo.screen import Screen, usd

_DATA = files("service.cli.demo") / "data"
_PROCESSING_S = 60.0
# The lines that were spoilt on purpose in broken.jsonl.
BROKEN_LINES = [3, 5, 7, 9, 11, 13]


def upload(team: Team, name: str) -> FileObject:
    """Send one of the demo's files and wait until the service has checked it."""
    with as_file(_DATA / name) as path, path.open("rb") as file:
        sent = team.sdk.files.create(file=file, purpose="fine-tune")
    return team.sdk.files.wait_for_processing(sent.id, poll_interval=0.1, max_wait_seconds=_PROCESSING_S)


def refuse_broken(team: Team, screen: Screen) -> None:
    """Upload the spoilt file and show what the service has to say about each line."""
    file = upload(team, "broken.jsonl")
    screen.claim("The broken dataset is refused", file.status == "error", file.status)
    report = team.get(f"/files/{file.id}/report")
    screen.table(
        ["line", "where", "code", "what is wrong"],
        [
            [str(error["line"]), error["path"] or "the line", error["code"], error["message"]]
            for error in report["errors"]
        ],
    )
    lines = [error["line"] for error in report["errors"]]
    screen.claim("Each of its six spoilt lines is named, and no other", lines == BROKEN_LINES, lines)


def report_good(team: Team, screen: Screen) -> FileObject:
    """Upload the shop's examples and show what their report says."""
    file = upload(team, "tea-shop.jsonl")
    screen.claim("The good dataset is processed", file.status == "processed", file.status_details)
    report = team.get(f"/files/{file.id}/report")
    tokens = report["tokens"]
    screen.say(
        f"{report['examples']} {report['format']} examples, {tokens['total']} tokens, {tokens['trained']} of "
        f"them trained on; half of the examples have up to {tokens['p50']} tokens, one has {tokens['max']}"
    )
    screen.table(
        ["model", "method", "epochs", "cost"],
        [[c["model"], c["method"], str(c["n_epochs"]), usd(c["cost_usd"])] for c in report["costs"]],
        numbers=2,
    )
    priced = {cost["model"] for cost in report["costs"]}
    screen.claim(
        "Its cost is known on every model it fits", {"sandbox-mini", "sandbox-large"} <= priced, priced
    )
    return file
