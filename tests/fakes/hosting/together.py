"""Together's dedicated endpoints, `/v2`: an endpoint is a name, its deployments cost money by the minute.

Source: the together SDK 3.1.1. That the time counts from the creation is an assumption.
"""

import math
import re
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.fakes.chat import chat_reply
from tests.fakes.server import FakeServer, Refused, Request

PROJECT, CONFIG, SLUG = "proj-tests", "cr_llama8b", "acme"
USD_PER_HOUR = Decimal("3.99")
_STATE = "DEPLOYMENT_STATE_"


class TogetherEndpoints(FakeServer):
    """Deployments become ready at the first look; `held` ones stay as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.hosted: dict[str, dict[str, Any]] = {}
        place = f"/v2/projects/{PROJECT}/endpoints"
        for method, path, handler in (
            ("POST", place, self._create_endpoint),
            ("GET", place, self._list_endpoints),
            ("DELETE", f"{place}/{{}}", self._delete_endpoint),
            ("POST", f"{place}/{{}}/deployments", self._create_deployment),
            ("GET", f"{place}/{{}}/deployments/{{}}", self._deployment),
            ("DELETE", f"{place}/{{}}/deployments/{{}}", self._delete_deployment),
            ("POST", "/v1/chat/completions", self._chat),
        ):
            self.route(method, path, handler)

    def hosting_bill_usd(self) -> Decimal:
        """What the vendor charges for all deployments, by the minute, used or not."""
        now = datetime.now(UTC)
        times = [(one["ended"] or now) - one["began"] for one in self.hosted.values()]
        return sum(math.ceil(time.total_seconds() / 60) for time in times) * USD_PER_HOUR / 60

    def age(self, time: timedelta) -> None:
        """Let the living deployments have begun that much earlier."""
        for one in self.hosted.values():
            if one["ended"] is None:
                one["began"] -= time

    def living_deployments(self) -> list[str]:
        """The deployments that cost money."""
        return [name for name, one in self.hosted.items() if one["ended"] is None]

    def _create_endpoint(self, request: Request) -> Any:
        name = f"{SLUG}/{request.json['name']}"
        if any(one["name"] == name for one in self.endpoints.values()):
            raise Refused(409, f"endpoint {name} already exists", "already_exists")
        endpoint_id, now = f"ep_{uuid.uuid4().hex[:12]}", datetime.now(UTC).isoformat()
        self.endpoints[endpoint_id] = {
            "id": endpoint_id,
            "name": name,
            "createdAt": now,
            "updatedAt": now,
            "projectId": PROJECT,
            "endpointType": "ENDPOINT_TYPE_DEDICATED",
            "visibility": request.json.get("visibility", "VISIBILITY_PRIVATE"),
            "trafficSplit": [],
            "etag": "1",
        }
        return self._with_deployments(endpoint_id)

    def _with_deployments(self, endpoint_id: str) -> dict[str, Any]:
        inside = [
            _shown(one)
            for one in self.hosted.values()
            if one["shown"]["endpointId"] == endpoint_id and one["ended"] is None
        ]
        return self.endpoints[endpoint_id] | {"deployments": inside}

    def _list_endpoints(self, request: Request) -> Any:
        asked = re.fullmatch(r'name = "([\w-]+)"', request.query.get("filter", ""))
        shown = [self._with_deployments(endpoint_id) for endpoint_id in self.endpoints]
        found = [one for one in shown if not asked or one["name"] == f"{SLUG}/{asked[1]}"]
        return {"object": "list", "data": found, "next_cursor": None}

    def _delete_endpoint(self, request: Request) -> Any:
        if request.ids[0] not in self.endpoints:
            raise Refused(404, "endpoint not found", "not_found")
        if self._with_deployments(request.ids[0])["deployments"]:
            raise Refused(400, "endpoint still has deployments")
        del self.endpoints[request.ids[0]]
        return {"id": request.ids[0]}

    def _create_deployment(self, request: Request) -> Any:
        endpoint, body = self.endpoints.get(request.ids[0]), request.json
        if endpoint is None:
            raise Refused(404, "endpoint not found", "not_found")
        registered = {
            one["object_id"]
            for job in self.jobs.values()
            for one in [*checkpoints_of(job), {"object_id": job["model_object_id"]}]
        }
        if str(body.get("model")).removeprefix(f"projects/{PROJECT}/models/") not in registered:
            raise Refused(404, "model not found", "not_found")
        if body.get("config") != f"projects/{PROJECT}/configs/{CONFIG}":
            raise Refused(400, "config is not compatible with the model")
        deployment_id, now = f"dep_{uuid.uuid4().hex[:12]}", datetime.now(UTC)
        shown = {
            "id": deployment_id,
            "name": f"{endpoint['name']}/{body['name']}",
            "model": body["model"],
            "modelId": body["model"],
            "modelRevisionId": "mr_1",
            "config": body["config"],
            "configId": CONFIG,
            "endpointId": endpoint["id"],
            "projectId": PROJECT,
            "updatedAt": now.isoformat(),
            "hardware": "1x_nvidia_h100_80gb_sxm",
            "autoscaling": body["autoscaling"],
            "etag": "1",
            "trafficMode": "TRAFFIC_MODE_LIVE",
            "status": {"state": f"{_STATE}PROVISIONING", "message": "Starting"},
        }
        self.hosted[deployment_id] = {"shown": shown, "began": now, "ended": None}
        return _shown(self.hosted[deployment_id])

    def _deployment(self, request: Request) -> Any:
        one = self._living(request.ids[1])
        if not self.held:
            one["shown"]["status"] = {"state": f"{_STATE}READY", "message": "Serving"}
        return _shown(one)

    def _delete_deployment(self, request: Request) -> Any:
        self._living(request.ids[1])["ended"] = datetime.now(UTC)
        return {"id": request.ids[1]}

    def _living(self, deployment_id: str) -> dict[str, Any]:
        one = self.hosted.get(deployment_id)
        if one is None or one["ended"] is not None:
            raise Refused(404, "deployment not found", "not_found")
        return one

    def _chat(self, request: Request) -> Any:
        ready = {
            one["shown"]["name"]
            for one in self.hosted.values()
            if one["ended"] is None and one["shown"]["status"]["state"] == f"{_STATE}READY"
        }
        if request.json["model"] not in ready:
            raise Refused(404, "Unable to access model", "model_not_available")
        return chat_reply(request)


def checkpoints_of(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The checkpoints of a fine-tune, as its route lists them."""
    epochs = range(1, job["n_epochs"] + 1) if job["status"] == "completed" else ()
    return [
        {
            "checkpoint_type": kind,
            "created_at": job["updated_at"],
            "path": f"s3://bucket/{job['id']}/{epoch}",
            "step": 10 * epoch,
            "object_id": f"ml_{job['id'].removeprefix('ft-')}_{epoch}_{len(kind)}",
            "object_name": job["model_output_name"],
        }
        for epoch in epochs
        for kind in ("Intermediate", "Intermediate Merged")
    ]


def _shown(hosted: dict[str, Any]) -> dict[str, Any]:
    return dict(hosted["shown"]) | {"createdAt": hosted["began"].isoformat()}
