"""One Lua script in Valkey, run repeatedly over one connection.

redis-py's client does for each command what is needed once: pick a connection, wrap, retry, decode. Below it,
its connection knows addresses, TLS and passwords, and that is all that is used here.
"""

import hashlib
from collections.abc import Sequence

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError

from service.core.broker.redis_clients import async_pool, close_pool
from service.settings.redis import RedisAddress


class Script:
    """A script that returns one text. Only one `run` may be in progress at a time."""

    def __init__(self, source: str, address: RedisAddress, timeout_s: float) -> None:
        self._source = source
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        self._pool = async_pool(address, timeout_s)
        self._connection: AbstractConnection | None = None

    async def run(self, keys: Sequence[str], arg: str) -> bytes:
        """Return the script's answer. Raises redis-py's `RedisError`, or `OSError`."""
        try:
            return await self._command("EVALSHA", self._sha, len(keys), *keys, arg)
        except NoScriptError:  # a restarted server has forgotten it
            return await self._command("EVAL", self._source, len(keys), *keys, arg)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            await self._connection.disconnect()
        await close_pool(self._pool)

    async def _command(self, *words: str | int) -> bytes:
        if self._connection is None:
            self._connection = self._pool.make_connection()  # type: ignore[no-untyped-call]  # redis lacks this type
        connection = self._connection
        try:
            if not connection.is_connected:
                await connection.connect()
            await connection.send_packed_command(connection.pack_command(*words))
            answer: bytes = await connection.read_response()
        except NoScriptError:
            raise
        except BaseException:
            # An answer that comes late would be taken for the next one's.
            await connection.disconnect(nowait=True)
            raise
        return answer
