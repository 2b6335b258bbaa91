"""`tunehouse quote`: what a dataset costs to train on, and its model to use, at every provider."""

from typing import Annotated

from rich.table import Table
from typer import Argument, Option

from service.cli.entry import app, fail
from service.cli.team.dataset import checked_file
from service.cli.team.service_of import ApiKey, AsJson, BaseUrl, print_json, screen, service_of
from service.client import QuoteInfo, QuotesInfo


@app.command()
def quote(
    file: Annotated[str, Argument(metavar="FILE", help="A dataset on this machine, or a file's id, file-…")],
    requests_per_day: Annotated[int, Option(min=0, help="How often the model will be asked.")] = 0,
    input_tokens: Annotated[int, Option(min=0, help="Tokens of one request.")] = 500,
    output_tokens: Annotated[int, Option(min=0, help="Tokens of one answer.")] = 200,
    months: Annotated[int, Option(min=1, max=60, help="Months of 30 days to add up.")] = 12,
    json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Upload a dataset, and price it at every provider, the cheapest first."""
    use = {
        "requests_per_day": requests_per_day,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
    }
    with service_of(base_url, api_key) as tunehouse:
        found = checked_file(tunehouse, file)
        if found.status != "processed":
            fail(f"{found.filename} did not pass its checks: {found.status_details}")
        quotes = tunehouse.quote(found.id, use, months)
    if json:
        print_json(quotes)
    else:
        screen.print(_table(quotes))


def _table(quotes: QuotesInfo) -> Table:
    table = Table(title=f"Cheapest first, over {quotes.months} months", box=None, pad_edge=False)
    for name in ("model", "training", "use / month", "hosting / month", "total", "until"):
        table.add_column(name, justify="left" if name in ("model", "until") else "right", overflow="fold")
    for one in quotes.data:
        table.add_row(f"{one.provider}/{one.model} ({one.method})", *_cells(one))
    return table


def _cells(one: QuoteInfo) -> list[str]:
    if one.problem:
        return ["-", "-", "-", "-", one.problem]
    costs = (one.training_usd, one.use_usd_per_month, one.hosting_usd_per_month, one.total_usd)
    return ["unknown" if cost is None else f"${cost}" for cost in costs] + [one.shutdown_date or ""]
