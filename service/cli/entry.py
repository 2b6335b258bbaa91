"""The `tunehouse` command before its commands: its name, its version, and how a command fails."""

from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from typer import Option

app = typer.Typer(
    name="tunehouse",
    help="Fine-tune language models as one service for several teams.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"tunehouse {version('tunehouse')}")
        raise typer.Exit


@app.callback()
def main_options(
    _: Annotated[
        bool, Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Fine-tune language models as one service for several teams."""


def fail(reason: str) -> NoReturn:
    """Print one line to stderr and exit with status 1."""
    typer.echo(f"tunehouse: {reason}", err=True)
    raise typer.Exit(1)
