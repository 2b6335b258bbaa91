"""A form reads the same however its body is cut into pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.dataset.form import Form, FormError

BOUNDARY = "frontier"
CONTENT = b"\r\n--frontie\r\n--front\r\n\r\n" * 3
HEADERS = {"content-type": f'Multipart/Form-Data; charset=utf-8; boundary="{BOUNDARY}"'}


def part(name: str, content: bytes, more: str = "") -> bytes:
    return (
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
        + content
        + b"\r\n"
    )


BODY = part("file", CONTENT, '; filename="größe.jsonl"') + part("purpose", b"fine-tune") + b"--frontier--\r\n"


def read(pieces: list[bytes]) -> tuple[bytes, str | None, dict[str, str]]:
    """What a form has in its file, its file's name and its fields."""
    content = bytearray()
    form = Form(HEADERS, file_field="file", fields=("purpose",), limit_bytes=1000, sink=content.extend)
    for piece in pieces:
        form.feed(piece)
    fields = form.finish()
    return bytes(content), form.sent_filename, fields


@given(st.lists(st.integers(0, len(BODY)), max_size=12))
def test_the_cuts_between_pieces_do_not_matter(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(BODY)]
    pieces = [BODY[start:end] for start, end in pairwise(borders)]
    assert read(pieces) == (CONTENT, "größe.jsonl", {"purpose": "fine-tune"})


def test_bytes_after_the_form_are_ignored() -> None:
    assert read([BODY, b"\r\n", b"epilogue"]) == read([BODY + b"\r\nepilogue"]) == read([BODY])


@pytest.mark.parametrize("end", range(len(BODY) - len("--frontier--\r\n"), len(BODY) - 2))
def test_a_form_without_its_end_is_refused(end: int) -> None:
    with pytest.raises(FormError):
        read([BODY[:end]])


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            part("file", b"e30=", "\r\nContent-Transfer-Encoding: base64"),
            "Content-Transfer-Encoding 'base64'",
        ),
        (part("file", b"{}", "\r\nContent-Length: 3"), "Content-Length"),
        (part("file", b"{}", "\r\nX: " + "x" * 5000), "length"),
        (part("file", b"{}", "\r\nX: x" * 9), "count"),
        (part("purpose", b"x") * 40, "twice"),
        (b"preamble" + BODY, "Unexpected byte"),
    ],
)
def test_odd_parts_are_refused_with_the_reason(body: bytes, problem: str) -> None:
    with pytest.raises(FormError, match=problem):
        read([body + BODY])


@pytest.mark.parametrize("boundary", ["", "é", "x" * 201, '"'])
def test_boundaries_are_bounded(boundary: str) -> None:
    with pytest.raises(FormError, match="boundary"):
        Form(
            {"Content-Type": f"multipart/form-data; boundary={boundary}"},
            file_field="file",
            fields=(),
            limit_bytes=1,
            sink=len,
        )
