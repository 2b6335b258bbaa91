"""AWS Signature Version 4 for requests by httpx2.

Written out here, because boto3 repeats requests, has its own connections, and cannot be bounded as `calls`
bounds ours. The imitation of Bedrock checks the signatures with botocore.
"""

import hashlib
import hmac
from collections.abc import Generator
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

import httpx2

from service.core import clock

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class Credentials:
    """An access key; `token` belongs to temporary ones."""

    key_id: str
    secret: str
    token: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Credentials":
        """Read `KEY_ID:SECRET` or `KEY_ID:SECRET:TOKEN`. Raises ValueError."""
        parts = text.split(":", 2)
        if len(parts) < 2 or not all(parts):
            raise ValueError("must be KEY_ID:SECRET, or KEY_ID:SECRET:SESSION_TOKEN")
        return cls(*parts)


class SigV4(httpx2.Auth):
    """Signs requests to one service in one region. S3 takes bodies unsigned, so that files are streamed."""

    def __init__(self, credentials: Credentials, service: str, region: str) -> None:
        self._credentials, self._service, self._region = credentials, service, region
        self.requires_request_body = service != "s3"

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Add the date, the content's hash and the signature."""
        moment = f"{clock.now():%Y%m%dT%H%M%SZ}"
        content = hashlib.sha256(request.content).hexdigest() if self.requires_request_body else _UNSIGNED
        request.headers["x-amz-date"] = moment
        request.headers["x-amz-content-sha256"] = content
        if self._credentials.token:
            request.headers["x-amz-security-token"] = self._credentials.token
        names = sorted(name for name in request.headers if name == "host" or name.startswith("x-amz-"))
        canonical = "\n".join(
            [
                request.method,
                self._path(request),
                _query(request),
                *(f"{name}:{request.headers[name].strip()}" for name in names),
                "",
                ";".join(names),
                content,
            ]
        )
        scope = f"{moment[:8]}/{self._region}/{self._service}/aws4_request"
        text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(self._key(moment[:8]), text.encode(), hashlib.sha256).hexdigest()
        request.headers["authorization"] = (
            f"{_ALGORITHM} Credential={self._credentials.key_id}/{scope}, "
            f"SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        yield request

    def _path(self, request: httpx2.Request) -> str:
        """The path as it is sent; every service but S3 signs it encoded once more."""
        path = request.url.raw_path.partition(b"?")[0].decode("ascii") or "/"
        return path if self._service == "s3" else quote(path, safe="/-_.~")

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self._credentials.secret}".encode()
        for part in (day, self._region, self._service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key


def _query(request: httpx2.Request) -> str:
    pairs = parse_qsl(request.url.query.decode("ascii"), keep_blank_values=True)
    return "&".join(
        sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    )
