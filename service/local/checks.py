"""Checks before and during the start. Each failure is an EmbeddedError with a one-line message."""

import errno
import os
import socket
import ssl

import httpx2
from pydantic import ValidationError
from pydantic_settings import SettingsError
from redis.exceptions import RedisError

from service.catalog.files import shipped
from service.catalog.stand_ins import stand_ins
from service.core.broker.redis_clients import redis_client
from service.local.errors import EmbeddedError
from service.settings import Settings
from service.settings.redis import parse
from service.settings.unknown import complaint_about

# For http only: loading the system's certificates would cost 20 ms per call.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def read_settings() -> Settings:
    """The settings from the environment and its TOML file.

    Raises EmbeddedError naming the first malformed setting, or a variable that is not a setting.
    """
    if complaint := complaint_about(os.environ, Settings.model_fields):
        raise EmbeddedError(complaint)
    try:
        found = Settings()
        stand_ins(shipped("openai"), found.stand_in_names)
        return found
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "_".join(["TUNEHOUSE", *(str(part).upper() for part in first["loc"][:1])])
        raise EmbeddedError(f"{name}: {first['msg']}" if first["loc"] else first["msg"]) from error
    except SettingsError as error:  # a value that is not valid JSON; the message names the field
        raise EmbeddedError(f"a TUNEHOUSE_ setting is not valid JSON: {error}") from error
    except ValueError as error:  # of the catalogue
        raise EmbeddedError(str(error)) from error


def check_port(host: str, port: int) -> None:
    """Raise EmbeddedError unless `host:port` can be listened on."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EmbeddedError(f"port {port} of {host} is in use; choose another with --port") from error
        raise EmbeddedError(f"cannot listen on {host}:{port}: {error.strerror}") from error


def check_broker(url: str) -> None:
    """Raise EmbeddedError unless a Redis or Valkey answers at `url`."""
    try:
        with redis_client(parse(url), timeout_s=5) as broker:
            broker.ping()
    except RedisError as error:
        raise EmbeddedError(f"TUNEHOUSE_REDIS_URL: the broker does not answer: {error}") from error


def listens(port: int) -> bool:
    """Whether a process accepts connections on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers_200(url: str) -> bool:
    """Whether GET `url` is answered with 200."""
    try:
        return httpx2.get(url, trust_env=False, timeout=5, verify=_NO_CERTIFICATES).status_code == 200
    except httpx2.TransportError:
        return False
