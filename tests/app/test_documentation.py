"""The documentation's site at /docs/, beside the API reference at /docs."""

import re

import pytest

from tests.support.service import Service


@pytest.mark.parametrize(
    "path", ["/docs/", "/docs/start/key/", "/docs/reference/api/fine-tuning/", "/docs/zh/"]
)
def test_a_page_is_served_with_a_policy_for_its_own_scripts(service: Service, path: str) -> None:
    page = service.http(None).get(path)

    policy = page.headers["content-security-policy"]
    assert page.headers["content-type"].startswith("text/html")
    assert policy.count("'sha256-") == len(set(re.findall(r"<script>.*?</script>", page.text, re.DOTALL))) > 0
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert page.headers["x-content-type-options"] == "nosniff"


def test_no_page_loads_anything_from_another_host(service: Service) -> None:
    page = service.http(None).get("/docs/").text
    assert re.findall(r'(?:src|rel="stylesheet" href)="(https?:[^"]+)"', page) == []


def test_a_page_that_does_not_exist_is_an_error_in_the_usual_shape(service: Service) -> None:
    answer = service.http(None).get("/docs/nothing/at/all")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
