"""`python -m service.cli.demo`, which `tunehouse demo` becomes: the other commands need not load the SDK."""

import sys

import typer

from service.cli.demo.command import run


def main(keep: bool = False) -> None:
    """Tell the story; the exit code says whether all of it held."""
    sys.exit(run(keep))


typer.run(main)
