"""Our preference loss beside trl's, on the same model and pairs: two codes that do not know each other."""

import copy
import json
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer

from tests.train.data import preferences
from tests.train.tiny import CONTEXT, make_tokenizer
from trainer.engines.transformers.data.encode import Encoder
from trainer.engines.transformers.data.pack import Pack, PackWriter
from trainer.engines.transformers.objectives import dpo, log_likelihoods

BETA = 0.1


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # between trl and transformers
def test_loss_and_margin_of_preferences_are_trls(bases: list[str], tmp_path: Path) -> None:
    start = AutoModelForCausalLM.from_pretrained(bases[0].partition("=")[2]).eval()
    moved = copy.deepcopy(start)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    rows = [json.loads(line) for line in preferences(6).splitlines()]

    writer, encoder = PackWriter(), Encoder(make_tokenizer(), CONTEXT)
    for row in rows:
        writer.add(*encoder.preference(row))
    writer.write(tmp_path / "pack")
    batch = Pack(tmp_path / "pack", 2).batch(list(range(6)), pad_id=0)
    with torch.no_grad():
        batch["reference"] = log_likelihoods(start, batch)
        ours = dpo(moved, batch, BETA)

    pairs = [
        {
            "prompt": row["input"]["messages"],
            "chosen": row["preferred_output"],
            "rejected": row["non_preferred_output"],
        }
        for row in rows
    ]
    arguments = DPOConfig(
        output_dir=str(tmp_path / "trl"),
        beta=BETA,
        use_cpu=True,
        bf16=False,
        report_to=[],
        per_device_train_batch_size=6,
        disable_tqdm=True,
        disable_dropout=True,
        activation_checkpointing=False,
    )
    trainer = DPOTrainer(
        model=moved,
        ref_model=start,
        args=arguments,
        train_dataset=Dataset.from_list(pairs),
        processing_class=make_tokenizer(),
    )
    (inputs,) = list(trainer.get_train_dataloader())
    with torch.no_grad():
        theirs = trainer.compute_loss(moved, inputs)
    assert float(ours.loss / ours.count) == pytest.approx(float(theirs), abs=1e-5)
    assert abs(float(theirs) - 0.6931) > 0.01  # the models do differ
    margins = trainer._metrics["eval"]["rewards/margins"]
    assert float(ours.margin / ours.count) == pytest.approx(margins[-1], abs=1e-4)
