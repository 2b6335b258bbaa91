"""OpenAI's cost and usage routes through the stock SDK."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from openai import BadRequestError, OpenAI

from service.catalog.price import PriceKind
from service.core.db import transaction
from service.ledger.actions import settle
from tests.ledger.make import charge
from tests.support.service import Service, TeamHandle

DAY_S = 86_400
NOON = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=12)
MIDNIGHT = int((NOON - timedelta(hours=12)).timestamp())


def sdk(service: Service, key: str) -> OpenAI:
    """An SDK client for the admin resources."""
    return OpenAI(base_url=f"{service.url}/v1", api_key=key, admin_api_key=key, max_retries=0)


def use(team: TeamHandle, name: str, at: datetime = NOON, key_id: str = "key_1") -> None:
    """One request: 600 tokens in, 400 of them from the cache, 100 out."""
    kinds = {PriceKind.INPUT_TOKENS: 200, PriceKind.CACHED_INPUT_TOKENS: 400, PriceKind.OUTPUT_TOKENS: 100}
    made = [
        charge(f"{team.id}/{name}/{kind}", count, kind=kind, occurred_at=at, key_id=key_id)
        for kind, count in kinds.items()
    ]
    with transaction() as session:
        settle(session, team_id=team.id, subject_id=name, charges=made)


def test_costs_per_day_come_in_openais_shape(service: Service) -> None:
    team = service.make_team()
    use(team, "a")
    page = sdk(service, team.key).admin.organization.usage.costs(
        start_time=MIDNIGHT, end_time=MIDNIGHT + 2 * DAY_S, group_by=["project_id", "line_item"]
    )
    assert [(bucket.start_time, bucket.end_time) for bucket in page.data] == [
        (MIDNIGHT, MIDNIGHT + DAY_S),
        (MIDNIGHT + DAY_S, MIDNIGHT + 2 * DAY_S),
    ]
    assert page.data[1].results == []
    found = {result.line_item: result for result in page.data[0].results}  # type: ignore[union-attr]
    line = found["sandbox-mini, cached_input_tokens"]
    assert line.object == "organization.costs.result"
    assert (line.project_id, line.quantity, line.quantity_unit) == (team.id, 400, "tokens")
    assert line.amount is not None
    assert (line.amount.value, line.amount.currency) == (0.004, "usd")


def test_completions_usage_counts_tokens_and_requests(service: Service) -> None:
    team = service.make_team()
    for name in "abc":
        use(team, name)
    page = sdk(service, team.key).admin.organization.usage.completions(
        start_time=MIDNIGHT, end_time=MIDNIGHT + DAY_S, group_by=["model", "api_key_id"]
    )
    (result,) = page.data[0].results
    assert result.object == "organization.usage.completions.result"
    assert (result.input_tokens, result.input_cached_tokens, result.output_tokens) == (1800, 1200, 300)
    assert (result.num_model_requests, result.model, result.api_key_id) == (3, "sandbox-mini", "key_1")


def test_pages_of_buckets_lead_to_the_end(service: Service) -> None:
    team = service.make_team()
    for hours in range(5):
        use(team, f"h{hours}", NOON + timedelta(hours=hours))
    usage = sdk(service, team.key).admin.organization.usage
    page_token, requests, pages = None, 0, 0
    while pages == 0 or page_token:
        page = usage.completions(
            start_time=int(NOON.timestamp()),
            end_time=int(NOON.timestamp()) + 5 * 3600,
            bucket_width="1h",
            limit=2,
            **({"page": page_token} if page_token else {}),
        )
        requests += sum(result.num_model_requests for bucket in page.data for result in bucket.results)  # type: ignore[union-attr]
        page_token, pages = page.next_page, pages + 1
        assert page.has_more is (page_token is not None)
    assert (requests, pages) == (5, 3)


def test_a_team_sees_its_own_usage_and_an_admin_all(service: Service) -> None:
    one, two = service.make_team(), service.make_team()
    use(one, "a")
    use(two, "b")
    span = {"start_time": MIDNIGHT, "end_time": MIDNIGHT + DAY_S}
    own = sdk(service, one.key).admin.organization.usage.costs(
        group_by=["project_id"], project_ids=[one.id, two.id], **span
    )
    assert [result.project_id for result in own.data[0].results] == [one.id]  # type: ignore[union-attr]
    usage = sdk(service, service.admin_key).admin.organization.usage
    everything = usage.costs(group_by=["project_id"], **span)
    assert {result.project_id for result in everything.data[0].results} == {one.id, two.id}  # type: ignore[union-attr]
    filtered = usage.costs(api_key_ids=["key_2"], **span)
    assert filtered.data[0].results == []


def test_openais_sum_is_the_ledgers(service: Service) -> None:
    team = service.make_team()
    for number in range(7):
        use(team, f"n{number}")
    page = sdk(service, team.key).admin.organization.usage.costs(
        start_time=MIDNIGHT, end_time=MIDNIGHT + DAY_S, group_by=["line_item"]
    )
    amounts = [result.amount.value for result in page.data[0].results]  # type: ignore[union-attr]
    total = team.http.get("/v1/costs?group_by=team").json()["total_usd"]
    assert round(Decimal(sum(amounts)), 9) == Decimal(total)


@pytest.mark.parametrize(
    "wrong",
    [
        {"group_by": ["colour"]},
        {"page": "page_x"},
        {"limit": 181},
        {"end_time": MIDNIGHT},
        {"bucket_width": "1h"},
    ],
)
def test_malformed_bucket_queries_are_refused(service: Service, wrong: dict[str, object]) -> None:
    team = service.make_team()
    with pytest.raises(BadRequestError):
        sdk(service, team.key).admin.organization.usage.costs(start_time=MIDNIGHT, **wrong)  # type: ignore[arg-type]
