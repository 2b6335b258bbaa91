"""Nothing of the provider's account leaves in a message."""

import pytest

from service.providers.scrub import clean_strings, make_clean, rename_ids

KEY = "azure-style-0123456789abcdef"
clean = make_clean([KEY, "whsec_abc"], "https://acme-res.openai.azure.com/openai/v1/")


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"Incorrect key {KEY}.", "Incorrect key [key]."),
        ("Incorrect API key provided: sk-proj-ab**********wxyz.", "Incorrect API key provided: [key]"),
        ("Rate limit for gpt-4o in organization org-AbC123 on tokens", "organization [organization] on"),
        ("project proj_XYZ789 has no access", "project [project] has"),
        ("user-abcdefghij1234 may not", "[user] may not"),
        ("POST https://acme-res.openai.azure.com/openai/v1/files failed", "https://[provider]/openai"),
    ],
)
def test_what_names_the_account_is_masked(said: str, left: str) -> None:
    assert left in clean(said)


@pytest.mark.parametrize(
    "text", ["ft:gpt-4o:my-org-name:sfx:abc12345", "Step 1/3: training loss=0.50", "微调任务已完成。"]
)
def test_what_names_no_account_stays(text: str) -> None:
    assert clean(text) == text


def test_openais_own_address_stays_since_it_tells_nothing() -> None:
    public = make_clean([], "https://api.openai.com/v1")

    assert public("see https://api.openai.com/v1/files") == "see https://api.openai.com/v1/files"


def test_a_message_is_cut_to_4000_characters() -> None:
    assert len(clean("x" * 10_000)) == 4000


def test_strings_deep_in_an_events_data_are_cleaned() -> None:
    assert clean_strings({"a": [{"b": KEY}], "n": 1.5}, clean) == {"a": [{"b": "[key]"}], "n": 1.5}


def test_the_providers_ids_become_ours_and_unknown_ones_are_masked() -> None:
    said = "Validating training file: file-BK7bzQj3FfZFXr7DbL6xJwfo and validation file: file-abc123."

    renamed = rename_ids(said, {"file-BK7bzQj3FfZFXr7DbL6xJwfo": "file-ours"})

    assert renamed == "Validating training file: file-ours and validation file: [file]."


def test_a_model_is_not_renamed_by_the_name_of_another_that_begins_alike() -> None:
    ours = {"ft:m:org:s:abc": "ft:m:team:s:one", "ft:m:org:s:abc:ckpt-step-10": "ft:m:team:s:two"}

    assert rename_ids("made ft:m:org:s:abc:ckpt-step-10", ours) == "made ft:m:team:s:two"
    assert rename_ids("made ft:m:org:s:abc", ours) == "made ft:m:team:s:one"
    assert rename_ids("made ft:m:org:s:abc:ckpt-step-20", ours) == "made [model]"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Created fine-tuning job: ftjob-abc123", "Created fine-tuning job: [job]"),
        ("gpt-4.1-mini-2025-04-14.ft-0a1b2c3d4e is ready", "[model] is ready"),
        ("the fine-tune-chat format of a file-based job", "the fine-tune-chat format of a file-based job"),
        ("a checkpoint ftckpt_zc4Q7MP6XxulcVzj4MZdwsAB!", "a checkpoint [checkpoint]!"),
    ],
)
def test_only_ids_are_masked(said: str, left: str) -> None:
    assert rename_ids(said, {}) == left
