"""Destinations for copies of the audit log."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def _check_sink(url: str) -> str:
    parts = urlsplit(url)
    is_file = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    is_syslog = parts.scheme == "syslog" and parts.hostname and parts.port and not parts.path
    if not (is_file or is_syslog):
        raise ValueError("must look like file:///var/log/tunehouse/audit.jsonl or syslog://host:6514")
    return url


AuditSink = Annotated[str, AfterValidator(_check_sink)]
