"""The examples of the guide are settings that Tunehouse takes, given the secrets they name."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from service.catalog.files import KINDS
from service.providers.registry import endpoint_of
from service.settings import ProviderSettings

GUIDE = (Path(__file__).parents[2] / "docs/guide/providers.md").read_text()
EXAMPLES = re.findall(r"```(json|toml) providers\n(.*?)```", GUIDE, re.DOTALL)


def parse(language: str, text: str) -> Any:
    return json.loads(text) if language == "json" else tomllib.loads(text)["providers"]


@pytest.mark.parametrize(("language", "text"), EXAMPLES)
def test_an_example_of_the_guide_is_accepted(
    language: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a-key\n")
    for name in re.findall(r"env:(\w+)", text):
        monkeypatch.setenv(name, "id:a-key" if name.endswith("ACCESS_KEY") else "a-key")
    given = parse(language, re.sub(r"file:[\w/-]+", f"file:{secret}", text))

    for settings in TypeAdapter(list[ProviderSettings]).validate_python(given):
        assert endpoint_of(settings).headers["Authorization"] == "Bearer a-key"


def test_the_guide_shows_every_kind_and_field() -> None:
    kinds = {one["kind"] for language, text in EXAMPLES for one in parse(language, text)}
    fields = set(re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE))

    assert kinds == set(KINDS)
    assert fields == set(ProviderSettings.model_fields)
