"""AWS Bedrock's model customization and the S3 bucket it reads, with signed requests.

Sources: botocore's service model of `bedrock`, docs.aws.amazon.com. Signatures are checked with botocore.
"""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.fakes.chat import chat_reply
from tests.fakes.server import KEY, FakeServer, Refused, Reply, Request, count_words

KEY_ID, SECRET, REGION, BUCKET = "AKIATESTS", "secret/of+the/tests", "us-east-1", "tunings"
AWS_KEY = f"{KEY_ID}:{SECRET}"
BASE = "amazon.nova-micro-v1"
BASE_IN_JOBS = "amazon.nova-micro-v1:0:128k"
USD = Decimal(1)
_ARN = f"arn:aws:bedrock:{REGION}:123456789012"
_STEPS = ("validationDetails", "dataProcessingDetails", "trainingDetails")
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([\w-]+)/(\w+)/aws4_request, ?"
    r"SignedHeaders=([\w;-]+), ?Signature=(\w+)"
)


class BedrockFake(FakeServer):
    """The server; a job finishes one of its three steps with each look; `held` jobs stay in the last."""

    public = (".*",)  # signatures are checked below
    more_settings: dict[str, Any] = {}

    def __init__(self) -> None:
        super().__init__()
        self.more_settings = {
            "inference_base_url": f"{self.root}/openai/v1",
            "inference_api_key": KEY,
            "region": REGION,
            "training_role": "arn:aws:iam::123456789012:role/tuning",
            "training_bucket_url": f"{self.root}/{BUCKET}/tunehouse",
        }
        self.objects: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.models: dict[str, dict[str, Any]] = {}
        self.deployments: dict[str, dict[str, Any]] = {}
        jobs, deployments = "/model-customization-jobs", "/model-customization/custom-model-deployments"
        for method, path, handler in (
            ("PUT", f"/{BUCKET}/{{*}}", self._put),
            ("HEAD", f"/{BUCKET}/{{*}}", self._head),
            ("DELETE", f"/{BUCKET}/{{*}}", self._delete_object),
            ("POST", jobs, self._create),
            ("GET", jobs, self._list_jobs),
            ("POST", f"{jobs}/{{}}/stop", self._stop),
            ("GET", f"{jobs}/{{}}", self._retrieve),
            ("GET", "/custom-models", lambda _: {"modelSummaries": list(self.models.values())}),
            ("DELETE", "/custom-models/{}", self._delete_model),
            ("POST", deployments, self._deploy),
            ("GET", deployments, self._list_deployments),
            ("GET", f"{deployments}/{{}}", self._deployment),
            ("DELETE", f"{deployments}/{{}}", self._undeploy),
            ("POST", "/openai/v1/chat/completions", self._chat),
        ):
            self.route(method, path, handler)

    @property
    def base_url(self) -> str:
        """What a client's settings name."""
        return self.root

    def bill_usd(self, job_id: str) -> Decimal:
        """What the vendor charges for a job; its API does not say."""
        job = self._job(job_id)
        content = self.objects[job["trainingDataConfig"]["s3Uri"].removeprefix(f"s3://{BUCKET}/")]
        done = job["status"] == "Completed"
        return (
            count_words(content)[1]
            * int(job["hyperParameters"].get("epochCount", 2))
            * USD
            / 1_000_000
            * done
        )

    def made_for(self, stamp: str) -> list[str]:
        """The jobs that carry our job's id."""
        return [job["jobArn"] for job in self.jobs.values() if job["jobName"] == stamp]

    def training_files(self) -> list[str]:
        """The objects in the bucket."""
        return list(self.objects)

    def hosting_bill_usd(self) -> Decimal:
        """What the vendor charges for deployments: nothing but the tokens."""
        return Decimal(0)

    def age(self, time: timedelta) -> None:
        """Let the deployments have begun that much earlier; nobody pays for them."""

    def living_deployments(self) -> list[str]:
        """The deployments."""
        return list(self.deployments)

    def refusal(self, refused: Refused) -> Any:
        """AWS's envelope."""
        return {"message": refused.message}

    def serve(self, request: Request) -> Reply | None:
        """The answer to a request, once its signature was checked."""
        is_inference = request.path.startswith("/openai/")
        is_known = (
            request.headers.get("authorization") == f"Bearer {KEY}"
            if is_inference
            else _is_genuine(self.root, request)
        )
        if not is_known:
            said = "The request signature we calculated does not match the signature you provided."
            return Reply({"message": said}, 403, {"x-amzn-ErrorType": "InvalidSignatureException"})
        return super().serve(request)

    def _put(self, request: Request) -> Any:
        self.objects[request.ids[0]] = request.body
        return Reply(b"")

    def _head(self, request: Request) -> Any:
        if request.ids[0] not in self.objects:
            raise Refused(404, "Not Found")
        return Reply(b"")

    def _delete_object(self, request: Request) -> Any:
        self.objects.pop(request.ids[0], None)
        return Reply(b"", 204)

    def _create(self, request: Request) -> Any:
        body = request.json
        same = next((job for job in self.jobs.values() if job["jobName"] == body["jobName"]), None)
        if same is not None:
            if same["clientRequestToken"] == body.get("clientRequestToken"):
                return Reply({"jobArn": same["jobArn"]}, 201)
            raise Refused(400, "A job with this name already exists", "ConflictException")
        if body["baseModelIdentifier"] != BASE_IN_JOBS:
            raise Refused(400, "The provided model identifier is invalid.", "ValidationException")
        if not all(isinstance(value, str) for value in body["hyperParameters"].values()):
            raise Refused(400, "hyperParameters must be strings", "ValidationException")
        content = self.objects.get(body["trainingDataConfig"]["s3Uri"].removeprefix(f"s3://{BUCKET}/"))
        if content is None:
            raise Refused(400, "Could not access the training data", "ValidationException")
        for line in content.splitlines():
            if json.loads(line)["schemaVersion"] != "bedrock-conversation-2024":
                raise Refused(400, "Invalid training data", "ValidationException")
        arn = f"{_ARN}:model-customization-job/{BASE_IN_JOBS}/{uuid.uuid4().hex[:12]}"
        self.jobs[arn] = body | {
            "jobArn": arn,
            "status": "InProgress",
            "statusDetails": {name: {"status": "NotStarted"} for name in _STEPS},
            "creationTime": _now(),
            "lastModifiedTime": _now(),
            "baseModelArn": f"arn:aws:bedrock:{REGION}::foundation-model/{BASE_IN_JOBS}",
        }
        return Reply({"jobArn": arn}, 201)

    def _retrieve(self, request: Request) -> Any:
        job = self._job(request.ids[0])
        open_steps = [name for name in _STEPS if job["statusDetails"][name]["status"] != "Completed"]
        if job["status"] == "InProgress" and open_steps:
            step = job["statusDetails"][open_steps[0]]
            if step["status"] == "NotStarted":
                step["status"] = "InProgress"
            elif not (self.held and open_steps == [_STEPS[-1]]):
                step["status"] = "Completed"
                if open_steps == [_STEPS[-1]]:
                    self._finish(job)
        return job

    def _finish(self, job: dict[str, Any]) -> None:
        arn = f"{_ARN}:custom-model/{BASE_IN_JOBS}/{uuid.uuid4().hex[:12]}"
        job.update(
            status="Completed", endTime=_now(), outputModelArn=arn, trainingMetrics={"trainingLoss": 0.5}
        )
        self.models[arn] = {
            "modelArn": arn,
            "modelName": job["customModelName"],
            "creationTime": _now(),
            "baseModelArn": job["baseModelArn"],
            "baseModelName": BASE_IN_JOBS,
        }

    def _list_jobs(self, request: Request) -> Any:
        named = [job for job in self.jobs.values() if request.query.get("nameContains", "") in job["jobName"]]
        start, size = int(request.query.get("nextToken", "0")), int(request.query.get("maxResults", "10"))
        page = named[::-1][start : start + size]
        more = {"nextToken": str(start + size)} if start + size < len(named) else {}
        return {"modelCustomizationJobSummaries": page} | more

    def _stop(self, request: Request) -> Any:
        job = self._job(request.ids[0])
        if job["status"] != "InProgress":
            raise Refused(400, "The job cannot be stopped in its current state", "ConflictException")
        job.update(status="Stopped", endTime=_now())
        return {}

    def _delete_model(self, request: Request) -> Any:
        if any(one["modelArn"] == request.ids[0] for one in self.deployments.values()):
            raise Refused(400, "The model is deployed", "ConflictException")
        if self.models.pop(request.ids[0], None) is None:
            raise Refused(404, "Could not find the model", "ResourceNotFoundException")
        return {}

    def _deploy(self, request: Request) -> Any:
        body = request.json
        if body["modelArn"] not in self.models:
            raise Refused(404, "Could not find the model", "ResourceNotFoundException")
        for known in self.deployments.values():
            if known["modelDeploymentName"] == body["modelDeploymentName"]:
                return Reply({"customModelDeploymentArn": known["customModelDeploymentArn"]}, 202)
        arn = f"{_ARN}:custom-model-deployment/{uuid.uuid4().hex[:12]}"
        self.deployments[arn] = body | {
            "customModelDeploymentArn": arn,
            "customModelDeploymentName": body["modelDeploymentName"],
            "createdAt": _now(),
            "status": "Creating",
        }
        return Reply({"customModelDeploymentArn": arn}, 202)

    def _list_deployments(self, request: Request) -> Any:
        asked = request.query.get("nameContains", "")
        found = [one for one in self.deployments.values() if asked in one["modelDeploymentName"]]
        return {"modelDeploymentSummaries": found}

    def _deployment(self, request: Request) -> Any:
        if request.ids[0] not in self.deployments:
            raise Refused(404, "Could not find the deployment", "ResourceNotFoundException")
        if not self.held:
            self.deployments[request.ids[0]]["status"] = "Active"
        return self.deployments[request.ids[0]]

    def _undeploy(self, request: Request) -> Any:
        if self.deployments.pop(request.ids[0], None) is None:
            raise Refused(404, "Could not find the deployment", "ResourceNotFoundException")
        return {}

    def _chat(self, request: Request) -> Any:
        known = self.deployments.get(request.json["model"])
        if known is None or known["status"] != "Active":
            raise Refused(404, "The provided model identifier is invalid.")
        return chat_reply(request)

    def _job(self, name: str) -> dict[str, Any]:
        found = next((job for job in self.jobs.values() if name in (job["jobArn"], job["jobName"])), None)
        if found is None:
            raise Refused(404, "The provided job identifier is invalid.", "ResourceNotFoundException")
        return found


def _is_genuine(root: str, request: Request) -> bool:
    """Whether botocore computes the same signature."""
    found = _SIGNED.fullmatch(request.headers.get("authorization", ""))
    if not found or found[1] != KEY_ID or found[3] != REGION:
        return False
    query = f"?{urlencode(request.query)}" if request.query else ""
    headers = {name: request.headers[name] for name in found[5].split(";")}
    again = AWSRequest(request.method, root + request.path + query, headers=headers, data=request.body)
    again.context["timestamp"] = request.headers["x-amz-date"]
    kind = S3SigV4Auth if found[4] == "s3" else SigV4Auth
    signer = kind(Credentials(KEY_ID, SECRET), found[4], REGION)
    text = signer.string_to_sign(again, signer.canonical_request(again))
    genuine: bool = signer.signature(text, again) == found[6]
    return genuine


def _now() -> str:
    return datetime.now(UTC).isoformat()
