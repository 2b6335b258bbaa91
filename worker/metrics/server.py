"""A small HTTP server for Prometheus: `/metrics` of this worker, `/installation` of the whole.

Teams must not reach it: the page of the installation names every team and its spending.
"""

import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.core.metrics.exposition import CONTENT_TYPE_LATEST, written
from worker.metrics.installation import InstallationMetrics

log = structlog.get_logger(__name__)

_CLIENT_TIMEOUT_S = 10.0
PAGES = {"/metrics": written, "/installation": InstallationMetrics().written}


class MetricsServer(ThreadingHTTPServer):
    """Serves metrics at an address until the process ends."""

    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        """Raises `OSError` when the address cannot be listened on."""
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Scrape)

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self.serve_forever, name="metrics", daemon=True).start()


class _Scrape(BaseHTTPRequestHandler):
    timeout = _CLIENT_TIMEOUT_S

    def do_GET(self) -> None:
        """Answer a scrape."""
        try:
            page = PAGES.get(self.path)
            status, body = (HTTPStatus.OK, page()) if page else (HTTPStatus.NOT_FOUND, b"not found\n")
        except SQLAlchemyError as failure:
            log.warning("installation_not_measured", reason=type(failure).__name__)
            status, body = HTTPStatus.SERVICE_UNAVAILABLE, b"the database is not ready\n"
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST if status is HTTPStatus.OK else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: scrapes are frequent, and the server's own format is not JSON."""
