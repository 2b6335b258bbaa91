"""Workers' heartbeats: keys in the broker that expire."""

import os
import socket
from functools import cache

from redis import Redis

from service.settings import settings

_PREFIX = "tunehouse:worker:"
_EXPIRES_AFTER_S = 15


@cache
def _broker() -> "Redis":
    return Redis.from_url(settings().redis_url.get_secret_value(), socket_timeout=2, socket_connect_timeout=2)


def beat() -> None:
    """Record that this process is alive. Raises redis's `RedisError` when the broker is unavailable."""
    _broker().set(f"{_PREFIX}{socket.gethostname()}:{os.getpid()}", b"", ex=_EXPIRES_AFTER_S)


def any_alive() -> bool:
    """Whether any worker was alive within the last 15 s. Raises redis's `RedisError`."""
    return next(_broker().scan_iter(f"{_PREFIX}*", count=1000), None) is not None
