"""What the documents promise of keys, quotas, archives and the database's role, attacked."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import psycopg
import pytest

from service.core.db import transaction
from service.core.postgres.rights import dangers_of
from service.ledger.actions import settle
from tests.ledger.make import charge, team
from tests.support.clean import dsn
from tests.support.service import Service, TeamHandle

# Tables that nobody may change, each with one of its columns.
HISTORY = {
    "ledger_rows": "unique_key",
    "ledger_forms": "team_id",
    "events": "team_id",
    "audit_events": "team_id",
}


@pytest.fixture
def intruder(database: str) -> Iterator[psycopg.Connection]:
    """The application's own role, with a row of history before it."""
    with transaction() as session:
        settle(session, team_id=team(session), subject_id="a", charges=[charge("a")])
    with psycopg.connect(dsn(database), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {}",
        "UPDATE {0} SET {1} = 'x'",
        "TRUNCATE {}",
        "TRUNCATE {} CASCADE",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "ALTER TABLE {} ADD COLUMN x int",
        "DROP TABLE {} CASCADE",
        "CREATE RULE hide AS ON INSERT TO {} DO INSTEAD NOTHING",
        "CREATE TRIGGER hide BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "GRANT DELETE ON {0} TO CURRENT_USER; DELETE FROM {0}",
        "COPY {} TO PROGRAM 'cat'",
        "COPY {} TO '/tmp/stolen'",
    ],
)
def test_the_applications_role_cannot_change_history(intruder: psycopg.Connection, statement: str) -> None:
    for table, column in HISTORY.items():
        before = _count(intruder, table)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            intruder.execute(statement.format(table, column))
        assert _count(intruder, table) == before


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "SET ROLE tunehouse_owner",
        "SET SESSION AUTHORIZATION tunehouse",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "CREATE TABLE mine (x int)",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "ALTER FUNCTION audit_forget(interval, int) SECURITY INVOKER",
        "DROP FUNCTION refuse_change() CASCADE",
        "UPDATE alembic_version SET version_num = '0'",
        "SELECT pg_read_file('/etc/passwd')",
        "UPDATE pg_trigger SET tgenabled = 'D'",
    ],
)
def test_the_applications_role_cannot_become_more(intruder: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        intruder.execute(statement)


def test_an_object_in_front_of_the_search_path_does_not_mislead_the_owners_function(
    intruder: psycopg.Connection,
) -> None:
    intruder.execute(
        "CREATE TEMP TABLE audit_events AS "
        "SELECT 1::bigint AS position, now() - '9 years'::interval AS created_at"
    )
    assert intruder.execute("SELECT audit_forget('1 day', 10)").fetchone() == (0,)
    assert _count(intruder, "pg_temp.audit_events") == 1


def test_a_role_that_could_rewrite_history_is_reported(database: str) -> None:
    assert dangers_of(database) == []


def _count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  names of ours
    assert row
    return int(row[0])


def post_key(client: httpx2.Client, team_id: str, **body: Any) -> httpx2.Response:
    return client.post(f"/v1/teams/{team_id}/keys", json={"name": "made"} | body)


def me(client: httpx2.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/me").json()
    return found


def limited(service: Service, limit_usd: str) -> TeamHandle:
    """A team whose key has `manage` and a budget of its own."""
    handle = service.make_team(budget_usd="100")
    path = f"/v1/teams/{handle.id}/keys/{me(handle.http)['key_id']}/budget"
    service.admin.put(path, json={"limit_usd": limit_usd}).raise_for_status()
    return handle


def test_a_rotation_keeps_the_key_with_its_id_budget_and_limits(service: Service) -> None:
    handle = limited(service, "0")
    before = me(handle.http)
    path = f"/v1/teams/{handle.id}/keys/{before['key_id']}"
    service.admin.put(f"{path}/rate_limits", json={"requests_per_minute": 7}).raise_for_status()
    rotated = handle.http.post(f"{path}/rotate").json()
    assert handle.http.get("/v1/me").json()["error"]["code"] == "key_rotated"
    with_new = service.http(rotated["secret"])
    assert (rotated["id"], me(with_new)["key_budget"]) == (before["key_id"], before["key_budget"])
    assert with_new.get(f"{path}/rate_limits").json()["requests_per_minute"] == 7


def test_with_a_grace_both_secrets_work_until_the_next_rotation(service: Service) -> None:
    handle = service.make_team()
    path = f"/v1/teams/{handle.id}/keys/{me(handle.http)['key_id']}/rotate"
    second = service.http(handle.http.post(path, json={"grace_seconds": 3600}).json()["secret"])
    assert [client.get("/v1/me").status_code for client in (handle.http, second)] == [200, 200]
    third = service.http(second.post(path).json()["secret"])
    assert [client.get("/v1/me").status_code for client in (handle.http, second, third)] == [401, 401, 200]


def test_a_limited_key_raises_no_limit_and_gains_nothing_by_another_key(service: Service) -> None:
    handle = limited(service, "0")
    own, other = me(handle.http)["key_id"], post_key(service.admin, handle.id).json()["id"]
    keys = f"/v1/teams/{handle.id}/keys"
    child = post_key(handle.http, handle.id, scopes=["infer", "manage"]).json()
    assert child["account_id"] == own
    for client in (handle.http, service.http(child["secret"])):
        for key_id in (own, other, child["id"]):
            assert client.put(f"{keys}/{key_id}/budget", json={"limit_usd": None}).status_code == 403
            assert client.put(f"{keys}/{key_id}/rate_limits", json={}).status_code == 403
        assert client.post(f"{keys}/{other}/rotate").status_code == 403
    assert me(service.http(child["secret"]))["key_budget"]["limit_usd"] == "0.00"
    chat = {"model": "sandbox-mini", "messages": [{"role": "user", "content": "hi"}]}
    refused = service.http(child["secret"]).post("/v1/chat/completions", json=chat)
    assert refused.json()["error"]["code"] == "budget_exceeded"


def test_a_key_gives_neither_scopes_nor_time_that_it_lacks(service: Service) -> None:
    handle = service.make_team()
    short = post_key(service.admin, handle.id, scopes=["read", "manage"], expires_at=2**32).json()
    client = service.http(short["secret"])
    assert post_key(client, handle.id, scopes=["train"]).status_code == 403
    assert post_key(client, handle.id, scopes=["read"], expires_at=2**32 + 1).status_code == 403
    assert post_key(client, handle.id, scopes=["read"]).json()["expires_at"] == 2**32
    lasting = me(handle.http)["key_id"]
    assert client.post(f"/v1/teams/{handle.id}/keys/{lasting}/rotate").status_code == 403
    assert "manage" not in post_key(handle.http, handle.id).json()["scopes"]


def test_admin_keys_are_managed_by_the_stock_sdk_and_named_in_the_audit(service: Service) -> None:
    keys = service.sdk("unused", admin_api_key=service.admin_key).admin.organization.admin_api_keys
    ada = keys.create(name="ada", expires_in_seconds=3600)
    as_ada = service.sdk("unused", admin_api_key=ada.value).admin.organization.admin_api_keys
    heir = as_ada.create(name="heir")
    assert heir.expires_at == ada.expires_at
    assert [key.name for key in keys.list()] == ["heir", "ada"]
    assert keys.retrieve(ada.id).owner.name == "ada"
    handle = service.make_team()
    acting = {"OpenAI-Project": handle.id}
    assert service.http(ada.value).get("/v1/files", headers=acting).status_code == 200
    seen = handle.http.get("/v1/audit_events").json()["data"][0]
    assert (seen["action"], seen["actor"]["name"], seen["actor"]["type"]) == ("GET /v1/files", "ada", "admin")
    assert keys.delete(ada.id).deleted
    assert service.http(ada.value).get("/v1/teams").status_code == 401
    assert [key.name for key in keys.list()] == ["heir"]
    assert handle.http.get("/v1/organization/admin_api_keys").status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/teams/{}/keys", {"name": "late"}),
        ("PUT", "/v1/teams/{}/budget", {"limit_usd": "5"}),
        ("PUT", "/v1/teams/{}/quotas", {"files": 5}),
        ("PUT", "/v1/teams/{}/rate_limits", {"requests_per_minute": 5}),
        ("POST", "/v1/teams/{}", {"name": "late"}),
        ("POST", "/v1/webhook_endpoints", {}),
        ("POST", "/v1/fine_tuning/jobs", {}),
        ("PUT", "/v1/aliases/late", {"model": "sandbox-mini"}),
        (
            "POST",
            "/v1/chat/completions",
            {"model": "sandbox-mini", "messages": [{"role": "user", "content": "x"}]},
        ),
    ],
)
def test_nothing_is_made_for_an_archived_team_by_admins_either(
    service: Service, method: str, path: str, body: dict[str, object]
) -> None:
    handle = service.make_team()
    service.admin.delete(f"/v1/teams/{handle.id}", params={"jobs": "cancel"}).raise_for_status()
    acting = {} if "{}" in path else {"OpenAI-Project": handle.id}
    answer = service.admin.request(method, path.format(handle.id), json=body, headers=acting)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "team_archived")
    assert service.admin.get("/v1/files", headers={"OpenAI-Project": handle.id}).status_code == 200


def test_a_crowd_cannot_exceed_a_quota_together(service: Service) -> None:
    handle = service.make_team()
    service.admin.put(f"/v1/teams/{handle.id}/quotas", json={"keys": 4, "files": 2}).raise_for_status()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post_key(service.admin, handle.id), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [403] * 5
    refused = next(answer for answer in answers if answer.status_code == 403).json()["error"]
    assert (refused["code"], refused["param"]) == ("quota_exceeded", "keys")
    assert "may have 4 keys; it has 4" in refused["message"]
    assert me(handle.http)["quotas"]["keys"] == {"limit": 4, "used": 4}


def test_files_are_bounded_in_number_and_in_bytes(service: Service) -> None:
    handle = service.make_team()

    def send(text: bytes) -> httpx2.Response:
        files = {"file": ("rows.jsonl", text)}
        return handle.http.post("/v1/files", files=files, data={"purpose": "fine-tune"})

    service.admin.put(f"/v1/teams/{handle.id}/quotas", json={"storage_bytes": 5}).raise_for_status()
    assert [send(text).status_code for text in (b"{}\n", b"{}\n", b"{ }\n")] == [200, 200, 403]
    service.admin.put(f"/v1/teams/{handle.id}/quotas", json={"files": 2}).raise_for_status()
    refused = send(b"{}\n").json()["error"]
    assert (refused["code"], refused["param"]) == ("quota_exceeded", "files")
    assert handle.http.put(f"/v1/teams/{handle.id}/quotas", json={"files": 9}).status_code == 403


def test_parts_count_until_their_upload_ends(service: Service) -> None:
    handle = service.make_team()

    def begin(size_bytes: int) -> str:
        body = {"filename": "a.jsonl", "purpose": "fine-tune", "mime_type": "application/jsonl"}
        answer = handle.http.post("/v1/uploads", json=body | {"bytes": size_bytes})
        found: str = answer.json().get("id", answer.json().get("error", {}).get("param"))
        return found

    def used() -> int:
        found: int = me(handle.http)["quotas"]["storage_bytes"]["used"]
        return found

    service.admin.put(f"/v1/teams/{handle.id}/quotas", json={"storage_bytes": 10}).raise_for_status()
    assert begin(11) == "storage_bytes"
    first = begin(6)
    assert used() == 6  # set aside for the whole of it
    assert begin(6) == "storage_bytes"
    second = begin(4)
    parts = f"/v1/uploads/{first}/parts"
    part = handle.http.post(parts, files={"data": ("a", b'{"a":1')}).json()["id"]
    resent = handle.http.post(parts, files={"data": ("a", b'{"a":1')})
    assert resent.json()["error"]["code"] == "quota_exceeded"
    assert used() == 10
    handle.http.post(f"/v1/uploads/{first}/complete", json={"part_ids": [part]}).raise_for_status()
    assert used() == 10
    handle.http.post(f"/v1/uploads/{second}/cancel").raise_for_status()
    third = begin(4)
    handle.http.post(f"/v1/uploads/{third}/parts", files={"data": ("a", b"{}  ")}).raise_for_status()
    assert used() == 10
    handle.http.post(f"/v1/uploads/{third}/cancel").raise_for_status()
    assert used() == 6
