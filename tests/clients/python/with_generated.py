"""A Python client that openapi-python-client made from /openapi.json: answers and errors are typed."""

import sys

from calls import BASE_URL, GENERATED, KEY, MODEL, call, report

sys.path.append(GENERATED)

from tunehouse_client import AuthenticatedClient
from tunehouse_client.api.files import files_list, files_retrieve
from tunehouse_client.api.fine_tuning import estimates_create
from tunehouse_client.api.inference import chat_completions_create
from tunehouse_client.api.money import me_retrieve
from tunehouse_client.models import ChatIn, ChatOut, Error, FileList, JobCreate, MeOut

client = AuthenticatedClient(base_url=BASE_URL.removesuffix("/v1"), token=KEY)


@call("me_retrieve, files_list")
def reads() -> None:
    assert isinstance(me_retrieve.sync(client=client), MeOut)
    assert isinstance(files_list.sync(client=client, limit=5), FileList)


@call("chat_completions_create")
def chat() -> None:
    body = ChatIn.from_dict({"model": MODEL, "messages": [{"role": "user", "content": "Which tea?"}]})
    answer = chat_completions_create.sync(client=client, body=body)
    assert isinstance(answer, ChatOut)
    assert answer.choices[0].message.content


@call("errors are typed, not None")
def errors() -> None:
    unknown = files_retrieve.sync("file-none", client=client)
    assert isinstance(unknown, Error)
    assert unknown.error.code == "not_found"
    asked = JobCreate.from_dict({"model": MODEL, "training_file": "file-none"})
    refused = estimates_create.sync(client=client, body=asked)
    assert isinstance(refused, Error)
    assert refused.error.param == "training_file"


report("openapi-python-client")
