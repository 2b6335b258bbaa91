"""What people come for, from the first page to the end, on the real service."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.pages.person import Person
from tests.pages.town import Town, lines
from tests.support.service import Service


def test_a_member_uploads_data_estimates_trains_and_watches(
    person: Person, service: Service, worker: object
) -> None:
    team = service.make_team(budget_usd="5.00")
    person.sign_in(team.key)
    page = person.page

    page.get_by_role("link", name="Upload data").click()
    page.get_by_label("File").set_input_files(
        {"name": "tickets.jsonl", "mimeType": "application/jsonl", "buffer": lines(40)}
    )
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("link", name="Train on this").click(timeout=60_000)

    page.get_by_label("Start from").select_option("sandbox-mini")
    expect(page.get_by_text("Left after this job")).to_be_visible()
    page.get_by_label("Suffix").fill("tickets-v1")
    page.get_by_role("button", name="Start training").click()

    expect(page.get_by_role("heading", name="tickets-v1")).to_be_visible()
    expect(page.locator("#job-title").get_by_text("succeeded")).to_be_visible(timeout=60_000)
    expect(page.locator("#loss-plot svg")).to_be_visible()
    (job,) = team.sdk.fine_tuning.jobs.list().data
    assert job.user_provided_suffix == "tickets-v1"


def test_a_wrong_field_is_named_beside_it_and_nothing_is_created(person: Person, town: Town) -> None:
    person.sign_in(town.team.key)
    before = len(town.team.sdk.fine_tuning.jobs.list().data)
    person.open(f"/jobs/new?training_file={town.good}&model=sandbox-mini")
    person.page.get_by_label("Suffix").fill("no spaces please")
    person.page.get_by_role("button", name="Start training").click()
    expect(person.page.locator("#suffix")).to_have_attribute("aria-invalid", "true")
    assert len(town.team.sdk.fine_tuning.jobs.list().data) == before


def test_an_error_leads_to_its_line(person: Person, town: Town) -> None:
    person.sign_in(town.team.key)
    person.open(f"/datasets/{town.bad}")
    person.page.get_by_role("link", name="13", exact=True).click()
    expect(person.page.get_by_role("heading", name="Line 13")).to_be_visible()
    expect(person.page.locator("pre").nth(1)).to_contain_text('"content": "x"')


def test_a_lead_rolls_an_alias_back(person: Person, town: Town) -> None:
    person.sign_in(town.team.key)
    person.open("/aliases/support")
    person.page.get_by_role("button", name="Roll back").click()
    expect(person.page.get_by_role("status")).to_contain_text("again")
    assert town.team.http.get("/v1/aliases/support").json()["model"] == town.first


def test_an_amount_leads_to_the_entries_that_it_adds_up(person: Person, town: Town) -> None:
    person.sign_in(town.team.key)
    person.open("/costs")
    person.page.get_by_role("link", name="training tokens").click()
    expect(person.page.get_by_role("heading", name="Entries", level=1)).to_be_visible()
    assert person.page.locator("#entries tbody tr").count() >= 2


def test_both_models_answer_side_by_side(person: Person, town: Town) -> None:
    person.sign_in(town.team.key)
    person.open(f"/playground?model=sandbox-mini&other={town.second}")
    person.page.get_by_label("Prompt").fill("Where is my order?")
    person.page.get_by_role("button", name="Ask").click()
    expect(person.page.locator(".answer")).to_have_count(2, timeout=60_000)


def test_a_lead_makes_a_key_which_works_and_revokes_it(person: Person, service: Service) -> None:
    team = service.make_team()
    person.sign_in(team.key)
    page = person.page
    page.get_by_role("link", name="Team", exact=True).click()
    page.get_by_label("Name", exact=True).fill("nightly")
    page.get_by_role("button", name="Create the key").click()
    secret = page.locator("#secret").text_content()
    assert secret is not None
    assert service.http(secret).get("/v1/me").status_code == 200
    page.get_by_role("link", name="Done").click()
    page.get_by_role("row", name="nightly").get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name="nightly")).to_contain_text("revoked")
    assert service.http(secret).get("/v1/me").status_code == 401


def test_an_admin_makes_a_team_sets_its_budget_and_goes_back_to_all(person: Person, service: Service) -> None:
    person.sign_in_as_admin()
    page = person.page
    page.get_by_role("link", name="Teams", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Search")
    page.get_by_label("Slug").fill("search")
    page.get_by_role("button", name="Create the team").click()
    page.get_by_role("link", name="Budget", exact=True).click()
    page.get_by_label("Limit, USD").fill("12.50")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("$12.50 a month")).to_be_visible()
    page.get_by_role("link", name="Search").first.click()
    page.get_by_role("button", name="Choose all teams").click()
    expect(page.get_by_role("heading", name="All teams")).to_be_visible()
    team = service.admin.get("/v1/teams").json()["data"][0]
    events = service.admin.get("/v1/audit_events", params={"key_id": "key_operator"}).json()["data"]
    assert {event["action"] for event in events} >= {"POST /admin/teams", "POST /budget"}
    assert team["slug"] == "search"


def test_the_theme_that_is_chosen_stays(person: Person, service: Service) -> None:
    person.sign_in(service.make_team().key)
    person.page.get_by_role("button", name="Change between light and dark").click()
    person.open("/jobs")
    expect(person.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_everything_works_without_scripts(chromium: Browser, service: Service, town: Town) -> None:
    with Person(chromium, service.url, java_script_enabled=False) as person:
        person.sign_in(town.team.key)
        page = person.page
        person.open(f"/jobs/new?training_file={town.good}")
        page.get_by_label("Start from").select_option("sandbox-mini")
        page.get_by_role("button", name="Estimate").click()
        expect(page.get_by_text("Left after this job")).to_be_visible()
        page.get_by_label("Suffix").fill("without-scripts")
        page.get_by_role("button", name="Start training").click()
        expect(page.get_by_role("heading", name="without-scripts")).to_be_visible()
        person.open("/datasets/new")
        page.get_by_label("File").set_input_files(
            {"name": "more.jsonl", "mimeType": "application/jsonl", "buffer": lines(11)}
        )
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("heading", name="more.jsonl")).to_be_visible()
        person.check()
