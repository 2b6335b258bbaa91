"""The database session of a request. The only file of the core that imports FastAPI."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from service.core.db import transaction


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
