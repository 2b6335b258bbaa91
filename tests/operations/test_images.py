"""Images of others are listed once, used as they are listed, and pinned by what a registry answers."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.support.processes import ROOT

MANIFEST = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
DIGEST = f"@sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, ROOT / "deploy" / "images.py", "--root", root, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def references(root: Path) -> list[str]:
    """What the list names."""
    lines = (root / "deploy" / "images.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_dockerfile_and_the_compose_file_use_the_images_of_the_list() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    composed = [re.sub(r"^\$\{\w+:-(.+)\}$", r"\1", service["image"]) for service in services]
    used = {image for image in composed if not image.startswith("tunehouse:")}
    used |= set(re.findall(r"^ARG \w+_IMAGE=(\S+)$", dockerfile, re.MULTILINE))

    assert used == set(references(ROOT))
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${PYTHON_IMAGE}"}


def test_manifests_use_our_image_alone() -> None:
    for path in (ROOT / "deploy" / "kubernetes").glob("*.yaml"):
        assert set(re.findall(r"^\s+(?:- )?image: (\S+)$", path.read_text(), re.MULTILINE)) <= {"tunehouse"}


class _Registry(BaseHTTPRequestHandler):
    """Answers as Docker's: a token first, then the manifest."""

    named = DIGEST.removeprefix("@")

    def do_GET(self) -> None:
        address = f"http://{self.headers['Host']}"
        if self.path.startswith("/token?"):
            self._answer(200, b'{"token": "for-anybody"}')
        elif self.headers["Authorization"] != "Bearer for-anybody":
            realm = f'Bearer realm="{address}/token",service="here",scope="repository:x:pull"'
            self._answer(401, b"{}", {"WWW-Authenticate": realm})
        elif self.path.endswith("/manifests/missing"):
            self._answer(404, b"{}")
        else:
            self._answer(200, MANIFEST, {"Docker-Content-Digest": self.named})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def registry() -> Iterator[str]:
    """The address of a registry."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def checkout(tmp_path: Path, registry: str) -> Path:
    """A copy of the files that name images, with this registry for every other."""
    (tmp_path / "deploy").mkdir()
    for name in ("Dockerfile", "docker-compose.yml", "deploy/images.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
        path = tmp_path / name
        path.write_text(path.read_text().replace("docker.io/", f"{registry}/"))
    return tmp_path


def test_tags_become_digests_everywhere_and_stay_so(checkout: Path) -> None:
    tagged = [reference.partition("@")[0] for reference in references(checkout)]

    for _ in range(2):
        made = run(checkout)
        assert made.returncode == 0, made.stderr
        assert references(checkout) == [reference + DIGEST for reference in tagged]
        assert run(checkout, "--check").returncode == 0
    both = (checkout / "Dockerfile").read_text() + (checkout / "docker-compose.yml").read_text()
    assert all(f"{reference}{DIGEST}" in both for reference in tagged)

    compose = checkout / "docker-compose.yml"
    compose.write_text(compose.read_text().replace(DIGEST, "@sha256:" + "0" * 64))
    assert "another digest" in run(checkout, "--check").stderr


def test_nothing_changes_when_a_tag_cannot_be_resolved(checkout: Path, registry: str) -> None:
    with (checkout / "deploy" / "images.txt").open("a") as file:
        file.write(f"{registry}/library/x:missing\n")
    before = [path.read_bytes() for path in sorted(checkout.rglob("*")) if path.is_file()]

    made = run(checkout)

    assert (made.returncode, "x:missing" in made.stderr) == (1, True)
    assert before == [path.read_bytes() for path in sorted(checkout.rglob("*")) if path.is_file()]


def test_a_digest_that_does_not_fit_the_bytes_is_refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Registry, "named", "sha256:" + "0" * 64)

    assert "but its bytes have" in run(checkout).stderr
