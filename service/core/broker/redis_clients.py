"""Clients for Redis and Valkey. None retries by itself: a caller must not wait for a server that is away."""

from typing import Any

from redis import Redis, Sentinel
from redis.asyncio import ConnectionPool as AsyncConnectionPool
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import Sentinel as AsyncSentinel
from redis.asyncio.connection import SSLConnection as AsyncSSLConnection
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncSentinelPool
from redis.backoff import NoBackoff
from redis.retry import Retry

from service.settings.redis import RedisAddress


def redis_client(address: RedisAddress, timeout_s: float) -> Redis:
    """Return a client; connecting and each answer may take `timeout_s`. The caller closes it."""
    options = _options(address, timeout_s) | {"retry": Retry(NoBackoff(), 0)}
    if address.master is None:
        host, port = address.hosts[0]
        return Redis(host=host, port=port, **tls_options(address), **options)
    group: Any = Sentinel  # redis-py does not type it
    sentinel = group(address.hosts, sentinel_kwargs=sentinel_options(address, timeout_s), **options)
    master: Redis = sentinel.master_for(address.master, **tls_options(address))
    return master


def async_pool(address: RedisAddress, timeout_s: float) -> AsyncConnectionPool:
    """Return a pool that makes connections for an event loop."""
    options = _options(address, timeout_s) | {"retry": AsyncRetry(NoBackoff(), 0)}
    if address.master is None:
        host, port = address.hosts[0]
        if address.tls is not None:
            options |= {"connection_class": AsyncSSLConnection, **address.tls}
        return AsyncConnectionPool(host=host, port=port, **options)
    group: Any = AsyncSentinel
    sentinel = group(address.hosts, sentinel_kwargs=sentinel_options(address, timeout_s), **options)
    master: AsyncRedis = sentinel.master_for(address.master, **tls_options(address))
    return master.connection_pool


async def close_pool(pool: AsyncConnectionPool) -> None:
    """Close a pool's connections, those to Sentinels included."""
    await pool.disconnect()
    if isinstance(pool, AsyncSentinelPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def tls_options(address: RedisAddress) -> dict[str, Any]:
    """Return what redis-py needs to connect by TLS; empty without TLS."""
    return {} if address.tls is None else {"ssl": True, **address.tls}


def sentinel_options(address: RedisAddress, timeout_s: float) -> dict[str, Any]:
    """Return what redis-py needs to connect to a Sentinel."""
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "username": address.sentinel_username,
        "password": address.sentinel_password,
        **tls_options(address),
    }


def _options(address: RedisAddress, timeout_s: float) -> dict[str, Any]:
    return {
        "db": address.db,
        "username": address.username,
        "password": address.password,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
    }
