"""Pin the images in `images.txt` by digest, there and wherever they are used.

`make images` asks each registry what its tag means now; `make images ARGS=--check` asks nobody, and fails
unless every image is pinned and used as it is listed. A digest is the SHA-256 of the manifest, which this
script computes from the bytes that it received. It needs only the standard library.
"""

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

USED_IN = ("Dockerfile", "docker-compose.yml")
LIST = Path("deploy/images.txt")
_DIGEST = r"@sha256:[0-9a-f]{64}"
_REFERENCE = re.compile(rf"([\w.:-]+)/([a-z0-9._/-]+):([\w.-]+?)({_DIGEST})?")
# An index names the manifest of each platform, so one digest serves all of them.
_ACCEPT = ", ".join(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)
_HOSTS = {"docker.io": "registry-1.docker.io"}
_LOCAL = ("localhost", "127.0.0.1")
_MOST_BYTES = 4 * 2**20
_TIMEOUT_S = 30


class Failed(Exception):
    """The message says what to do."""


def main() -> int:
    """Pin or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail unless all is pinned")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help="the repository")
    given = parser.parse_args()
    try:
        if given.check:
            check(given.root)
        else:
            pin(given.root)
    except Failed as failure:
        sys.stderr.write(f"images: {failure}\n")
        return 1
    return 0


def listed(root: Path) -> list[str]:
    """Return the references of the list."""
    lines = [line.strip() for line in (root / LIST).read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def check(root: Path) -> None:
    """Raise `Failed` unless each listed image has a digest and every use of it has the same."""
    for reference in listed(root):
        tagged, digest = _parsed(reference)[3:]
        if not digest:
            raise Failed(f"{reference} has no digest. Run `make images` where its registry can be reached.")
        for name in USED_IN:
            others = set(re.findall(_uses(tagged), (root / name).read_text())) - {digest}
            if others:
                raise Failed(f"{name} uses {tagged} with another digest. Run `make images`.")


def pin(root: Path) -> None:
    """Write the digest that each tag has now. Changes nothing if any registry cannot be asked."""
    found = {_parsed(reference)[3]: resolve(reference) for reference in listed(root)}
    for name in (LIST, *USED_IN):
        text = (root / name).read_text()
        for tagged, digest in found.items():
            text = re.sub(_uses(tagged), f"{tagged}{digest}", text)
        (root / name).write_text(text)
    for tagged, digest in found.items():
        sys.stdout.write(f"{tagged}{digest}\n")


def resolve(reference: str) -> str:
    """Return `@sha256:…`: the digest of what the registry has under this tag. Raises `Failed`."""
    host, repository, tag, tagged, _ = _parsed(reference)
    scheme = "http" if urlsplit(f"//{host}").hostname in _LOCAL else "https"
    url = f"{scheme}://{_HOSTS.get(host, host)}/v2/{repository}/manifests/{tag}"
    try:
        manifest, named = _manifest(url)
    except (URLError, TimeoutError, ValueError, KeyError) as failure:
        raise Failed(f"The registry of {tagged} did not answer: {failure}. Nothing was changed.") from failure
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    if named not in (None, digest):
        raise Failed(
            f"The registry calls {tagged} {named}, but its bytes have {digest}. Nothing was changed."
        )
    return f"@{digest}"


def _manifest(url: str) -> tuple[bytes, str | None]:
    headers = {"Accept": _ACCEPT}
    try:
        return _get(url, headers)
    except HTTPError as refused:
        if refused.code != 401:
            raise
        asked = dict(re.findall(r'(\w+)="([^"]*)"', refused.headers["WWW-Authenticate"]))
    # A token that anybody gets, for this repository alone.
    query = urlencode({name: asked[name] for name in ("service", "scope") if name in asked})
    answer = json.loads(_get(f"{asked['realm']}?{query}", {})[0])
    return _get(url, headers | {"Authorization": f"Bearer {answer.get('token') or answer['access_token']}"})


def _get(url: str, headers: dict[str, str]) -> tuple[bytes, str | None]:
    with urlopen(Request(url, headers=headers), timeout=_TIMEOUT_S) as answer:  # noqa: S310 - http or https
        body = answer.read(_MOST_BYTES + 1)
        if len(body) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        return body, answer.headers.get("Docker-Content-Digest")


def _parsed(reference: str) -> tuple[str, str, str, str, str]:
    """Return registry, repository, tag, the reference up to the tag, and `@` with the digest or nothing."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise Failed(f"{reference!r} in {LIST} is not REGISTRY/REPOSITORY:TAG, with or without @sha256:….")
    host, repository, tag, digest = found.groups()
    return host, repository, tag, f"{host}/{repository}:{tag}", digest or ""


def _uses(tagged: str) -> str:
    return rf"{re.escape(tagged)}(?![\w.-])({_DIGEST})?"


if __name__ == "__main__":
    sys.exit(main())
