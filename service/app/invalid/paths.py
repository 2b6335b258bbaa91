"""What to change when a path is unknown: a wrong base URL, another client's paths, or a misspelt path."""

import re
from collections.abc import Collection

from service.app.invalid.near import nearest

_AZURE = re.compile(r"/openai/(v1|deployments|fine_tuning|files|models)\b.*")
_OLD = {
    "/v1/fine-tunes": "Fine-tunes are jobs now: use /v1/fine_tuning/jobs.",
    "/v1/engines": "Engines are models now: list them with /v1/models, and name one in the body as 'model'.",
    "/v1/edits": "Use /v1/chat/completions.",
}
_ABSENT = (
    "assistants",
    "audio",
    "batches",
    "embeddings",
    "evals",
    "images",
    "moderations",
    "threads",
    "vector_stores",
)


def hint(path: str, known: Collection[str]) -> str:
    """Return a sentence for an unknown path, starting with a space; `known` are the paths that exist."""
    if _AZURE.fullmatch(path):
        return (
            ' This is a path of Azure OpenAI. Use OpenAI(base_url="https://…/v1", api_key=…) instead of '
            "AzureOpenAI; the deployment is the 'model'."
        )
    if path.startswith("/v1/v1/"):
        return " The path has /v1 twice: end the base URL in /v1 once."
    if _matches(f"/v1{path}", known):
        return f" The path lacks /v1: end the base URL in /v1, or call /v1{path}."
    for old, text in _OLD.items():
        if path == old or path.startswith(f"{old}/"):
            return f" {text}"
    part = path.removeprefix("/v1/").partition("/")[0]
    if part in _ABSENT:
        return f" Tunehouse does not offer OpenAI's {part.replace('_', ' ')}."
    near = nearest(path, known)
    return f" Did you mean {near}?" if near else ""


def _matches(path: str, known: Collection[str]) -> bool:
    return any(re.fullmatch(re.sub(r"\\{.*?\\}", "[^/]+", re.escape(one)), path) for one in known)
