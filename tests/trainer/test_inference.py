"""Chat, legacy completions and responses, whole and streamed, through the stock SDK."""

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.support.trainer_process import TrainerProcess
from tests.trainer.steps import run_job

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there, what are you?"}]


def test_a_base_model_says_that_it_is_a_sandbox(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="sandbox-mini", messages=ASK)
    assert str(reply.choices[0].message.content).startswith("[sandbox] ")
    assert reply.system_fingerprint == "fp_sandbox"
    assert reply.choices[0].finish_reason == "stop"
    assert client.models.retrieve("sandbox-mini").owned_by == "tunehouse-sandbox"


def test_usage_counts_real_tokens(client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
    usage = client.chat.completions.create(model="sandbox-mini", messages=messages).usage
    assert usage is not None
    assert usage.prompt_tokens == 3 + 3 + 1 + 1
    assert usage.completion_tokens > 5
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 0


def test_a_stream_says_the_same_as_the_whole(client: openai.OpenAI) -> None:
    model = str(run_job(client).fine_tuned_model)
    ask: list[ChatCompletionMessageParam] = [{"role": "user", "content": "你们周末营业吗？"}]
    whole = client.chat.completions.create(model=model, messages=ask)
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=ask,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 8
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_a_stream_has_no_usage_unless_asked(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="sandbox-mini", messages=ASK, stream=True)
    assert all(chunk.usage is None and chunk.choices for chunk in list(stream))


def test_length_and_stop_sequences_cut_the_answer(client: openai.OpenAI) -> None:
    cut = client.chat.completions.create(model="sandbox-mini", messages=ASK, max_tokens=3)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage is not None
    assert cut.usage.completion_tokens == 3
    stopped = client.chat.completions.create(model="sandbox-mini", messages=ASK, stop=" is")
    assert stopped.choices[0].message.content == "[sandbox] This"


def test_several_choices_are_billed_each(client: openai.OpenAI) -> None:
    one = client.chat.completions.create(model="sandbox-mini", messages=ASK)
    three = client.chat.completions.create(model="sandbox-mini", messages=ASK, n=3)
    assert [choice.index for choice in three.choices] == [0, 1, 2]
    assert one.usage is not None
    assert three.usage is not None
    assert three.usage.completion_tokens == 3 * one.usage.completion_tokens


def test_legacy_completions_answer_one_prompt_or_several(client: openai.OpenAI) -> None:
    one = client.completions.create(model="sandbox-mini", prompt="Once upon", max_tokens=50)
    assert one.choices[0].text.startswith("[sandbox] ")
    two = client.completions.create(model="sandbox-mini", prompt=["a", "b"])
    assert [choice.index for choice in two.choices] == [0, 1]
    stream = client.completions.create(
        model="sandbox-mini",
        prompt="a",
        max_tokens=50,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert "".join(c.choices[0].text for c in chunks if c.choices) == one.choices[0].text
    assert chunks[-1].usage is not None


def test_responses_answer_whole_and_in_events(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="sandbox-mini", input="hi", instructions="Be brief.")
    assert whole.output_text.startswith("[sandbox] ")
    assert whole.usage is not None
    with client.responses.stream(model="sandbox-mini", input="hi", instructions="Be brief.") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.output_text == whole.output_text
    assert final.usage == whole.usage


def test_image_parts_and_tool_calls_are_taken(client: openai.OpenAI) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    reply = client.chat.completions.create(
        model="sandbox-mini",
        messages=[
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "look"}]},
            {"role": "assistant", "tool_calls": [call]},  # type: ignore[list-item]
            {"role": "tool", "tool_call_id": "call_1", "content": "4"},
        ],
    )
    assert reply.choices[0].message.role == "assistant"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": ASK}, "model"),
        ({"model": "sandbox-mini"}, "messages"),
        ({"model": "sandbox-mini", "messages": []}, "messages"),
        ({"model": "sandbox-mini", "messages": [{"role": "boss", "content": "x"}]}, "messages[0].role"),
        ({"model": "sandbox-mini", "messages": [{"content": "x"}]}, "role"),
        ({"model": "sandbox-mini", "messages": ASK, "n": 0}, "n"),
        ({"model": "sandbox-mini", "messages": ASK, "max_tokens": 0}, "max_tokens"),
        ({"model": "sandbox-mini", "messages": ASK, "temperature": 3}, "temperature"),
        ({"model": "sandbox-mini", "messages": ASK, "stream": "yes"}, "stream"),
        ({"model": 4, "messages": ASK}, "model"),
    ],
)
def test_a_bad_chat_field_is_refused_by_its_name(
    client: openai.OpenAI, body: dict[str, object], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=body, cast_to=object)
    assert caught.value.param == param


def test_models_are_listed_retrieved_and_deleted(client: openai.OpenAI) -> None:
    model = str(run_job(client, suffix="gone").fine_tuned_model)
    assert model in [found.id for found in client.models.list()]
    assert client.models.retrieve(model).shutdown_date is None
    assert client.models.delete(model).deleted
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model=model, messages=ASK)
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(model)
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete("sandbox-mini")


def test_a_model_goes_off_on_its_bases_shutdown_date(client: openai.OpenAI, trainer: TrainerProcess) -> None:
    model = str(run_job(client).fine_tuned_model)
    trainer.control.shut_down("sandbox-mini", "2001-01-01")
    assert client.models.retrieve(model).shutdown_date == "2001-01-01"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=model, messages=ASK)
    with pytest.raises(openai.BadRequestError, match="not available for fine-tuning"):
        run_job(client, model=model)
    trainer.control.shut_down("sandbox-mini", "2999-01-01")
    assert client.chat.completions.create(model=model, messages=ASK).choices
