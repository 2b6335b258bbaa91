"""What holds for all pages: who may open them, that they have no SQL, and how much a browser loads."""

import ast
import html
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

import service.pages
from service.core.db import transaction
from service.ledger.actions import settle
from service.pages.application import ROUTERS
from service.pages.listing import CSV_ROWS
from service.teams.access import current_caller
from tests.ledger.make import charge
from tests.people.browser import Browser
from tests.support.service import Service

FOLDER = Path(service.pages.__file__).parent
PUBLIC = {"/static/{version}/{name}", "/sign-in", "/sign-in/link", "/sign-out", "/theme"}
MOST_BYTES = 60_000


def routes() -> Iterator[APIRoute]:
    for router in ROUTERS:
        yield from (route for route in router.routes if isinstance(route, APIRoute))


def asks_who_calls(dependant: Dependant) -> bool:
    return any(one.call is current_caller or asks_who_calls(one) for one in dependant.dependencies)


def test_every_page_asks_who_opens_it() -> None:
    open_to_all = {route.path for route in routes() if not asks_who_calls(route.dependant)}
    assert open_to_all == PUBLIC


def test_every_page_that_changes_something_is_a_post() -> None:
    assert {method for route in routes() for method in route.methods} == {"GET", "POST"}


def test_no_page_writes_sql() -> None:
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
                names = {alias.name for alias in node.names}
                assert names <= {"Session", "DataError", "OperationalError", "TimeoutError"}, path


def test_the_whole_site_is_small() -> None:
    assert sum(path.stat().st_size for path in (FOLDER / "static").iterdir()) <= MOST_BYTES


@pytest.mark.parametrize("path", ["/admin/status", "/admin/work", "/admin/teams", "/teams/choose"])
def test_a_team_sees_no_page_of_admins(service: Service, browser: Browser, path: str) -> None:
    browser.sign_in(service.make_team().key)
    assert browser.open(path).status_code == 403


def test_a_key_sees_only_the_pages_of_its_scopes(service: Service, browser: Browser) -> None:
    browser.sign_in(service.make_team(scopes=["read"]).key)
    assert browser.open("/jobs").status_code == 200
    assert browser.open("/jobs/new").status_code == 403
    assert browser.open("/team").status_code == 403
    assert browser.send("/playground", {"model": "sandbox-mini", "prompt": "x"}).status_code == 403


def test_another_teams_objects_look_like_none(service: Service, browser: Browser) -> None:
    owner, stranger = service.make_team(), service.make_team()
    file = owner.sdk.files.create(file=("a.jsonl", b"{}\n"), purpose="fine-tune")
    owner.http.put("/v1/aliases/ours", json={"model": "sandbox-mini"}).raise_for_status()
    browser.sign_in(stranger.key)
    for path in (
        f"/datasets/{file.id}",
        "/datasets/file-none",
        f"/datasets/{file.id}/lines/1",
        "/aliases/ours",
    ):
        assert browser.open(path).status_code == 404, path
    assert browser.send(f"/datasets/{file.id}/delete").status_code == 404
    assert file.id not in browser.open(f"/search?q={file.id}").text.split("<main", 1)[1].replace(
        f'<p class="soft">{file.id}</p>', ""
    )
    assert browser.open(f"/?team={owner.id}").text.count(stranger.slug.title()) > 0


def test_what_an_admin_opens_and_changes_for_a_team_is_recorded(service: Service, browser: Browser) -> None:
    team = service.make_team()
    browser.sign_in(service.admin_key)
    browser.send("/teams/choose", {"team": team.id})
    browser.open("/jobs")
    browser.send("/budget", {"limit_usd": "7.50"})

    events = team.http.get("/v1/audit_events").json()["data"]

    assert {"GET /jobs", "POST /budget"} <= {event["action"] for event in events}
    budget = service.admin.get(f"/v1/teams/{team.id}/budget").json()
    assert budget["limit_usd"] == "7.50"


def test_a_form_does_not_change_the_team_that_an_admin_chose_meanwhile_in_another_tab(
    service: Service, browser: Browser
) -> None:
    first, second = service.make_team(budget_usd="5.00"), service.make_team(budget_usd="5.00")
    browser.sign_in(service.admin_key)
    browser.send("/teams/choose", {"team": first.id})
    token = browser.open("/budget").text.split('name="csrf" value="')[1].partition('"')[0]
    browser.send("/teams/choose", {"team": second.id})

    sent = {"origin": browser.url}
    refused = browser.http.post("/budget", data={"csrf": token, "limit_usd": "7"}, headers=sent)

    assert refused.status_code == 403
    assert "nothing was changed" in refused.text
    assert service.admin.get(f"/v1/teams/{second.id}/budget").json()["limit_usd"] == "5.00"
    assert "signed out" in browser.http.post("/sign-out", data={"csrf": token}, headers=sent).text


def test_an_admin_who_acts_for_an_archived_team_deletes_its_data_and_chooses_another(
    service: Service, browser: Browser
) -> None:
    archived, other = service.make_team(), service.make_team()
    file = archived.sdk.files.create(file=("a.jsonl", b"{}\n"), purpose="fine-tune")
    browser.sign_in(service.admin_key)
    browser.send("/teams/choose", {"team": archived.id})
    service.admin.delete(f"/v1/teams/{archived.id}").raise_for_status()

    assert browser.send("/aliases", {"name": "ours", "model": "sandbox-mini"}).status_code == 409
    assert "The dataset is deleted" in browser.send(f"/datasets/{file.id}/delete").text
    assert other.slug.title() in browser.send("/teams/choose", {"team": other.id}).text


def test_an_admin_follows_a_teams_costs_to_their_entries_without_choosing_the_team(
    service: Service, browser: Browser
) -> None:
    team = service.make_team()
    with transaction() as session:
        settle(session, team_id=team.id, subject_id="req_1", charges=[charge(f"{team.id}:x", 10_000)])
    browser.sign_in(service.admin_key)

    page = browser.open(f"/costs?group_by=kind&team={team.id}").text
    entries = html.unescape(page.split('href="/costs/entries', 1)[1].partition('"')[0])

    assert "0.10" in browser.open(f"/costs/entries{entries}").text


def test_a_table_is_also_csv_which_no_spreadsheet_runs(service: Service, browser: Browser) -> None:
    team = service.make_team()
    service.admin.post(f"/v1/teams/{team.id}/keys", json={"name": "=HYPERLINK(1)"}).raise_for_status()
    browser.sign_in(team.key)
    answer = browser.open("/team?csv=keys")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "'=HYPERLINK(1)" in answer.text
    assert answer.text.splitlines()[0] == "name,id,state,scopes,last used,expires"
    assert browser.open("/team?csv=nothing").status_code == 404


def test_a_csv_has_exact_amounts_and_says_in_its_name_if_it_has_only_the_first_rows(
    service: Service, browser: Browser
) -> None:
    team = service.make_team()
    charges = [charge(f"{team.id}:{number}", 1234) for number in range(CSV_ROWS + 1)]
    with transaction() as session:
        settle(session, team_id=team.id, subject_id="req_1", charges=charges)
    browser.sign_in(team.key)

    part = browser.open("/costs/entries?csv=entries")
    whole = browser.open("/costs?csv=costs")

    assert part.headers["content-disposition"] == f'attachment; filename="entries-first-{CSV_ROWS}.csv"'
    assert len(part.text.splitlines()) == 1 + CSV_ROWS
    assert whole.headers["content-disposition"] == 'attachment; filename="costs.csv"'
    assert part.text.splitlines()[1].endswith(",1234,0.01234")
    assert whole.text.splitlines()[1].split(",")[1] == "12.35234"


def test_the_page_of_budgets_lists_the_keys_that_have_one(service: Service, browser: Browser) -> None:
    team = service.make_team()
    made = service.admin.post(f"/v1/teams/{team.id}/keys", json={"name": "nightly"}).json()
    service.admin.put(f"/v1/teams/{team.id}/keys/{made['id']}/budget", json={"limit_usd": "3"})
    browser.sign_in(team.key)

    assert browser.open("/budget?csv=keys").text.splitlines()[1:] == ["nightly,3.00,0.00,3.00"]
