"""The door: check the headers, then the key, read the body, wait for a turn, then call the application.

While it waits for a client, a request holds nothing that requests share: no thread, connection, lock or turn.
"""

import re
from collections.abc import Mapping

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app.edge import headers as heads
from service.app.edge.bodies import Bodies, as_json, refuse_repeated_fields
from service.app.edge.headers import Headers
from service.app.edge.turns import Turns
from service.app.errors import answer
from service.app.invalid.query_names import refuse_any
from service.core.http.in_flight import InFlight
from service.errors import TunehouseError, Unauthenticated
from service.settings import settings
from service.teams.access import NO_KEY, TEAM_HEADER, Caller, authenticate
from service.teams.known import KnownCallers

# A request uses one thread at a time. There are more threads than turns, so that a request that holds a row
# always gets a thread to finish with, however many others wait for that row.
AT_ONCE = 32
THREADS = 64
STRANGERS_AT_ONCE = 64  # requests without a key, for each public address
_ALIVE = "/healthz"
_PUBLIC = re.compile(r"/(readyz|status|metrics|openapi\.json|docs(/.*)?|webhooks/[^/]+)")
# JSON values of a body: jobs with graders have hundreds, a prompt of a million tokens of code 500,000.
_MOST_VALUES = 50_000
_MOST_VALUES_OF_INFERENCE = 500_000
_JSON = (b"content-type", b"application/json")


class Door:
    """Admits requests to the application, one layer for all routes but inference."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        turns: Turns,
        in_flight: InFlight,
        bodies: Bodies,
        uploads: Mapping[str, Bodies],
        callbacks: Bodies,
    ) -> None:
        """`uploads` maps path patterns to readers; `callbacks` reads bodies of routes without a key."""
        self._app = app
        self._bodies = bodies
        self._callbacks = callbacks
        self._uploads = {re.compile(path): reader for path, reader in uploads.items()}
        self._in_flight = in_flight
        self._turns = turns
        self._known: KnownCallers[Caller] = KnownCallers(settings().inference_cache_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == _ALIVE:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        try:
            headers = heads.read_headers(scope)
            heads.check_target(scope)
            if _PUBLIC.fullmatch(scope["path"]):
                await self._admit_stranger(scope, headers, receive, send)
            else:
                await self._admit(scope, headers, receive, send)
        except TunehouseError as refusal:
            await answer(refusal)(scope, receive, send)

    async def _admit_stranger(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        body = await self._callbacks.whole(headers, receive) if heads.has_body(headers) else b""
        owner = stranger_at(scope["path"])
        with self._in_flight.entered(owner, STRANGERS_AT_ONCE):
            await run_in_turn(self._app, self._turns, owner, scope, replayed(body, receive), send)

    async def _admit(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        caller = await self._caller(headers)
        scope["state"] |= {"caller": caller, "recheck": lambda: self._caller(headers)}
        structlog.contextvars.bind_contextvars(key_id=caller.key_id, team_id=caller.team_id)
        owner = caller.counted_as
        with self._in_flight.entered(owner, caller.most_in_flight):
            upload = self._upload(scope)
            if upload is not None:
                await self._app(scope, upload.paced(headers, receive), send)
                return
            body = b""
            if heads.has_body(headers):
                body = as_json(await self._bodies.whole(headers, receive), _MOST_VALUES)
                refuse_repeated_fields(body)
                scope = {**scope, "headers": _as_json_headers(scope)}
            await run_in_turn(self._app, self._turns, owner, scope, replayed(body, receive), send)

    async def _caller(self, headers: Headers) -> Caller:
        """Return the sender of the request. Raises `Unauthenticated`."""
        scheme, _, rest = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        secret = rest.strip() if scheme.lower() == "bearer" else ""
        if not secret and b"api-key" in headers:
            raise Unauthenticated(
                "The key came in the header 'api-key', as AzureOpenAI sends it. Use OpenAI(base_url=…, "
                "api_key=…), which sends 'Authorization: Bearer th-…'."
            )
        if not secret:
            raise Unauthenticated(NO_KEY)
        named = headers.get(TEAM_HEADER.encode())
        team = named.decode("latin-1") if named is not None else None
        return await self._known.find(secret, team, lambda: authenticate(secret, team))

    def _upload(self, scope: Scope) -> Bodies | None:
        if scope["method"] != "POST":
            return None
        return next((reader for path, reader in self._uploads.items() if path.fullmatch(scope["path"])), None)


def stranger_at(path: str) -> str:
    """Return whose requests one without a key counts as.

    Each public address has a bound of its own, so that a flood of one of them leaves the others open: a load
    balancer can still ask for `/readyz`.
    """
    return f"(no key) {path.split('/')[1]}"


async def run_in_turn(
    app: ASGIApp, turns: Turns, owner: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Call the application in a turn, which ends when the response starts, so that streams free it."""
    await turns.take(owner)
    has_turn = True

    def end_turn() -> None:
        nonlocal has_turn
        if has_turn:
            has_turn = False
            turns.give_back(owner)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            end_turn()
        await send(message)

    try:
        await app(scope, receive, sending)
    finally:
        end_turn()


class InferenceDoor:
    """The door of the inference routes, which authenticate the caller before they read the body."""

    def __init__(self, app: ASGIApp, bodies: Bodies) -> None:
        self._app = app
        self._bodies = bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = heads.read_headers(scope)
            refuse_any(scope["query_string"], f"{scope['method']} {scope['path']}")
        except TunehouseError as refusal:
            await answer(refusal)(scope, receive, send)
            return
        await self._app(scope, self._bodies.lazily_whole(headers, receive, _MOST_VALUES_OF_INFERENCE), send)


def _as_json_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the request's headers with the type and encoding replaced: the body is plain JSON now."""
    kept = [header for header in scope["headers"] if header[0] not in (b"content-type", b"content-encoding")]
    return [*kept, _JSON]


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields the body, then the messages of the connection."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
