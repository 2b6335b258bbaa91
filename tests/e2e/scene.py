"""One team with one of everything, for tests that walk every route."""

from dataclasses import dataclass

from service.cli.demo.receiver import receiving
from tests.jobs.story import run, upload
from tests.support.data import chat_file
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until

BASE = "sandbox-mini"


@dataclass(frozen=True)
class Belongings:
    """A team and the ids of what it has, by the names of the path parameters that take them."""

    team: TeamHandle
    ids: dict[str, str]

    def path(self, template: str) -> str:
        """A route's path with this team's own ids in it. Raises KeyError for a parameter nobody taught us."""
        return template.format_map(self.ids)


def furnish(service: Service) -> Belongings:
    """A team that has a file, a job, a model, a retrain, an alias, an endpoint, a delivery and an upload."""
    team = service.make_team(budget_usd="50.00")
    with receiving() as receiver:
        endpoint = team.sdk.webhooks.create(
            name="own", url=receiver.url, event_types=["fine_tuning.job.succeeded"]
        )
        file = upload(team.sdk, chat_file(topic="our secret"))
        job = run(team.sdk, model=BASE, training_file=file.id)
        comparison = team.http.post(
            "/v1/comparisons",
            json={"models": [BASE, job.fine_tuned_model], "file_id": file.id, "grader": "exact_match"},
        ).json()
        model = str(job.fine_tuned_model)
        retrain = team.http.post(f"/v1/models/{model}/retrain", json={"confirm": True}).json()
        wait_until(lambda: team.http.get(f"/v1/retrains/{retrain['id']}").json()["status"] == "succeeded")
        assert receiver.wait_for(2, timeout_s=20)
    move = {"models": [model], "to": {"provider": "trainer", "base": "sandbox-large"}}
    migration = team.http.post("/v1/model_migrations", json=move).json()
    team.http.put("/v1/aliases/ours-alone", json={"model": model}).raise_for_status()
    upload_ = team.sdk.uploads.create(
        filename="half.jsonl", purpose="fine-tune", bytes=10, mime_type="text/jsonl"
    )
    deliveries = team.http.get("/v1/webhook_deliveries").json()["data"]
    keys = team.http.get(f"/v1/teams/{team.id}/keys").json()["data"]
    department = service.admin.post("/v1/departments", json={"name": f"Department of {team.slug}"}).json()
    ids = {
        "team_id": team.id,
        "department_id": department["id"],
        "shared_cost_id": "shared_that_no_team_may_see",
        "review_id": "review_that_no_team_may_see",  # a matter of admins alone
        "key_id": keys[0]["id"],
        "file_id": file.id,
        "job_id": job.id,
        "model_id": model,
        "name": "ours-alone",
        "retrain_id": retrain["id"],
        "comparison_id": comparison["id"],
        "migration_id": migration["id"],
        "upload_id": upload_.id,
        "provider": "trainer",
        "kind": "daily",
        "webhook_endpoint_id": endpoint.id,
        "delivery_id": deliveries[0]["id"],
    }
    return Belongings(team, ids)


# What a write needs in its body to get as far as its path; ids in them are the caller's own affair.
BODIES: dict[tuple[str, str], object] = {
    ("post", "/v1/departments/{department_id}"): {"name": "x"},
    ("put", "/v1/departments/{department_id}/budget"): {"limit_usd": "1", "period": "month"},
    ("post", "/v1/files/{file_id}/convert"): {},
    ("post", "/v1/files/{file_id}/split"): {},
    ("post", "/v1/models/{model_id}/retrain"): {},
    ("post", "/v1/model_migrations/{migration_id}/start"): {"fingerprint": "x"},
    ("put", "/v1/fine_tuning/jobs/{job_id}/max_cost"): {"max_cost_usd": "5.00"},
    ("put", "/v1/models/{model_id}/deployment"): {"name": "x"},
    ("post", "/v1/models/{model_id}/deployment"): {},
    ("post", "/v1/teams/{team_id}"): {"name": "x"},
    ("post", "/v1/teams/{team_id}/keys"): {"name": "x"},
    ("put", "/v1/teams/{team_id}/budget"): {"limit_usd": "1", "period": "month"},
    ("put", "/v1/teams/{team_id}/keys/{key_id}/budget"): {"limit_usd": "1", "period": "month"},
    ("put", "/v1/teams/{team_id}/rate_limits"): {"requests_per_minute": 1},
    ("put", "/v1/teams/{team_id}/keys/{key_id}/rate_limits"): {"requests_per_minute": 1},
    ("put", "/v1/aliases/{name}"): {"model": BASE},
    ("post", "/v1/aliases/{name}/rollback"): {},
    ("post", "/v1/uploads/{upload_id}/complete"): {"part_ids": ["part_x"]},
    ("post", "/v1/webhook_endpoints/{webhook_endpoint_id}"): {"name": "x"},
    ("post", "/v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret"): {},
    ("post", "/v1/webhook_endpoints/{webhook_endpoint_id}/test"): {"event_type": "fine_tuning.job.succeeded"},
}
