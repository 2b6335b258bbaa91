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
    assert "The file has 'frage', 'antwort'" in str(file.status_details)
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


def test_both_files_of_a_split_are_accepted_and_only_the_small_one_cannot_be_trained_on(
    team: TeamHandle,
) -> None:
    made = derive(team, send(team.sdk, jsonl(chats(60))).id, "split")
    training, validation = (
        wait_until(lambda name=name: checked(team.sdk, made[name]["id"]))
        for name in ("training_file", "validation_file")
    )
    assert (training.status, validation.status) == ("processed", "processed")
    assert len(lines(team, validation.id)) == 6
    fields = {"model": "sandbox-mini", "validation_file": validation.id}
    job = team.http.post("/v1/fine_tuning/estimates", json=fields | {"training_file": training.id})
    assert job.status_code == 200, job.text
    refused = team.http.post("/v1/fine_tuning/estimates", json=fields | {"training_file": validation.id})
    assert refused.status_code == 400
    assert (refused.json()["error"]["code"], refused.json()["error"]["param"]) == (
        "too_few_examples",
        "training_file",
    )


def test_an_answer_and_a_messages_dump_are_training_data_as_they_come(team: TeamHandle) -> None:
    asked = [{"role": "user", "content": "Name a tea."}]
    answer = team.sdk.chat.completions.create(model="sandbox-mini", messages=asked)  # type: ignore[arg-type]
    example = {"messages": [*asked, answer.choices[0].message.model_dump()]}
    file = send(team.sdk, jsonl([example] * 12))
    assert (file.status, file.status_details) == ("processed", None)
    assert set(lines(team, file.id)[0]["messages"][1]) == {"role", "content"}
    (note,) = [
        note for note in team.http.get(f"/v1/files/{file.id}/report").json()["notes"] if "12 examples" in note
    ]
    assert "annotations" in note


def test_a_pretty_printed_array_of_another_tools_shape_is_converted_and_says_how(team: TeamHandle) -> None:
    rows = [{"instruction": f"Say {one}.", "output": f"{one}!"} for one in range(12)]
    file = send(team.sdk, json.dumps(rows, indent=2).encode(), "alpaca.json")
    assert (file.status, file.filename) == ("processed", "alpaca.jsonl")
    assert lines(team, file.id)[3] == chat("Say 3.", "3!")
    notes = team.http.get(f"/v1/files/{file.id}/report").json()["notes"]
    assert notes[1].startswith("Columns read: 'instruction' as text, 'output' as text.")
