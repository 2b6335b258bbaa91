"""Send lines to a file or to a syslog server. Raises `OSError` unless all of them arrived."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from service.core.clock import now

_TIMEOUT_S = 10.0
_PRIORITY = 13 * 8 + 6  # facility "log audit", severity "informational" (RFC 5424, section 6.2.1)


def send(sink: str, lines: Sequence[str]) -> None:
    """Send the lines to the sink that the URL names; once it returns, a crash here cannot lose them."""
    parts = urlsplit(sink)
    if parts.scheme == "file":
        _append(Path(parts.path), lines)
    else:
        _send_syslog(str(parts.hostname), int(parts.port or 0), lines)


def _append(path: Path, lines: Sequence[str]) -> None:
    """Append to a file, opened for each batch so that logrotate can move it at any time."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
        file.flush()
        os.fsync(file.fileno())


def _send_syslog(host: str, port: int, lines: Sequence[str]) -> None:
    """Send RFC 5424 messages, each prefixed with its length (RFC 6587, section 3.4.1)."""
    head = f"<{_PRIORITY}>1 {now().isoformat()} {socket.gethostname()} tunehouse {os.getpid()} audit - "
    messages = [(head + line).encode() for line in lines]
    with socket.create_connection((host, port), _TIMEOUT_S) as connection:
        connection.sendall(b"".join(b"%d %b" % (len(message), message) for message in messages))
        # After we close our side, the server closes its own once it has read everything; a reset raises.
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
