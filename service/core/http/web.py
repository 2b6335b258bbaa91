"""What routes share: a request's database session, and the description of answers that are not JSON.

The only file of the core that imports FastAPI.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Request
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy.orm import Session

from service.core.db import reading, transaction

Endpoint = Callable[..., Any]


class Route(APIRoute):
    """A route whose endpoint runs and renders its answer in one turn of a thread.

    FastAPI takes a second thread to check the answer against its model, which an instance of it always fits,
    and renders it in the event loop.
    """

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        if not iscoroutinefunction(endpoint):
            endpoint = _in_one_thread(endpoint, options.get("status_code"))
        super().__init__(path, endpoint, **options)


def _in_one_thread(endpoint: Endpoint, status: int | None) -> Callable[..., Awaitable[Any]]:
    def answer(arguments: dict[str, Any]) -> Any:
        answered = endpoint(**arguments)
        if not isinstance(answered, BaseModel):
            return answered
        body = answered.model_dump_json(by_alias=True)
        return Response(body, status_code=status or 200, media_type="application/json")

    @wraps(endpoint)
    async def run(**arguments: Any) -> Any:
        return await run_in_threadpool(partial(answer, arguments))

    return run


async def request_session(request: Request) -> AsyncIterator[Session]:
    """Provide the request's session, committed after the route returns and before the response is sent.

    `IdempotentRoute` brings its own session, so that the stored answer commits with the work. A GET only
    reads.
    """
    shared: Session | None = getattr(request.state, "session", None)
    if shared is not None:
        yield shared
    elif request.method == "GET":
        with reading() as session:
            yield session
    else:
        async with contextmanager_in_threadpool(transaction()) as session:
            yield session


# Without `scope`, FastAPI runs the code after `yield` only once the response has been sent.
RequestSession = Annotated[Session, Depends(request_session, scope="function")]


async def report_session() -> AsyncIterator[Session]:
    """Provide a session that only reads, from the replica for reports if there is one."""
    with reading(reports=True) as session:
        yield session


ReportSession = Annotated[Session, Depends(report_session, scope="function")]


def rendered(answer: Mapping[str, Any]) -> Response:
    """Return a response of plain values, for lists of thousands: models would take twenty times as long."""
    return Response(msgspec.json.encode(answer), media_type="application/json")


def as_text(*media_types: str) -> dict[str, Any]:
    """Return the OpenAPI `content` of a response that is text in these media types."""
    return {media_type: {"schema": {"type": "string"}} for media_type in media_types}


def as_file(media_type: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of a route that answers with a file."""
    return {200: {"description": "The file.", "content": as_text(media_type)}}
