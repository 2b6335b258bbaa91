"""Events are found wherever the network cuts the stream."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from service.gateway.sse import Splitter, data_of, with_data

EVENTS = st.sampled_from(
    [
        b'data: {"a":1}\n\n',
        b"event: x\ndata: 1\ndata: 2\n\n",
        b": a comment\n\n",
        b'data:{"b":2}\r\n\r\n',
        "data: 中文 é\n\n".encode(),
        b"data: [DONE]\n\n",
        b"data: x\r\r",
    ]
)


@given(events=st.lists(EVENTS, max_size=8), cuts=st.lists(st.integers(0, 200), max_size=12))
def test_any_cutting_gives_the_same_events(events: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(events)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    splitter = Splitter()
    found = [event for begin, end in pairwise(places) for event in splitter.feed(stream[begin:end])]
    assert found == events
    assert splitter.rest() == b""


def test_data_lines_are_joined_and_comments_have_none() -> None:
    assert data_of(b"event: x\ndata: 1\ndata:2\n\n") == b"1\n2"
    assert data_of(b'data: {"a":1}\n\n') == b'{"a":1}'
    assert data_of(b": keep-alive\n\n") is None
    assert data_of(b"data\n\n") == b""


def test_new_data_leaves_the_other_lines() -> None:
    assert with_data(b'event: x\nid: 7\ndata: {"a":1}\n\n', b"2") == b"event: x\nid: 7\ndata: 2\n\n"
    assert with_data(b'data: {"a":1}\n\n', b"2") == b"data: 2\n\n"
