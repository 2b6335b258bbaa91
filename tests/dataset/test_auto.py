"""What "auto" is expected to choose."""

import pytest

from service.dataset.auto import advise, auto_batch_size, auto_epochs
from service.dataset.check.checker import check
from service.dataset.formats.detect import FORMATS
from tests.dataset.examples import jsonl


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(0, 3), (1, 25), (10, 10), (33, 3), (100, 3), (8_333, 3), (8_334, 2), (50_000, 1)],
)
def test_epochs_follow_the_published_heuristic(examples: int, epochs: int) -> None:
    assert auto_epochs(examples) == epochs


@pytest.mark.parametrize(("examples", "size"), [(10, 1), (100, 1), (5_000, 10), (10**6, 256)])
def test_batches_grow_with_the_file(examples: int, size: int) -> None:
    assert auto_batch_size(examples) == size


@pytest.mark.parametrize("name", FORMATS)
def test_each_setting_is_advised_with_its_reason(name: str) -> None:
    advised = {advice.name: advice.reason for advice in advise(name, 2_000)}
    assert {"n_epochs", "batch_size", "learning_rate_multiplier"} <= advised.keys()
    assert all(advised.values())


def test_prompt_loss_weight_is_advised_for_completions_alone() -> None:
    assert "prompt_loss_weight" in {advice.name for advice in advise("completion", 100)}
    assert "prompt_loss_weight" not in {advice.name for advice in advise("chat", 100)}


def test_pairs_are_counted_with_the_encoding_of_their_models() -> None:
    found = check([jsonl([{"prompt": "say it ->", "completion": " it"}] * 10)])
    assert (found.format, found.tokens.encoding, found.passed) == ("completion", "cl100k_base", True)
    assert found.tokens.by_role == {"prompt": 30, "completion": 10}
    assert found.tokens.trained == 10


def test_a_pair_needs_a_completion() -> None:
    found = check([jsonl([{"prompt": "a", "completion": "b"}] * 10 + [{"prompt": "a", "completion": ""}])])
    assert [(error.line, error.path, error.code) for error in found.errors] == [
        (11, "completion", "empty_content")
    ]
