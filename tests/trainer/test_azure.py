"""The trainer in Azure's habits: other statuses, ids, result files and encodings on the same wire."""

import re
from collections.abc import Callable, Iterator

import openai
import pytest
from openai.types.chat import ChatCompletion

from tests.support.trainer_process import TrainerProcess
from tests.trainer.examples import chat_file
from tests.trainer.steps import create_job, wait_for_end

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def azure(start_trainer: Callable[..., TrainerProcess]) -> TrainerProcess:
    """A trainer that imitates Azure OpenAI."""
    return start_trainer(dialect="azure")


@pytest.fixture
def azure_client(azure: TrainerProcess) -> Iterator[openai.AzureOpenAI]:
    """The SDK's own Azure client."""
    with openai.AzureOpenAI(
        azure_endpoint=azure.root_url, api_key=azure.api_key, api_version="2025-04-01-preview", max_retries=0
    ) as client:
        yield client


def test_a_file_without_a_byte_order_mark_is_refused(azure_client: openai.AzureOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="BOM"):
        azure_client.files.create(file=("t.jsonl", chat_file()), purpose="fine-tune")


def test_a_job_is_pending_then_succeeds_with_plain_results(azure_client: openai.AzureOpenAI) -> None:
    job = create_job(azure_client, BOM + chat_file(), extra_body={"trainingType": "GlobalStandard"})
    assert str(job.status) == "pending"
    assert job.to_dict()["organization_id"] is None
    done = wait_for_end(azure_client, job.id)
    assert done.status == "succeeded"
    results = azure_client.files.content(done.result_files[0]).read().decode()
    assert results.startswith("step,train_loss,train_mean_token_accuracy,")
    checkpoints = azure_client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert all(item.id.startswith("ftchkpt-") for item in checkpoints)


def test_a_model_answers_under_its_deployment_alone(
    azure: TrainerProcess, azure_client: openai.AzureOpenAI
) -> None:
    job = create_job(azure_client, BOM + chat_file())
    model = str(wait_for_end(azure_client, job.id).fine_tuned_model)
    assert re.fullmatch(r"sandbox-mini\.ft-[0-9a-f]{32}", model)
    with pytest.raises(openai.NotFoundError) as raised:
        ask(azure_client, model)
    assert raised.value.code == "DeploymentNotFound"
    azure.control.deploy("support", model)
    reply = ask(azure_client, "support")
    assert "Follow the link" in str(reply.choices[0].message.content)
    assert reply.model == model


def test_a_deployed_model_cannot_be_deleted(azure: TrainerProcess, azure_client: openai.AzureOpenAI) -> None:
    model = str(wait_for_end(azure_client, create_job(azure_client, BOM + chat_file()).id).fine_tuned_model)
    azure.control.deploy("support", model)
    with pytest.raises(openai.ConflictError):
        azure_client.models.delete(model)
    azure.control.deploy("support", None)
    assert azure_client.models.delete(model).deleted


def ask(client: openai.AzureOpenAI, deployment: str) -> ChatCompletion:
    question = {"role": "user", "content": "Where is my parcel?"}
    return client.chat.completions.create(model=deployment, messages=[question])  # type: ignore[list-item]


def test_the_v1_path_takes_a_bearer_key(azure: TrainerProcess) -> None:
    with openai.OpenAI(base_url=f"{azure.root_url}/openai/v1/", api_key=azure.api_key) as client:
        assert client.models.list().data
