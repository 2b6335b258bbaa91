"""The request fields of `/chat/completions` and `/completions`."""

from service.catalog.price import PriceKind
from service.gateway.fields.rules import (
    FREE,
    OURS,
    UNPRICED,
    Items,
    Object,
    ProviderState,
    Rule,
    Tags,
    Tier,
    Variants,
    WordList,
    free,
    ours,
)

_CACHE_BREAKPOINT = Object(free("mode", "ttl"), meter=PriceKind.CACHE_WRITE_TOKENS)
_PART: dict[str, Rule] = {"type": FREE, "prompt_cache_breakpoint": _CACHE_BREAKPOINT}

PARTS = Variants(
    "type",
    {
        "text": Object({**_PART, "text": FREE}),
        "refusal": Object({**_PART, "refusal": FREE}),
        "image_url": Object({**_PART, "image_url": Object(free("url", "detail"))}, is_media=True),
        "input_audio": Object(
            {**_PART, "input_audio": Object(free("data", "format"))},
            meter=PriceKind.AUDIO_INPUT_TOKENS,
            is_media=True,
        ),
        "file": Object(
            {
                **_PART,
                "file": Object(
                    {
                        **free("file_data", "filename"),
                        "file_id": ProviderState("Send the file itself in 'file_data'."),
                    }
                ),
            },
            is_media=True,
        ),
    },
)
_CONTENT = Items(PARTS)

_CALLS = Items(
    Variants(
        "type",
        {
            "function": Object(
                {**free("id", "type", "index"), "function": Object(free("arguments", "name"))}
            ),
            "custom": Object({**free("id", "type", "index"), "custom": Object(free("input", "name"))}),
        },
        missing="function",
    )
)

# `annotations` comes with answers, which callers send back as they are.
MESSAGES = Variants(
    "role",
    {
        "developer": Object({**free("role", "name"), "content": _CONTENT}),
        "system": Object({**free("role", "name"), "content": _CONTENT}),
        "user": Object({**free("role", "name"), "content": _CONTENT}),
        "assistant": Object(
            {
                **free("role", "name", "refusal", "annotations"),
                "content": _CONTENT,
                "audio": ProviderState("Send the text of the answer in 'content'."),
                "function_call": Object(free("arguments", "name")),
                "tool_calls": _CALLS,
            }
        ),
        "tool": Object({**free("role", "tool_call_id", "name"), "content": _CONTENT}),
        "function": Object({**free("role", "name"), "content": _CONTENT}),
    },
)

_FUNCTION = free("name", "description", "parameters", "strict")
_CUSTOM_FORMAT = Variants(
    "type",
    {
        "text": Object(free("type")),
        "grammar": Object({"type": FREE, "grammar": Object(free("definition", "syntax"))}),
    },
)

TOOLS = Variants(
    "type",
    {
        "function": Object({"type": FREE, "function": Object(_FUNCTION)}),
        "custom": Object(
            {"type": FREE, "custom": Object({**free("name", "description"), "format": _CUSTOM_FORMAT})}
        ),
    },
)

_NAMED = Object(free("name"))
_TOOL_CHOICE = Variants(
    "type",
    {
        "function": Object({"type": FREE, "function": _NAMED}),
        "custom": Object({"type": FREE, "custom": _NAMED}),
        "allowed_tools": Object({"type": FREE, "allowed_tools": Object(free("mode", "tools"))}),
    },
)

_RESPONSE_FORMAT = Variants(
    "type",
    {
        "text": Object(free("type")),
        "json_object": Object(free("type")),
        "json_schema": Object(
            {"type": FREE, "json_schema": Object(free("name", "description", "schema", "strict"))}
        ),
    },
)

_WEB_SEARCH = Object(
    {
        "search_context_size": FREE,
        "user_location": Object(
            {"type": FREE, "approximate": Object(free("city", "country", "region", "timezone"))}
        ),
    },
    meter=PriceKind.WEB_SEARCH_CALLS,
)

_STREAM_OPTIONS = Object({"include_usage": OURS, "include_obfuscation": FREE})

CHAT_FIELDS = Object(
    {
        **ours("model", "stream", "max_tokens", "max_completion_tokens", "n"),
        **free(
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "parallel_tool_calls",
            "presence_penalty",
            "prompt_cache_key",
            "prompt_cache_retention",
            "reasoning_effort",
            "safety_identifier",
            "seed",
            "stop",
            "temperature",
            "top_logprobs",
            "top_p",
            "user",
            "verbosity",
        ),
        "messages": Items(MESSAGES),
        "tools": Items(TOOLS),
        "functions": Items(Object(_FUNCTION)),
        "tool_choice": _TOOL_CHOICE,
        "function_call": _NAMED,
        "response_format": _RESPONSE_FORMAT,
        "prediction": Object({"type": FREE, "content": _CONTENT}),
        "stream_options": _STREAM_OPTIONS,
        "metadata": Tags(is_sent=False),  # OpenAI refuses them unless the answer is stored
        "service_tier": Tier(),
        "modalities": WordList(frozenset({"text"}), {"audio": PriceKind.AUDIO_OUTPUT_TOKENS}),
        "audio": Object(
            {"format": FREE, "voice": Object({"id": ProviderState("Choose a built-in voice.")})},
            meter=PriceKind.AUDIO_OUTPUT_TOKENS,
        ),
        "web_search_options": _WEB_SEARCH,
        "prompt_cache_options": Object(free("mode", "ttl"), meter=PriceKind.CACHE_WRITE_TOKENS),
        "moderation": UNPRICED,
        "store": ProviderState("Leave it out or send false; answers are not stored."),
    }
)

COMPLETION_FIELDS = Object(
    {
        **ours("model", "stream", "max_tokens", "n", "best_of"),
        **free(
            "prompt",
            "echo",
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "presence_penalty",
            "seed",
            "stop",
            "suffix",
            "temperature",
            "top_p",
            "user",
        ),
        "stream_options": _STREAM_OPTIONS,
    }
)
