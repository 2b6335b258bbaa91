"""The `tunehouse` command."""

import sys
from importlib import import_module

from service.cli.entry import app

# Importing a module registers its commands.
_MODULES = ("commands", "archive_ledger", "audit_ledger", "doctor")


def main() -> None:
    """The console entry."""
    team = import_module("service.cli.team")
    # A team member's commands need no database, and none of the other modules, which take a second to load.
    if sys.argv[1:2] not in [[name] for name in (*team.__all__, "--version")]:
        for name in _MODULES:
            import_module(f"service.cli.{name}")
    app()
