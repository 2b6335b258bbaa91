"""The error of a schema that the sandbox has no value for."""

from __future__ import annotations


class ImpossibleError(Exception):
    """No value can be made for a schema; the text says why, without a subject of its own."""
