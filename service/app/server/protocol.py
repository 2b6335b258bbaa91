"""The api's connections: bounds from the settings, refusals in the usual error format."""

import structlog

from service.app.server.refusals import rendered
from service.errors import HeadersTooLarge, InvalidRequest, RequestTimeout, TunehouseError
from service.server.protocol import BoundedProtocol, ConnectionBounds, Refused
from service.settings import settings

log = structlog.get_logger(__name__)

_ERRORS: dict[int, type[TunehouseError]] = {431: HeadersTooLarge, 408: RequestTimeout}


class ApiProtocol(BoundedProtocol):
    """One connection to the api."""

    def bounds(self) -> ConnectionBounds:
        """The bounds that the settings name."""
        found = settings()
        return ConnectionBounds(
            found.max_header_bytes, found.max_headers, found.header_timeout_s, found.unread_timeout_s
        )

    def rendered(self, refused: Refused) -> bytes:
        """The refusal as the application would answer it."""
        error = _ERRORS.get(refused.status, InvalidRequest)(str(refused), code=refused.code)
        request_id, answer = rendered(error)
        log.info("request_refused", request_id=request_id, code=refused.code, client=self.client)
        return answer
