"""The `tunehouse` command."""

from service.cli import audit_ledger
from service.cli.commands import app

__all__ = ["audit_ledger", "main"]  # a module of commands joins the app when it is imported


def main() -> None:
    """The console entry."""
    app()
