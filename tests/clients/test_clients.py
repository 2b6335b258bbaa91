"""Each client that people use works unchanged, with nothing but a base URL and a key."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients import generate, table
from tests.clients.runs import (
    CLIENTS,
    GATEWAY,
    HAS_NODE,
    HERE,
    KNOWN,
    ROOT,
    SANDBOX,
    Client,
    environments,
    run,
)
from tests.support.processes import Worker
from tests.support.service import Service


@pytest.fixture(scope="session")
def generated(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a Python client made from the OpenAPI document; a TypeScript one is made beside it."""
    folder = tmp_path_factory.mktemp("generated")
    document = generate.write_document(folder / "openapi.json")
    generate.make_python_client(document, folder)
    if HAS_NODE:
        generate.make_typescript_client(document)
    return folder


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_every_call_of_a_client_works_on_the_sandbox(
    client: Client, service: Service, worker: Worker, generated: Path
) -> None:
    check(client, "sandbox", generated, service, MODEL=SANDBOX, COMPLETION_MODEL="sandbox-babbage")


@pytest.mark.parametrize(
    "client", [one for one in CLIENTS if one.is_tried_upstream], ids=lambda client: client.name
)
def test_every_call_of_a_client_works_through_the_gateway_to_an_openai_like_upstream(
    client: Client, service: Service, worker: Worker, generated: Path
) -> None:
    check(client, "upstream", generated, service, MODEL=GATEWAY, COMPLETION_MODEL="")


def test_the_notebook_tunes_a_model_draws_its_curve_and_shows_that_it_is_better(
    service: Service, worker: Worker
) -> None:
    reached = {"OPENAI_BASE_URL": f"{service.url}/v1", "OPENAI_API_KEY": service.make_team().key}
    python = str(environments() / "notebook" / "bin" / "python")
    argv = [python, str(HERE / "python" / "run_notebook.py"), str(ROOT / "examples" / "csv_to_model.ipynb")]

    done = subprocess.run(
        argv, check=False, env=os.environ | reached, capture_output=True, text=True, timeout=240
    )

    assert done.returncode == 0, done.stderr
    assert "the tuned model is better: True" in done.stdout
    assert "image/png" in done.stdout


@pytest.mark.skipif(not HAS_NODE, reason="Node 20 with npm is not installed")
def test_the_example_for_node_tunes_a_model_and_asks_it(
    service: Service, worker: Worker, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "node_modules").symlink_to(HERE / "node" / "node_modules")
    reached = {"OPENAI_BASE_URL": f"{service.url}/v1", "OPENAI_API_KEY": service.make_team().key}

    argv = ["node", str(tmp_path / "examples" / "first_job.mjs")]
    done = subprocess.run(
        argv, check=False, env=os.environ | reached, capture_output=True, text=True, timeout=240
    )

    assert done.returncode == 0, done.stderr
    assert "succeeded ft:sandbox-mini" in done.stdout
    assert "Norway" in done.stdout


def test_the_guide_has_the_table_of_this_run() -> None:
    """After a change that is meant, `GOLDEN=write make test-clients` writes the table."""
    if not table.is_complete():
        pytest.skip("the table is compared when every client has run")
    if os.environ.get("GOLDEN") == "write":
        table.write()
    assert table.shown() == table.render()


def check(client: Client, where: str, generated: Path, service: Service, **models: str) -> None:
    """Run a client, and check that every call worked, except those that are known not to."""
    if client.environment == "node" and not HAS_NODE:
        pytest.skip("Node 20 with npm is not installed")
    team = service.make_team()
    found = run(client, generated, OPENAI_BASE_URL=f"{service.url}/v1", OPENAI_API_KEY=team.key, **models)
    table.note(client, where, found)
    known = {call for name, at, call in KNOWN if (name, at) == (client.name, where)}
    wrong = [
        f"{one.call}: {one.problem or 'works now'}"
        for one in found
        if bool(one.problem) != (one.call in known)
    ]
    assert found
    assert not wrong, "\n".join(wrong)
