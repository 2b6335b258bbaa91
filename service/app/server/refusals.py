"""Responses to requests that never reach the application, in the usual error format."""

from http import HTTPStatus

import msgspec

from service.core.ids import random_text
from service.errors import TunehouseError


def rendered(refusal: TunehouseError) -> tuple[str, bytes]:
    """Return a request id and the complete HTTP/1.1 response that carries it and closes the connection."""
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
