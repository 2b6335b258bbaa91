"""A process that holds an embedded server for a test: prints its URL, then stops it once its input ends."""

import sys
from pathlib import Path

from service.local.errors import EmbeddedError
from service.local.postgres import PostgresServer
from service.local.valkey import ValkeyServer


def main(kind: str, data_dir: Path) -> None:
    server = PostgresServer(data_dir, durable=False) if kind == "postgres" else ValkeyServer(data_dir)
    try:
        sys.stdout.write(server.start() + "\n")
    except EmbeddedError as error:
        sys.exit(str(error))
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
