"""Provider ids never leave the service."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.jobs.translate import translate

NAMES = {
    "ftjob-provider123": "ftjob-ours",
    "file-provider456": "file-ours",
    "ft:gpt-4o-mini-2024-07-18:acme-org:sfx:9uJPavaa": "ft:gpt-4o-mini-2024-07-18:team:sfx:AAAAAAAA",
    "gpt-4o-mini.ft-0123456789abcdef": "ft:gpt-4o-mini:team::BBBBBBBB",
}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Created fine-tuning job: ftjob-provider123", "Created fine-tuning job: ftjob-ours"),
        ("Validating training file: file-provider456.", "Validating training file: file-ours."),
        ("Validating training file: file-unknown789", "Validating training file: …"),
        (
            "New fine-tuned model created: ft:gpt-4o-mini-2024-07-18:acme-org:sfx:9uJPavaa",
            "New fine-tuned model created: ft:gpt-4o-mini-2024-07-18:team:sfx:AAAAAAAA",
        ),
        ("Snapshot ID: ft:gpt-4o:acme::9uJPavaa:ckpt-step-100", "Snapshot ID: …"),
        ("made gpt-4o-mini.ft-0123456789abcdef", "made ft:gpt-4o-mini:team::BBBBBBBB"),
        ("Step 3/10: training loss=0.42", "Step 3/10: training loss=0.42"),
        ("your organization org-abcdef123 may not", "your organization … may not"),
    ],
)
def test_a_message_speaks_of_our_things_by_our_names(said: str, told: str) -> None:
    assert translate(said, NAMES) == told


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=30))
def test_no_file_id_of_the_provider_gets_through(tail: str) -> None:
    alphanumeric = "".join(filter(str.isalnum, tail)) + "abcdef"
    assert alphanumeric not in translate(f"file-{alphanumeric} is bad", {})
