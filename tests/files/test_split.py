"""Splits: seeded, stratified, and nothing of one side on the other."""

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.db import transaction
from service.dataset.split import choose, part
from service.errors import InvalidRequest
from service.files.derived import actions as deriving
from tests.dataset.examples import chat, jsonl
from tests.dataset.test_check_properties import files
from tests.dataset.test_warnings import prose
from tests.files.storing import checked, send
from tests.files.test_file_life import store
from tests.support.service import TeamHandle
from tests.support.waiting import wait_until


def split(
    examples: list[Any], share: float = 0.2, seed: int = 0, stratify: Any = "auto"
) -> tuple[list[Any], list[Any]]:
    data = [jsonl(examples)]
    chosen = choose(data, share=share, seed=seed, stratify=stratify)
    sides = (b"".join(part(data, chosen, validation=validation)) for validation in (False, True))
    training, validation = ([json.loads(line) for line in side.splitlines()] for side in sides)
    return training, validation


PROSE = [chat(prose(), prose()) for _ in range(200)]


def test_every_row_goes_to_one_side_and_the_share_is_kept() -> None:
    training, validation = split(PROSE)
    assert (len(training), len(validation)) == (160, 40)
    assert sorted(map(str, training + validation)) == sorted(map(str, PROSE))


def test_the_seed_decides() -> None:
    assert split(PROSE, seed=1) == split(PROSE, seed=1) != split(PROSE, seed=2)


def test_near_duplicates_stay_together() -> None:
    chance = random.Random(1)
    examples = []
    for group in range(60):
        text = prose(80)
        for copy in range(4):
            examples.append(chat(text.replace("tea", "TEA", copy), f"{prose(3)} {group}"))
    chance.shuffle(examples)
    sides = split(examples)
    first, second = ({example["messages"][0]["content"].lower() for example in side} for side in sides)
    assert len(second) >= 8
    assert not first & second


def test_pieces_of_one_conversation_stay_together() -> None:
    examples = []
    for _ in range(50):
        turns = [message for _ in range(3) for message in chat(prose(), prose())["messages"]]
        examples += [{"messages": turns[:length]} for length in (2, 4, 6)]
    sides = split(examples, share=0.3)
    first, second = ({example["messages"][0]["content"] for example in side} for side in sides)
    assert second
    assert not first & second


@pytest.mark.parametrize("stratify", ["auto", "label"])
def test_labels_keep_their_shares(stratify: str) -> None:
    examples = [chat(prose(), "rare" if number % 10 == 0 else "common") for number in range(200)]
    _, validation = split(examples, share=0.1, stratify=stratify)
    assert Counter(one["messages"][1]["content"] for one in validation) == {"common": 18, "rare": 2}


def test_conversations_of_each_length_keep_their_shares() -> None:
    long = [{"messages": chat(prose(), prose())["messages"] * 3} for _ in range(50)]
    _, validation = split(PROSE[:150] + long, share=0.1, stratify="conversation")
    assert Counter(len(one["messages"]) for one in validation) == {2: 15, 6: 5}


def test_many_small_strata_give_their_share_together() -> None:
    examples = [chat(prose(), f"label {number % 40}") for number in range(160)]
    _, validation = split(examples, share=0.1, stratify="label")
    assert 12 <= len(validation) <= 16


@settings(deadline=None)
@given(files, st.floats(0.01, 0.99), st.integers(0, 5), st.sampled_from(["auto", "label", "none"]))
def test_no_bytes_make_a_split_raise_or_lose_a_row(
    data: bytes, share: float, seed: int, stratify: Any
) -> None:
    chosen = choose([data], share=share, seed=seed, stratify=stratify)
    rows = [b"".join(part([data], chosen, validation=side)).splitlines() for side in (False, True)]
    whole = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert len(b"\n".join(rows[0] + rows[1])) >= sum(len(row.strip()) for row in whole if row.strip())


def test_a_file_is_split_into_two_that_are_checked(team: TeamHandle) -> None:
    source = send(team.sdk, jsonl(PROSE))
    body = {"validation_share": 0.25, "seed": 7}
    made = team.http.post(f"/v1/files/{source.id}/split", json=body).json()
    assert (made["object"], made["source"]) == ("file.split", source.id)
    training, validation = (
        wait_until(lambda file_id=file_id: checked(team.sdk, file_id))  # type: ignore[misc]
        for file_id in (made["training_file"]["id"], made["validation_file"]["id"])
    )
    assert (training.status, validation.status) == ("processed", "processed")
    assert (training.filename, validation.filename) == ("train.train.jsonl", "train.validation.jsonl")
    report = team.http.get(f"/v1/files/{training.id}/report?validation_file={validation.id}").json()
    assert report["examples"] == 150
    assert "shared_with_validation" not in report["warning_counts"]


def test_a_file_that_is_not_checked_yet_cannot_be_split(team_id: str) -> None:
    source = store(team_id, jsonl(PROSE))
    with pytest.raises(InvalidRequest) as refused, transaction() as session:
        deriving.order(
            session,
            team_id=team_id,
            source_id=source.id,
            kind=deriving.SPLIT,
            options={},
            filenames=[],
            format=None,
        )
    assert refused.value.error_code == "file_not_processed"
