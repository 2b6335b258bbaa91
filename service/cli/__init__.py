"""The `tunehouse` command."""

from service.cli import archive_ledger, audit_ledger, quote
from service.cli.commands import app

__all__ = ["archive_ledger", "audit_ledger", "main", "quote"]  # importing a module of commands registers them


def main() -> None:
    """The console entry."""
    app()
