"""What the pages for operators name exists, and the compose file hands out secrets as their table says."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from service.cli import _MODULES
from service.cli.entry import app
from service.pages import create_app
from service.settings import Settings
from tests.support.processes import ROOT
from worker.metrics.server import PAGES

DOCUMENTS = sorted((ROOT / "docs" / "operations").glob("*.md"))
# Names of other programs, and of their APIs.
_FOREIGN = {
    "ignore_startup_parameters",
    "max_prepared_statements",
    "pg_dump",
    "POST /v1/load_lora_adapter",
    "/v1",
}


def words(document: Path) -> set[str]:
    """What stands between backticks, outside of code blocks."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", text)) - _FOREIGN


@cache
def sources() -> str:
    folders = [ROOT / name for name in ("service", "worker", "trainer", "deploy")]
    files = [
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".sql", ".sh")
    ]
    return "".join(path.read_text() for path in [*files, ROOT / "docker-compose.yml", ROOT / ".env.example"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_settings_events_and_fields_that_a_page_names_exist(document: Path) -> None:
    code = sources()
    names = {word for word in words(document) if re.fullmatch(r"[a-z]+(_[a-z]+)+", word)}
    settings = {f"TUNEHOUSE_{name.upper()}" for name in Settings.model_fields}
    named = {word for word in words(document) if re.fullmatch(r"TUNEHOUSE_[A-Z_]+", word)}

    assert [name for name in names if name not in code] == []
    assert [name for name in named - settings if name not in code and "TRAINER" not in name] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_commands_and_routes_that_a_page_names_exist(document: Path) -> None:
    routes = {re.sub(r"\{\w+\}", "{}", word.split()[-1]) for word in words(document) if is_route(word)}

    assert {word.split()[1] for word in words(document) if re.match("tunehouse [a-z]", word)} <= commands()
    assert routes <= paths()


@cache
def commands() -> set[str]:
    for name in _MODULES:
        import_module(f"service.cli.{name}")  # registers them
    return set(get_command(app).commands)  # type: ignore[attr-defined]  # of a group


@cache
def paths() -> set[str]:
    found = {re.sub(r"\{\w+\}", "{}", path) for path in create_app().openapi()["paths"]}
    return found | set(PAGES) | {"/v1/chat/completions", "/metrics"}


def is_route(word: str) -> bool:
    return re.fullmatch(r"((GET|POST|PUT|DELETE) )?/(v1/\S+|webhooks/\S+|\w+)", word) is not None


def test_the_compose_file_passes_each_service_the_secrets_of_the_table() -> None:
    page = (ROOT / "docs" / "operations" / "production.md").read_text()
    section = page.partition("## Secrets of each process\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line
    ]
    heads, _, *table = rows
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    for column, name in enumerate(heads[1:], 1):
        given = services[name].get("environment", {})
        for row in table:
            for secret in re.findall(r"`(TUNEHOUSE_\w+)`", row[0]):
                # As a provider's, the trainer's two are in the file with the providers' keys.
                expected = row[column].startswith("yes") and not ("TRAINER" in secret and name != "trainer")
                assert (secret in given) == expected, (name, secret)
            if row[0] == "keys of providers":
                assert (services[name].get("env_file") == "tunehouse.env") == (row[column] == "yes")
