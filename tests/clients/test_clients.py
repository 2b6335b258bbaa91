"""Each client that people use works unchanged, with nothing but a base URL and a key."""

import os

import pytest

from tests.clients import table
from tests.clients.runs import CLIENTS, GATEWAY, KNOWN, SANDBOX, Client, Outcome, run
from tests.support.processes import Worker
from tests.support.service import Service


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_every_call_of_a_client_works_on_the_sandbox(
    client: Client, service: Service, worker: Worker
) -> None:
    if not client.is_installed:
        pytest.skip("no Node 20 with npm is to be had here")
    team = service.make_team()
    found = run(
        client,
        base_url=f"{service.url}/v1",
        key=team.key,
        model=SANDBOX,
        completion_model="sandbox-babbage",
    )
    check(client, "sandbox", found)


@pytest.mark.parametrize(
    "client", [one for one in CLIENTS if one.is_tried_upstream], ids=lambda client: client.name
)
def test_every_call_of_a_client_works_through_the_gateway_to_an_openai_like_upstream(
    client: Client, service: Service, worker: Worker
) -> None:
    if not client.is_installed:
        pytest.skip("no Node 20 with npm is to be had here")
    team = service.make_team()
    found = run(client, base_url=f"{service.url}/v1", key=team.key, model=GATEWAY, completion_model="")
    check(client, "upstream", found)


def test_the_guide_has_the_table_of_this_run() -> None:
    """After a change that is meant, `GOLDEN=write make test-clients` writes the table."""
    if not table.is_complete():
        pytest.skip("the table is compared when every client has run")
    if os.environ.get("GOLDEN") == "write":
        table.write()
    assert table.shown() == table.render()


def check(client: Client, where: str, found: list[Outcome]) -> None:
    """Check that every call worked, except those that are known not to."""
    table.note(client, where, found)
    known = {call for name, at, call in KNOWN if (name, at) == (client.name, where)}
    wrong = [
        f"{one.call}: {one.problem or 'works now'}"
        for one in found
        if bool(one.problem) != (one.call in known)
    ]
    assert found
    assert not wrong, "\n".join(wrong)
