"""One dataset priced at every provider; quotes call no provider, so these need no servers."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from service.catalog.prices import NewPrice, PriceKind, add_price
from service.core.db import transaction
from service.files.queries import get_file
from service.jobs.quotes.compute import ExpectedUse, Quote, quotes_for
from service.settings import settings
from tests.jobs import hands
from tests.jobs.story import upload
from tests.support.data import chat_file
from tests.support.service import Service

USE = ExpectedUse(requests_per_day=1000, input_tokens=500, output_tokens=200)
NOWHERE = {"base_url": "http://127.0.0.1:9/v1", "api_key": "unused", "timeout_s": 1}
LARGE = "meta-llama/Llama-3.3-70B-Instruct"
WIDE = {"COLUMNS": "200"}
NEBIUS, TOGETHER = "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"


@pytest.fixture
def market(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Four providers, none of which can be reached."""
    kinds = ("openai", "azure", "nebius", "together")
    providers = json.dumps([NOWHERE | {"name": kind, "kind": kind} for kind in kinds])
    monkeypatch.setitem(os.environ, "TUNEHOUSE_PROVIDERS", providers)
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def quoted(months: int = 12) -> list[Quote]:
    team = hands.make_team()
    file_id = hands.make_file(team)
    with transaction() as session:
        return quotes_for(session, team, hands.KEY, get_file(session, team, file_id), USE, months)


def one(quotes: list[Quote], provider: str, model: str) -> Quote:
    (found,) = [q for q in quotes if (q.offer.provider_name, q.offer.model.id) == (provider, model)]
    return found


@pytest.mark.usefixtures("market")
def test_a_total_is_training_and_months_of_use_and_hosting() -> None:
    quotes = quoted()
    nebius = one(quotes, "nebius", NEBIUS)
    assert nebius.estimate is not None
    training = Decimal("0.40") * (nebius.estimate.trained_tokens or 0) / 10**6
    monthly = 30_000 * (500 * Decimal("0.02") + 200 * Decimal("0.06")) / 10**6
    assert nebius.total_usd(12) == training + 12 * monthly
    azure = one(quotes, "azure", "gpt-4.1-nano-2025-04-14")
    assert azure.hosting_usd == Decimal("1.70") * 24 * 30


@pytest.mark.usefixtures("market")
def test_known_totals_come_first_in_order_and_an_unknown_price_is_not_zero() -> None:
    quotes = quoted()
    totals = [quote.total_usd(12) for quote in quotes if quote.problem is None]
    known = [total for total in totals if total is not None]
    assert totals[: len(known)] == sorted(known)
    together = one(quotes, "together", TOGETHER)
    assert together.estimate is not None
    assert together.estimate.cost_usd is not None
    hosting = Decimal("3.99") * 24 * 30
    assert (together.use_usd, together.hosting_usd) == (0, hosting)
    assert together.total_usd(12) == together.estimate.cost_usd + 12 * hosting
    large = one(quotes, "together", TOGETHER.replace("8B", "70B"))  # needs several machines
    assert (large.hosting_usd, large.total_usd(12)) == (None, None)


@pytest.mark.usefixtures("market")
def test_a_dearer_training_breaks_even_once_its_cheaper_use_has_paid_for_it() -> None:
    found = one(quoted(), "nebius", NEBIUS)
    assert found.estimate is not None
    dear_training = replace(found.estimate, cost_usd=Decimal(100))
    cheap = replace(found, estimate=replace(found.estimate, cost_usd=Decimal(10)), use_usd=Decimal(50))
    dear = replace(found, estimate=dear_training, use_usd=Decimal(10))
    assert cheap.breaks_even_with(dear) is None
    assert dear.breaks_even_with(cheap) == Decimal("2.3")  # 90 more to train, 40 less a month, rounded up
    assert replace(dear, use_usd=None).breaks_even_with(cheap) is None


@pytest.mark.usefixtures("market")
def test_a_quote_says_what_is_translated_and_lost() -> None:
    notes = " ".join(one(quoted(), "nebius", NEBIUS).notes)
    assert "learning_rate_multiplier is sent as learning_rate, times 1e-05." in notes
    assert "cannot be tuned again" in notes
    assert "not confirmed" in notes


@pytest.mark.usefixtures("market")
def test_a_price_is_confirmed_by_adding_the_right_one() -> None:
    right = NewPrice(
        provider_kind="nebius",
        model=LARGE,
        method=None,
        kind=PriceKind.TRAINING_TOKENS,
        tier="standard",
        unit_quantity=1_000_000,
        amount_usd=Decimal("0.45"),
        effective_from=datetime(2026, 6, 1, tzinfo=UTC),
        source="our contract",
    )
    with transaction() as session:
        add_price(session, right)
    found = one(quoted(), "nebius", LARGE)
    assert found.estimate is not None
    assert found.estimate.price.amount_usd == Decimal("0.45")
    assert "not confirmed" not in " ".join(found.notes)


@pytest.mark.usefixtures("worker")
def test_the_route_gives_the_training_cost_that_the_estimate_gives(service: Service) -> None:
    team = service.make_team()
    file_id = upload(team.sdk).id
    team.sdk.files.wait_for_processing(file_id)
    body = {"training_file": file_id, "use": {"requests_per_day": 10, "input_tokens": 5, "output_tokens": 5}}
    answer = team.http.post("/v1/fine_tuning/quotes", json=body).json()
    (mini,) = [row for row in answer["data"] if row["model"] == "sandbox-mini"]
    asked = {"model": "sandbox-mini", "training_file": file_id}
    estimate = team.http.post("/v1/fine_tuning/estimates", json=asked).json()
    assert mini["training_usd"] == estimate["cost_usd"]
    assert mini["price_id"] == estimate["price_id"]
    assert mini["total_usd"] in mini["explanation"]


def test_a_stranger_s_file_is_quoted_like_one_that_does_not_exist(service: Service) -> None:
    theirs = upload(service.make_team().sdk).id
    stranger = service.make_team()
    answers = [
        stranger.http.post("/v1/fine_tuning/quotes", json={"training_file": file_id})
        for file_id in (theirs, "file-none")
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].text.replace(theirs, "X") == answers[1].text.replace("file-none", "X")


@pytest.mark.usefixtures("worker")
def test_the_command_prints_a_table(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "tea.jsonl"
    path.write_bytes(chat_file())
    team = service.make_team()
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "quote", str(path), "--requests-per-day", "100"],
        env=os.environ
        | {"OPENAI_BASE_URL": f"{service.url}/v1", "OPENAI_API_KEY": team.key, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "trainer/sandbox-mini (supervised)" in done.stdout
