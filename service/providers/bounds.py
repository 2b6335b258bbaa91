"""Bounds on what a provider may answer: bytes, structure and encoding, for the worker and the gateway alike.

Parsing multiplies an answer: in JSON, `{},` is three bytes on the wire and over 70 in memory. So an answer is
bounded twice before it is parsed, by its bytes and by its marks, the brackets, braces and colons in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MAX_DEPTH = 64  # of nested JSON; jobs and events need six levels, graders a few more


class AnswerRefused(ValueError):
    """The provider's answer breaks a bound; the message says which."""


@dataclass(frozen=True)
class Bound:
    """The largest answer of one kind, in bytes and in marks."""

    size_bytes: int
    marks: int

    def check(self, content: bytes | bytearray) -> None:
        """Raise `AnswerRefused` when parsing `content` would take more memory than its kind may."""
        self.check_size(len(content))
        if len(content) <= self.marks:
            return
        if sum(content.count(mark) for mark in (b"{", b"[", b":")) > self.marks:
            raise AnswerRefused(f"The provider's answer has more than {self.marks:,} JSON values.")

    def check_size(self, size_bytes: int) -> None:
        """Raise `AnswerRefused` when an answer of so many bytes is too large for its kind."""
        if size_bytes > self.size_bytes:
            raise AnswerRefused(f"The provider's answer is larger than {self.size_bytes:,} bytes.")


OBJECT = Bound(2 * 2**20, 50_000)  # a job with its graders, a file, an upload
PAGE = Bound(4 * 2**20, 100_000)  # 100 jobs, events or checkpoints, 1,000 files, all models
INFERENCE = Bound(8 * 2**20, 500_000)  # 16,000 tokens with five log probabilities each
REFUSAL = Bound(2**20, 20_000)

# Informational answers (1xx) come before the real one, and HTTP does not bound them.
MAX_INTERIM_ANSWERS = 16


def check_encoding(headers: Mapping[str, str]) -> None:
    """Raise `AnswerRefused` for a compressed answer: all requests ask for `identity`.

    200 KB of gzip can unpack to 200 MB.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise AnswerRefused(
            f"The provider's answer is compressed ({encoding[:40]!r}); we asked for identity."
        )
