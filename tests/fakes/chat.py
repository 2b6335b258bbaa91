"""The answer of a served model, whole or as a stream: OpenAI's chat completions, with made-up words."""

import json
import time
import uuid
from typing import Any

from tests.fakes.server import Reply, Request

WORDS = ("Warm", " water", ".")
USAGE = {"prompt_tokens": 5, "completion_tokens": len(WORDS), "total_tokens": 5 + len(WORDS)}


def chat_reply(request: Request) -> Any:
    """What `POST …/chat/completions` answers."""
    body = request.json
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": body["model"]}
    if not body.get("stream"):
        message = {"role": "assistant", "content": "".join(WORDS)}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return head | {"object": "chat.completion", "choices": [choice], "usage": USAGE}
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}]}
        for word in WORDS
    ]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({"choices": [], "usage": USAGE})
    events = [json.dumps(head | {"object": "chat.completion.chunk"} | chunk) for chunk in chunks]
    lines = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"])
    return Reply(lines.encode(), headers={"Content-Type": "text/event-stream"})
