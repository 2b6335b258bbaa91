"""Say a provider's message in our names. Pure.

Provider ids never leave the service: those we know become ours, those we do not become `…`.
"""

import re
from collections.abc import Mapping

# Tuned models first: they hold colons and an inner organisation. Then everything OpenAI and Azure prefix.
_PROVIDER_ID = re.compile(
    r"\bft:[\w.:-]*[\w-]"
    r"|\b[\w.-]+\.ft-[0-9a-f]{6,}(?::[\w-]+)*"
    r"|\b(?:ftjob|ftevent|ftchkpt|ftckpt|file|org|proj|upload|user|asst)[-_][A-Za-z0-9_-]{6,}"
)


def translate(message: str, names: Mapping[str, str]) -> str:
    """`message` with each provider id replaced by what `names` calls it, or by `…`."""
    return _PROVIDER_ID.sub(lambda found: names.get(found.group(), "…"), message)
