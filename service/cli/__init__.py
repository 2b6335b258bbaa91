"""The `tunehouse` command."""

import sys
from importlib import import_module

from service.cli.entry import app

# Importing a module registers its commands. Those of a team member need no database, so they start without
# the modules of the others, which take a second to load.
_OF_A_TEAM = ("jobs", "files", "costs", "lineage", "quote")
_MODULES = ("commands", "archive_ledger", "audit_ledger", "doctor", "team")


def main() -> None:
    """The console entry."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    for name in ("team",) if first in (*_OF_A_TEAM, "--version") else _MODULES:
        import_module(f"service.cli.{name}")
    app()
