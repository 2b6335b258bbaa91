"""The reference of the command line, as Typer writes it."""

from importlib import import_module

import typer
from typer.cli import get_docs_for_click

from docs.site.tables import NOTICE

_HEAD = "# Commands\n\n`tunehouse COMMAND --help` shows the same. A failing command has a status above 0.\n"


def page() -> str:
    """Return the page: every command with its arguments and options."""
    for name in ("commands", "archive_ledger", "audit_ledger", "doctor", "team"):
        import_module(f"service.cli.{name}")
    group = typer.main.get_command(import_module("service.cli.entry").app)
    text = get_docs_for_click(
        obj=group, ctx=typer.Context(group), name="tunehouse", title="The tunehouse command"
    )
    return NOTICE + _HEAD + text.replace("# The tunehouse command\n", "", 1)
