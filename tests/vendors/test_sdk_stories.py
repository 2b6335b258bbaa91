"""Each imitation does what its vendor documents, as far as the vendor's own SDK can tell."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import openai
import pytest
import together
from botocore.config import Config
from fireworks import APIStatusError, ConflictError, Fireworks
from openai import OpenAI
from together import Together

from tests.fakes.bedrock import BASE_IN_JOBS, BUCKET, KEY_ID, REGION, SECRET, BedrockFake
from tests.fakes.fireworks import ACCOUNT, FireworksFake
from tests.fakes.fireworks import BASE as FIREWORKS_BASE
from tests.fakes.hosting.fireworks import SHAPE
from tests.fakes.hosting.together import CONFIG, PROJECT
from tests.fakes.nebius import NebiusFake
from tests.fakes.server import KEY
from tests.fakes.together import BASE as TOGETHER_BASE
from tests.fakes.together import TogetherFake
from tests.support.data import chat_file
from tests.support.plain import sdk_client
from tests.support.waiting import wait_until


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A chat dataset."""
    path = tmp_path / "tea.jsonl"
    path.write_bytes(chat_file())
    return path


@pytest.fixture
def together_fake() -> Iterator[TogetherFake]:
    """Together's imitation."""
    fake = TogetherFake()
    yield fake
    fake.close()


@pytest.fixture
def fireworks_fake() -> Iterator[FireworksFake]:
    """Fireworks' imitation."""
    fake = FireworksFake()
    yield fake
    fake.close()


@pytest.fixture
def nebius_fake() -> Iterator[NebiusFake]:
    """Nebius' imitation."""
    fake = NebiusFake()
    yield fake
    fake.close()


def test_together_s_sdk_uploads_trains_and_deletes(together_fake: TogetherFake, data: Path) -> None:
    with Together(api_key=KEY, base_url=together_fake.root, max_retries=0) as client:
        file = client.files.upload(file=data, purpose="fine-tune", check=False)
        wait_until(lambda: client.files.retrieve(file.id).processing_status == "COMPLETED")
        job = client.fine_tuning.create(
            training_file=file.id,
            model=TOGETHER_BASE,
            n_epochs=2,
            suffix="tea",
            lora=True,
            train_on_inputs=False,
        )
        wait_until(lambda: client.fine_tuning.retrieve(job.id).status == "completed")

        done = client.fine_tuning.retrieve(job.id)
        assert done.token_count
        assert {event.type for event in client.fine_tuning.list_events(job.id).data} >= {
            "job_pending",
            "job_complete",
        }
        assert [one.step for one in client.fine_tuning.list_checkpoints(job.id).data] == [10, 10, 20, 20]
        assert [one.suffix for one in client.fine_tuning.list().data] == ["tea"]
        client.fine_tuning.delete(job.id)
        with pytest.raises(together.NotFoundError):
            client.fine_tuning.retrieve(job.id)


def test_together_s_sdk_gets_the_same_file_for_the_same_content(
    together_fake: TogetherFake, data: Path
) -> None:
    with Together(api_key=KEY, base_url=together_fake.root, max_retries=0) as client:
        files = [client.files.upload(file=data, purpose="fine-tune", check=False).id for _ in range(2)]
    assert files[0] == files[1]


def test_fireworks_sdk_uploads_trains_and_lists(fireworks_fake: FireworksFake, data: Path) -> None:
    described = {"displayName": "tea", "userUploaded": {}, "format": "CHAT", "exampleCount": "12"}
    with Fireworks(api_key=KEY, base_url=fireworks_fake.root, account_id="acme", max_retries=0) as client:
        client.datasets.create(dataset=described, dataset_id="tea")
        client.datasets.upload("tea", file=data)
        wait_until(lambda: client.datasets.get("tea").state == "READY")
        asked = {"dataset": f"{ACCOUNT}/datasets/tea", "base_model": FIREWORKS_BASE, "epochs": 2}
        for number in range(3):
            model = f"{ACCOUNT}/models/tea-{number}"
            client.supervised_fine_tuning_jobs.create(
                supervised_fine_tuning_job_id=f"tea-{number}", output_model=model, **asked
            )
        with pytest.raises(ConflictError):
            client.supervised_fine_tuning_jobs.create(supervised_fine_tuning_job_id="tea-0", **asked)
        wait_until(lambda: client.supervised_fine_tuning_jobs.get("tea-0").state == "JOB_STATE_COMPLETED")
        assert len(list(client.supervised_fine_tuning_jobs.list(page_size=2))) == 3
        client.supervised_fine_tuning_jobs.cancel("tea-1", body={})
        assert client.supervised_fine_tuning_jobs.get("tea-1").state == "JOB_STATE_CANCELLED"


def test_a_dataset_of_another_length_than_announced_fails_at_fireworks(
    fireworks_fake: FireworksFake, data: Path
) -> None:
    described = {"displayName": "tea", "userUploaded": {}, "format": "CHAT", "exampleCount": "11"}
    with Fireworks(api_key=KEY, base_url=fireworks_fake.root, account_id="acme", max_retries=0) as client:
        client.datasets.create(dataset=described, dataset_id="tea")
        client.datasets.upload("tea", file=data)
        assert client.datasets.get("tea").state == "FAILED"
        with pytest.raises(APIStatusError, match="not READY"):
            client.supervised_fine_tuning_jobs.create(
                dataset=f"{ACCOUNT}/datasets/tea", base_model=FIREWORKS_BASE
            )


def test_the_openai_sdk_follows_nebius_notebook(nebius_fake: NebiusFake, data: Path) -> None:
    with OpenAI(
        api_key=KEY, base_url=nebius_fake.base_url, max_retries=0, http_client=sdk_client()
    ) as client:
        file = client.files.create(file=("tea.jsonl", data.read_bytes()), purpose="fine-tune")
        model = "meta-llama/Llama-3.1-8B-Instruct"
        job = client.fine_tuning.jobs.create(
            model=model, training_file=file.id, suffix="tea", metadata={"dropped": "yes"}
        )
        wait_until(lambda: client.fine_tuning.jobs.retrieve(job.id).status == "succeeded")
        done = client.fine_tuning.jobs.retrieve(job.id)
        assert (done.fine_tuned_model, done.metadata) == (None, None)
        last = client.fine_tuning.jobs.checkpoints.list(job.id).data[0]
        body = {
            "name": "tea",
            "base_model": "meta-llama/Meta-Llama-3.1-8B-Instruct",
            "source": f"{job.id}:{last.id}",
        }
        v0 = client.with_options(base_url=nebius_fake.root + "/v0")
        name = json.loads(v0.post("/models", body=body, cast_to=openai.BaseModel).model_dump_json())["name"]
        with pytest.raises(openai.NotFoundError):
            v0.get(f"/models/{name}", cast_to=openai.BaseModel)
        wait_until(
            lambda: v0.get(f"/models/{name}", cast_to=openai.BaseModel).model_dump()["status"] == "active"
        )
        answer = client.chat.completions.create(model=name, messages=[{"role": "user", "content": "Tea?"}])
        assert answer.choices[0].message.content


def test_boto3_puts_a_file_trains_deploys_and_deletes(data: Path) -> None:
    fake = BedrockFake()
    account = {
        "endpoint_url": fake.root,
        "region_name": REGION,
        "aws_access_key_id": KEY_ID,
        "aws_secret_access_key": SECRET,
    }
    once = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, proxies={})
    try:
        s3 = boto3.client("s3", config=once, **account)
        turns = {"messages": [{"role": "user", "content": [{"text": "Tea?"}]}]}
        line = json.dumps({"schemaVersion": "bedrock-conversation-2024"} | turns)
        s3.put_object(Bucket=BUCKET, Key="tea.jsonl", Body=line.encode())
        bedrock = boto3.client("bedrock", config=once, **account)
        asked = {
            "jobName": "tea",
            "customModelName": "tea",
            "roleArn": "arn:aws:iam::123456789012:role/tuning",
            "clientRequestToken": "tea",
            "baseModelIdentifier": BASE_IN_JOBS,
            "hyperParameters": {"epochCount": "2"},
            "trainingDataConfig": {"s3Uri": f"s3://{BUCKET}/tea.jsonl"},
            "outputDataConfig": {"s3Uri": f"s3://{BUCKET}/output/"},
        }
        arn = bedrock.create_model_customization_job(**asked)["jobArn"]
        assert bedrock.create_model_customization_job(**asked)["jobArn"] == arn
        with pytest.raises(bedrock.exceptions.ClientError, match="already exists"):
            bedrock.create_model_customization_job(**asked | {"clientRequestToken": "coffee"})
        wait_until(lambda: bedrock.get_model_customization_job(jobIdentifier=arn)["status"] == "Completed")
        listed = bedrock.list_model_customization_jobs(nameContains="te")["modelCustomizationJobSummaries"]
        assert [one["jobName"] for one in listed] == ["tea"]
        model = bedrock.get_model_customization_job(jobIdentifier="tea")["outputModelArn"]
        deployed = bedrock.create_custom_model_deployment(modelDeploymentName="tea", modelArn=model)
        where = {"customModelDeploymentIdentifier": deployed["customModelDeploymentArn"]}
        assert bedrock.get_custom_model_deployment(**where)["status"] == "Active"
        bedrock.delete_custom_model_deployment(**where)
        bedrock.delete_custom_model(modelIdentifier=model)
        assert bedrock.list_custom_models()["modelSummaries"] == []
    finally:
        fake.close()


def test_the_vendors_sdks_deploy_what_they_trained(
    fireworks_fake: FireworksFake, together_fake: TogetherFake
) -> None:
    fireworks_fake.models["tea"] = {"name": f"{ACCOUNT}/models/tea", "state": "READY"}
    with Fireworks(api_key=KEY, base_url=fireworks_fake.root, account_id="acme", max_retries=0) as client:
        client.deployments.create(
            base_model=FIREWORKS_BASE, deployment_id="tea", deployment_shape=SHAPE, enable_addons=True
        )
        wait_until(lambda: client.deployments.get("tea").state == "READY")
        loaded = client.lora.load(model=f"{ACCOUNT}/models/tea", deployment=f"{ACCOUNT}/deployments/tea")
        assert loaded.state == "DEPLOYING"
        assert [one.state for one in client.lora.list()] == ["DEPLOYED"]
        client.deployments.delete("tea")
    together_fake.jobs["ft-tea"] = {
        "id": "ft-tea",
        "status": "queued",
        "model_object_id": "ml_tea",
        "n_epochs": 1,
    }
    with Together(api_key=KEY, base_url=together_fake.root, max_retries=0) as client:
        endpoint = client.endpoints.create(project_id=PROJECT, name="tea")
        deployment = client.endpoints.deployments.create(
            endpoint.id,
            project_id=PROJECT,
            name="main",
            model=f"projects/{PROJECT}/models/ml_tea",
            config=f"projects/{PROJECT}/configs/{CONFIG}",
            autoscaling={"min_replicas": 1, "max_replicas": 1},
        )
        there = client.endpoints.deployments.retrieve(
            deployment.id, project_id=PROJECT, endpoint_id=endpoint.id
        )
        assert there.status.state == "DEPLOYMENT_STATE_READY"
        assert there.name == "acme/tea/main"
        client.endpoints.deployments.delete(deployment.id, project_id=PROJECT, endpoint_id=endpoint.id)
        client.endpoints.delete(endpoint.id, project_id=PROJECT)
