"""Fireworks' deployments: machines that cost money by the second while they exist, and models loaded on them.

Source: the fireworks-ai SDK 1.2.30. That the time counts from the creation is an assumption.
"""

import math
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.fakes.chat import chat_reply
from tests.fakes.server import FakeServer, Refused, Request

ACCOUNT = "accounts/acme"
BASE = "accounts/fireworks/models/llama-v3p1-8b-instruct"
SHAPE = "accounts/fireworks/deploymentShapes/llama-v3p1-8b-instruct-throughput"
USD_PER_HOUR = Decimal(8)


class FireworksMachines(FakeServer):
    """Deployments become ready at the second look; `held` ones stay as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, dict[str, Any]] = {}
        self.machines: dict[str, dict[str, Any]] = {}
        self.loaded: dict[str, dict[str, Any]] = {}
        account = f"/v1/{ACCOUNT}"
        for method, path, handler in (
            ("POST", f"{account}/deployments", self._create_machine),
            ("GET", f"{account}/deployments/{{}}", self._machine),
            ("DELETE", f"{account}/deployments/{{}}", self._delete_machine),
            ("POST", f"{account}/deployedModels", self._load),
            ("GET", f"{account}/deployedModels", self._list_loaded),
            ("POST", "/inference/v1/chat/completions", self._chat),
        ):
            self.route(method, path, handler)

    def hosting_bill_usd(self) -> Decimal:
        """What the vendor charges for all deployments, by the second, used or not."""
        now = datetime.now(UTC)
        times = [(one["ended"] or now) - one["began"] for one in self.machines.values()]
        return sum(math.ceil(time.total_seconds()) for time in times) * USD_PER_HOUR / 3600

    def age(self, time: timedelta) -> None:
        """Let the living deployments have begun that much earlier."""
        for one in self.machines.values():
            if one["ended"] is None:
                one["began"] -= time

    def living_deployments(self) -> list[str]:
        """The deployments that cost money."""
        return [name for name, one in self.machines.items() if one["ended"] is None]

    def page(self, request: Request, collection: str, there: dict[str, dict[str, Any]]) -> Any:
        """A page of a list."""
        raise NotImplementedError

    def _create_machine(self, request: Request) -> Any:
        body = request.json
        machine_id = request.query.get("deploymentId") or uuid.uuid4().hex
        if machine_id in self.machines:
            raise Refused(409, f"deployment {machine_id} already exists")
        if body.get("baseModel") != BASE or body.get("deploymentShape") != SHAPE:
            raise Refused(400, "deploymentShape does not fit baseModel")
        if body.get("enableAddons") is not True:
            raise Refused(400, "LoRA addons need enableAddons")
        shown = body | {"name": f"{ACCOUNT}/deployments/{machine_id}", "state": "CREATING"}
        self.machines[machine_id] = {"shown": shown, "began": datetime.now(UTC), "ended": None}
        return self._shown(self.machines[machine_id])

    def _machine(self, request: Request) -> Any:
        machine = self._living(request.ids[0])
        shown = self._shown(machine)
        if not self.held:
            machine["shown"]["state"] = "READY"
        return shown

    def _shown(self, machine: dict[str, Any]) -> dict[str, Any]:
        began = machine["began"].isoformat().replace("+00:00", "Z")
        return dict(machine["shown"]) | {"createTime": began}

    def _delete_machine(self, request: Request) -> Any:
        machine = self._living(request.ids[0])
        machine["ended"] = datetime.now(UTC)
        name = machine["shown"]["name"]
        self.loaded = {id_: one for id_, one in self.loaded.items() if one["deployment"] != name}
        return {}

    def _living(self, machine_id: str) -> dict[str, Any]:
        machine = self.machines.get(machine_id)
        if machine is None or machine["ended"] is not None:
            raise Refused(404, f"{ACCOUNT}/deployments/{machine_id} not found")
        return machine

    def _load(self, request: Request) -> Any:
        body = request.json
        if self._living(str(body.get("deployment")).rpartition("/")[2])["shown"]["state"] != "READY":
            raise Refused(400, "deployment is not READY")
        if str(body.get("model")).rpartition("/")[2] not in self.models:
            raise Refused(404, "model not found")
        pair = body["model"], body["deployment"]
        if any((one["model"], one["deployment"]) == pair for one in self.loaded.values()):
            raise Refused(409, "model is already deployed")
        name = f"{ACCOUNT}/deployedModels/{uuid.uuid4().hex[:12]}"
        self.loaded[name] = body | {"name": name, "state": "DEPLOYING", "default": True}
        return dict(self.loaded[name])

    def _list_loaded(self, request: Request) -> Any:
        for one in self.loaded.values():
            one["state"] = "DEPLOYED"
        return self.page(request, "deployedModels", self.loaded)

    def _chat(self, request: Request) -> Any:
        model, _, machine = str(request.json["model"]).partition("#")
        if not any(
            (one["state"], one["model"]) == ("DEPLOYED", model) and machine in ("", one["deployment"])
            for one in self.loaded.values()
        ):
            raise Refused(404, "Model not found, inaccessible, and/or not deployed")
        return chat_reply(request)
