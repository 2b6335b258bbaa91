"""Nobody sees another team's anything: every route × {no key, revoked key, another team's key}."""

import json
import re
from collections.abc import Iterator

import httpx2
import pytest

from tests.e2e.routes import PUBLIC, routes_of
from tests.e2e.scene import BASE, BODIES, Belongings, furnish
from tests.support.processes import Worker
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess

INVENTED = {
    "team_id": "team_doesnotexist0000000000000",
    "key_id": "key_doesnotexist00000000000000",
    "file_id": "file-doesnotexist0000000000000",
    "job_id": "ftjob-doesnotexist000000000000",
    "model_id": f"ft:{BASE}:team-0:none:AAAAAAAA",
    "name": "nothing-is-called-so",
    "retrain_id": "retrain_doesnotexist0000000000",
    "migration_id": "migr_that_nobody_made",
    "comparison_id": "cmp_doesnotexist00000000000000",
    "upload_id": "upload_doesnotexist00000000000",
    "department_id": "dept_doesnotexist0000000000000",
    "shared_cost_id": "shared_doesnotexist0000000000",
    "review_id": "review_doesnotexist00000000000",
    "provider": "nobody",
    "kind": "never",
    "webhook_endpoint_id": "we_doesnotexist000000000000000",
    "delivery_id": "wh_doesnotexist000000000000000",
}
# These are everybody's words, not ids.
SHARED = {"provider", "kind"}
# An alias is each team's own name: the same name means something else, or nothing, for another team.
OWN_NAMES = {("put", "/v1/aliases/{name}")}
NOT_DEPLOYED = "/v1/models/{model_id}/deployment"  # the trainer serves the owner's model without one
FOR_ADMINS = {
    "/v1/costs/shared/{shared_cost_id}",
    "/v1/costs/shared/{shared_cost_id}/shares",
    "/v1/departments/{department_id}",
    "/v1/organization/admin_api_keys/{key_id}",
    "/v1/teams/{team_id}/allocations",
}


@pytest.fixture
def owner(service: Service, worker: Worker, trainer: TrainerProcess) -> Belongings:
    return furnish(service)


@pytest.fixture
def stranger(service: Service) -> TeamHandle:
    return service.make_team(budget_usd="50.00")


def ask(client: httpx2.Client, method: str, template: str, path: str) -> httpx2.Response:
    return client.request(method, path, json=BODIES.get((method, template)))


def normal(text: str, ids: dict[str, str]) -> str:
    """An answer with the ids that were asked for taken out of it."""
    for name, found in ids.items():
        text = text if name in SHARED else text.replace(json.dumps(found)[1:-1], "…")
    return text


def test_every_route_refuses_a_caller_without_a_key(service: Service) -> None:
    let_in = [
        f"{method} {path}: {answer.status_code}"
        for method, path in routes_of(service)
        if path not in PUBLIC
        and (answer := ask(service.http(None), method, path, path.format_map(INVENTED))).status_code != 401
    ]
    assert let_in == []


def test_every_route_refuses_a_revoked_key(service: Service, stranger: TeamHandle) -> None:
    made = service.admin.post(f"/v1/teams/{stranger.id}/keys", json={"name": "soon gone"}).json()
    client = service.http(made["secret"])
    assert client.get("/v1/me").status_code == 200
    service.admin.delete(f"/v1/teams/{stranger.id}/keys/{made['id']}").raise_for_status()

    let_in = [
        f"{method} {path}: {answer.status_code}"
        for method, path in routes_of(service)
        if path not in PUBLIC
        and (answer := ask(client, method, path, path.format_map(INVENTED))).status_code != 401
    ]
    assert let_in == []


def test_what_is_another_teams_answers_like_what_does_not_exist(
    service: Service, owner: Belongings, stranger: TeamHandle
) -> None:
    told_apart = []
    for method, template in walked(service):
        theirs = ask(stranger.http, method, template, owner.path(template))
        nothing = ask(stranger.http, method, template, template.format_map(INVENTED))
        same = normal(theirs.text, owner.ids) == normal(nothing.text, INVENTED)
        # Routes for admins alone refuse before they look.
        if theirs.status_code not in (403, 404) or theirs.status_code != nothing.status_code or not same:
            told_apart.append(f"{method} {template}: {theirs.status_code} {theirs.text} / {nothing.text}")
    assert told_apart == []


def test_the_owner_itself_is_let_through_where_the_stranger_was_not(
    service: Service, owner: Belongings
) -> None:
    refused = [
        f"{template}: {answer.text}"
        for method, template in walked(service)
        if method == "get"
        and template not in FOR_ADMINS
        and template != NOT_DEPLOYED
        and (answer := owner.team.http.get(owner.path(template))).status_code != 200
        and answer.json()["error"]["code"] != "model_not_deployed"  # the model is its own, though
    ]
    assert refused == []


def test_lists_hold_nothing_of_another_team(
    service: Service, owner: Belongings, stranger: TeamHandle
) -> None:
    leaking = []
    for method, path in routes_of(service):
        if method != "get" or "{" in path or path in PUBLIC:
            continue
        answer = stranger.http.get(path, params={"start_time": 1})
        known = [name for name, found in owner.ids.items() if name not in SHARED and found in answer.text]
        if known or answer.status_code >= 500:
            leaking.append(f"{path}: {answer.status_code} {known}")
    assert leaking == []


def test_a_cursor_into_another_teams_list_is_unknown(
    service: Service, owner: Belongings, stranger: TeamHandle
) -> None:
    lists = {
        "/v1/files": "file_id",
        "/v1/fine_tuning/jobs": "job_id",
        "/v1/webhook_endpoints": "webhook_endpoint_id",
        "/v1/webhook_deliveries": "delivery_id",
    }
    for path, kind in lists.items():
        theirs = stranger.http.get(path, params={"after": owner.ids[kind]})
        invented = INVENTED | {kind: owner.ids[kind][:-4] + "none"}
        nothing = stranger.http.get(path, params={"after": invented[kind]})
        assert theirs.status_code == nothing.status_code, path
        # Nothing follows an old delivery that may have been deleted.
        assert nothing.status_code == 404 or nothing.json()["data"] == [], path
        assert normal(theirs.text, owner.ids) == normal(nothing.text, invented)


@pytest.mark.parametrize("field", ["model", "training_file", "validation_file"])
@pytest.mark.parametrize("path", ["/v1/fine_tuning/jobs", "/v1/fine_tuning/estimates"])
def test_a_job_cannot_name_what_is_another_teams(
    owner: Belongings, stranger: TeamHandle, path: str, field: str
) -> None:
    own_file = stranger.sdk.files.create(file=("own.jsonl", b"{}\n"), purpose="fine-tune").id
    good = {"model": BASE, "training_file": own_file}
    kind = "model_id" if field == "model" else "file_id"

    theirs = stranger.http.post(path, json=good | {field: owner.ids[kind]})
    nothing = stranger.http.post(path, json=good | {field: INVENTED[kind]})

    assert theirs.status_code == nothing.status_code
    assert 400 <= theirs.status_code < 500
    assert normal(theirs.text, owner.ids) == normal(nothing.text, INVENTED)


def test_another_teams_model_cannot_be_asked(owner: Belongings, stranger: TeamHandle) -> None:
    def body(model: str) -> dict[str, object]:
        return {"model": model, "messages": [{"role": "user", "content": "hello"}]}

    theirs = stranger.http.post("/v1/chat/completions", json=body(owner.ids["model_id"]))
    nothing = stranger.http.post("/v1/chat/completions", json=body(INVENTED["model_id"]))

    assert theirs.status_code == nothing.status_code == 404
    assert normal(theirs.text, owner.ids) == normal(nothing.text, INVENTED)


def test_no_answer_to_the_owner_holds_an_id_of_the_provider(
    service: Service, owner: Belongings, trainer: TrainerProcess
) -> None:
    upstream = trainer.as_provider()
    foreign = provider_ids(trainer)
    leaking = []
    for method, template in routes_of(service):
        if method != "get" or template in PUBLIC:
            continue
        answer = owner.team.http.get(owner.path(template), params={"start_time": 1})
        text = answer.text + str(dict(answer.headers))
        leaking += [f"{template}: {found}" for found in foreign if found in text]
        assert trainer.api_key not in text, template
        assert trainer.base_url not in text, template
    assert upstream
    assert foreign
    assert leaking == []


def walked(service: Service) -> Iterator[tuple[str, str]]:
    """The routes that name something of a team in their path."""
    for method, template in routes_of(service):
        if re.search(r"\{", template) and template not in PUBLIC and (method, template) not in OWN_NAMES:
            yield method, template


def provider_ids(trainer: TrainerProcess) -> list[str]:
    """Every id that the provider has given out."""
    with httpx2.Client(
        base_url=trainer.base_url, headers={"Authorization": f"Bearer {trainer.api_key}"}, trust_env=False
    ) as client:
        jobs = client.get("/fine_tuning/jobs", params={"limit": 100}).json()["data"]
        files = client.get("/files").json()["data"]
    names = [job["fine_tuned_model"] for job in jobs if job["fine_tuned_model"]]
    return [found["id"] for found in [*jobs, *files]] + names
