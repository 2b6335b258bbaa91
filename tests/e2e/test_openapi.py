"""Schemathesis walks our OpenAPI: whatever it sends, no route fails, and each answer is as documented."""

import os
from collections.abc import Iterator

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import sampled_from
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.support.service import Service, TeamHandle

_EXAMPLES = int(os.environ.get("TUNEHOUSE_TEST_EXAMPLES", "8"))
_LOOK = hypothesis.settings(
    max_examples=_EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@pytest.fixture
def team(service: Service) -> TeamHandle:
    return service.make_team(budget_usd="1.00")


def load(service: Service) -> OpenApiSchema:
    config = schemathesis.Config.from_dict({"generation": {"allow-x00": True}})
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json", config=config)


def operations(service: Service) -> Iterator[schemathesis.APIOperation]:
    for found in load(service).get_all_operations():
        if found.ok().path != "/readyz":  # rightly says 503 while no worker runs
            yield found.ok()


def test_nothing_that_the_schema_allows_or_forbids_makes_a_route_fail(
    service: Service, team: TeamHandle
) -> None:
    failures: list[str] = []
    for operation in operations(service):
        look(operation, service, team, failures)
    assert failures == []


def look(
    operation: schemathesis.APIOperation, service: Service, team: TeamHandle, failures: list[str]
) -> None:
    """Send one route what fits its schema and what does not."""
    both = operation.as_strategy(generation_mode=GenerationMode.POSITIVE) | operation.as_strategy(
        generation_mode=GenerationMode.NEGATIVE
    )

    @hypothesis.seed(20261120)
    @_LOOK
    @hypothesis.given(case=both, key=sampled_from([team.key, service.admin_key]))
    def send(case: schemathesis.Case, key: str) -> None:
        own = {"Authorization": f"Bearer {key}", "OpenAI-Project": team.id}
        case.headers = {**(case.headers or {}), **own}
        answer = case.call(base_url=service.url, timeout=20)
        documented = operation.definition.raw["responses"]
        if answer.status_code >= 500 or str(answer.status_code) not in documented:
            shown = answer.content[:300]
            failures.append(f"{operation.label}: {answer.status_code} {shown!r} for {case.as_curl_command()}")
        try:
            operation.validate_response(answer)  # against the schema of its status
        except FailureGroup as group:
            failures.extend(f"{operation.label}: {answer.status_code} {one}" for one in group.exceptions)

    send()
