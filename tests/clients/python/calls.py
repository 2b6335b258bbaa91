"""Run a client's calls and report each as a line of JSON. For scripts of any client: standard library only.

A script names its calls with `@call` and ends with `report(...)`. The environment says where to call:
OPENAI_BASE_URL, OPENAI_API_KEY, MODEL (a chat model), COMPLETION_MODEL, EXAMPLES (a training file) and
GENERATED (a folder with the client that is made from the OpenAPI document).
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

BASE_URL = os.environ["OPENAI_BASE_URL"]
KEY = os.environ["OPENAI_API_KEY"]
MODEL = os.environ["MODEL"]
COMPLETION_MODEL = os.environ["COMPLETION_MODEL"]
EXAMPLES = os.environ["EXAMPLES"]
GENERATED = os.environ["GENERATED"]
QUESTION = "Which tea is the mildest?"

_calls: list[tuple[str, Callable[[], None]]] = []


def call(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function as a call; it works unless it raises."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        _calls.append((name, function))
        return function

    return register


def raised(kind: type[Exception], function: Callable[[], object]) -> Any:
    """Return the error of a kind that a function raises."""
    try:
        function()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def report(package: str) -> None:
    """Make all calls, and print the package's version and what became of each call."""
    print(json.dumps({"package": package, "version": version(package)}))
    for name, function in _calls:
        try:
            function()
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            print(json.dumps({"call": name, "problem": f"{type(error).__name__}: {error}"}))
        else:
            print(json.dumps({"call": name, "problem": None}))
