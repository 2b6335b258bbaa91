"""One trace leads from a team's request over the worker to the provider and the webhook."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ADMIN_KEY
from tests.jobs.story import BASE, upload, wait_for_end
from tests.support.otlp_receiver import Collector, Span, collector
from tests.support.processes import Api, Worker
from tests.support.service import Service
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import receiver

SENT = "b7ad6b7169203331"  # the caller's span
PROMPT = "a prompt that no trace may have"


@pytest.fixture(scope="module")
def traces() -> Iterator[Collector]:
    """Where the processes send their spans."""
    with collector() as running:
        yield running


@pytest.fixture(scope="module")
def traced(
    providers_environment: dict[str, str], quiet_url: str, folder: Path, traces: Collector
) -> Iterator[Api]:
    """An api, with a worker beside it; both trace. No worker of other tests knows their database."""
    env = providers_environment | {
        "TUNEHOUSE_DATABASE_URL": quiet_url,
        "TUNEHOUSE_REDIS_URL": providers_environment["TUNEHOUSE_REDIS_URL"].removesuffix("/0") + "/1",
        "TUNEHOUSE_TRACES_URL": traces.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    api, worker = Api(env, folder), Worker(env, folder)
    api.start()
    worker.start()
    yield api
    worker.stop()
    api.stop()


@pytest.fixture
def service(traced: Api, database: str) -> Iterator[Service]:
    """The traced api."""
    with Service(traced.url, ADMIN_KEY) as running:
        yield running


def header(trace: str, *, is_sampled: bool = True) -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{SENT}-{'01' if is_sampled else '00'}"}


def test_a_job_is_one_trace_from_the_request_to_the_webhook(service: Service, traces: Collector) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    team = service.make_team(budget_usd="50.00")
    with receiver() as hooks:
        endpoint = {"name": "ci", "url": hooks.url, "event_types": ["fine_tuning.job.succeeded"]}
        team.http.post("/v1/webhook_endpoints", json=endpoint).raise_for_status()
        file = upload(team.sdk)
        create = team.sdk.fine_tuning.jobs.create
        job = create(model=BASE, training_file=file.id, extra_headers=header(trace))
        assert wait_for_end(team.sdk, job.id).status == "succeeded"
        (called,) = hooks.wait_for(1)
    assert called.headers["traceparent"].split("-")[1] == trace
    expected = {
        ("tunehouse-api", "POST /v1/fine_tuning/jobs"),
        ("tunehouse-worker", "step job.advance"),
        ("tunehouse-worker", "POST"),  # to the provider
        ("tunehouse-worker", "step webhook.deliver"),
        ("tunehouse-worker", "webhook"),
    }
    wait_until(lambda: expected <= {(span.process, span.name) for span in traces.of(trace)})
    wait_until(lambda: are_linked(traces.of(trace)))
    urls = {value for span in traces.of(trace) for key, value in span.facts.items() if "url" in key}
    assert any("/v1/fine_tuning/jobs" in url for url in urls)


def are_linked(spans: list[Span]) -> bool:
    """Whether each span's parent is in the trace, or is the caller's."""
    return {span.parent for span in spans} <= {span.id for span in spans} | {SENT}


def test_an_answer_of_a_model_is_one_trace_without_its_text_or_key(
    service: Service, traces: Collector
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    team = service.make_team(budget_usd="50.00")
    messages = [{"role": "user", "content": PROMPT}]
    complete = team.sdk.chat.completions.create
    complete(model=BASE, messages=messages, extra_headers=header(trace))  # type: ignore[call-overload]
    wait_until(lambda: {"POST /v1/chat/completions", "POST"} <= {span.name for span in traces.of(trace)})
    assert PROMPT not in str(traces.spans)
    assert team.key not in str(traces.spans)


def test_no_span_has_the_query_of_an_address(service: Service, traces: Collector) -> None:
    trace, token = "5" * 32, "the-token-of-a-sign-in-link"
    service.admin.get("/sign-in/link", params={"token": token}, headers=header(trace))
    wait_until(lambda: traces.of(trace))
    assert token not in str(traces.spans)


def test_a_caller_may_decide_that_its_request_is_not_recorded(service: Service, traces: Collector) -> None:
    unrecorded, recorded = "1" * 32, "2" * 32
    for trace, is_sampled in ((unrecorded, False), (recorded, True)):
        headers = header(trace, is_sampled=is_sampled)
        service.admin.get("/v1/teams", headers=headers).raise_for_status()
    wait_until(lambda: traces.of(recorded))
    assert not traces.of(unrecorded)


def test_sweeps_and_probes_begin_no_trace(service: Service, traces: Collector) -> None:
    service.admin.get("/readyz").raise_for_status()
    service.admin.get("/v1/teams", headers=header("3" * 32)).raise_for_status()
    wait_until(lambda: traces.of("3" * 32))
    first = {span.name.partition(" ")[0] for span in traces.spans if not span.parent}
    assert first <= {"GET", "POST", "PUT", "DELETE", "step"}
    assert [span for span in traces.spans if "readyz" in str(span)] == []
