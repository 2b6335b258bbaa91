"""The page of a flagged charge."""

from service.core.db import transaction
from service.ledger.actions import settle
from service.ledger.charges import Review
from tests.ledger.make import charge
from tests.people.browser import Browser
from tests.support.service import Service


def test_an_admin_opens_and_accepts_a_flagged_charge_which_keeps_its_page(
    service: Service, browser: Browser
) -> None:
    team = service.make_team()
    flagged = charge(f"{team.id}:x", 10_000, review=Review("uncertain", "the connection was lost", bound=7))
    with transaction() as session:
        settle(session, team_id=team.id, subject_id="req_1", charges=[flagged])
    (listed,) = service.admin.get("/v1/costs/review").json()["data"]
    path = f"/admin/reviews/{listed['id']}"
    browser.sign_in(service.admin_key)

    assert f'href="{path}"' in browser.open("/admin/reviews").text
    assert "the connection was lost" in browser.open(path).text
    assert "The charge is resolved" in browser.send(path, {"action": "accept"}).text

    resolved = browser.open(path)
    assert resolved.status_code == 200
    assert "Accept the charge" not in resolved.text
    assert browser.open("/admin/reviews/rev_none").status_code == 404
