"""What has no weight has no gradient, and what is trained is exactly what the assistant said."""

import torch
from transformers import AutoModelForCausalLM

from tests.train.tiny import CONTEXT, make_tokenizer
from trainer.engines.transformers.data.encode import Encoder
from trainer.engines.transformers.data.pack import Pack, PackWriter, Sequence
from trainer.engines.transformers.objectives import supervised

CHAT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Is the lamp warm?"},
    {"role": "assistant", "content": "It is cold.", "weight": 0},
    {"role": "user", "content": "退货需要多长时间？"},
    {"role": "assistant", "content": "七天之内。"},
]


def said(encoder: Encoder, sequence: Sequence) -> str:
    kept = [i for i, weight in zip(sequence.ids, sequence.weights, strict=True) if weight]
    return str(encoder.tokenizer.decode(kept))


def test_loss_is_taken_on_weighted_answers_with_their_end_and_on_nothing_else() -> None:
    encoder = Encoder(make_tokenizer(), CONTEXT)
    (sequence,) = encoder.chat(CHAT)
    assert said(encoder, sequence) == "七天之内。<|end|>"
    (both,) = encoder.chat([{k: v for k, v in m.items() if k != "weight"} for m in CHAT])
    assert said(encoder, both) == "It is cold.<|end|>七天之内。<|end|>"


def test_a_template_that_rewrites_earlier_turns_gives_each_trained_turn_its_own_sequence() -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}<|{{ m.role }}|>"
        "{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}{{ m.content }}<|end|>"
        "{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    encoder = Encoder(tokenizer, CONTEXT)
    sequences = encoder.chat([{k: v for k, v in m.items() if k != "weight"} for m in CHAT])
    assert [said(encoder, one) for one in sequences] == [
        "<think></think>It is cold.<|end|>",
        "<think></think>七天之内。<|end|>",
    ]


def test_tools_and_calls_stand_in_the_template_where_the_model_has_them() -> None:
    encoder = Encoder(make_tokenizer(), CONTEXT)
    tools = [{"type": "function", "function": {"name": "find_price", "parameters": {}}}]
    call = {"id": "c1", "type": "function", "function": {"name": "find_price", "arguments": '{"of": "lamp"}'}}
    (sequence,) = encoder.chat(
        [{"role": "user", "content": "Price?"}, {"role": "assistant", "tool_calls": [call]}], tools
    )
    text = str(encoder.tokenizer.decode(sequence.ids))
    assert text.startswith("<s><|tools|>")
    assert '{"name": "find_price", "arguments": {"of": "lamp"}}' in text
    assert said(encoder, sequence).startswith("<|call|>")


def test_tokens_of_weight_zero_have_no_gradient(bases: list[str], tmp_path) -> None:
    model = AutoModelForCausalLM.from_pretrained(bases[0].partition("=")[2]).train()
    (sequence,) = Encoder(make_tokenizer(), CONTEXT).chat(CHAT)
    writer = PackWriter()
    writer.add(sequence)
    writer.write(tmp_path / "pack")
    batch = Pack(tmp_path / "pack", 1).batch([0], pad_id=0)
    seen = []
    model.lm_head.register_full_backward_hook(lambda _, __, gradients: seen.append(gradients[0]))
    supervised(model, batch).loss.backward()
    strength = seen[0][0].abs().sum(-1)
    predicts = torch.tensor([*sequence.weights[1:], 0], dtype=torch.bool)
    assert (strength[~predicts] == 0).all()
    assert (strength[predicts] > 0).all()
    assert predicts.sum() > 3
