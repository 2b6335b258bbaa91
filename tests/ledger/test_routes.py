"""Budgets, prices and costs over HTTP."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from service.catalog.price import PriceKind
from service.core.db import transaction
from service.errors import BudgetExceeded
from service.ledger.actions import place_hold, settle
from service.ledger.charges import Charge
from tests.ledger.make import charge
from tests.support.service import Service, TeamHandle

MONTH = f"{datetime.now(UTC):%Y-%m}"


def spend(team: TeamHandle, *charges: Charge) -> None:
    """Charge the team as a job or request would."""
    with transaction() as session:
        settle(session, team_id=team.id, subject_id="s", charges=charges)


def new_price(**changes: Any) -> dict[str, Any]:
    """The request body for a price that no other test uses."""
    return {
        "provider_kind": "openai",
        "model": f"m-{datetime.now(UTC).timestamp()}",
        "kind": "training_tokens",
        "unit": "tokens",
        "unit_quantity": 1_000_000,
        "amount_usd": "25",
        "effective_from": 1_700_000_000,
        "source": "a contract",
    } | changes


def test_a_budget_shows_its_limit_and_counters(service: Service) -> None:
    team = service.make_team(budget_usd="5.00")
    spend(team, charge("a"))
    with transaction() as session:
        place_hold(session, team_id=team.id, subject_id="b", amount_usd=Decimal("1.5"))
    budget = team.http.get(f"/v1/teams/{team.id}/budget").json()
    assert set(budget.pop("forecast")) == {"usd_per_day", "period_end_usd", "exhausted_at"}
    assert budget == {
        "object": "budget",
        "team_id": team.id,
        "limit_usd": "5.00",
        "period": "month",
        "period_name": MONTH,
        "spent_usd": "0.10",
        "held_usd": "1.50",
        "remaining_usd": "3.40",
        "thresholds": [50, 80, 100],
        "held_thresholds": [],
        "forecast_thresholds": [],
        "key_id": None,
    }


def test_a_team_without_a_budget_has_no_limit(service: Service) -> None:
    team = service.make_team()
    budget = team.http.get(f"/v1/teams/{team.id}/budget").json()
    assert (budget["limit_usd"], budget["remaining_usd"], budget["spent_usd"]) == (None, None, "0.00")


def test_a_lowered_limit_refuses_and_a_lifted_one_does_not(service: Service) -> None:
    team = service.make_team(budget_usd="1")
    path = f"/v1/teams/{team.id}/budget"
    body = {"limit_usd": "0.05", "period": "total", "thresholds": [10]}
    assert service.admin.put(path, json=body).json()["remaining_usd"] == "0.05"
    with pytest.raises(BudgetExceeded), transaction() as session:
        place_hold(session, team_id=team.id, subject_id="b", amount_usd=Decimal("0.06"))
    assert service.admin.put(path, json={"limit_usd": None}).json()["limit_usd"] is None
    with transaction() as session:
        place_hold(session, team_id=team.id, subject_id="b", amount_usd=Decimal("0.06"))


def test_only_an_admin_sets_a_budget(service: Service) -> None:
    team = service.make_team()
    answer = team.http.put(f"/v1/teams/{team.id}/budget", json={"limit_usd": "1000"})
    assert answer.status_code == 403


def test_another_teams_budget_does_not_exist(service: Service) -> None:
    one, two = service.make_team(budget_usd="1"), service.make_team()
    foreign = two.http.get(f"/v1/teams/{one.id}/budget")
    invented = two.http.get("/v1/teams/team_nobody/budget")
    assert foreign.status_code == invented.status_code == 404
    assert foreign.json()["error"]["message"].replace(one.id, "X") == (
        invented.json()["error"]["message"].replace("team_nobody", "X")
    )


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "limit_usd"),
        ({"limit_usd": "-1"}, "limit_usd"),
        ({"limit_usd": "NaN"}, "limit_usd"),
        ({"limit_usd": "0.0000001"}, "limit_usd"),
        ({"limit_usd": "1", "period": "week"}, "period"),
        ({"limit_usd": "1", "thresholds": [0]}, "thresholds.0"),
    ],
)
def test_a_malformed_budget_is_refused(service: Service, body: dict[str, Any], param: str) -> None:
    answer = service.admin.put(f"/v1/teams/{service.make_team().id}/budget", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_me_tells_a_key_who_it_is_and_what_is_left(service: Service) -> None:
    team = service.make_team(budget_usd="2", scopes=["infer"])
    spend(team, charge("a"))
    me = team.http.get("/v1/me").json()
    assert (me["team_id"], me["team"]["slug"], me["scopes"]) == (team.id, team.slug, ["infer"])
    assert (me["spent_usd"], me["held_usd"], me["budget"]["remaining_usd"]) == ("0.10", "0.00", "1.90")


def test_me_tells_an_admin_that_it_is_one(service: Service) -> None:
    me = service.admin.get("/v1/me").json()
    assert (me["is_admin"], me["team_id"], me["budget"]) == (True, None, None)


def test_a_price_says_what_it_is_for(service: Service) -> None:
    body = new_price()
    made = service.admin.post("/v1/prices", json=body).json()
    assert (made["text"], made["unit"], made["tier"]) == ("$25.00 per 1,000,000 tokens", "tokens", "standard")
    found = service.make_team().http.get("/v1/prices", params={"model": body["model"]}).json()
    assert [price["id"] for price in found["data"]] == [made["id"]]


def test_a_price_is_never_replaced(service: Service) -> None:
    body = new_price()
    assert service.admin.post("/v1/prices", json=body).status_code == 200
    again = service.admin.post("/v1/prices", json=body | {"amount_usd": "26"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "price_exists")


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": "hours"},
        {"unit_quantity": 100},
        {"kind": "training_hours", "unit": "hours", "unit_quantity": 1000},
        {"amount_usd": "-1"},
        {"effective_from": "yesterday"},
        {"source": ""},
        {"currency": "eur"},
    ],
)
def test_a_price_in_other_units_is_refused(service: Service, changes: dict[str, Any]) -> None:
    assert service.admin.post("/v1/prices", json=new_price(**changes)).status_code == 400


def test_only_an_admin_adds_prices(service: Service) -> None:
    assert service.make_team().http.post("/v1/prices", json=new_price()).status_code == 403


def test_costs_are_grouped_and_add_up(service: Service) -> None:
    team = service.make_team()
    spend(team, charge("a", model="ft:x"), charge("b", 5_000, kind=PriceKind.INPUT_TOKENS, model="ft:x"))
    costs = team.http.get("/v1/costs", params={"group_by": "model,kind"}).json()
    assert costs["total_usd"] == "0.15"
    assert costs["data"][1] == {
        "model": "ft:x",
        "kind": "output_tokens",
        "quantity": "10000",
        "unit": "tokens",
        "amount_usd": "0.10",
    }


def test_a_teams_costs_are_its_own_and_an_admin_sees_all(service: Service) -> None:
    one, two = service.make_team(), service.make_team()
    spend(one, charge("a"))
    spend(two, charge("b"))
    seen = one.http.get("/v1/costs?group_by=team").json()["data"]
    assert [row["team_id"] for row in seen] == [one.id]
    everything = service.admin.get("/v1/costs?group_by=team").json()
    assert {row["team_id"] for row in everything["data"]} == {one.id, two.id}
    assert everything["total_usd"] == "0.20"
    as_two = service.admin.get("/v1/costs?group_by=team", headers={"OpenAI-Project": two.id}).json()
    assert [row["team_id"] for row in as_two["data"]] == [two.id]


def test_tags_with_commas_and_tags_that_share_63_bytes_are_grouped_apart(service: Service) -> None:
    team = service.make_team()
    first, second = "x" * 63 + "a", "x" * 63 + "b"
    spend(team, charge("a", tags={first: "1", second: "2", "a,b": "3"}))
    asked = {"group_by": [rf"tag:{first},tag:{second}", r"tag:a\,b"]}
    answer = team.http.get("/v1/costs", params=asked)
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["data"]
    assert (row[f"tag:{first}"], row[f"tag:{second}"], row["tag:a,b"]) == ("1", "2", "3")


def test_unit_costs_are_of_requests_jobs_and_tokens(service: Service) -> None:
    team = service.make_team()
    spend(
        team,
        charge("a", 1_000, kind=PriceKind.INPUT_TOKENS),
        charge("a:out", 3_000),
        charge("b", 1_000, kind=PriceKind.INPUT_TOKENS),
        charge("c", 20_000, kind=PriceKind.TRAINING_TOKENS, job_id="ftjob-1"),
    )
    (row,) = team.http.get("/v1/costs?group_by=team&unit_costs=true").json()["data"]
    assert (row["requests"], row["jobs"], row["tokens"]) == (2, 1, "25000")
    assert (row["usd_per_request"], row["usd_per_job"], row["usd_per_1k_tokens"]) == ("0.025", "0.20", "0.01")
    (idle,) = team.http.get("/v1/costs?group_by=job,kind&unit_costs=true").json()["data"][:1]
    assert idle["usd_per_1k_tokens"] == "0.01"


def test_names_stand_beside_ids_in_reports_and_csv(service: Service) -> None:
    team = service.make_team()
    spend(team, charge("a", key_id="key_gone"))
    (row,) = team.http.get("/v1/costs?group_by=team,key").json()["data"]
    name = service.admin.get(f"/v1/teams/{team.id}").json()["name"]
    assert (row["team_id"], row["team_name"], row["key_id"], row["key_name"]) == (
        team.id,
        name,
        "key_gone",
        None,
    )
    (line,) = csv.DictReader(io.StringIO(team.http.get("/v1/costs?group_by=team&format=csv").text))
    assert line["team_name"] == name
    department = service.admin.post("/v1/departments", json={"name": "Research"}).json()["id"]
    allocation = {"department_id": department, "cost_center": "cc-1"}
    service.admin.post(f"/v1/teams/{team.id}/allocations", json=allocation)
    spend(team, charge("b"))
    statement = team.http.get("/v1/costs/statement", params={"month": MONTH, "format": "csv"})
    lines = list(csv.DictReader(io.StringIO(statement.text)))
    assert [(line["team_name"], line["department_name"], line["cost_center"]) for line in lines] == [
        (name, "Research", "cc-1"),
        (name, "", ""),
    ]
    body = {"team_id": team.id, "amount_usd": "-1", "reason": "a credit note"}
    assert service.admin.post("/v1/costs/adjustments", json=body).json()["team_name"] == name


def test_a_statement_comes_as_a_page_to_print_with_all_text_escaped(service: Service) -> None:
    team = service.make_team()
    spend(team, charge("a", model="<script>alert(1)</script>"))
    page = team.http.get("/v1/costs/statement", params={"month": MONTH, "format": "html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text
    assert '<th class="n">0.10</th>' in page.text


def test_costs_come_as_csv(service: Service) -> None:
    team = service.make_team()
    spend(team, charge("a", tags={"env": "prod"}), charge("b"))
    answer = team.http.get("/v1/costs?group_by=tag:env,kind&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sum(Decimal(row["amount_usd"]) for row in rows) == Decimal("0.20")
    assert {row["tag:env"] for row in rows} == {"prod", ""}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("group_by=colour", "group_by"),
        ("start_time=20&end_time=10", "end_time"),
        ("start_time=-1", "start_time"),
        ("format=pdf", "format"),
    ],
)
def test_a_malformed_cost_query_is_refused(service: Service, query: str, param: str) -> None:
    answer = service.make_team().http.get(f"/v1/costs?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
