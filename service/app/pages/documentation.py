"""`/docs/`: the documentation's site, if `make docs` has built it. It loads nothing from other hosts."""

import base64
import hashlib
import os
import re
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope

SITE = Path(__file__).parent / "site"
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


class Documentation(StaticFiles):
    """The files of a built site. Each page's policy allows the inline scripts that the page has, by hash."""

    def __init__(self, site: Path = SITE) -> None:
        super().__init__(directory=site, html=True)

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return a file with its policy."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["content-security-policy"] = _policy(Path(full_path))
        return response


@cache
def _policy(path: Path) -> str:
    scripts = _INLINE.findall(path.read_bytes()) if path.suffix == ".html" else []
    allowed = "".join(
        f" 'sha256-{base64.b64encode(hashlib.sha256(one).digest()).decode()}'" for one in scripts
    )
    return (
        f"default-src 'none'; script-src 'self'{allowed}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
