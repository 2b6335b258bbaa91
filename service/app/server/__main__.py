"""`python -m service.app.server`: serve the api on one port, with one or several processes."""

from argparse import ArgumentParser

import uvicorn

from service.core.metrics.exposition import share_between_processes
from service.settings import settings

# Without handlers of its own, uvicorn logs through ours, which write JSON.
_LOGS = {"version": 1, "disable_existing_loggers": False}
_STREAMS_END_S = 3  # open event streams get this long to end at a stop


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = ArgumentParser(prog="service.app.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    if given.processes > 1:
        share_between_processes()
    proxies = [str(network) for network in settings().trusted_proxies]
    uvicorn.run(
        "service.pages:create_app",
        factory=True,
        host=given.host,
        port=given.port,
        workers=given.processes,
        http="service.app.server.protocol:ApiProtocol",
        ws="none",
        log_config=_LOGS,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=_STREAMS_END_S,
    )


if __name__ == "__main__":
    main()
