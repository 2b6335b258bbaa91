"""`tunehouse shutdowns`: which base models end, and which of the team's models end with them."""

from rich.table import Column, Table

from service.cli.entry import app
from service.cli.team.service_of import ApiKey, AsJson, BaseUrl, print_json, screen, service_of


@app.command()
def shutdowns(json: AsJson = False, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """List the base models that shut down, the nearest first, with your team's models and aliases."""
    with service_of(base_url, api_key) as tunehouse:
        found = tunehouse.shutdowns()
    if json:
        for one in found:
            print_json(one)
        return
    names = ("base", "shuts down", "days", "your models", "your aliases")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None, pad_edge=False)
    for one in found:
        table.add_row(
            f"{one.provider}/{one.model}",
            one.shutdown_date,
            str(one.days_left),
            "\n".join(one.models),
            "\n".join(one.aliases),
        )
    screen.print(table if found else "No shutdown is announced.")
