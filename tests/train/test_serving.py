"""How models answer: streamed, stopped, sampled, counted, and in memory only while there is room."""

import gc
import weakref
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletion
from openai.types.fine_tuning import FineTuningJob

from tests.train.tiny import make_tokenizer
from trainer.engines.answers import Prompt
from trainer.engines.transformers.bases import find_bases
from trainer.engines.transformers.data.encode import Encoder
from trainer.engines.transformers.serving.server import Serving
from trainer.settings import TrainerSettings

FUNCTION = {"type": "function", "function": {"name": "f"}}
QUESTION = [{"role": "user", "content": "Is the lamp kind?"}]


@pytest.fixture
def model(polite_job: FineTuningJob) -> str:
    """A model that answers in whole sentences."""
    return str(polite_job.fine_tuned_model)


def ask(client: openai.OpenAI, model: str, **fields: object) -> ChatCompletion:
    given = {"temperature": 0, "max_tokens": 60, **fields}
    return client.chat.completions.create(model=model, messages=QUESTION, **given)  # type: ignore[call-overload, no-any-return]


def said(answer: ChatCompletion) -> str:
    return str(answer.choices[0].message.content)


def test_a_stream_tells_the_same_text_in_pieces_with_the_same_usage(
    client: openai.OpenAI, model: str
) -> None:
    whole = ask(client, model)
    chunks = list(
        client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=60,
                                       stream=True, stream_options={"include_usage": True})
    )  # fmt: skip
    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    assert len(pieces) > 3
    assert "".join(pieces) == said(whole)
    assert chunks[-1].usage == whole.usage


def test_usage_is_what_the_models_own_tokenizer_counts(client: openai.OpenAI, model: str) -> None:
    answer = ask(client, model)
    encoder = Encoder(make_tokenizer(), 256)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(encoder.ask(QUESTION))
    ids = encoder.tokenizer(said(answer), add_special_tokens=False).input_ids
    assert answer.usage.completion_tokens == len(ids) + 1  # and the mark of its end


def test_an_answer_ends_before_a_stop_sequence_even_one_that_lies_across_tokens_and_pieces(
    client: openai.OpenAI, model: str
) -> None:
    whole = said(ask(client, model))
    for stop in (whole[8:13], whole[-3:], whole[5]):
        stopped = ask(client, model, stop=[stop, "never said"])
        assert said(stopped) == whole.partition(stop)[0]
        assert stopped.choices[0].finish_reason == "stop"
        chunks = client.chat.completions.create(
            model=model, messages=QUESTION, temperature=0, max_tokens=60, stop=stop, stream=True
        )
        pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
        assert "".join(pieces) == whole.partition(stop)[0]


def test_an_answer_has_no_more_tokens_than_asked_for(client: openai.OpenAI, model: str) -> None:
    short = ask(client, model, max_tokens=4)
    assert short.choices[0].finish_reason == "length"
    assert short.usage is not None
    assert short.usage.completion_tokens == 4
    assert said(ask(client, model)).startswith(said(short))


def test_a_seed_repeats_a_sampled_answer_and_no_temperature_leaves_no_choice(
    client: openai.OpenAI, model: str
) -> None:
    sampled = {said(ask(client, model, temperature=2, seed=seed)) for seed in range(4)}
    again = {said(ask(client, model, temperature=2, seed=seed)) for seed in range(4)}
    assert sampled == again
    assert len(sampled) > 1
    assert len({said(ask(client, model, seed=seed)) for seed in range(3)}) == 1
    # Of the likeliest alone there is no choice either.
    assert said(ask(client, model, temperature=2, top_p=0.0, seed=1)) == said(ask(client, model))


def test_the_model_asked_longest_ago_leaves_memory_and_comes_back_when_asked(
    bases: list[str], tmp_path: Path
) -> None:
    offered = {base.name: base for base in find_bases(",".join(bases[:2]))}
    settings = TrainerSettings(data_dir=tmp_path, bases=tuple(offered.values()), api_key="k", cached_models=1)
    serving = Serving(settings)
    prompt = Prompt(messages=QUESTION, temperature=0, max_tokens=5)

    def answer(name: str) -> str:
        return "".join(serving.answer(offered[name], None, prompt).pieces)

    first = answer("tiny")
    held = weakref.ref(serving._load(offered["tiny"], None).model)
    answer("tiny-full")
    gc.collect()
    assert held() is None
    assert answer("tiny") == first


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}},
         "response_format.json_schema.schema"),
        ({"tools": [FUNCTION], "tool_choice": "required"}, "tool_choice"),
        ({"logit_bias": {"999999": 1}}, "logit_bias"),
    ],
)  # fmt: skip
def test_what_a_real_model_cannot_obey_is_refused(
    client: openai.OpenAI, model: str, fields: dict[str, object], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, model, **fields)
    assert (caught.value.param, caught.value.code) == (param, "unsupported_parameter")


def test_a_bias_bans_a_token_and_a_penalty_ends_repetition(client: openai.OpenAI, model: str) -> None:
    tokenizer = make_tokenizer()
    whole = said(ask(client, model))
    banned = tokenizer(whole, add_special_tokens=False).input_ids[0]
    biased = said(ask(client, model, logit_bias={str(banned): -100}))
    assert banned not in tokenizer(biased, add_special_tokens=False).input_ids
    (forced,) = tokenizer(whole[0], add_special_tokens=False).input_ids[:1]
    repeated = ask(client, model, logit_bias={str(forced): 20}, max_tokens=8)
    varied = ask(client, model, logit_bias={str(forced): 20}, max_tokens=8, frequency_penalty=2)
    ids = [tokenizer(said(one), add_special_tokens=False).input_ids for one in (repeated, varied)]
    assert ids[1].count(forced) <= ids[0].count(forced)
