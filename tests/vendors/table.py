"""The table of promises that `make test-providers` keeps in `docs/providers/conformance.md`."""

import re
from collections.abc import Mapping, Set
from itertools import product
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "providers" / "conformance.md"
_SUITE = Path(__file__).with_name("test_conformance.py")
_HEAD = """# Promises kept at every kind of provider

`make test-providers` runs one suite over every kind of provider, each in front of a server that imitates
the vendor, and writes this table. The vendors' own SDKs try out the imitations. No call to a vendor was ever
made: what a vendor's server does differently from its documentation and SDK, these tests cannot see.

"""

Results = Mapping[tuple[str, str], bool]  # by promise and kind: whether every case of it passed


def render(results: Results) -> str:
    """The page for these results."""
    kinds = sorted({kind for _, kind in results})
    promises = list(dict.fromkeys(promise for promise, _ in results))
    rows = [
        f"| {_in_words(promise)} | "
        + " | ".join("yes" if results[promise, kind] else "**no**" for kind in kinds)
        + " |"
        for promise in promises
    ]
    head = "| promise | " + " | ".join(f"`{kind}`" for kind in kinds) + " |"
    return _HEAD + "\n".join([head, "|---" * (len(kinds) + 1) + "|", *rows]) + "\n"


def is_complete(results: Results, kinds: Set[str]) -> bool:
    """Whether every promise of the suite was tried at every kind, so that the page would lose nothing."""
    promises = re.findall(r"^def (test_\w+)", _SUITE.read_text("utf-8"), re.MULTILINE)
    return results.keys() == set(product(promises, kinds))


def _in_words(test: str) -> str:
    return test.removeprefix("test_").replace("_s_", "'s ").replace("_", " ")
