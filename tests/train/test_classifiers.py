"""Encoders learn labels: how they are measured, how they answer, how they are tuned on."""

import math

import openai
import pytest

from tests.train.data import chats, labelled, reviews
from tests.train.steps import ask, metrics_of, results_of, run, train


@pytest.fixture(scope="module")
def job(shared_client: openai.OpenAI) -> object:
    """A classifier trained once for this module."""
    return train(shared_client, labelled(reviews(96)), valid=labelled(reviews(112)[96:]),
                 model="minilm", epochs=4, rate=4)  # fmt: skip


def test_a_classifier_learns_labels_and_is_scored_at_every_epoch(client: openai.OpenAI, job) -> None:
    accuracy = metrics_of(client, job.id, "full_valid_mean_token_accuracy")
    macro_f1 = metrics_of(client, job.id, "full_valid_macro_f1")
    assert len(accuracy) == len(macro_f1) == 4
    assert accuracy[-1] >= 0.9
    assert macro_f1[-1] >= 0.9
    assert 0 < metrics_of(client, job.id, "start_valid_loss")[0] < 1.5


def test_the_confusion_matrix_is_a_result_file_whose_counts_make_the_accuracy(
    client: openai.OpenAI, job
) -> None:
    assert [client.files.retrieve(name).filename for name in job.result_files] == [
        "step_metrics.csv",
        "confusion_matrix.csv",
    ]
    rows = {row["label"]: row for row in results_of(client, job, 1)}
    right = sum(int(rows[label][f"guessed {label}"]) for label in ("positive", "negative"))
    total = sum(int(n) for row in rows.values() for name, n in row.items() if name.startswith("guessed"))
    assert total == 16
    losses = metrics_of(client, job.id, "full_valid_loss")
    best = losses.index(min(losses))
    assert right / total == metrics_of(client, job.id, "full_valid_mean_token_accuracy")[best]


def test_the_answer_is_the_label_and_logprobs_are_the_classes_probabilities(
    client: openai.OpenAI, job
) -> None:
    reply = client.chat.completions.create(
        model=job.fine_tuned_model,
        messages=[{"role": "user", "content": "The chair was torn and dirty."}],
        logprobs=True,
        top_logprobs=2,
    )
    assert reply.choices[0].message.content == "negative"
    (token,) = reply.choices[0].logprobs.content
    assert token.token == "negative"
    assert {one.token for one in token.top_logprobs} == {"negative", "positive"}
    assert sum(math.exp(one.logprob) for one in token.top_logprobs) == pytest.approx(1)
    assert reply.usage.prompt_tokens == 9  # [CLS], seven pieces, [SEP]


def test_the_older_endpoint_answers_the_same(client: openai.OpenAI, job) -> None:
    reply = client.completions.create(model=job.fine_tuned_model, prompt="A lovely lamp.", logprobs=2)
    assert reply.choices[0].text == "positive"
    assert reply.choices[0].logprobs.tokens == ["positive"]
    assert set(reply.choices[0].logprobs.top_logprobs[0]) == {"negative", "positive"}


def test_checkpoints_of_the_last_three_epochs_answer_labels(client: openai.OpenAI, job) -> None:
    checkpoints = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert len(checkpoints) == 3
    assert [c.step_number for c in checkpoints] == sorted({c.step_number for c in checkpoints}, reverse=True)
    for item in checkpoints:
        assert ask(client, item.fine_tuned_model_checkpoint, "A broken lamp.") in ("negative", "positive")


def test_a_job_stops_early_when_validation_gets_no_better_and_keeps_the_best_epoch(
    client: openai.OpenAI,
) -> None:
    # Validation labels that contradict the training ones: every epoch makes it worse.
    wrong = [(text, "positive" if label == "negative" else "negative") for text, label in reviews(112)[96:]]
    job = train(client, labelled(reviews(48)), valid=labelled(wrong), model="minilm", epochs=8, rate=6)
    losses = metrics_of(client, job.id, "full_valid_loss")
    best = losses.index(min(losses)) + 1
    assert len(losses) == best + 2 < 8
    last = [
        e for e in client.fine_tuning.jobs.list_events(job.id, limit=50).data if "stopped early" in e.message
    ]
    assert f"weights of epoch {best}" in last[0].message
    assert job.trained_tokens == metrics_of(client, job.id, "step")[-1] * job.trained_tokens / (
        len(losses) * 4
    )


def test_a_classifier_is_tuned_on_with_its_labels_and_refuses_others(client: openai.OpenAI, job) -> None:
    again = train(client, labelled(reviews(24)), valid=labelled(reviews(112)[96:]),
                  model=job.fine_tuned_model, epochs=1)  # fmt: skip
    assert metrics_of(client, again.id, "start_valid_mean_token_accuracy")[0] >= 0.9
    others = [(text, "mixed" if i % 3 else label) for i, (text, label) in enumerate(reviews(24))]
    refused = run(client, labelled(others), model=job.fine_tuned_model)
    assert (refused.status, refused.error.code) == ("failed", "invalid_training_file")
    assert "knows 2 labels, and 1 of the file's 3 are not among them" in refused.error.message
    assert "mixed" not in refused.error.message


def test_chats_whose_answers_are_labels_train_a_classifier_too(client: openai.OpenAI) -> None:
    job = train(client, chats(reviews(24)), model="minilm", epochs=1)
    assert ask(client, job.fine_tuned_model, "A broken lamp.") in ("negative", "positive")
    assert len(job.result_files) == 1  # without held-out examples there is nothing to confuse


def test_an_encoder_that_was_not_tuned_says_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, "minilm", "A broken lamp.")
    assert refusal.value.code == "model_not_tuned"
