"""Reading requests and writing answers: bodies within their limits, typed JSON, cursors."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from trainer.errors import ApiError, bad_request, too_large, too_slow
from trainer.state import state_of

B = TypeVar("B")
_MAX_BRACKETED = 16
_PATH_IN_MESSAGE = re.compile(r" - at (?:`key` in )?`\$\.?(.*)`$")

_UNKNOWN = re.compile(r"contains unknown field `([^`]*)`")


def answer(body: object, status: int = 200) -> Response:
    """A JSON response."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def check_length(request: Request, limit_bytes: int) -> None:
    """Refuse a body by its `Content-Length`, before reading any of it; raises `ApiError`."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit():
        raise bad_request("The content-length header is not a number.")
    if int(announced) > limit_bytes:
        raise too_large(limit_bytes)


def check_encoding(request: Request) -> None:
    """Refuse a compressed body, which could unpack to more than any limit; raises a 415 `ApiError`."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        message = f"Content-Encoding {encoding[:40]!r} is not supported; send the plain body."
        raise ApiError(
            415, message, code="unsupported_content_encoding", headers={"accept-encoding": "identity"}
        )


async def read_body(request: Request) -> bytes:
    """The whole body; raises a 413, 415 or 408 `ApiError` for a long, compressed or slow one."""
    settings = state_of(request).core.settings
    check_encoding(request)
    check_length(request, settings.body_limit_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(settings.body_timeout_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > settings.body_limit_bytes:
                    raise too_large(settings.body_limit_bytes)
    except TimeoutError:
        raise too_slow(settings.body_timeout_s) from None
    return bytes(body)


async def blocks_of(request: Request) -> AsyncIterator[bytes]:
    """The body as it arrives; raises a 408 `ApiError` after too long a pause."""
    timeout_s = state_of(request).core.settings.body_timeout_s
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                block = await anext(stream, None)
        except TimeoutError:
            raise too_slow(timeout_s) from None
        if block is None:
            return
        yield block


async def read_json(request: Request, kind: type[B]) -> B:
    """The body as `kind`; raises a 400 `ApiError` that names the field."""
    body = await read_body(request)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        text = str(error)
        found = _PATH_IN_MESSAGE.search(text)
        message = _PATH_IN_MESSAGE.sub("", text)
        param = found.group(1) if found and found.group(1) else None
        if missing := re.search(r"missing required field `(\w+)`", text):
            param = missing.group(1)
            message = f"you must provide a {param} parameter"
        if unknown := _UNKNOWN.search(text):
            param = f"{param}.{unknown.group(1)}" if param else unknown.group(1)
            raise bad_request(f"Unknown parameter: '{param}'.", param, "unknown_parameter") from error
        raise bad_request(message if param is None else f"Invalid '{param}': {message}", param) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(
            "We could not parse the JSON body of your request: it is not valid JSON."
        ) from error


def read_limit(request: Request, default: int, maximum: int) -> int:
    """The `limit` of a page; raises a 400 `ApiError` outside 1..maximum."""
    text = request.query_params.get("limit")
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= maximum:
        raise bad_request(f"Invalid 'limit': {text!r} is not an integer from 1 to {maximum}.", "limit")
    return int(text)


def read_after(request: Request) -> str | None:
    """The cursor of a page, None at its start."""
    return request.query_params.get("after") or None


def bracketed(request: Request, name: str) -> dict[str, Any]:
    """Query parameters of the form `name[key]=value`; raises a 400 `ApiError` for too many."""
    pattern = re.compile(re.escape(name) + r"\[(.*)\]")
    found = {
        m.group(1): value for key, value in request.query_params.items() if (m := pattern.fullmatch(key))
    }
    if len(found) > _MAX_BRACKETED:
        raise bad_request(f"At most {_MAX_BRACKETED} pairs of '{name}' can be asked for.", name)
    return found
