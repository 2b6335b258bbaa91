"""A request's metadata become tags of its charges, within bounds."""

from typing import Any

import pytest
from sqlalchemy import select

from service.core.db import transaction
from service.ledger.actions import settle
from service.ledger.tables import Entry, RowForm
from tests.gateway.rows import entries_of
from tests.ledger.make import charge, team
from tests.support import superuser
from tests.support.service import Service, TeamHandle
from tests.support.trainer_process import TrainerProcess

LONG = "n" * 63


def chat(team: TeamHandle, metadata: Any, **fields: Any) -> Any:
    messages = [{"role": "user", "content": "Hi"}]
    body = {"model": "sandbox-mini", "messages": messages, "metadata": metadata, "max_tokens": 9} | fields
    return team.http.post("/v1/chat/completions", json=body)


def test_costs_are_grouped_by_the_metadata_of_requests(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    for app, customer in (("support", "1"), ("support", "2"), ("search", "1")):
        tags = {"app": app, "a,b": customer, f"{LONG}1": app, f"{LONG}2": customer}
        assert chat(team, tags).status_code == 200
    streamed = chat(team, {"app": "search"}, stream=True)
    assert streamed.text.endswith("data: [DONE]\n\n")
    by_app = team.http.get("/v1/costs", params={"group_by": "tag:app", "unit_costs": True}).json()["data"]
    assert [(row["tag:app"], row["requests"]) for row in by_app] == [("search", 2), ("support", 2)]
    grouping = rf"tag:a\,b,tag:{LONG}1,tag:{LONG}2"
    rows = team.http.get("/v1/costs", params={"group_by": grouping}).json()["data"]
    assert [tuple(row[f"tag:{name}"] for name in ("a,b", f"{LONG}1", f"{LONG}2")) for row in rows] == [
        ("1", "search", "1"),
        ("1", "support", "1"),
        ("2", "support", "2"),
        (None, None, None),
    ]


def test_responses_repeat_their_metadata_and_charge_by_them(
    service: Service, trainer: TrainerProcess
) -> None:
    team = service.make_team()
    answer = team.sdk.responses.create(model="sandbox-mini", input="Hi", metadata={"app": "support"})
    assert (answer.metadata or {})["app"] == "support"
    assert {row.tags["app"] for row in entries_of(team.id)} == {"support"}


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({"n" * 65: "x"}, "at most 64 characters"),
        ({"app": "x" * 513}, "at most 512"),
        ({str(number): "x" for number in range(17)}, "at most 16"),
        ({"app": 1}, "valid string"),
        (["app"], "valid dictionary"),
        ({"app": "\x00"}, "NUL"),
        ({"endpoint": "x"}, "Tunehouse's own tags"),
        ({"tunehouse_tags": "x"}, "Tunehouse's own tags"),
    ],
)
def test_metadata_that_cannot_be_tags_are_refused(service: Service, metadata: Any, complaint: str) -> None:
    team = service.make_team()
    refused = chat(team, metadata)
    error = refused.json()["error"]
    assert (refused.status_code, error["param"], error["code"]) == (400, "metadata", "invalid_value")
    assert complaint in error["message"]
    assert entries_of(team.id) == []


def test_no_metadata_are_no_tags(service: Service, trainer: TrainerProcess) -> None:
    team = service.make_team()
    assert chat(team, None).status_code == chat(team, {}).status_code == 200
    assert {frozenset(row.tags) for row in entries_of(team.id)} == {
        frozenset({"endpoint", "outcome", "counted_by"})
    }


def test_a_team_gets_2000_combinations_of_tags_in_a_month(database: str) -> None:
    with transaction() as session:
        one, other = team(session), team(session)
        settle(session, team_id=one, subject_id="a", charges=[charge("a", request_tags={"id": "0"})])
    with superuser.connect(database) as connection:  # as 1,999 requests with other tags would
        connection.execute(
            "INSERT INTO ledger_forms (digest, team_id, tags, tagged_in, kinds, units, tiers, price_ids, "
            "prices_usd, unit_quantities) SELECT gen_random_uuid(), team_id, tags, tagged_in, kinds, units, "
            "tiers, price_ids, prices_usd, unit_quantities FROM ledger_forms, generate_series(1, 1999)"
        )
    with transaction() as session:
        for number, whose in enumerate((one, one, one, other)):
            new = charge(f"b{number}", request_tags={"id": str(number)})
            settle(session, team_id=whose, subject_id=f"b{number}", charges=[new])
        tags = session.scalars(
            select(Entry.tags).where(Entry.unique_key.like("b%")).order_by(Entry.unique_key)
        )
        over = {"tunehouse_tags": "other"}
        assert tags.all() == [{"id": "0"}, over, over, {"id": "3"}]
        forms = session.scalars(select(RowForm.id).where(RowForm.tags == over)).all()
        assert len(forms) == 1
