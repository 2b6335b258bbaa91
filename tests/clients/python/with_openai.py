"""OpenAI's SDK since 1.0: from a file to a tuned model's answer, and each kind of call to a model."""

import json
import time
from pathlib import Path
from typing import Any

import openai
from calls import COMPLETION_MODEL, EXAMPLES, MODEL, QUESTION, call, raised, report
from pydantic import BaseModel

client = openai.OpenAI(max_retries=0)
ASK: list[Any] = [{"role": "user", "content": QUESTION}]
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL: Any = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}


class Tea(BaseModel):
    name: str
    minutes: int


@call("models.list, models.retrieve")
def models() -> None:
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL


@call("files.create, content, list, delete")
def files() -> None:
    file = client.files.create(file=Path(EXAMPLES), purpose="fine-tune")
    assert client.files.wait_for_processing(file.id, poll_interval=0.2).status == "processed"
    assert client.files.content(file.id).read() == Path(EXAMPLES).read_bytes()
    assert file.id in [one.id for one in client.files.list(purpose="fine-tune")]
    assert client.files.delete(file.id).deleted


@call("uploads.upload_file_chunked")
def uploads() -> None:
    done = client.uploads.upload_file_chunked(
        file=Path(EXAMPLES), mime_type="application/jsonl", purpose="fine-tune"
    )
    assert done.status == "completed"
    assert done.file


@call("fine_tuning.jobs.create, retrieve, list, list_events, checkpoints.list; the tuned model")
def fine_tuning() -> None:
    file = client.files.create(file=Path(EXAMPLES), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model=MODEL,
        training_file=file.id,
        suffix="clients",
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}},
    )
    while job.status not in ("succeeded", "failed", "cancelled"):
        time.sleep(0.2)
        job = client.fine_tuning.jobs.retrieve(job.id)
    assert job.status == "succeeded", job.error
    assert job.id in [one.id for one in client.fine_tuning.jobs.list(limit=5)]
    assert [event.id for event in client.fine_tuning.jobs.list_events(job.id, limit=2)]
    assert list(client.fine_tuning.jobs.checkpoints.list(job.id))
    answer = client.chat.completions.create(model=str(job.fine_tuned_model), messages=ASK)
    assert answer.choices[0].message.content
    assert answer.model == job.fine_tuned_model


@call("fine_tuning.jobs.cancel")
def cancel() -> None:
    file = client.files.create(file=Path(EXAMPLES), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model=MODEL, training_file=file.id)
    client.fine_tuning.jobs.cancel(job.id)


@call("chat.completions.create")
def chat() -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=ASK, n=2, temperature=0, seed=1, max_tokens=20
    )
    assert len(answer.choices) == 2
    assert answer.usage
    assert answer.usage.total_tokens > 0


@call("chat.completions.create, streamed with usage")
def stream() -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage


@call("chat.completions.create with tools, and the result sent back with model_dump()")
def tools() -> None:
    asked = client.chat.completions.create(model=MODEL, messages=ASK, tools=[TOOL], tool_choice="required")
    message = asked.choices[0].message
    (made,) = message.tool_calls or []
    assert json.loads(made.function.arguments)["city"]  # type: ignore[union-attr]
    result = {"role": "tool", "tool_call_id": made.id, "content": "4 degrees"}
    said: list[Any] = [*ASK, message.model_dump(), result]
    assert client.chat.completions.create(model=MODEL, messages=said, tools=[TOOL]).choices


@call("chat.completions.parse")
def parse() -> None:
    answer = client.chat.completions.parse(model=MODEL, messages=ASK, response_format=Tea)
    assert isinstance(answer.choices[0].message.parsed, Tea)


@call("chat.completions.stream with a response_format")
def parse_streamed() -> None:
    with client.chat.completions.stream(model=MODEL, messages=ASK, response_format=Tea) as events:
        assert isinstance(events.get_final_completion().choices[0].message.parsed, Tea)


@call("responses.create, and its items sent back with model_dump()")
def responses() -> None:
    tool: Any = {"type": "function", "name": "get_weather", "parameters": PARAMETERS, "strict": True}
    asked = client.responses.create(model=MODEL, input=QUESTION, tools=[tool], tool_choice="required")
    (made,) = [item for item in asked.output if item.type == "function_call"]
    said: list[Any] = [{"role": "user", "content": QUESTION}, *(item.model_dump() for item in asked.output)]
    said.append({"type": "function_call_output", "call_id": made.call_id, "output": "4 degrees"})
    answer = client.responses.create(model=MODEL, input=said, tools=[tool])
    assert answer.output_text
    said += [item.model_dump() for item in answer.output] + [{"role": "user", "content": "And tomorrow?"}]
    assert client.responses.create(model=MODEL, input=said).output_text


@call("responses.parse, responses.stream")
def responses_parse() -> None:
    parsed = client.responses.parse(model=MODEL, input=QUESTION, text_format=Tea)
    assert isinstance(parsed.output_parsed, Tea)
    with client.responses.stream(model=MODEL, input=QUESTION, text_format=Tea) as events:
        assert isinstance(events.get_final_response().output_parsed, Tea)


if COMPLETION_MODEL:

    @call("completions.create")
    def completions() -> None:
        answer = client.completions.create(model=COMPLETION_MODEL, prompt="Tea: green ->", max_tokens=5)
        assert answer.choices[0].text


@call("errors are the SDK's classes, with code and param")
def errors() -> None:
    ask = client.chat.completions.create
    error = raised(openai.NotFoundError, lambda: ask(model="gpt-none", messages=ASK))
    assert (error.code, error.param) == ("model_not_found", "model")
    error = raised(openai.BadRequestError, lambda: ask(model=MODEL, messages=ASK, temperature=9))
    assert error.param == "temperature"
    stranger = openai.OpenAI(api_key="th-none", max_retries=0)
    assert raised(openai.AuthenticationError, stranger.models.list).code == "invalid_api_key"


report("openai")
