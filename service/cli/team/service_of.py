"""How these commands reach the service, and how they end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console
from typer import Option

from service.cli.entry import fail
from service.client import CallFailed, Tunehouse

BaseUrl = Annotated[
    str | None,
    Option(envvar="OPENAI_BASE_URL", help="The service's address, up to and including /v1."),
]
ApiKey = Annotated[
    str | None,
    Option(
        envvar="OPENAI_API_KEY",
        help="A key of your team. Prefer the variable: others may see a command line.",
    ),
]
AsJson = Annotated[bool, Option("--json", help="Print the answer as JSON instead of a table.")]

_WIDTH_OF_PIPES = 200  # where there is no terminal, no id is cut off
_INTERRUPTED = 130

screen = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _WIDTH_OF_PIPES)


@contextmanager
def service_of(base_url: str | None, api_key: str | None) -> Iterator[Tunehouse]:
    """Yield a client. Any failure ends the command with one line."""
    if not base_url:
        fail("Pass --base-url or set OPENAI_BASE_URL: the service's address, up to and including /v1.")
    if not api_key:
        fail("Pass --api-key or set OPENAI_API_KEY: a key of your team.")
    try:
        with Tunehouse(base_url, api_key) as tunehouse:
            yield tunehouse
    except (CallFailed, OSError) as failure:
        fail(str(failure))
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None


def print_json(answer: BaseModel) -> None:
    """Print an answer as one line of JSON, with the names of the wire."""
    typer.echo(answer.model_dump_json(by_alias=True))
