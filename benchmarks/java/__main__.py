"""POST with the JDK's own HttpClient to an api and print what came of it: `python -m benchmarks.java`.

Needs a JDK 11 or newer (Debian: `apt-get install default-jdk-headless`). The client offers HTTP/2 with every
request on plain HTTP. `tests/attacks` sends the same bytes by a socket; this shows what Java really sends.
"""

import shutil
import subprocess
from pathlib import Path

from benchmarks.harness.servers import ADMIN_KEY, servers
from tests.support.processes import Api

_CLIENT = Path(__file__).with_name("Client.java")


def main() -> None:
    """Run the client against an api with an empty database."""
    with servers() as (folder, environment):
        api = Api(environment, folder)
        api.start()
        try:
            subprocess.run([_java(), str(_CLIENT), api.url, ADMIN_KEY], check=True)
        finally:
            api.stop()


def _java() -> str:
    found = shutil.which("java")
    if found is None:
        raise SystemExit("Install a JDK, 11 or newer: apt-get install default-jdk-headless")
    return found


if __name__ == "__main__":
    main()
