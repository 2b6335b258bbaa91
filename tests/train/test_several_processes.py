"""Several devices come by a launcher: two processes train what one would."""

import sys
from collections.abc import Callable

import openai
import pytest

from tests.support.trainer_process import TrainerProcess
from tests.train.data import manner
from tests.train.steps import PATIENCE_S, metrics_of, train
from tests.trainer.conftest import make_client

# `accelerate launch` starts several processes on GPUs only, and does it by this launcher.
LAUNCH = f"{sys.executable} -m torch.distributed.run --nproc_per_node 2"


def test_two_processes_share_every_batch_and_learn_what_one_learns(
    client: openai.OpenAI, start_trainer: Callable[..., TrainerProcess]
) -> None:
    options = {"model": "tiny-full", "epochs": 2, "rate": 50.0, "batch": 4}
    alone = train(client, manner(15), valid=manner(4, 15), **options)
    with make_client(start_trainer(launch=LAUNCH), PATIENCE_S) as pair:
        together = train(pair, manner(15), valid=manner(4, 15), **options)
        for name in ("train_loss", "full_valid_loss"):
            expected = metrics_of(client, alone.id, name)
            assert metrics_of(pair, together.id, name) == pytest.approx(expected, abs=1e-4)
