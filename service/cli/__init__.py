"""The `tunehouse` command."""

from service.cli import audit_ledger
from service.cli.commands import app

__all__ = ["audit_ledger", "main"]  # importing a module of commands registers them


def main() -> None:
    """The console entry."""
    app()
