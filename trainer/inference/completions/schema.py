"""The body of `POST /completions`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trainer.engines.answers import UNSUPPORTED
from trainer.errors import bad_request
from trainer.inference import fields
from trainer.inference.fields import check_stream_options, refuse_unsupported


class CompletionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A list of prompts gives a choice for each; `suffix` is refused, `user` changes no answer."""

    model: fields.Model
    prompt: str | Annotated[list[str], Meta(min_length=1, max_length=128)]
    stream: bool | None = None
    stream_options: fields.StreamOptions | None = None
    n: fields.Choices = None
    best_of: fields.Choices = None
    echo: bool | None = None
    max_tokens: fields.Maximum = None
    stop: fields.Stop = None
    temperature: fields.Temperature = None
    top_p: fields.Share = None
    seed: int | None = None
    frequency_penalty: fields.Penalty = None
    presence_penalty: fields.Penalty = None
    logit_bias: fields.Bias = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None
    user: str | None = None
    suffix: Any = None


def check_completion(body: CompletionRequest) -> None:
    """Raise a 400 `ApiError` for what this server cannot do, and for fields that contradict each other."""
    refuse_unsupported(body, {"suffix": ("",)})
    check_stream_options(body.stream_options, stream=body.stream)
    if body.best_of is not None and body.best_of != (body.n or 1):
        message = "This trainer does not choose among more answers than it returns: 'best_of' must equal 'n'."
        raise bad_request(message, "best_of", UNSUPPORTED)
    if body.echo and body.logprobs is not None:
        message = "This trainer has no log probabilities of prompts: leave out 'echo' or 'logprobs'."
        raise bad_request(message, "echo", UNSUPPORTED)
