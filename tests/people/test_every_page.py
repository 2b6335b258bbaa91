"""Every page answers, with data in it; `make test-pages` looks at them in a browser."""

from tests.pages.paths import OF_A_TEAM, OF_ADMINS
from tests.pages.town import settle
from tests.people.browser import Browser
from tests.support.processes import Worker
from tests.support.service import Service
from tests.support.trainer_process import TrainerProcess


def test_every_page_answers(
    service: Service, worker: Worker, trainer: TrainerProcess, browser: Browser, other_browser: Browser
) -> None:
    town = settle(service)
    browser.sign_in(town.team.key)
    other_browser.sign_in(service.admin_key)
    pages = [(browser, path.format(**vars(town))) for path in OF_A_TEAM]
    pages += [(other_browser, path) for path in OF_ADMINS]

    answers = {path: one.open(path).status_code for one, path in pages}

    assert {path: status for path, status in answers.items() if status != 200} == {}
