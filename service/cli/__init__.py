"""The `tunehouse` command."""

from service.cli import archive_ledger, audit_ledger, doctor, quote
from service.cli.commands import app

# Importing a module of commands registers them.
__all__ = ["archive_ledger", "audit_ledger", "doctor", "main", "quote"]


def main() -> None:
    """The console entry."""
    app()
