"""`tunehouse costs`: what the team has spent, and what is left of its budget."""

from json import dumps
from typing import Annotated

from rich.table import Column, Table
from typer import Option

from service.cli.entry import app
from service.cli.team.service_of import ApiKey, AsJson, BaseUrl, print_json, screen, service_of
from service.client import CostsInfo, KeyInfo

_SUMS = ("quantity", "unit", "amount_usd")


@app.command()
def costs(
    by: Annotated[
        list[str] | None,
        Option(help="Group by kind, model, base, job, key, day, month or tag:NAME; give it once for each."),
    ] = None,
    since: Annotated[
        str | None, Option(help="The first day, as 2026-11-01, or a time with its zone.")
    ] = None,
    until: Annotated[str | None, Option(help="The day or time before which the report ends.")] = None,
    json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Show your team's costs, and its budget."""
    groups = by or ["kind"]
    with service_of(base_url, api_key) as tunehouse:
        report = tunehouse.costs(groups, since, until)
        me = None if json else tunehouse.me()
    if me is None:
        print_json(report)
    else:
        _show(report, groups, me)


def _show(report: CostsInfo, groups: list[str], me: KeyInfo) -> None:
    # The API names the fields of a group, such as `job_id`, and adds names to ids of keys.
    fields = [name for name in (report.data[0] if report.data else groups) if name not in _SUMS]
    table = Table(*(Column(name, overflow="fold") for name in fields), box=None, pad_edge=False)
    table.add_column("cost", justify="right")
    for row in report.data:
        table.add_row(*(_cell(row[name]) for name in fields), f"${row['amount_usd']}")
    table.add_row("total", *[""] * (len(fields) - 1), f"${report.total_usd}")
    screen.print(table)
    for name, budget in (("budget", me.budget), ("budget of this key", me.key_budget)):
        if budget and budget.limit_usd is not None:
            screen.print(
                f"{name} of {budget.period_name}: ${budget.spent_usd} spent and ${budget.held_usd} held "
                f"of ${budget.limit_usd}; ${budget.remaining_usd} left"
            )


def _cell(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else dumps(value)
