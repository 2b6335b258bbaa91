"""A stable name in front of changing models."""

import pytest

from tests.support.service import Service


def test_an_alias_points_switches_and_rolls_back(service: Service) -> None:
    team = service.make_team()
    for model in ("sandbox-mini", "sandbox-large"):
        put = team.http.put("/v1/aliases/helper", json={"model": model})
        assert put.json()["model"] == model
    rolled = team.http.post("/v1/aliases/helper/rollback").json()
    assert rolled["model"] == "sandbox-mini"
    assert [change["model"] for change in rolled["history"]] == [
        "sandbox-mini",
        "sandbox-large",
        "sandbox-mini",
    ]
    assert team.http.get("/v1/aliases").json()["data"][0]["name"] == "helper"


def test_a_deleted_alias_is_gone_and_may_return_with_its_history(service: Service) -> None:
    team = service.make_team()
    team.http.put("/v1/aliases/helper", json={"model": "sandbox-mini"}).raise_for_status()
    assert team.http.delete("/v1/aliases/helper").json()["deleted"] is True
    assert team.http.get("/v1/aliases/helper").status_code == 404
    assert team.http.put("/v1/aliases/helper", json={"model": "sandbox-mini"}).json()["version"] == 3


@pytest.mark.parametrize(
    ("name", "model", "param"),
    [
        ("sandbox-mini", "sandbox-large", "name"),
        ("helper", "no-such-model", "model"),
        ("helper", "ft:sandbox-mini:other::AAAAAAAA", "model"),
    ],
)
def test_an_alias_must_name_something_new_and_point_at_something_there(
    service: Service, name: str, model: str, param: str
) -> None:
    answer = service.make_team().http.put(f"/v1/aliases/{name}", json={"model": model})
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["param"] == param


def test_teams_may_use_the_same_name_for_different_things(service: Service) -> None:
    one, other = service.make_team(), service.make_team()
    one.http.put("/v1/aliases/helper", json={"model": "sandbox-mini"}).raise_for_status()
    assert other.http.get("/v1/aliases/helper").status_code == 404
    other.http.put("/v1/aliases/helper", json={"model": "sandbox-large"}).raise_for_status()
    assert one.http.get("/v1/aliases/helper").json()["model"] == "sandbox-mini"


def test_what_shuts_down_is_listed_with_the_aliases_that_break(service: Service) -> None:
    team = service.make_team()
    base = "gpt-4o-mini-2024-07-18"
    team.http.put("/v1/aliases/helper", json={"model": base}).raise_for_status()
    ends = {end["model"]: end for end in team.http.get("/v1/shutdowns").json()["data"]}
    assert ends[base]["shutdown_date"] == "2027-01-14"
    assert ends[base]["training_ends"] == "2027-01-06"
    assert ends[base]["aliases"] == ["helper"]
