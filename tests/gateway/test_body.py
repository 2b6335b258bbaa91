"""Requests are taken apart without touching what they say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.gateway.dialects.choices import CHAT, COMPLETIONS

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
READ = {"model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "best_of"}
OTHERS = st.dictionaries(st.text().filter(lambda name: name not in READ), VALUES, max_size=6)


@given(others=OTHERS, ascii_only=st.booleans())
def test_everything_but_the_model_arrives_as_it_was(others: dict[str, object], ascii_only: bool) -> None:
    body = json.dumps({"model": "ours"} | others, ensure_ascii=ascii_only)
    try:
        raw = body.encode()
    except UnicodeEncodeError:
        return
    sent = json.loads(CHAT.write(CHAT.ask(raw), "theirs"))
    assert sent == {"model": "theirs"} | json.loads(raw) | {"model": "theirs"}


def test_values_keep_their_very_bytes() -> None:
    body = b'{"model":"a","seed":1e2,"messages":[ {"role":"user","content":"\\u4e2d\\/"} ]}'
    sent = CHAT.write(CHAT.ask(body), "b")
    assert b'"seed":1e2' in sent
    assert b'[ {"role":"user","content":"\\u4e2d\\/"} ]' in sent


@pytest.mark.parametrize(
    "body",
    [b'{"model":"a","model":"b"}', b'{"\\u006dodel":"a","model":"b"}', b'{"model":"a","m\\u006fdel":"b"}'],
)
def test_a_model_named_twice_is_the_last_one_for_us_and_for_the_provider(body: bytes) -> None:
    asked = CHAT.ask(body)
    assert asked.model == "b"
    assert CHAT.write(asked, "theirs").count(b"theirs") == 1
    assert json.loads(CHAT.write(asked, "theirs")) == {"model": "theirs"}


def test_a_model_deep_inside_is_left_alone() -> None:
    body = b'{"model":"a","metadata":{"model":"a"},"messages":[{"model":"a"}]}'
    assert json.loads(CHAT.write(CHAT.ask(body), "b")) == {
        "model": "b",
        "metadata": {"model": "a"},
        "messages": [{"model": "a"}],
    }


def test_a_stream_is_asked_for_its_usage_and_other_options_stay() -> None:
    body = b'{"model":"a","stream":true,"stream_options":{"include_obfuscation":false}}'
    asked = CHAT.ask(body)
    assert not asked.wants_usage
    options = json.loads(CHAT.write(asked, "b"))["stream_options"]
    assert options == {"include_obfuscation": False, "include_usage": True}


def test_without_a_stream_nothing_is_added() -> None:
    assert "stream_options" not in json.loads(CHAT.write(CHAT.ask(b'{"model":"a"}'), "b"))


def test_every_prompt_and_every_try_of_a_completion_counts() -> None:
    assert COMPLETIONS.ask(b'{"model":"a","prompt":["x","y","z"],"n":2,"best_of":4}').answers == 12
    assert COMPLETIONS.ask(b'{"model":"a","prompt":[1,2,3]}').answers == 1
    assert COMPLETIONS.ask(b'{"model":"a","prompt":"x"}').answers == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"null", None),
        (b'{"messages":[]}', "model"),
        (b'{"model":5}', "model"),
        (b'{"model":"a","n":0}', "n"),
        (b'{"model":"a","stream":"yes"}', "stream"),
        (b'{"model":"a","max_tokens":-1}', "max_tokens"),
        (b'{"model":"a","max_tokens":1.5}', "max_tokens"),
        (b'{"model":"\\ud800"}', None),
        (b'{"model":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None),
        (b"\xff\xfe", None),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        CHAT.ask(body)
    assert refused.value.param == param
