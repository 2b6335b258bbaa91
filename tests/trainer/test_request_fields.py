"""Every request field is obeyed, or refused by its name; none is ignored."""

from typing import Any

import msgspec
import openai
import pytest
from openai.types import completion_create_params
from openai.types.chat import ChatCompletion
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.responses import response_create_params
from typing_extensions import get_type_hints

from tests.trainer.examples import jsonl
from tests.trainer.steps import run_job
from trainer.inference.chat.schema import ChatRequest
from trainer.inference.completions.schema import CompletionRequest
from trainer.inference.responses.schema import ResponsesRequest

ASK: list[Any] = [{"role": "user", "content": "Hello there, what are you?"}]
TEXT = "[sandbox] This is sandbox-mini, a stand-in without a language model behind it."


@pytest.mark.parametrize(
    ("params", "body"),
    [
        (chat_create_params.CompletionCreateParamsStreaming, ChatRequest),
        (completion_create_params.CompletionCreateParamsStreaming, CompletionRequest),
        (response_create_params.ResponseCreateParamsStreaming, ResponsesRequest),
    ],
)
def test_every_parameter_of_the_sdk_is_known(params: Any, body: type[msgspec.Struct]) -> None:
    assert set(get_type_hints(params)) - set(body.__struct_fields__) == set()


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("chat/completions", {"temprature": 1}, "temprature"),
        ("chat/completions", {"frequency_penalty": 0.5}, "frequency_penalty"),
        ("chat/completions", {"presence_penalty": -1}, "presence_penalty"),
        ("chat/completions", {"presence_penalty": 3}, "presence_penalty"),
        ("chat/completions", {"logit_bias": {"50": 10}}, "logit_bias"),
        ("chat/completions", {"logit_bias": {"a": 10}}, "logit_bias"),
        ("chat/completions", {"top_logprobs": 2}, "top_logprobs"),
        ("chat/completions", {"store": True}, "store"),
        ("chat/completions", {"modalities": ["text", "audio"]}, "modalities"),
        ("chat/completions", {"reasoning_effort": "high"}, "reasoning_effort"),
        ("chat/completions", {"web_search_options": {}}, "web_search_options"),
        ("chat/completions", {"stream_options": {"include_usage": True}}, "stream_options"),
        ("chat/completions", {"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens"),
        ("chat/completions", {"messages": [{"role": "user", "content": "a", "weight": 1}]},
         "messages[0].weight"),
        ("chat/completions", {"messages": [{"role": "user", "content": [{"type": "file"}]}]},
         "messages[0].content[0].type"),
        ("completions", {"suffix": "end"}, "suffix"),
        ("completions", {"best_of": 2}, "best_of"),
        ("completions", {"echo": True, "logprobs": 1}, "echo"),
        ("completions", {"prompt": [1, 2]}, "prompt[0]"),
        ("responses", {"store": True}, "store"),
        ("responses", {"previous_response_id": "resp_1"}, "previous_response_id"),
        ("responses", {"reasoning": {"effort": "high"}}, "reasoning"),
        ("responses", {"truncation": "auto"}, "truncation"),
        ("responses", {"text": {"verbosity": "low"}}, "verbosity"),
        ("responses", {"include": ["file_search_call.results"]}, "include"),
        ("responses", {"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ("responses", {"tools": [{"type": "function", "name": "a b"}]}, "tools[0].name"),
        ("responses", {"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ("responses", {"input": [{"role": "user"}]}, "input[0]"),
    ],
)  # fmt: skip
def test_what_cannot_be_obeyed_is_refused_by_its_name(
    client: openai.OpenAI, path: str, fields: dict[str, Any], param: str
) -> None:
    needed = {
        "chat/completions": {"messages": ASK},
        "completions": {"prompt": "a"},
        "responses": {"input": "a"},
    }
    with pytest.raises(openai.BadRequestError) as caught:
        client.post(f"/{path}", body={"model": "sandbox-mini"} | needed[path] | fields, cast_to=object)
    assert caught.value.param == param


def test_what_asks_for_nothing_special_is_accepted(client: openai.OpenAI) -> None:
    plain: dict[str, Any] = {"temperature": 0, "top_p": 1, "seed": 4, "user": "u", "metadata": {"a": "b"}}
    calm = {"frequency_penalty": 0, "presence_penalty": 0, "logit_bias": {}, "n": 1, "store": False}
    more = {
        "modalities": ["text"],
        "prompt_cache_key": "k",
        "service_tier": "flex",
        "parallel_tool_calls": None,
    }
    reply = client.chat.completions.create(model="sandbox-mini", messages=ASK, **plain, **calm, **more)
    assert reply.choices[0].message.content == TEXT
    assert reply.service_tier == "default"
    answer = client.responses.create(
        model="sandbox-mini", input="a", store=False, include=["reasoning.encrypted_content"], top_p=0.5
    )
    assert answer.top_p == 0.5


def test_log_probabilities_spell_the_answer_whole_and_streamed(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "sandbox-mini", "messages": ASK, "logprobs": True, "top_logprobs": 2}
    whole = client.chat.completions.create(**asked).choices[0].logprobs
    assert whole is not None
    assert whole.content is not None
    assert "".join(token.token for token in whole.content) == TEXT
    assert {token.logprob for token in whole.content} == {0.0}
    assert whole.content[0].top_logprobs[0].token == whole.content[0].token
    chunks = client.chat.completions.create(**asked, stream=True)
    streamed = [one for chunk in chunks for choice in chunk.choices if choice.logprobs
                for one in choice.logprobs.content or []]  # fmt: skip
    assert streamed == whole.content


def test_responses_and_completions_have_log_probabilities_in_their_own_forms(client: openai.OpenAI) -> None:
    answer = client.responses.create(
        model="sandbox-mini", input="a", include=["message.output_text.logprobs"], max_output_tokens=3
    )
    (item,) = answer.output
    assert item.type == "message"
    assert item.content[0].type == "output_text"
    assert "".join(one.token for one in item.content[0].logprobs or []) == answer.output_text
    legacy = client.completions.create(model="sandbox-mini", prompt="a", logprobs=1).choices[0]
    assert legacy.logprobs is not None
    assert "".join(legacy.logprobs.tokens or []) == legacy.text
    lengths = [len(token) for token in legacy.logprobs.tokens or []]
    assert legacy.logprobs.text_offset == [sum(lengths[:at]) for at in range(len(lengths))]


def test_an_echo_repeats_the_prompt(client: openai.OpenAI) -> None:
    plain = client.completions.create(model="sandbox-mini", prompt="Once")
    echoed = client.completions.create(model="sandbox-mini", prompt="Once", echo=True)
    assert echoed.choices[0].text == "Once" + plain.choices[0].text
    assert echoed.usage == plain.usage


def test_a_base_for_completions_is_tuned_on_prompts_and_does_not_chat(client: openai.OpenAI) -> None:
    rows = [
        {"prompt": f"Text {n}: {'ball' if n % 2 else 'puck'} ->", "completion": " yes" if n % 2 else " no"}
        for n in range(10)
    ]
    model = str(run_job(client, jsonl(rows), model="sandbox-babbage").fine_tuned_model)
    answer = client.completions.create(model=model, prompt="a puck ->", max_tokens=1, logprobs=2)
    assert answer.choices[0].text == " no"
    assert answer.choices[0].logprobs is not None
    assert answer.choices[0].logprobs.top_logprobs == [{" no": 0.0}]
    with pytest.raises(openai.NotFoundError, match="not a chat model"):
        client.chat.completions.create(model=model, messages=ASK)
    refused = run_job(client, model="sandbox-babbage")
    assert refused.error is not None
    assert "tuned on lines with 'prompt' and 'completion'" in refused.error.message


def test_an_answer_of_ours_goes_back_into_a_conversation_as_it_is(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="sandbox-mini", messages=ASK)
    history = [*ASK, reply.choices[0].message.model_dump(), *ASK]
    again: ChatCompletion = client.chat.completions.create(model="sandbox-mini", messages=history)
    assert again.choices[0].message == reply.choices[0].message
