"""Files that come in other forms, and files made from files, against real processes."""

import gzip
import json
from typing import Any

import pytest
from openai.types import FileObject

from tests.dataset.examples import chat, chats, jsonl
from tests.files.storing import checked, send
from tests.support.service import Service, TeamHandle
from tests.support.waiting import wait_until

TABLE = b"question,answer\n" + b"".join(b"What is %d?,It is %d.\n" % (one, one) for one in range(12))


def derive(team: TeamHandle, file_id: str, what: str, **body: Any) -> dict[str, Any]:
    answer = team.http.post(f"/v1/files/{file_id}/{what}", json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def convert(team: TeamHandle, file: FileObject, **body: Any) -> FileObject:
    made = derive(team, file.id, "convert", **body)
    return wait_until(lambda: checked(team.sdk, made["id"]))


def lines(team: TeamHandle, file_id: str) -> list[Any]:
    return [json.loads(line) for line in team.sdk.files.content(file_id).read().splitlines()]


@pytest.mark.parametrize(
    ("filename", "content"),
    [("tea.csv", TABLE), ("tea.csv.gz", gzip.compress(TABLE)), ("tea.tsv", TABLE.replace(b",", b"\t"))],
)
def test_a_table_becomes_json_lines_by_its_name(team: TeamHandle, filename: str, content: bytes) -> None:
    file = send(team.sdk, content, filename)
    assert (file.status, file.filename) == ("processed", "tea.jsonl")
    examples = lines(team, file.id)
    assert examples[3] == chat("What is 3?", "It is 3.")
    assert file.bytes == len(team.sdk.files.content(file.id).read())


def test_a_table_that_makes_no_examples_says_so_and_can_be_converted_by_hand(team: TeamHandle) -> None:
    file = send(team.sdk, TABLE.replace(b"question,answer", b"frage,antwort"), "tee.csv")
    assert file.status == "error"
    assert "'frage', 'antwort'" in str(file.status_details)
    made = convert(team, file, columns={"user": "frage", "assistant": "antwort"}, filename="tee.jsonl")
    assert (made.status, made.filename) == ("processed", "tee.jsonl")


def test_pairs_become_chats_and_the_old_file_stays(team: TeamHandle) -> None:
    pairs = [{"prompt": f"Day {one} ->", "completion": f" tea {one}"} for one in range(12)]
    file = send(team.sdk, jsonl(pairs), "old.jsonl")
    made = convert(team, file, format="chat", system="Short.")
    assert (made.status, made.filename) == ("processed", "old.chat.jsonl")
    assert lines(team, made.id)[1] == chat("Day 1", "tea 1", "Short.")
    assert lines(team, file.id) == pairs


def test_a_cleaned_file_has_no_html_and_no_control_characters(team: TeamHandle) -> None:
    file = send(team.sdk, jsonl(chat(f"<p>{one}</p>\x07", "<b>yes</b>") for one in range(12)))
    made = convert(team, file, clean={"html": True, "control": True})
    assert lines(team, made.id)[5] == chat("5", "yes")


def test_what_cannot_be_converted_is_named_by_line(team: TeamHandle) -> None:
    file = send(team.sdk, jsonl(chats(10)) + b"oops\n")
    made = convert(team, file, format="completion")
    assert made.status == "error"
    assert str(made.status_details).startswith("line 11: is not JSON")


def test_a_source_is_kept_while_something_is_made_of_it(team: TeamHandle) -> None:
    file = send(team.sdk, jsonl(chats(12)))
    made = convert(team, file, format="completion")
    team.sdk.files.delete(file.id)
    team.sdk.files.delete(made.id)


def test_a_bomb_is_refused(team: TeamHandle) -> None:
    file = send(team.sdk, gzip.compress(bytes(2**27)), "train.jsonl.gz")
    assert file.status == "error"
    assert "unpacks to more than" in str(file.status_details)


def test_another_teams_file_cannot_be_a_source(service: Service, team: TeamHandle) -> None:
    stranger = service.make_team()
    file = send(team.sdk, jsonl(chats(12)))
    for what in ("convert", "split"):
        assert stranger.http.post(f"/v1/files/{file.id}/{what}", json={}).status_code == 404
