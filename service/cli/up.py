"""`tunehouse up`: run everything on one machine until stopped."""

import signal
from pathlib import Path

import typer

from service.cli.link import sign_in_url
from service.local.stack import Stack


def serve(data_dir: Path, host: str, port: int) -> None:
    """Run a `Stack` in the foreground until SIGINT, SIGTERM or SIGHUP.

    Raises EmbeddedError when it cannot start or a process keeps dying.
    """
    with Stack(data_dir, host, port, report=lambda line: typer.echo(f"tunehouse: {line}", err=True)) as stack:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, lambda *_: stack.stopping.set())
        typer.echo("starting …")
        if not stack.start():
            return
        typer.echo(f"Tunehouse is ready at {stack.url} (API reference: {stack.url}/docs)")
        if stack.admin_key:
            typer.echo(f"admin key, shown only once: {stack.admin_key}")
        typer.echo(f"open the pages as an admin (works once, for 15 minutes): {sign_in_url(stack.url)}")
        typer.echo(f"data and logs are in {stack.data.root}; press Ctrl-C to stop")
        stack.watch()
        typer.echo("stopping …")
