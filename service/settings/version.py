"""The version of Tunehouse. `pyproject.toml` has it; everything else reads it here."""

from importlib.metadata import version

VERSION = version("tunehouse")
