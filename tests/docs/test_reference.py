"""The reference has an entry for everything that a caller or an administrator meets, and nothing else."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.site import commands, metrics, prices, routes
from service.events.types import PUBLISHED, EventType

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def codes() -> Iterator[str]:
    """Every literal that the source gives an error as its code."""
    for folder in ("service", "worker"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.keyword) and node.arg == "code":
                    found: ast.expr | None = node.value
                elif isinstance(node, ast.Assign | ast.AnnAssign):
                    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                    found = node.value if isinstance(target, ast.Name) and target.id == "code" else None
                else:
                    continue
                if isinstance(found, ast.Constant) and isinstance(found.value, str):
                    yield found.value


def test_every_error_code_has_an_entry() -> None:
    rows = [line for line in (REFERENCE / "errors.md").read_text().splitlines() if line.startswith("|")]
    documented = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row.split("|")[2])}

    assert set(codes()) - documented == set()


def test_every_event_has_an_entry() -> None:
    page = (REFERENCE / "events.md").read_text()
    delivered, _, logged = page.partition("## Events that only the log has")

    assert [one.value for one in EventType if f"`{one.value}`" not in page] == []
    assert [one.value for one in PUBLISHED if f"| `{one.value}` |" not in delivered] == []
    assert [one.value for one in PUBLISHED if f"`{one.value}`" in logged] == []


def test_each_delivered_event_that_is_not_about_a_job_has_its_data() -> None:
    blocks = re.findall(r"```json\n(.*?)```", (REFERENCE / "events.md").read_text(), re.DOTALL)
    envelope, payloads = (json.loads(block) for block in blocks)

    assert set(envelope) == {"id", "object", "type", "created_at", "data"}
    assert set(payloads) == {one for one in PUBLISHED if not one.startswith("fine_tuning.job.")}
    assert all("id" in data for data in payloads.values())


@pytest.fixture(scope="module")
def api() -> str:
    return "".join(routes.pages().values())


def test_every_operation_has_an_entry(api: str) -> None:
    operations = [
        f"`{method.upper()} {path}`" for path, all_ in routes.document()["paths"].items() for method in all_
    ]
    assert [one for one in operations if one not in api] == []


def test_a_type_is_told_with_its_range_and_its_choices() -> None:
    whole = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 50}, {"const": "auto"}, {"type": "null"}]}
    assert routes.type_of(whole) == "integer from 1 to 50 or `auto` or null"
    assert routes.type_of({"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 4}) == (
        "list of string, 0 to 9 characters, 0 to 4 items"
    )


def test_commands_metrics_and_prices_have_entries() -> None:
    assert "## `tunehouse doctor`" in commands.page()
    assert "### `tunehouse jobs watch`" in commands.page()
    assert "`tunehouse_http_requests_total`" in metrics.page()
    assert "`tunehouse_work_due`" in metrics.page()
    assert "| `gpt-4.1-2025-04-14` | training_tokens | 25 per 1,000,000 tokens |" in prices.page()
