"""Take out of a provider's words what must not leave the service."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

Clean = Callable[[str], str]

_LONGEST_MESSAGE = 4000
_LONGEST_SECRET = 1000
_PUBLIC_HOST = "api.openai.com"

# The look-behind spares model names such as `ft:gpt-4o:my-org-name:…`, which hold an "org-" of their own.
_MASKS = (
    (re.compile(r"(?<![\w:-])org-[A-Za-z0-9]{3,}"), "[organization]"),
    (re.compile(r"(?<![\w:-])proj_[A-Za-z0-9]{3,}"), "[project]"),
    (re.compile(r"(?<![\w:-])user-[A-Za-z0-9]{10,}"), "[user]"),
    (re.compile(r"(?<![\w-])(?:sk-|whsec_|Bearer )[\w*+/=.-]{3,}"), "[key]"),
)

_THEIR_IDS = re.compile(
    r"(?<![\w-])(?:"
    r"(?P<file>(?:assistant-|file-|upload_)(?:[\w-]{12,}|(?=\w*[\dA-Z])\w{3,}))"
    r"|(?P<job>ftjob-\w+)"
    r"|(?P<checkpoint>(?:ftckpt[_-]|ftchkpt-)\w+)"
    r"|(?P<event>ftevent-\w+)"
    r"|(?P<theirs>ft-[0-9a-f][\w-]{11,}(?::\d+)?|accounts/(?!fireworks/)[\w-]+/\w+/[\w-]+)"
    r"|(?P<model>ft:[\w.:-]*\w|[\w.-]+\.ft-[\w:-]*\w)"
    r")"
)


def make_clean(secrets: Iterable[str], base_url: str) -> Clean:
    """A function that masks these secrets, a private host, organisations, projects, users and keys in text.

    It also cuts the text to 4,000 characters. Ids of provider objects stay: see `rename_ids`.
    """
    host = urlsplit(base_url).netloc
    literals = {secret: "[key]" for secret in secrets if secret}
    if host and host != _PUBLIC_HOST:
        literals[host] = "[provider]"

    def clean(text: str) -> str:
        # Cut after masking too: half a secret at the first cut would not be recognised.
        text = text[: _LONGEST_MESSAGE + _LONGEST_SECRET]
        for literal, mask in literals.items():
            text = text.replace(literal, mask)
        for pattern, mask in _MASKS:
            text = pattern.sub(mask, text)
        return text[:_LONGEST_MESSAGE]

    return clean


def clean_strings(value: Any, clean: Clean) -> Any:
    """The same JSON value with every string in it cleaned, keys included."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_strings(item, clean) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean_strings(item, clean) for key, item in value.items()}
    return value


def rename_ids(text: str, ours: Mapping[str, str]) -> str:
    """The text with the provider's ids replaced by ours, or masked (`[file]`, `[model]`) where unknown.

    Every message of a provider goes through this before a team sees it.
    """

    def rename(match: re.Match[str]) -> str:
        return ours.get(match.group(0)) or f"[{match.lastgroup or 'id'}]"

    # Making a pattern takes longer than the rest of a poll's words, and most of them name nothing.
    named = sorted((theirs for theirs in ours if theirs in text), key=len, reverse=True)
    known = "|".join(rf"(?<![\w-]){re.escape(theirs)}(?![\w-])" for theirs in named)
    pattern = re.compile(f"{_THEIR_IDS.pattern}|{known}") if known else _THEIR_IDS
    return pattern.sub(rename, text)
