"""Who may see pages, for how long, and what another site cannot do with a person's session."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from service.core import clock
from service.core.db import transaction
from service.events.actions import NewEvent, append_all
from service.events.types import EventType
from service.people.queries import digest_of
from service.people.tables import PersonSession, SignInLink
from tests.people.browser import Browser, link_to_sign_in
from tests.support.data import chat_file
from tests.support.service import Service
from tests.support.waiting import wait_until


def test_a_stranger_is_led_to_the_welcome_and_back_to_the_page_afterwards(
    service: Service, browser: Browser
) -> None:
    team = service.make_team()
    welcome = browser.open("/sessions?after=x")
    assert "Welcome to Tunehouse" in welcome.text
    assert 'value="/sessions?after=x"' in welcome.text

    page = browser.sign_in(team.key, next="/sessions")

    assert page.url.path == "/sessions"
    assert "Signed in as tests" in page.text


def test_a_key_shows_its_team_and_a_wrong_one_says_so(service: Service, browser: Browser) -> None:
    refused = browser.sign_in("th-wrong")
    assert refused.status_code == 422
    assert "Unknown key" in refused.text
    assert browser.cookie is None

    team = service.make_team()
    assert team.slug.title() in browser.sign_in(team.key).text


def test_a_link_signs_in_one_admin_once(browser: Browser, other_browser: Browser) -> None:
    token = link_to_sign_in()
    assert "It works once" in browser.open("/sign-in/link", params={"token": token}).text

    assert "All teams" in browser.send("/sign-in/link", {"token": token}).text
    again = other_browser.send("/sign-in/link", {"token": token})

    assert again.status_code == 401
    assert "tunehouse link" in again.text


def test_a_link_expires(browser: Browser) -> None:
    token = link_to_sign_in()
    with transaction() as session:
        session.execute(update(SignInLink).values(expires_at=clock.now()))
    assert browser.send("/sign-in/link", {"token": token}).status_code == 401


def test_only_a_digest_of_the_cookie_is_stored(service: Service, browser: Browser) -> None:
    browser.sign_in(service.make_team().key)
    assert browser.cookie is not None
    with transaction() as session:
        row = session.get(PersonSession, digest_of(browser.cookie))
    assert row is not None
    assert browser.cookie.encode() not in row.digest


def test_signing_in_changes_the_cookie_and_ends_the_earlier_session(
    service: Service, browser: Browser, other_browser: Browser
) -> None:
    key = service.make_team().key
    browser.sign_in(key)
    planted = browser.cookie
    assert planted is not None

    browser.sign_in(key)

    assert browser.cookie != planted
    other_browser.http.cookies.set("tunehouse_session", planted)
    assert "Welcome to Tunehouse" in other_browser.open("/").text


@pytest.mark.parametrize("column", ["created_at", "seen_at"])
def test_a_session_ends_when_it_is_old_or_unused(service: Service, browser: Browser, column: str) -> None:
    browser.sign_in(service.make_team().key)
    long_ago = clock.now() - timedelta(days=1)
    with transaction() as session:
        session.execute(update(PersonSession).values({column: long_ago}))
    assert "Welcome to Tunehouse" in browser.open("/").text


def test_a_session_ends_with_its_key(service: Service, browser: Browser) -> None:
    team = service.make_team()
    browser.sign_in(team.key)
    (key,) = service.admin.get(f"/v1/teams/{team.id}/keys").json()["data"]

    service.admin.delete(f"/v1/teams/{team.id}/keys/{key['id']}")

    assert "Welcome to Tunehouse" in browser.open("/").text


def test_a_session_ends_with_the_secret_that_it_began_with(service: Service, browser: Browser) -> None:
    team = service.make_team()
    browser.sign_in(team.key)
    (key,) = service.admin.get(f"/v1/teams/{team.id}/keys").json()["data"]

    service.admin.post(f"/v1/teams/{team.id}/keys/{key['id']}/rotate")

    assert "Welcome to Tunehouse" in browser.open("/").text


def test_a_session_can_be_ended_from_another_browser_but_not_by_another_team(
    service: Service, browser: Browser, other_browser: Browser
) -> None:
    team, stranger = service.make_team(), service.make_team()
    browser.sign_in(team.key)
    with transaction() as session:
        assert browser.cookie is not None
        row = session.get(PersonSession, digest_of(browser.cookie))
        assert row is not None

    other_browser.sign_in(stranger.key)
    assert row.id not in other_browser.open("/sessions").text
    assert other_browser.send(f"/sessions/{row.id}/end").status_code == 404
    other_browser.sign_in(team.key)
    assert row.id in other_browser.open("/sessions").text
    other_browser.send(f"/sessions/{row.id}/end")

    assert "Welcome to Tunehouse" in browser.open("/").text


def test_a_stream_ends_with_its_session(service: Service, browser: Browser) -> None:
    team = service.make_team(budget_usd="5.00")
    file = team.sdk.files.create(file=("a.jsonl", chat_file()), purpose="fine-tune")
    job = team.sdk.fine_tuning.jobs.create(model="sandbox-mini", training_file=file.id)
    browser.sign_in(team.key)
    with browser.http.stream("GET", f"/jobs/{job.id}/stream") as response:
        lines = response.iter_lines()
        assert next(lines).startswith("retry")
        with transaction() as session:
            session.execute(update(PersonSession).values(ended_at=clock.now()))

        def happens_unheard() -> bool:
            with transaction() as session:
                event = NewEvent(EventType.JOB_MESSAGE, "secret")
                append_all(session, team_id=team.id, subject_id=job.id, events=[event])
            return next(lines, None) is None

        wait_until(happens_unheard)


def test_signing_out_ends_the_session_itself(service: Service, browser: Browser) -> None:
    browser.sign_in(service.make_team().key)
    stolen = browser.cookie
    assert stolen is not None
    assert "signed out" in browser.send("/sign-out").text
    browser.http.cookies.set("tunehouse_session", stolen)
    assert "Welcome to Tunehouse" in browser.open("/").text


def test_the_api_takes_no_cookie_and_a_page_no_key(service: Service, browser: Browser) -> None:
    team = service.make_team()
    browser.sign_in(team.key)
    assert browser.open("/v1/me").status_code == 401
    assert "Welcome to Tunehouse" in team.http.get("/sessions", follow_redirects=True).text


FOREIGN = [
    {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"},
    {"origin": "https://elsewhere.example"},
    {"origin": "null", "sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_that_another_site_sends_changes_nothing(
    service: Service, browser: Browser, headers: dict[str, str]
) -> None:
    browser.sign_in(service.make_team().key)
    token = browser.open("/").text.split('name="csrf" value="')[1][:64]

    refused = browser.http.post("/sign-out", data={"csrf": token}, headers=headers)

    assert refused.status_code == 403
    assert "another site" in refused.text
    assert "Signed in" in browser.open("/sessions").text


@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_a_form_without_the_sessions_token_changes_nothing(
    service: Service, browser: Browser, token: str | None
) -> None:
    browser.sign_in(service.make_team().key)
    fields = {} if token is None else {"csrf": token}
    refused = browser.http.post("/sign-out", data=fields, headers={"origin": browser.url})
    assert refused.status_code == 403
    assert "Signed in" in browser.open("/sessions").text


def test_a_form_with_a_field_twice_is_refused(service: Service, browser: Browser) -> None:
    answer = browser.http.post(
        "/sign-in", data={"key": ["th-wrong", service.make_team().key]}, headers={"origin": browser.url}
    )
    assert answer.status_code == 400
    assert browser.cookie is None


OUTSIDE = [
    "https://elsewhere.example/",
    "//elsewhere.example/",
    "/\\elsewhere.example",
    "\\\\elsewhere.example",
    "javascript:alert(1)",
    "/\t/elsewhere.example",
    " //elsewhere.example",
]


@pytest.mark.parametrize("target", OUTSIDE)
def test_signing_in_never_leads_to_another_site(service: Service, browser: Browser, target: str) -> None:
    key = service.make_team().key
    sent = {"origin": browser.url, "sec-fetch-site": "same-origin"}
    answer = browser.http.post(
        "/sign-in", data={"key": key, "next": target}, headers=sent, follow_redirects=False
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"


def test_every_page_forbids_scripts_of_others_framing_and_caching(service: Service, browser: Browser) -> None:
    browser.sign_in(service.make_team().key)
    for path in ("/", "/sessions", "/sign-in", "/nothing-here", "/jobs/none"):
        headers = browser.open(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        if path in ("/", "/sessions", "/sign-in"):
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["x-frame-options"] == "DENY"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(service: Service, browser: Browser) -> None:
    sent = {"origin": browser.url}
    answer = browser.http.post(
        "/sign-in", data={"key": service.make_team().key}, headers=sent, follow_redirects=False
    )
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
