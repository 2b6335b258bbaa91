"""OpenAI's SDK before 1.0, as scripts of 2023 call it: functions of the module, dictionaries back."""

import os
import time

import openai
from calls import BASE_URL, COMPLETION_MODEL, EXAMPLES, MODEL, QUESTION, call, raised, report

openai.api_key = os.getenv("OPENAI_API_KEY")
openai.api_base = BASE_URL
FUNCTION = {
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@call("Model.list, Model.retrieve")
def models() -> None:
    assert MODEL in [model["id"] for model in openai.Model.list()["data"]]
    assert openai.Model.retrieve(MODEL)["id"] == MODEL


@call("File.create, list, retrieve, download, delete")
def files() -> None:
    file = openai.File.create(file=open(EXAMPLES, "rb"), purpose="fine-tune")
    assert file["id"] in [one["id"] for one in openai.File.list()["data"]]
    assert openai.File.retrieve(file["id"])["purpose"] == "fine-tune"
    assert openai.File.download(file["id"])
    assert openai.File.delete(file["id"])["deleted"]


@call("FineTuningJob.create, list, retrieve, list_events; the tuned model; Model.delete")
def fine_tuning() -> None:
    file = openai.File.create(
        file=open(EXAMPLES, "rb"), purpose="fine-tune", user_provided_filename="tea.jsonl"
    )
    job = openai.FineTuningJob.create(
        training_file=file["id"], model=MODEL, hyperparameters={"n_epochs": 1}, suffix="legacy"
    )
    while job["status"] not in ("succeeded", "failed", "cancelled"):
        time.sleep(0.2)
        job = openai.FineTuningJob.retrieve(job["id"])
    assert job["status"] == "succeeded"
    assert job["id"] in [one["id"] for one in openai.FineTuningJob.list(limit=10)["data"]]
    assert openai.FineTuningJob.list_events(id=job["id"], limit=10)["data"]
    completion = openai.ChatCompletion.create(
        model=job["fine_tuned_model"],
        messages=[{"role": "system", "content": "You sell tea."}, {"role": "user", "content": QUESTION}],
    )
    assert completion.choices[0].message["content"]
    assert openai.Model.delete(job["fine_tuned_model"])["deleted"]


@call("FineTuningJob.cancel")
def cancel() -> None:
    file = openai.File.create(file=open(EXAMPLES, "rb"), purpose="fine-tune")
    job = openai.FineTuningJob.create(training_file=file["id"], model=MODEL)
    assert openai.FineTuningJob.cancel(job["id"])["id"] == job["id"]


@call("ChatCompletion.create, streamed")
def stream() -> None:
    chunks = openai.ChatCompletion.create(
        model=MODEL, messages=[{"role": "user", "content": QUESTION}], temperature=0, stream=True
    )
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])


@call("ChatCompletion.create with functions, and the result sent back")
def functions() -> None:
    messages = [{"role": "user", "content": "What is the weather in Oslo?"}]
    answer = openai.ChatCompletion.create(
        model=MODEL, messages=messages, functions=[FUNCTION], function_call={"name": "get_weather"}
    )
    message = answer["choices"][0]["message"]
    assert message["function_call"]["name"] == "get_weather"
    messages += [message, {"role": "function", "name": "get_weather", "content": "4 degrees"}]
    assert openai.ChatCompletion.create(model=MODEL, messages=messages)["choices"]


@call("Completion.create")
def completion() -> None:
    answer = openai.Completion.create(model=COMPLETION_MODEL, prompt="Tea: green ->", max_tokens=5, stop="\n")
    assert "text" in answer["choices"][0]


@call("errors are the SDK's classes")
def errors() -> None:
    messages = [{"role": "user", "content": QUESTION}]
    ask = openai.ChatCompletion.create
    error = raised(openai.error.InvalidRequestError, lambda: ask(model="gpt-none", messages=messages))
    assert error.code == "model_not_found"
    assert raised(openai.error.AuthenticationError, lambda: openai.Model.list(api_key="th-none"))


report("openai")
