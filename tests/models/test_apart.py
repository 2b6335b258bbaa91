"""Two teams that do the very same with the very same data see nothing of each other."""

from collections.abc import Iterator

import pytest

from service.core import clock
from service.core.db import transaction
from service.models.shutdowns.actions import record_shutdowns
from service.models.shutdowns.notices import send_notices
from tests.jobs.story import BASE, run, upload
from tests.models.test_shutdowns import in_days
from tests.support.data import chat_file
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("worker")


def live(team: TeamHandle) -> dict[str, str]:
    """Two generations, an alias and a retrain, on content that others have too; all ids by what they are."""
    file = upload(team.sdk, chat_file(topic="shared"))
    first = run(team.sdk, training_file=file.id)
    second = run(team.sdk, model=first.fine_tuned_model, training_file=file.id)
    model = str(second.fine_tuned_model)
    team.http.put("/v1/aliases/helper", json={"model": model}).raise_for_status()
    retrain = team.http.post(f"/v1/models/{first.fine_tuned_model}/retrain", json={"confirm": True}).json()[
        "id"
    ]
    wait_until(lambda: team.http.get(f"/v1/retrains/{retrain}").json()["status"] == "succeeded")
    return {
        "team": team.id,
        "file": file.id,
        "first_job": first.id,
        "second_job": second.id,
        "parent": str(first.fine_tuned_model),
        "model": model,
        "retrain": retrain,
        "slug": f":{team.slug}:",
    }


def everything_told(team: TeamHandle, own: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Every route that shows lineage or costs, with its answer."""
    model = f"/v1/models/{own['model']}"
    graphs = [
        f"{model}/lineage?direction={direction}&format={form}"
        for direction in ("ancestors", "descendants", "both")
        for form in ("json", "mermaid", "openlineage")
    ]
    single = [
        model,
        f"{model}/recipe",
        f"/v1/files/{own['file']}/impact",
        f"/v1/retrains/{own['retrain']}",
        "/v1/retrains",
        "/v1/models",
        "/v1/aliases",
        "/v1/aliases/helper",
        "/v1/shutdowns",
    ]
    day = int(clock.now().timestamp()) - 86_400
    money = [
        "/v1/costs?group_by=team,job,model,key",
        "/v1/costs?group_by=team,job,model,key&format=csv",
        "/v1/costs?format=focus",
        f"/v1/costs/statement?month={clock.now():%Y-%m}",
        f"/v1/costs/statement?month={clock.now():%Y-%m}&format=csv",
        f"/v1/organization/costs?start_time={day}&group_by=project_id&group_by=line_item",
        f"/v1/organization/usage/completions?start_time={day}&group_by=project_id&group_by=model",
        f"/v1/teams/{team.id}/budget",
        "/v1/me",
    ]
    for path in [*graphs, *single, *money]:
        answer = team.http.get(path)
        assert answer.status_code == 200, answer.text
        yield path, answer.text
    yield "plan", team.http.post(f"{model}/retrain", json={}).text


def test_no_graph_export_or_route_holds_another_teams_id(service: Service) -> None:
    teams = [service.make_team(), service.make_team()]
    owned = [live(team) for team in teams]
    end = in_days(40)
    with transaction() as session:
        record_shutdowns(session, "trainer", {BASE: end})
        assert send_notices(session, in_days(0)) == 2
    for me, other in ((0, 1), (1, 0)):
        answers = list(everything_told(teams[me], owned[me]))
        assert any(owned[me]["model"] in text for _, text in answers)
        leaks = [
            (path, what) for path, text in answers for what, found in owned[other].items() if found in text
        ]
        assert leaks == []
