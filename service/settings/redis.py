"""The address of Redis or Valkey: one server, or the master that a group of Sentinels elects.

redis://user:password@host:6379/0
rediss://user:password@host:6379/0?ssl_ca_certs=/path/to/ca.pem
redis+sentinel://user:password@host-a:26379,host-b:26379/name-of-the-master/0
rediss+sentinel://…?sentinel_username=…&sentinel_password=…
"""

from typing import Annotated, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, SecretStr

from service.settings.secrets import Secret

_PORTS = {"redis": 6379, "redis+sentinel": 26379}
_TLS_OPTIONS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"}
_SENTINEL_OPTIONS = {"sentinel_username", "sentinel_password"}
_FORMS = (
    "must be redis://host:6379/0, rediss://host:6379/0 (TLS), or "
    "redis+sentinel://sentinel-a:26379,sentinel-b:26379/master-name/0"
)


class RedisAddress(NamedTuple):
    """A parsed address. `hosts` are Sentinels if `master` is set, else the one server."""

    hosts: tuple[tuple[str, int], ...]
    db: int
    username: str | None
    password: str | None
    master: str | None
    tls: dict[str, str] | None  # options of the TLS connection; None without TLS
    sentinel_username: str | None
    sentinel_password: str | None


def parse(url: str) -> RedisAddress:
    """Parse an address. Raises `ValueError`."""
    parts = urlsplit(url)
    kind = parts.scheme.replace("rediss", "redis", 1)
    if kind not in _PORTS or not parts.netloc:
        raise ValueError(_FORMS)
    is_tls = parts.scheme.startswith("rediss")
    credentials, _, hosts = parts.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    path = [unquote(part) for part in parts.path.strip("/").split("/") if part]
    master = path.pop(0) if kind == "redis+sentinel" and path else None
    if (kind == "redis+sentinel" and master is None) or len(path) > 1 or (path and not path[0].isdecimal()):
        raise ValueError(_FORMS)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    known = (_TLS_OPTIONS if is_tls else set()) | (_SENTINEL_OPTIONS if master else set())
    if unknown := sorted(options.keys() - known):
        allowed = ", ".join(sorted(known)) or "none"
        raise ValueError(f"has the unknown option {unknown[0]}; allowed: {allowed}")
    return RedisAddress(
        hosts=tuple(_host(host, _PORTS[kind]) for host in hosts.split(",")),
        db=int(path[0]) if path else 0,
        username=unquote(username) or None,
        password=unquote(password) or None,
        master=master,
        tls={name: value for name, value in options.items() if name in _TLS_OPTIONS} if is_tls else None,
        sentinel_username=options.get("sentinel_username"),
        sentinel_password=options.get("sentinel_password"),
    )


def _host(text: str, default_port: int) -> tuple[str, int]:
    found = urlsplit(f"//{text}")
    if not found.hostname:
        raise ValueError(_FORMS)
    return found.hostname, found.port or default_port


def _check(secret: SecretStr) -> SecretStr:
    parse(secret.get_secret_value())
    return secret


RedisUrl = Annotated[Secret, AfterValidator(_check)]
