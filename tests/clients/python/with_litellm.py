"""LiteLLM's functions with the provider `openai/`: chat, streams, tools, schemas, files and jobs."""

import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch a price list

import litellm
from calls import BASE_URL, EXAMPLES, KEY, MODEL, QUESTION, call, raised, report
from pydantic import BaseModel

ASK: list[Any] = [{"role": "user", "content": QUESTION}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}
there: dict[str, Any] = {"api_base": BASE_URL, "api_key": KEY}


class Tea(BaseModel):
    name: str
    minutes: int


@call("completion, whole and streamed")
def completion() -> None:
    assert litellm.completion(model=f"openai/{MODEL}", messages=ASK, **there).choices[0].message.content
    chunks = litellm.completion(model=f"openai/{MODEL}", messages=ASK, stream=True, **there)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


@call("completion with tools, and the result sent back with model_dump()")
def tools() -> None:
    asked = litellm.completion(
        model=f"openai/{MODEL}", messages=ASK, tools=[TOOL], tool_choice="required", **there
    )
    message = asked.choices[0].message
    (made,) = message.tool_calls
    said = [*ASK, message.model_dump(), {"role": "tool", "tool_call_id": made.id, "content": "4 degrees"}]
    assert litellm.completion(model=f"openai/{MODEL}", messages=said, tools=[TOOL], **there).choices


@call("completion with a pydantic response_format")
def structured() -> None:
    answer = litellm.completion(
        model=f"openai/{MODEL}",
        messages=ASK,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "tea", "schema": Tea.model_json_schema()},
        },
        **there,
    )
    assert Tea.model_validate_json(answer.choices[0].message.content)


@call("responses")
def responses() -> None:
    assert litellm.responses(model=f"openai/{MODEL}", input=QUESTION, **there).output


@call("create_file, create_fine_tuning_job, list_fine_tuning_jobs, cancel_fine_tuning_job")
def fine_tuning() -> None:
    with open(EXAMPLES, "rb") as examples:
        file = litellm.create_file(file=examples, purpose="fine-tune", custom_llm_provider="openai", **there)
    job = litellm.create_fine_tuning_job(
        model=MODEL, training_file=file.id, custom_llm_provider="openai", **there
    )
    assert litellm.list_fine_tuning_jobs(custom_llm_provider="openai", **there)
    litellm.cancel_fine_tuning_job(fine_tuning_job_id=job.id, custom_llm_provider="openai", **there)


@call("errors are LiteLLM's classes")
def errors() -> None:
    ask = litellm.completion
    assert raised(litellm.NotFoundError, lambda: ask(model="openai/gpt-none", messages=ASK, **there))


report("litellm")
