"""The `tunehouse` command."""

from service.cli.commands import app


def main() -> None:
    """The console entry."""
    app()
