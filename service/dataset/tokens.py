"""Exact token counts, and which encoding a model reads with. Pure.

A message costs what the OpenAI cookbook's notebook counts (`Chat_finetuning_data_prep.ipynb`): 3 tokens
of marks, its role, its content, its name plus 1; each example ends with 3 more that open the reply.
"""

from collections.abc import Sequence

import toktok  # type: ignore[import-untyped]  # ships annotations but no py.typed

TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_PER_REPLY = 3
TOKENS_PER_ROLE = 1  # every role's name is one token in every encoding here; a test holds this

CHAT_ENCODING = "o200k_base"
COMPLETION_ENCODING = "cl100k_base"

# Longest prefix wins. tiktoken's own table is not used: it takes `ft:gpt-4.1-mini…` for `ft:gpt-4`.
_BY_PREFIX = {
    "gpt-4": "cl100k_base",
    "gpt-4o": "o200k_base",
    "gpt-4.1": "o200k_base",
    "gpt-4.5": "o200k_base",
    "gpt-5": "o200k_base",
    "gpt-oss": "o200k_harmony",
    "gpt-3.5": "cl100k_base",
    "gpt-35": "cl100k_base",
    "chatgpt-4o": "o200k_base",
    "o1": "o200k_base",
    "o3": "o200k_base",
    "o4": "o200k_base",
    "davinci-002": "cl100k_base",
    "babbage-002": "cl100k_base",
    "text-embedding-3": "cl100k_base",
    "qwen": "qwen3.5",
}


def base_of(model: str) -> str:
    """The base model's name: `ft:{base}:{org}:{suffix}:{id}` without its wrapping."""
    return model.removeprefix("ft:").split(":")[0]


def encoding_of(model: str) -> str | None:
    """The encoding that `model`, tuned or not, reads with; None when it is not known."""
    base = base_of(model).lower()
    prefixes = [prefix for prefix in _BY_PREFIX if base.startswith(prefix)]
    return _BY_PREFIX[max(prefixes, key=len)] if prefixes else None


def count(texts: Sequence[str], encoding: str, *, threads: int = 1) -> list[int]:
    """Tokens in each text, marks such as `<|endoftext|>` read as ordinary text.

    Raises `UnicodeEncodeError` for a lone surrogate; what came out of JSON checked here has none.
    """
    counts: list[int] = toktok.batch_count(texts, encoding, threads=threads)
    return counts
