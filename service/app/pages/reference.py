"""`/docs`: the API reference in Swagger UI, which comes as a package. It loads nothing from other hosts."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

router = APIRouter(prefix="/docs", include_in_schema=False)

# Swagger UI sets inline styles and embeds its icons as data URLs.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Tunehouse API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<p><a href="/docs/">Documentation</a></p>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true})\n'


@router.get("")
async def reference() -> HTMLResponse:
    """Show the API reference."""
    return HTMLResponse(_PAGE, headers={"content-security-policy": _CSP})


@router.get("/start.js")
async def start() -> Response:
    """Return the script that starts Swagger UI; the page's policy forbids inline scripts."""
    return Response(_START, media_type="text/javascript")


@router.get("/swagger-ui-bundle.js")
async def script() -> Response:
    """Return Swagger UI's script."""
    return _asset("swagger-ui-bundle.js", "text/javascript")


@router.get("/swagger-ui.css")
async def style() -> Response:
    """Return Swagger UI's style sheet."""
    return _asset("swagger-ui.css", "text/css")


def _asset(name: str, media_type: str) -> Response:
    return Response(_content(name), media_type=media_type, headers={"cache-control": "max-age=86400"})


@cache
def _content(name: str) -> bytes:
    return (files("fastapi_offline") / "static" / name).read_bytes()
