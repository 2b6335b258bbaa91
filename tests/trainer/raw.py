"""A request by bare socket, for what no HTTP client would send."""

from __future__ import annotations

import http.client

from tests.support.trainer_process import TrainerProcess


def announce(trainer: TrainerProcess, path: str, length_bytes: int) -> tuple[int, bytes]:
    """Announce a body, send none of it, and return the status and body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", trainer.port, timeout=10)
    connection.putrequest("POST", path)
    connection.putheader("Authorization", f"Bearer {trainer.api_key}")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(length_bytes))
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body
