"""Answers to requests that never reach the application, in the shape of all other errors."""

from http import HTTPStatus

import msgspec

from service.core.ids import random_text
from service.errors import TunehouseError


def rendered(refusal: TunehouseError) -> tuple[str, bytes]:
    """A request id, and the whole answer as HTTP/1.1 that carries it and closes the connection."""
    request_id = f"req_{random_text(24)}"
    body = msgspec.json.encode({"error": refusal.as_wire()})
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        "x-request-id": request_id,
        **refusal.headers(),
    }
    lines = [f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return request_id, "\r\n".join([*lines, "", ""]).encode() + body
