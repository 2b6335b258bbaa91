"""Count tokens exactly, including a chat's framing.

A message counts as in OpenAI's cookbook (`Chat_finetuning_data_prep.ipynb`): 3 framing tokens, its role, its
texts, and its name plus 1. A conversation ends with 3 more, which open the reply. A tool call counts as its
name, its arguments and 3 framing tokens.
"""

from collections.abc import Sequence

import toktok  # type: ignore[import-untyped]  # ships annotations but no py.typed

TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_PER_CALL = 3
TOKENS_PER_REPLY = 3
TOKENS_PER_ROLE = 1  # every role's name is one token in every encoding here; a test holds this

CHAT_ENCODING = "o200k_base"
COMPLETION_ENCODING = "cl100k_base"


def count(texts: Sequence[str], encoding: str, *, threads: int = 1) -> list[int]:
    """Return the tokens of each text; special tokens such as `<|endoftext|>` count as ordinary text.

    Half a surrogate pair counts as a replacement character. Raises `KeyError` for an unknown encoding.
    """
    try:
        counts: list[int] = toktok.batch_count(texts, encoding, threads=threads)
    except UnicodeEncodeError:
        whole = [text.encode("utf-8", "replace").decode() for text in texts]
        counts = toktok.batch_count(whole, encoding, threads=threads)
    return counts


def framing(*, has_name: bool = False, calls: int = 0) -> int:
    """Return the tokens of one message in addition to its texts."""
    marks = TOKENS_PER_MESSAGE + TOKENS_PER_ROLE + TOKENS_PER_CALL * calls
    return marks + TOKENS_PER_NAME if has_name else marks
