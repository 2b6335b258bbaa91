"""What hostile text, links and sites cannot do to a person with a browser."""

from __future__ import annotations

import re

from playwright.sync_api import Browser

from tests.pages.person import Person
from tests.pages.town import HOSTILE, Town, lines, upload
from tests.support.service import Service

PLACES = (
    "/",
    "/datasets",
    "/datasets/{file}",
    "/datasets/{broken}",
    "/datasets/{broken}/lines/12",
    "/jobs",
    "/jobs/{job}",
    "/team",
    "/team/webhooks",
    "/team/audit",
    "/sessions",
    "/costs?group_by=key",
    "/costs?group_by=tag",
    "/statements",
    "/search?q={hostile}",
    "/jobs?q={hostile}",
    "/datasets?q={hostile}",
    "/playground?model={hostile}&other={hostile}",
    "/jobs/new?model={hostile}&suffix={hostile}&training_file={hostile}",
    "/costs?month={hostile}",
    "/prices?model={hostile}",
    "/nothing/{hostile}",
    "/models/{hostile}",
)


def test_text_that_others_stored_or_sent_never_runs(
    chromium: Browser, service: Service, worker: object
) -> None:
    team = service.make_team(budget_usd="5.00")
    service.admin.post(f"/v1/teams/{team.id}", json={"name": HOSTILE}).raise_for_status()
    asked = {"name": HOSTILE, "scopes": ["read", "train", "infer", "manage"]}
    key = service.admin.post(f"/v1/teams/{team.id}/keys", json=asked).json()["secret"]
    sdk = service.sdk(key)
    good = upload(sdk, f"{HOSTILE.replace('/', '')}.jsonl", lines(12))
    message = '\n{"messages": [{"role": "' + HOSTILE.replace('"', "'") + '", "content": "x"}]}\n'
    broken = upload(sdk, "broken.jsonl", lines(11) + message.encode())
    job = sdk.fine_tuning.jobs.create(
        model="sandbox-mini", training_file=good, metadata={HOSTILE[:60]: HOSTILE}
    )
    hook = {"name": HOSTILE, "url": "http://127.0.0.1:9/?<script>", "event_types": ["file.processed"]}
    service.http(key).post("/v1/webhook_endpoints", json=hook).raise_for_status()

    with Person(chromium, service.url, user_agent=HOSTILE) as person:
        person.sign_in(key)
        values = {"file": good, "broken": broken, "job": job.id, "hostile": HOSTILE.replace('"', "%22")}
        for place in PLACES:
            person.open(place.format(**values))
            assert person.page.title() != "run", place
            assert person.page.locator("img").count() == 0, place
            assert person.page.locator("main script, main style").count() == 0, place
        # Pages that do not exist are errors, which the browser itself reports.
        assert [one for one in person.complaints if "status of 4" not in one] == []
    service.http(key).post(f"/v1/fine_tuning/jobs/{job.id}/cancel")


def test_another_site_cannot_act_in_a_persons_session(chromium: Browser, service: Service) -> None:
    team = service.make_team()
    with Person(chromium, service.url) as person:
        person.sign_in(team.key)
        token = person.page.locator("input[name=csrf]").first.get_attribute("value")
        form = (
            f'<form action="{service.url}/sign-out" method="post"><input name="csrf" value="{token}">'
            "<button>Win a prize</button></form>"
        )
        person.page.route(
            "http://elsewhere.test/", lambda route: route.fulfill(content_type="text/html", body=form)
        )
        person.open("http://elsewhere.test/")
        person.page.get_by_role("button").click()
        person.page.wait_for_load_state()
        person.open("/sessions")
        assert "Signed in as" in person.page.content()


def test_no_page_can_be_framed(chromium: Browser, service: Service) -> None:
    team = service.make_team()
    with Person(chromium, service.url) as person:
        person.sign_in(team.key)
        person.page.route(
            "**/frame.html",
            lambda route: route.fulfill(
                content_type="text/html", body=f'<iframe src="{service.url}/sessions"></iframe>'
            ),
        )
        person.open("/frame.html")
        person.page.wait_for_timeout(500)
        texts = [frame.content() for frame in person.page.frames[1:]]
        assert all("Signed in as" not in text for text in texts)


def test_a_page_has_nothing_inline_and_loads_nothing_else(person: Person, town: Town) -> None:
    person.sign_in(town.team.key)
    for path in ("/", f"/jobs/{town.job}", f"/datasets/{town.good}", "/costs"):
        html = person.open(path).text()
        assert not re.search(r"<[^>]+\son[a-z]+=", html), path
        assert not re.search(r"<[^>]+\sstyle=", html), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", html), path
        assert re.findall(r'(?:src|href)="(https?:[^"]+)"', html) == [], path
