"""Chapter 7, second half: the costs of each team, which the other team cannot see."""

from decimal import Decimal

import httpx2
from openai.types.fine_tuning import FineTuningJob

from service.cli.demo.answers import spent_all
from service.cli.demo.people import Admin, DemoTeam, answer
from service.cli.demo.screen import Screen, usd

_GROUPS = "/v1/costs?group_by=team,kind,model"
_DIGITS = 8  # a few tokens cost millionths


def show(admin: Admin, teams: list[DemoTeam], screen: Screen) -> None:
    """Print the cost table and compare its total with the budgets."""
    costs = answer(admin.http.get(_GROUPS))
    names = {team.id: team.name for team in teams}
    rows = sorted(
        [names[row["team_id"]], row["kind"], row["model"] or "", usd(row["amount_usd"], _DIGITS)]
        for row in costs["data"]
    )
    last = ["all", "", "", usd(costs["total_usd"], _DIGITS)]
    screen.table(["team", "kind", "model", "cost"], [*rows, last], numbers=1)
    total = sum((Decimal(row["amount_usd"]) for row in costs["data"]), Decimal(0))
    screen.claim("The table's rows add up to its total", total == Decimal(costs["total_usd"]), total)
    spent = spent_all(admin, teams)
    screen.claim("and to the amount spent on the budgets", total == spent, f"{total} and {spent}")


def hide(owner: DemoTeam, other: DemoTeam, jobs: list[FineTuningJob], screen: Screen) -> None:
    """Let the other team look for the owner's objects, in lists and by id."""
    lists = {
        "files": [file.id for file in other.sdk.files.list()],
        "jobs": [job.id for job in other.sdk.fine_tuning.jobs.list()],
        "tuned models": [model.id for model in other.sdk.models.list() if model.id.startswith("ft:")],
        "webhook endpoints": [endpoint["id"] for endpoint in other.get("/webhook_endpoints")["data"]],
    }
    screen.claim(f"{other.name} sees no {', '.join(lists)}", not any(lists.values()), lists)
    job = jobs[-1]
    paths = [
        f"/v1/files/{job.training_file}",
        f"/v1/files/{job.training_file}/content",
        f"/v1/files/{job.training_file}/report",
        f"/v1/fine_tuning/jobs/{job.id}",
        f"/v1/fine_tuning/jobs/{job.id}/events",
        f"/v1/models/{job.fine_tuned_model}",
        f"/v1/models/{job.fine_tuned_model}/lineage",
    ]
    statuses = {path: other.http.get(path).status_code for path in paths}
    hidden = all(status == httpx2.codes.NOT_FOUND for status in statuses.values())
    screen.claim(f"{other.name} gets a 404 for everything that {owner.name} created", hidden, statuses)
    bill = answer(other.http.get(_GROUPS))
    foreign = [row for row in bill["data"] if row["team_id"] != other.id]
    screen.claim("and its bill shows only its own costs", bool(bill["data"]) and not foreign, bill)
