"""The stylesheet and the script, under an address that changes with their content."""

import hashlib
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from service.errors import NotFound

router = APIRouter(prefix="/static")

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_FILES = {path.name: path.read_bytes() for path in sorted((Path(__file__).parent / "static").iterdir())}
_VERSION = hashlib.sha256(b"".join(_FILES.values())).hexdigest()[:12]
FOLDER = f"/static/{_VERSION}"


@router.get("/{version}/{name}")
async def asset(version: str, name: str) -> Response:
    """Return a file."""
    if name not in _FILES or version != _VERSION:
        raise NotFound
    return Response(
        _FILES[name],
        media_type=_TYPES[Path(name).suffix],
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )
