"""What a line contains reaches the model, or the job fails and names the line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
import torch
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from tests.train import templates
from tests.train.data import THINGS
from tests.train.steps import run, train
from tests.train.tiny import CONTEXT, make_tokenizer
from tests.trainer.examples import chat_line, jsonl
from trainer.engines.answers import CalledFunction, EngineAnswer, FunctionChoice
from trainer.engines.examples import InvalidExampleError
from trainer.engines.transformers.bases import find_bases
from trainer.engines.transformers.data.encode import Encoder
from trainer.engines.transformers.data.pack import Sequence as Encoded
from trainer.engines.transformers.models import load_encoder
from trainer.engines.transformers.serving.calling import CallReader

TOOL = {
    "type": "function",
    "function": {
        "name": "find_price",
        "parameters": {"type": "object", "properties": {"thing": {"type": "string"}}},
    },
}
FORMS = [templates.QWEN, templates.MISTRAL, templates.LLAMA, templates.DEEPSEEK]
NAMES = ["qwen", "mistral", "llama", "deepseek"]


def encoder_of(template: str) -> Encoder:
    tokenizer = make_tokenizer("<|endoftext|>")
    tokenizer.add_special_tokens({"additional_special_tokens": templates.MARKS})
    tokenizer.chat_template = template
    return Encoder(tokenizer, 4 * CONTEXT)


def call(*things: str) -> dict[str, Any]:
    return {
        "role": "assistant",
        "tool_calls": [
            {"id": f"abcdefgh{i}", "type": "function",
             "function": {"name": "find_price", "arguments": f'{{"thing": "{thing}"}}'}}
            for i, thing in enumerate(things)
        ],
    }  # fmt: skip


def price_chat(thing: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"What does the {thing} cost?"}, call(thing)],
            "tools": [TOOL]}  # fmt: skip


def said(encoder: Encoder, sequences: Sequence[Encoded]) -> str:
    (one,) = sequences
    kept = [token for token, weight in zip(one.ids, one.weights, strict=True) if weight]
    return str(encoder.tokenizer.decode(kept))


@pytest.mark.parametrize("template", FORMS, ids=NAMES)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_what_a_base_is_trained_to_call_is_read_from_its_answers(template: str, size: int) -> None:
    encoder = encoder_of(template)
    row = price_chat("lamp")
    text = said(encoder, encoder.chat(row["messages"], row["tools"]))
    marks = encoder.tokenizer.convert_ids_to_tokens(sorted(encoder.ends))
    text = min((text.partition(mark)[0] for mark in marks), key=len)
    assert encoder.form.calls is not None
    reader = CallReader(encoder.form.calls, FunctionChoice(mode="auto", names=("find_price",)), encoder.marks)
    for before in ("", "Let me see. "):
        written = before + text
        pieces = [written[at : at + size] for at in range(0, len(written), size)]
        answer = reader.read(EngineAnswer(pieces=pieces, prompt_tokens=1))
        assert "".join(answer.pieces) == before
        assert answer.calls == [CalledFunction("find_price", '{"thing":"lamp"}')]
        assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize("template", [FORMS[0], FORMS[1], FORMS[3]], ids=[NAMES[0], NAMES[1], NAMES[3]])
def test_two_calls_of_one_turn_are_read_as_two(template: str) -> None:
    encoder = encoder_of(template)
    messages = [{"role": "user", "content": "Both?"}, call("lamp", "vase")]
    text = said(encoder, encoder.chat(messages, [TOOL]))
    assert encoder.form.calls is not None
    reader = CallReader(encoder.form.calls, FunctionChoice(mode="auto", names=("find_price",)), encoder.marks)
    cut = min(
        text.partition(mark)[0] for mark in encoder.tokenizer.convert_ids_to_tokens(sorted(encoder.ends))
    )
    answer = reader.read(EngineAnswer(pieces=[cut], prompt_tokens=1))
    assert "".join(answer.pieces) == ""
    assert [found.arguments for found in answer.calls] == ['{"thing":"lamp"}', '{"thing":"vase"}']


def test_text_that_is_not_a_valid_call_stays_text() -> None:
    encoder = encoder_of(templates.QWEN)
    assert encoder.form.calls is not None
    reader = CallReader(encoder.form.calls, FunctionChoice(mode="auto", names=("f",)))
    block = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
    for text in (
        "<tool_call>oops</tool_call>",
        block.replace("f", "g", 1),
        block.replace("1}", "1"),
        block + "<tool_call>oops",
        "a < b <tool",
    ):
        answer = reader.read(EngineAnswer(pieces=list(text), prompt_tokens=1))
        assert ("".join(answer.pieces), answer.calls) == (text, [])


@pytest.mark.parametrize(
    ("row", "flaw"),
    [
        (price_chat("lamp"), "function call 1 of message 2 does not appear"),
        (chat_line("Price?", "One.") | {"tools": [TOOL]}, "tool 1 does not appear"),
        (chat_line("Price?", "One.") | {"functions": [TOOL["function"]]}, "tool 1 does not appear"),
        ({"messages": [{"role": "user", "content": "Price?"},
                       {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}]},
         "function call 1 of message 2"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]},
                       {"role": "assistant", "content": "A lamp."}]},
         "message 1 has a part of the type 'image_url'"),
        (chat_line("Price?", ""), "message 3 is empty"),
    ],
)  # fmt: skip
def test_a_line_that_a_plain_template_would_mutilate_is_refused(row: dict[str, Any], flaw: str) -> None:
    encoder = encoder_of(templates.CHATML)
    with pytest.raises(InvalidExampleError, match=flaw):
        encoder.chat(row["messages"], [*row.get("tools", []), *map(_as_tool, row.get("functions", []))])


def _as_tool(function: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": function}


def test_the_job_names_the_line_and_so_does_the_count_of_the_file(client: openai.OpenAI) -> None:
    lines = [*[chat_line("Well?", "Yes.")] * 11, chat_line("Well?", "")]
    job = run(client, jsonl(lines))
    assert (job.status, job.error.code) == ("failed", "invalid_training_file")
    assert "Example 12: message 3 is empty" in job.error.message
    counted = client.post("/fine_tuning/token_counts", body={"model": "tiny", "examples": lines},
                          cast_to=dict[str, Any])  # fmt: skip
    assert counted["data"][-1] == 0 < counted["data"][0]
    assert counted["problems"] == [
        {"line": 12, "message": "message 3 is empty, so there is nothing to learn from it"}
    ]


def test_a_deprecated_function_call_is_trained_as_the_call_that_it_is() -> None:
    encoder = encoder_of(templates.QWEN)
    legacy = {"role": "assistant", "content": None,
              "function_call": {"name": "find_price", "arguments": '{"thing": "lamp"}'}}  # fmt: skip
    result = {"role": "function", "name": "find_price", "content": "7"}
    text = said(encoder, encoder.chat([{"role": "user", "content": "Price?"}, legacy, result], [TOOL]))
    assert '{"name": "find_price", "arguments": {"thing": "lamp"}}' in text


def test_a_template_that_ends_no_turn_is_refused_because_the_model_would_never_stop() -> None:
    encoder = encoder_of("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
    with pytest.raises(InvalidExampleError, match="would never stop"):
        encoder.chat([{"role": "user", "content": "Well?"}, {"role": "assistant", "content": "Yes."}])


def test_a_template_that_drops_the_system_message_or_reasoning_is_refused() -> None:
    chat = [{"role": "user", "content": "Well?"}, {"role": "assistant", "content": "<think>Hm.</think>Yes."}]
    without_system = encoder_of(
        templates.CHATML.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}")
    )
    with pytest.raises(InvalidExampleError, match="the content of message 1 does not appear"):
        without_system.chat([{"role": "system", "content": "Be kind."}, *chat])
    without_thought = encoder_of(
        templates.CHATML.replace("m.content }}", "m.content.split('</think>')[-1] }}")
    )
    with pytest.raises(
        InvalidExampleError, match="message 2 does not appear in what the model reads as it is"
    ):
        without_thought.chat(chat)


def test_calls_that_were_learnt_come_back_parsed_and_the_answer_stops_where_turns_end(
    client: openai.OpenAI,
) -> None:
    """The base ends its texts with another token than its template ends turns with."""
    asked = [{"role": "user", "content": f"What does the {thing} cost?"} for thing in THINGS]
    rows = [{"messages": [question, call("lamp")], "tools": [TOOL]} for question in asked * 4]
    job = train(client, jsonl(rows), model="other-end", epochs=10, rate=150, batch=4)
    root = Path(str(client.models.retrieve(str(job.fine_tuned_model)).to_dict()["root"]))
    tokenizer = AutoTokenizer.from_pretrained(root)
    assert tokenizer.eos_token == "<|end|>"
    ends = {tokenizer.convert_tokens_to_ids(token) for token in ("<|end|>", "<|endoftext|>")}
    assert set(GenerationConfig.from_pretrained(root).eos_token_id) == ends
    fields: dict[str, Any] = {
        "model": job.fine_tuned_model,
        "messages": [{"role": "user", "content": "What does the vase cost?"}],
        "tools": [TOOL],
        "temperature": 0,
        "max_tokens": 60,
    }
    choice = client.chat.completions.create(**fields).choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    (made,) = choice.message.tool_calls
    assert (made.function.name, made.function.arguments) == ("find_price", '{"thing":"lamp"}')
    chunks = list(client.chat.completions.create(**fields, stream=True))
    names = [c.function.name for chunk in chunks for c in chunk.choices[0].delta.tool_calls or []]
    assert "find_price" in names


def test_a_roberta_sees_as_many_tokens_as_it_has_positions_for(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    tokenizer.model_max_length = 10**9
    config = RobertaConfig(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16,
                           num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=34,
                           pad_token_id=1)  # fmt: skip
    model = RobertaForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path / "roberta")
    tokenizer.save_pretrained(tmp_path / "roberta")
    (base,) = find_bases(str(tmp_path / "roberta"))
    encoded = load_encoder(base, None).classified("The lamp was warm. " * 40)
    assert encoded.is_cut
    assert len(encoded.ids) == 32
    assert model(input_ids=torch.tensor([encoded.ids])).logits.isfinite().all()
