"""Say that a stopping process is not ready, refuse new requests, and track the ones that it must finish."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app.errors import answer
from service.core.drain import Drain
from service.errors import Unavailable

_ALWAYS = ("/healthz", "/metrics")
_READY = "/readyz"
_RETRY_AFTER_S = 1.0


class DrainGate:
    """Admit requests until the drain begins, then answer 503 with `Retry-After`.

    `/readyz` is refused as soon as the drain is announced, so that balancers stop sending requests before.

    If `waits_for_streams` is set, the drain waits for event streams as for any response. If not, the server
    ends them, because they may never end by themselves.
    """

    def __init__(self, app: ASGIApp, drain: Drain, *, waits_for_streams: bool) -> None:
        self.app = app
        self.drain = drain
        self.waits_for_streams = waits_for_streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self.app(scope, receive, send)
            return
        if self.drain.has_begun or (self.drain.is_announced and scope["path"] == _READY):
            refusal = Unavailable(
                "This process is shutting down. Send the request again; another process will answer it.",
                code="shutting_down",
                retry_after_s=_RETRY_AFTER_S,
            )
            await answer(refusal)(scope, receive, send)
            return
        with self.drain.running() as running:
            if self.waits_for_streams:
                await self.app(scope, receive, send)
                return

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start" and _is_event_stream(message):
                    running.leave()
                await send(message)

            await self.app(scope, receive, watched)


def _is_event_stream(start: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"text/event-stream") for name, value in start["headers"]
    )
