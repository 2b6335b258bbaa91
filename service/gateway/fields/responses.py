"""The request fields of `/responses`."""

from service.catalog.price import PriceKind
from service.gateway.fields.rules import (
    FREE,
    UNPRICED,
    Items,
    Object,
    ProviderState,
    Rule,
    Tags,
    Tier,
    Variants,
    free,
    ours,
)

_CACHE_BREAKPOINT = Object(free("mode", "ttl"), meter=PriceKind.CACHE_WRITE_TOKENS)
_PART: dict[str, Rule] = {"type": FREE, "prompt_cache_breakpoint": _CACHE_BREAKPOINT}
_IMAGE_FILE = ProviderState("Send the image in 'image_url'.")
_CONTAINER = ProviderState("Containers of the provider are shared by all teams: use {'type': 'auto'}.")

PARTS = Variants(
    "type",
    {
        "input_text": Object({**_PART, "text": FREE}),
        "input_image": Object(
            {
                **_PART,
                **free("detail", "image_url"),
                "file_id": _IMAGE_FILE,
            },
            is_media=True,
        ),
        "input_file": Object(
            {
                **_PART,
                **free("detail", "file_data", "file_url", "filename"),
                "file_id": ProviderState("Send the file in 'file_data' or 'file_url'."),
            },
            is_media=True,
        ),
        "input_audio": Object(
            {**_PART, "input_audio": Object(free("data", "format"))},
            meter=PriceKind.AUDIO_INPUT_TOKENS,
            is_media=True,
        ),
        "output_text": Object(free("type", "text", "annotations", "logprobs")),
        "refusal": Object(free("type", "refusal")),
    },
)
_CONTENT = Items(PARTS)

_CALLABLE: dict[str, Rule] = free(
    "type", "name", "description", "async", "allowed_callers", "defer_loading", "output_schema"
)
_FUNCTION = Object({**_CALLABLE, **free("parameters", "strict")})
_CUSTOM = Object({**_CALLABLE, "format": Object(free("type", "definition", "syntax"))})
_WEB_SEARCH = Object(
    {
        **free("type", "external_web_access", "search_context_size", "search_content_types"),
        "filters": Object(free("allowed_domains")),
        "user_location": Object(free("type", "city", "country", "region", "timezone")),
    },
    meter=PriceKind.WEB_SEARCH_CALLS,
)

TOOLS = Variants(
    "type",
    {
        "function": _FUNCTION,
        "custom": _CUSTOM,
        "namespace": Object(
            {
                **free("type", "name", "description"),
                "tools": Items(Variants("type", {"function": _FUNCTION, "custom": _CUSTOM})),
            }
        ),
        "tool_search": Object(free("type", "description", "execution", "parameters")),
        # The caller runs these; the model only says what to do.
        "computer": Object(free("type")),
        "computer_use_preview": Object(free("type", "display_height", "display_width", "environment")),
        "local_shell": Object(free("type")),
        "apply_patch": Object(free("type", "allowed_callers")),
        "shell": Object(
            {
                **free("type", "allowed_callers"),
                "environment": Variants(
                    "type",
                    {
                        "local": Object(free("type", "skills")),
                        "container_auto": UNPRICED,
                        "container_reference": _CONTAINER,
                    },
                ),
            },
            required=("environment",),
        ),
        "web_search": _WEB_SEARCH,
        "web_search_2025_08_26": _WEB_SEARCH,
        "web_search_preview": _WEB_SEARCH,
        "web_search_preview_2025_03_11": _WEB_SEARCH,
        "code_interpreter": Object(
            {
                **free("type", "allowed_callers"),
                "container": Object(
                    {
                        **free("type", "network_policy"),
                        "file_ids": ProviderState("Files of the provider are shared by all teams."),
                        "memory_limit": UNPRICED,
                    },
                    scalar=_CONTAINER,
                ),
            },
            meter=PriceKind.CODE_INTERPRETER_SESSIONS,
        ),
        "mcp": Object(
            {
                **free(
                    "type",
                    "server_label",
                    "server_description",
                    "server_url",
                    "allowed_callers",
                    "allowed_tools",
                    "authorization",
                    "connector_id",
                    "defer_loading",
                    "headers",
                    "require_approval",
                ),
                "tunnel_id": ProviderState("Name the server in 'server_url'."),
            },
            meter=PriceKind.MCP_CALLS,
        ),
        "file_search": ProviderState("Search your documents yourself and send what you found in 'input'."),
        "image_generation": UNPRICED,
        "programmatic_tool_calling": UNPRICED,
    },
)

_CALL = free("type", "id", "call_id", "status", "caller")
_OUTPUT: dict[str, Rule] = {**_CALL, "name": FREE, "namespace": FREE, "output": _CONTENT}

ITEMS = Variants(
    "type",
    {
        "message": Object(
            {**free("type", "id", "role", "status", "phase"), "content": _CONTENT},
            required=("content",),  # without it, an id would refer to a stored item
        ),
        "reasoning": Object(free("type", "id", "status", "summary", "content", "encrypted_content")),
        "compaction": Object(free("type", "id", "encrypted_content")),
        "compaction_trigger": Object(free("type", "id")),
        "function_call": Object({**_CALL, **free("name", "namespace", "arguments", "async")}),
        "function_call_output": Object(_OUTPUT),
        "custom_tool_call": Object({**_CALL, **free("name", "namespace", "input", "async")}),
        "custom_tool_call_output": Object(_OUTPUT),
        "tool_search_call": Object({**_CALL, **free("arguments", "execution")}),
        "tool_search_output": Object({**_CALL, "execution": FREE, "tools": Items(TOOLS)}),
        "additional_tools": Object({**free("type", "id", "role"), "tools": Items(TOOLS)}),
        "configuration_update": Object(
            {**free("type", "id"), "reasoning": Object(free("effort")), "text": Object(free("format"))}
        ),
        "computer_call": Object({**_CALL, **free("pending_safety_checks", "action", "actions")}),
        "computer_call_output": Object(
            {
                **_CALL,
                "acknowledged_safety_checks": FREE,
                "output": Object(
                    {**free("type", "image_url"), "file_id": _IMAGE_FILE},
                    is_media=True,
                ),
            }
        ),
        "local_shell_call": Object({**_CALL, "action": FREE}),
        "local_shell_call_output": Object({**_CALL, "output": FREE}),
        "shell_call": Object(
            {
                **_CALL,
                "action": FREE,
                "environment": Variants(
                    "type", {"local": Object(free("type", "skills")), "container_reference": _CONTAINER}
                ),
            }
        ),
        "shell_call_output": Object({**_CALL, **free("output", "max_output_length")}),
        "apply_patch_call": Object({**_CALL, "operation": FREE}),
        "apply_patch_call_output": Object({**_CALL, "output": FREE}),
        "web_search_call": Object({**_CALL, "action": FREE}),
        "file_search_call": Object({**_CALL, **free("queries", "results")}),
        "mcp_list_tools": Object({**_CALL, **free("server_label", "tools", "error")}),
        "mcp_approval_request": Object({**_CALL, **free("server_label", "name", "arguments")}),
        "mcp_approval_response": Object({**_CALL, **free("approval_request_id", "approve", "reason")}),
        "mcp_call": Object(
            {**_CALL, **free("server_label", "name", "arguments", "approval_request_id", "error", "output")}
        ),
        "program": Object({**_CALL, **free("code", "fingerprint")}),
        "program_output": Object({**_CALL, "result": FREE}),
        "code_interpreter_call": _CONTAINER,
        "image_generation_call": ProviderState("Send the image in an 'input_image' part."),
        "item_reference": ProviderState("Send the whole conversation in 'input'."),
    },
    missing="message",
)

_FORMAT = Variants(
    "type",
    {
        "text": Object(free("type")),
        "json_object": Object(free("type")),
        "json_schema": Object(free("type", "name", "description", "schema", "strict")),
    },
)

_TOOL_CHOICE = Object(free("type", "name", "mode", "tools", "server_label"))
_STORED = ProviderState("Send the whole conversation in 'input'.")

RESPONSES_FIELDS = Object(
    {
        **ours("model", "stream", "max_output_tokens", "max_tool_calls", "store"),
        **free(
            "include",
            "instructions",
            "parallel_tool_calls",
            "prompt_cache_key",
            "prompt_cache_retention",
            "safety_identifier",
            "temperature",
            "top_logprobs",
            "top_p",
            "truncation",
            "user",
        ),
        "input": Items(ITEMS),
        "metadata": Tags(is_sent=True),  # the answer repeats them
        "tools": Items(TOOLS),
        "tool_choice": _TOOL_CHOICE,
        "text": Object({"format": _FORMAT, "verbosity": FREE}),
        "reasoning": Object(
            {**free("context", "effort", "generate_summary", "summary"), "mode": UNPRICED},
        ),
        "stream_options": Object(free("include_obfuscation")),
        "image": Object(free("context_compression")),
        "service_tier": Tier(),
        "prompt_cache_options": Object(
            {**free("mode", "ttl", "prewarm"), "comparison_response_id": _STORED},
            meter=PriceKind.CACHE_WRITE_TOKENS,
        ),
        "moderation": UNPRICED,
        "context_management": UNPRICED,
        "access_programs": UNPRICED,
        "previous_response_id": _STORED,
        "conversation": _STORED,
        "prompt": ProviderState("Send the prompt's text in 'instructions' or 'input'."),
        "background": ProviderState("Leave it out; Tunehouse does not run responses in the background."),
    }
)
