"""Bases and models are what they say: a name is not enough to put an adapter on weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import openai
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.trainer_process import TrainerProcess
from tests.train.data import labelled, manner, reviews
from tests.train.steps import PATIENCE_S, ask, metrics_of, run, train
from tests.train.tiny import make_llama, make_seeing
from tests.trainer.conftest import make_client
from trainer.engines.transformers.bases import find_bases
from trainer.engines.transformers.identity import Identities
from trainer.engines.transformers.models import load_to_train


def test_an_adapter_is_merged_before_full_tuning_and_refused_over_another_base(tmp_path: Path) -> None:
    one, other = make_llama(tmp_path / "one"), tmp_path / "other"
    shutil.copytree(one, other)
    weights = {name: value + 0.01 for name, value in load_file(one / "model.safetensors").items()}
    save_file(weights, other / "model.safetensors", {"format": "pt"})

    def offering(base: str) -> TrainerProcess:
        return TrainerProcess(tmp_path / "trainer", engine="transformers", bases=[f"tiny={base}"]).start()

    trainer = offering(str(one))
    with make_client(trainer, PATIENCE_S) as client:
        job = train(client, manner(), valid=manner(8), epochs=2, rate=40)
        loss = metrics_of(client, job.id, "full_valid_loss")[-1]
        known = client.fine_tuning.jobs.retrieve(job.id).to_dict()["base_identity"]["sha256"]  # type: ignore[index]
    trainer.stop()
    trainer = offering(f"{one}@full")
    with make_client(trainer, PATIENCE_S) as client:
        full = train(client, manner(), valid=manner(8), model=job.fine_tuned_model, epochs=2, rate=100)
        assert metrics_of(client, full.id, "start_valid_loss")[0] == pytest.approx(loss, abs=1e-3)
        assert metrics_of(client, full.id, "full_valid_loss")[-1] < loss
    trainer.stop()
    trainer = offering(str(other))
    with make_client(trainer, PATIENCE_S) as client:
        with pytest.raises(openai.BadRequestError) as refusal:
            ask(client, job.fine_tuned_model, "Well?")
        assert refusal.value.code == "base_mismatch"
        again = run(client, manner(), model=job.fine_tuned_model, epochs=1)
        assert (again.status, again.error.code, again.error.param) == ("failed", "base_mismatch", "model")
        assert known[:12] in again.error.message
        ask(client, full.fine_tuned_model, "Well?", max_tokens=2)  # its weights are all its own
    trainer.stop()


def test_an_identity_is_that_of_the_content_with_licence_and_revision(tmp_path: Path) -> None:
    commit = tmp_path / "snapshots" / "0a1b2c"
    make_llama(commit)
    (commit / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n", "utf-8")
    copy = tmp_path / "elsewhere"
    shutil.copytree(commit, copy)
    cache = tmp_path / "bases.json"
    first, second = (Identities(cache).identify(base) for base in find_bases(f"a={commit},b={copy}"))
    assert first.identity and second.identity
    assert (first.identity.revision, first.identity.licence) == ("0a1b2c", "apache-2.0")
    assert (second.identity.revision, second.identity.sha256) == (None, first.identity.sha256)
    (copy / "tokenizer_config.json").write_bytes((copy / "tokenizer_config.json").read_bytes() + b"\n")
    (changed,) = find_bases(f"b={copy}")
    found = Identities(cache).identify(changed).identity
    assert found and found.sha256 != first.identity.sha256


def test_a_revision_is_of_an_id_and_not_of_a_folder(tmp_path: Path) -> None:
    folder = make_llama(tmp_path / "one")
    with pytest.raises(ValueError, match="add @lora or @full to a folder"):
        find_bases(f"{folder}@main@full")


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # between peft and transformers
def test_a_base_that_sees_is_tuned_on_texts_and_its_sight_is_left_alone(tmp_path: Path) -> None:
    folder = make_seeing(tmp_path / "seeing")
    for tuning in ("lora", "full"):
        (base,) = find_bases(f"{folder}@{tuning}")
        model = load_to_train(base, None, [], torch.float32)
        learning = [name for name, p in model.named_parameters() if p.requires_grad]
        assert learning
        assert not [name for name in learning if "vision" in name or "projector" in name]
    trainer = TrainerProcess(tmp_path / "trainer", engine="transformers", bases=[f"seeing={folder}"]).start()
    with make_client(trainer, PATIENCE_S) as client:
        job = train(client, manner(), model="seeing", epochs=3, rate=40)
        losses = metrics_of(client, job.id, "train_loss")
        assert losses[-1] < losses[0]
        ask(client, job.fine_tuned_model, "Is the lamp kind?", max_tokens=3)
    trainer.stop()


def test_a_classifier_reads_a_text_with_html_as_it_was_trained_to(client: openai.OpenAI) -> None:
    job = train(client, labelled(reviews(24)), model="minilm", epochs=1)

    def shares(text: str) -> list[float]:
        answer = client.chat.completions.create(
            model=str(job.fine_tuned_model),
            messages=[{"role": "user", "content": text}],
            logprobs=True,
            top_logprobs=2,
        )
        assert answer.choices[0].logprobs and answer.choices[0].logprobs.content
        return [one.logprob for one in answer.choices[0].logprobs.content[0].top_logprobs]

    assert shares("<p>A <b>broken</b> lamp &amp; a vase.</p>") == shares("A broken lamp & a vase.")
