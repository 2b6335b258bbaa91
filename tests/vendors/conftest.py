"""Every kind of provider under one suite, each in front of a server that imitates it.

Run by `make test-providers`, in an environment with the vendors' SDKs; elsewhere nothing here is collected.
"""

import json
import os
from collections.abc import Generator, Iterator
from importlib.util import find_spec

import pytest

from service.settings import settings
from tests.support.catalogue import own_catalogue
from tests.vendors import table
from tests.vendors.kinds import KINDS, Vendor

HAS_SDKS = find_spec("together") is not None
collect_ignore_glob = [] if HAS_SDKS else ["test_*.py"]

OWN_MODELS = """
[[openai_compatible.models]]
id = "sandbox-mini"
methods = ["supervised"]
token_limit = 65_536
context_tokens = 128_000
encoding = "o200k_base"

[[openai_compatible.prices]]
source = "tests"
effective_from = 2025-01-01
unit = "tokens"
unit_quantity = 1_000_000

[openai_compatible.prices.usd]
"sandbox-mini" = { training_tokens = "3", input_tokens = "1", output_tokens = "1" }
"ft:sandbox-mini" = { input_tokens = "1", output_tokens = "1" }

[[bedrock.prices]]
source = "tests"
effective_from = 2025-01-01
unit = "tokens"
unit_quantity = 1_000_000

[bedrock.prices.usd]
"amazon.nova-micro-v1" = { training_tokens = "1", input_tokens = "1", output_tokens = "1" }
"ft:amazon.nova-micro-v1" = { input_tokens = "1", output_tokens = "1" }
"""


_results: dict[tuple[str, str], bool] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note which promises held at which kind."""
    report = yield
    callspec = getattr(item, "callspec", None)
    kind = callspec.params.get("running") if callspec else None
    if kind is not None and (report.when == "call" or report.failed):
        key = (getattr(item, "originalname", item.name), kind)
        _results[key] = _results.get(key, True) and report.passed
    return report


def pytest_sessionfinish() -> None:
    """Write the table when the whole suite has run, not a selection of it."""
    if table.is_complete(_results, set(KINDS)):
        table.PAGE.write_text(table.render(_results), "utf-8")


@pytest.fixture(scope="module", params=sorted(KINDS))
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """A server that imitates one kind of provider."""
    vendor = KINDS[request.param](tmp_path_factory.mktemp(request.param))
    yield vendor
    vendor.close()


@pytest.fixture
def vendor(
    running: Vendor,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Vendor]:
    """That server as the only provider of a Tunehouse whose steps the test does by hand."""
    monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", json.dumps([running.settings()]))
    settings.cache_clear()
    with own_catalogue(tmp_path_factory.mktemp("catalogue") / "own.toml", OWN_MODELS):
        yield running
    monkeypatch.undo()
    settings.cache_clear()
    running.reset()
