"""`tunehouse files`: check a dataset before a job is paid for."""

from typing import Annotated

import typer
from rich.table import Table
from typer import Argument

from service.cli.entry import app, fail
from service.cli.team.dataset import checked_file
from service.cli.team.service_of import ApiKey, AsJson, BaseUrl, print_json, screen, service_of
from service.client import FileInfo, ReportInfo

_SHOWN = 20

files = typer.Typer(help="Your team's datasets.", no_args_is_help=True)
app.add_typer(files, name="files")


@files.command()
def check(
    file: Annotated[str, Argument(metavar="FILE", help="A dataset on this machine, or a file's id, file-…")],
    json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Upload a dataset, and show its errors, warnings and tokens, and what jobs on it cost.

    The file stays with the service; its id is the training_file of a job. Exits with status 1 for errors.
    """
    with service_of(base_url, api_key) as tunehouse:
        checked = checked_file(tunehouse, file)
        report = tunehouse.report(checked.id)
    if json:
        print_json(report)
    else:
        _show(checked, report)
    if report.status == "error":
        fail(f"{checked.filename} cannot be trained on: {report.error_count} errors")


def _show(file: FileInfo, report: ReportInfo) -> None:
    kind = f"{report.format}, for {report.method}" if report.format else "unknown format"
    screen.print(f"{file.id}  {file.filename}: {report.status} ({kind})")
    screen.print(
        f"{report.valid_examples:,} of {report.examples:,} examples are valid; "
        f"{report.tokens.total:,} tokens, {report.tokens.trained:,} of them learned"
    )
    for kind, problems, count in (
        ("error", report.errors, report.error_count),
        ("warning", report.warnings, report.warning_count),
    ):
        for problem in problems[:_SHOWN]:
            where = f"line {problem.line}: " if problem.line else ""
            screen.print(f"{kind}  {where}{problem.message}")
        if count > _SHOWN:
            screen.print(f"… and {count - _SHOWN:,} more {kind}s")
    for note in report.notes:
        screen.print(f"note  {note}")
    if report.costs:
        table = Table("model", "method", "epochs", "cost", "", box=None, pad_edge=False)
        for cost in report.costs:
            amount = "" if cost.cost_usd is None else f"${cost.cost_usd}"
            table.add_row(cost.model, cost.method, str(cost.n_epochs), amount, cost.note or "")
        screen.print(table)
