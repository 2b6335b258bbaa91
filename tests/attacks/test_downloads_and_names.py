"""Downloads in parts, cursors that name what is gone, and file names in old encodings."""

import pytest

from tests.support.data import chat_file
from tests.support.service import Service, TeamHandle

SENT = chat_file()


@pytest.fixture
def team(service: Service) -> TeamHandle:
    return service.make_team(budget_usd="5.00")


def upload(team: TeamHandle, name: str = "tea.jsonl", data: bytes = SENT) -> str:
    return team.sdk.files.create(file=(name, data), purpose="fine-tune").id


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=10-", 10, len(SENT)),
        ("bytes=-5", len(SENT) - 5, len(SENT)),
        ("bytes=5-99999999", 5, len(SENT)),
    ],
)
def test_a_part_of_a_file_can_be_downloaded(team: TeamHandle, asked: str, start: int, end: int) -> None:
    answer = team.http.get(f"/v1/files/{upload(team)}/content", headers={"Range": asked})

    assert answer.status_code == 206
    assert answer.content == SENT[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(SENT)}"


def test_a_part_may_begin_in_any_part_of_an_upload(team: TeamHandle) -> None:
    parts = [SENT[:100], SENT[100:250], SENT[250:]]
    made = team.sdk.uploads.create(
        bytes=len(SENT), filename="tea.jsonl", mime_type="application/jsonl", purpose="fine-tune"
    )
    ids = [team.sdk.uploads.parts.create(made.id, data=part).id for part in parts]
    file = team.sdk.uploads.complete(made.id, part_ids=ids).file
    assert file

    for start, end in ((0, 100), (99, 101), (100, 250), (249, 260), (300, 301)):
        asked = {"Range": f"bytes={start}-{end - 1}"}
        assert team.http.get(f"/v1/files/{file.id}/content", headers=asked).content == SENT[start:end]


@pytest.mark.parametrize("asked", ["bytes=9999999-", "bytes=-0", "bytes=9999999-99999999"])
def test_a_range_outside_the_file_is_refused_with_its_size(team: TeamHandle, asked: str) -> None:
    answer = team.http.get(f"/v1/files/{upload(team)}/content", headers={"Range": asked})

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(SENT)}"
    assert answer.json()["error"]["param"] == "range"


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-1,3-4"},
        {"Range": "lines=1-2"},
        {"Range": "bytes=5-1"},
        {"Range": "bytes=-"},
        {"Range": "bytes=0-1", "If-Range": '"another"'},
    ],
)
def test_a_range_that_is_not_supported_gives_the_whole(team: TeamHandle, headers: dict[str, str]) -> None:
    answer = team.http.get(f"/v1/files/{upload(team)}/content", headers=headers)

    assert (answer.status_code, answer.content) == (200, SENT)


def test_a_download_names_its_file(team: TeamHandle) -> None:
    answer = team.http.get(f"/v1/files/{upload(team, 'grün 茶.jsonl')}/content")

    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"gr_n _.jsonl\"; filename*=UTF-8''gr%C3%BCn%20%E8%8C%B6.jsonl"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_list_goes_on_behind_a_deleted_item(service: Service, team: TeamHandle) -> None:
    files = [upload(team, f"{n}.jsonl", SENT + b"\n" * n) for n in range(3)]
    team.sdk.files.delete(files[1])
    after = team.http.get("/v1/files", params={"after": files[1]}).json()["data"]
    assert [file["id"] for file in after] == [files[0]]

    urls = [f"https://example.com/{n}" for n in range(3)]
    body = {"event_types": ["fine_tuning.job.succeeded"]}
    made = [team.http.post("/v1/webhook_endpoints", json=body | {"url": url, "name": url}) for url in urls]
    hooks = [answer.json()["id"] for answer in made]
    team.http.delete(f"/v1/webhook_endpoints/{hooks[1]}").raise_for_status()
    after = team.http.get("/v1/webhook_endpoints", params={"after": hooks[1]}).json()["data"]
    assert [hook["id"] for hook in after] == [hooks[0]]


def test_the_oldest_item_of_a_pruned_list_may_be_gone(service: Service, team: TeamHandle) -> None:
    for path, prefix in (("/v1/audit_events", "audit_"), ("/v1/webhook_deliveries", "wh_")):
        gone = team.http.get(path, params={"after": prefix + "x" * 24})
        assert (gone.status_code, gone.json()["data"], gone.json()["has_more"]) == (200, [], False)
        for unknown in (prefix, prefix + "x" * 25, "file-" + "x" * 24):
            assert team.http.get(path, params={"after": unknown}).status_code == 404


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("茶.jsonl".encode("gbk"), ".jsonl"),
        ("データソ.jsonl".encode("shift-jis"), ".jsonl"),
        ("grün.jsonl".encode("latin-1"), "gr\ufffdn.jsonl"),
        ("grün.jsonl".encode(), "grün.jsonl"),
    ],
)
@pytest.mark.parametrize("file_first", [True, False])
def test_a_file_name_in_any_encoding_is_taken(
    team: TeamHandle, name: bytes, kept: str, file_first: bool
) -> None:
    purpose = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n' % (name, SENT)
    body = (file + purpose if file_first else purpose + file) + b"--b--\r\n"

    answer = team.http.post(
        "/v1/files", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
    )

    assert answer.status_code == 200, answer.text
    assert answer.json()["filename"].endswith(kept)
    assert team.http.get(f"/v1/files/{answer.json()['id']}/content").content == SENT
