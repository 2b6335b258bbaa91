"""POST with the JDK's own HttpClient to an api and print what came of it: `python -m benchmarks.java`.

Needs a JDK 11 or newer (Debian: `apt-get install default-jdk-headless`). The client offers HTTP/2 with every
request on plain HTTP. `tests/attacks` sends the same bytes by a socket; this shows what Java really sends.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.harness.database import migrated
from service.local.postgres import PostgresServer
from service.local.valkey import ValkeyServer
from tests.support.processes import Api

_KEY = "th-admin-key-of-the-benchmark"
_CLIENT = Path(__file__).with_name("Client.java")


def main() -> None:
    """Run the client against an api with an empty database."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        postgres, valkey = PostgresServer(folder / "postgres", durable=False), ValkeyServer(folder / "valkey")
        postgres.start()
        env = {
            "TUNEHOUSE_DATABASE_URL": migrated(postgres, "tunehouse"),
            "TUNEHOUSE_REDIS_URL": valkey.start(),
            "TUNEHOUSE_ADMIN_KEY": _KEY,
            "TUNEHOUSE_STORAGE_URL": f"file://{folder / 'storage'}",
        }
        api = Api(os.environ | env, folder)
        api.start()
        try:
            subprocess.run([_java(), str(_CLIENT), api.url, _KEY], check=True)
        finally:
            api.stop()
            valkey.stop()
            postgres.stop()


def _java() -> str:
    found = shutil.which("java")
    if found is None:
        raise SystemExit("Install a JDK, 11 or newer: apt-get install default-jdk-headless")
    return found


if __name__ == "__main__":
    main()
