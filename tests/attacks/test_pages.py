"""Pages load nothing from elsewhere, and nothing that is answered can be run or framed by another page."""

import re

import pytest

from tests.support.service import Service


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/docs", "/v1/nothing", "/docs/start.js"])
def test_every_answer_forbids_sniffing_and_framing(service: Service, path: str) -> None:
    headers = service.http(None).get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]


def test_the_reference_loads_only_what_is_served_beside_it(service: Service) -> None:
    client = service.http(None)
    page = client.get("/docs")

    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 4
    for url in loaded:
        assert url.startswith("/docs/")
        assert client.get(url).status_code == 200
    assert "<script>" not in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
