"""The table of promises that `make test-providers` keeps in `docs/providers/conformance.md`."""

import re
from collections.abc import Mapping, Set
from itertools import product
from pathlib import Path

from service.providers.kinds.capabilities import capabilities_of

PAGE = Path(__file__).parents[2] / "docs" / "providers" / "conformance.md"
_SUITE = Path(__file__).with_name("test_conformance.py")
_HEAD = """# Promises kept at every kind of provider

`make test-providers` runs one suite over every kind of provider, each in front of a server that imitates
the vendor, and writes this table. The vendors' own SDKs try out the imitations. No call to a vendor was ever
made: what a vendor's server does differently from its documentation and SDK, these tests cannot see.
"Refused": the kind serves tuned models without a deployment, or people deploy them by hand; a request to
deploy says so.

"""

# The promises about deployments. Where the kind has none of Tunehouse's making, the suite tries the refusal.
_OF_DEPLOYMENTS = (
    "test_a_deployment_is_made_once_and_answers_whole_and_as_a_stream",
    "test_hosting_costs_the_team_what_the_vendor_bills",
)

Results = Mapping[tuple[str, str], bool]  # by promise and kind: whether every case of it passed


def render(results: Results) -> str:
    """The page for these results."""
    kinds = sorted({kind for _, kind in results})
    promises = list(dict.fromkeys(promise for promise, _ in results))
    rows = [
        f"| {_in_words(promise)} | "
        + " | ".join(_in_a_cell(promise, kind, held=results[promise, kind]) for kind in kinds)
        + " |"
        for promise in promises
    ]
    head = "| promise | " + " | ".join(f"`{kind}`" for kind in kinds) + " |"
    return _HEAD + "\n".join([head, "|---" * (len(kinds) + 1) + "|", *rows]) + "\n"


def _in_a_cell(promise: str, kind: str, *, held: bool) -> str:
    deploys = capabilities_of(kind).deploys  # type: ignore[arg-type]
    if held and promise in _OF_DEPLOYMENTS and not deploys:
        return "refused"
    return "yes" if held else "**no**"


def is_complete(results: Results, kinds: Set[str]) -> bool:
    """Whether every promise of the suite was tried at every kind, so that the page would lose nothing."""
    promises = re.findall(r"^def (test_\w+)", _SUITE.read_text("utf-8"), re.MULTILINE)
    return results.keys() == set(product(promises, kinds))


def _in_words(test: str) -> str:
    return test.removeprefix("test_").replace("_s_", "'s ").replace("_", " ")
