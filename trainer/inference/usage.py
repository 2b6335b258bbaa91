"""Token counts as the two families of endpoints show them; nothing is ever cached here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainer.engines.answers import EngineAnswer


def chat_usage(asked: Sequence[EngineAnswer], answered: Sequence[EngineAnswer]) -> dict[str, Any]:
    """`usage` of chat and legacy completions: each prompt counts once, every choice counts."""
    prompt_tokens = sum(answer.prompt_tokens for answer in asked)
    completion_tokens = sum(answer.completion_tokens for answer in answered)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def responses_usage(answer: EngineAnswer) -> dict[str, Any]:
    """`usage` of a response."""
    return {
        "input_tokens": answer.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": answer.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    }
