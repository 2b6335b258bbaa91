"""What routes share: a request's database session, and the description of answers that are not JSON.

The only file of the core that imports FastAPI.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from service.core.db import reading, transaction


def request_session(request: Request) -> Iterator[Session]:
    """Provide the request's session, committed after the route returns and before the response is sent.

    `IdempotentRoute` brings its own session, so that the stored answer commits with the work.
    """
    shared: Session | None = getattr(request.state, "session", None)
    if shared is not None:
        yield shared
        return
    with transaction() as session:
        yield session


# Without `scope`, FastAPI runs the code after `yield` only once the response has been sent.
RequestSession = Annotated[Session, Depends(request_session, scope="function")]


def report_session() -> Iterator[Session]:
    """Provide a session that only reads, from the replica for reports if there is one."""
    with reading() as session:
        yield session


ReportSession = Annotated[Session, Depends(report_session, scope="function")]


def as_text(*media_types: str) -> dict[str, Any]:
    """Return the OpenAPI `content` of a response that is text in these media types."""
    return {media_type: {"schema": {"type": "string"}} for media_type in media_types}


def as_file(media_type: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of a route that answers with a file."""
    return {200: {"description": "The file.", "content": as_text(media_type)}}
