"""The model on its device: forward, backward and update, over micro-batches and processes.

With several devices, `accelerate launch` starts a process for each, and they split each batch. They meet only
between computations, and each time they first agree whether all of them came through: a process that ran out
of memory would otherwise leave the others waiting for it.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator

from trainer.engines.transformers import objectives, rates, snapshot
from trainer.engines.transformers.data.batches import TrainingBatches
from trainer.engines.transformers.failures import is_out_of_memory
from trainer.engines.transformers.models import count_parameters, pick_dtype
from trainer.engines.transformers.score import Score
from trainer.settings import OfferedBase
from trainer.storage.records import PlanRecord

_CHECKPOINTS_FROM = 1_000_000_000  # parameters; recomputing activations costs a third more time

Batch = dict[str, Any]


class NotFiniteError(ArithmeticError):
    """A sum is infinite or not a number; the text says which."""


class Machine:
    """One model, its optimiser and its device; calls `beat` after each piece of work."""

    def __init__(self, model: Any, objective: str, plan: PlanRecord, accelerator: Accelerator,
                 beat: Callable[[], None] = lambda: None) -> None:  # fmt: skip
        self._accelerator, self._objective, self._beat = accelerator, objective, beat
        self._beta = plan.extra.get("beta", rates.DPO_BETA)
        self._references: dict[int, Any] = {}
        if accelerator.device.type == "cuda" and count_parameters(model) >= _CHECKPOINTS_FROM:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            model.enable_input_require_grads()
        self.bare = model.to(accelerator.device)
        groups = _decay_groups(self.bare, rates.WEIGHT_DECAY[objective])
        self._optimizer = torch.optim.AdamW(groups, lr=0.0, fused=True)  # as transformers' Trainer does
        self._pad_id = getattr(model.config.get_text_config(), "pad_token_id", None) or 0

    @staticmethod
    def weights_dtype(accelerator: Accelerator, base: OfferedBase) -> Any:
        """bfloat16 for frozen weights where the device has it; float32 for trained ones."""
        return pick_dtype(accelerator.device) if base.tuning == "lora" else torch.float32

    @property
    def is_main(self) -> bool:
        """Whether this process writes files."""
        return bool(self._accelerator.is_main_process)

    def train(self, batches: TrainingBatches, examples: list[int], rate: float, seed: int) -> Score:
        """One optimiser step over the examples, in as many micro-batches as needed.

        Raises `NotFiniteError`, before anything is changed, for a loss or gradient that is not a number.
        """
        torch.manual_seed(seed)
        self.bare.train()
        self._optimizer.zero_grad()
        total = self._count(batches, examples)
        index, n = self._accelerator.process_index, self._accelerator.num_processes
        score = Score()
        with self._agreement():
            for piece in batches.pieces(examples[index::n]):
                sums = self._compute(batches, piece)
                (sums.loss / total).backward()
                score.add(sums)
        score = self._gather(score)
        if not math.isfinite(score.loss):
            raise NotFiniteError("training loss")
        self._add_gradients()
        norm = torch.nn.utils.clip_grad_norm_(self._learning(), rates.CLIP_NORM)
        if not math.isfinite(float(norm)):
            raise NotFiniteError("gradient")
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        return score

    def validate(self, batches: TrainingBatches) -> Score:
        """Loss and predictions over the whole validation set, without dropout."""
        self.bare.eval()
        score = Score()
        with self._agreement(), torch.no_grad():
            for number, piece in enumerate(batches.whole()):
                if number % self._accelerator.num_processes == self._accelerator.process_index:
                    score.add(self._compute(batches, piece))
        return self._gather(score)

    def remember_reference(self, batches: TrainingBatches) -> None:
        """The starting model's log likelihood of every answer, once; no second model is held in memory."""
        self.bare.eval()
        found = []
        with self._agreement(), torch.no_grad():
            for piece in batches.whole():
                batch = self._to_device(batches.pack.batch(piece, self._pad_id))
                with self._autocast():
                    found.append(objectives.log_likelihoods(self.bare, batch))
                self._beat()
        self._references[id(batches.pack)] = torch.cat(found)

    def trained_part(self) -> snapshot.State:
        """The parameters that learn."""
        return snapshot.trained_part(self.bare)

    def put_back(self, part: snapshot.State) -> None:
        """Set the parameters that learn."""
        snapshot.put_back(self.bare, part)

    def state(self) -> snapshot.State:
        """Weights and optimiser."""
        return {"weights": self.trained_part(), "optimizer": self._optimizer.state_dict()}

    def load_state(self, state: snapshot.State) -> None:
        """Go on from `state()`."""
        self.put_back(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])

    def free_memory(self) -> None:
        """Free the memory that a failed attempt left allocated."""
        self._optimizer.zero_grad()
        gc.collect()
        if self._accelerator.device.type == "cuda":
            torch.cuda.empty_cache()

    def _compute(self, batches: TrainingBatches, piece: list[int]) -> objectives.Sums:
        self._beat()
        batch = self._to_device(batches.pack.batch(piece, self._pad_id))
        with self._autocast():
            if self._objective == "classify":
                return objectives.classify(self.bare, batch)
            if self._objective == "dpo":
                rows = [example * 2 + i for example in piece for i in (0, 1)]
                batch["reference"] = self._references[id(batches.pack)][rows]
                return objectives.dpo(self.bare, batch, self._beta)
            return objectives.supervised(self.bare, batch)

    @contextmanager
    def _agreement(self) -> Iterator[None]:
        """Work of each process on its own; if it fails in one, all of them raise, and for the same reason."""
        failure: Exception | None = None
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            failure = error
        if self._accelerator.num_processes > 1:
            found = [""] * self._accelerator.num_processes
            mine = "" if failure is None else "memory" if is_out_of_memory(failure) else "fault"
            torch.distributed.all_gather_object(found, mine)
            if "fault" in found and mine != "fault":
                raise RuntimeError("another training process failed")
            if "memory" in found and failure is None:
                raise MemoryError("another training process ran out of memory")
        if failure:
            raise failure

    def _add_gradients(self) -> None:
        """The sum of the gradients of all processes, in each of them."""
        if self._accelerator.num_processes == 1:
            return
        for parameter in self._learning():
            if parameter.grad is None:  # a process without a piece of this batch
                parameter.grad = torch.zeros_like(parameter)
            torch.distributed.all_reduce(parameter.grad)

    def _count(self, batches: TrainingBatches, examples: list[int]) -> int:
        if self._objective != "supervised":
            return len(examples)
        return sum(map(batches.pack.learnt, examples))

    def _gather(self, score: Score) -> Score:
        if self._accelerator.num_processes == 1:
            return score
        all_scores: list[Score] = [score] * self._accelerator.num_processes
        torch.distributed.all_gather_object(all_scores, score)
        total = Score()
        for other in all_scores:
            total.loss += other.loss
            total.count += other.count
            total.correct += other.correct
            total.guesses += other.guesses
            if other.margin is not None:
                total.margin = (total.margin or 0.0) + other.margin
        return total

    def _learning(self) -> list[Any]:
        return [parameter for parameter in self.bare.parameters() if parameter.requires_grad]

    def _to_device(self, batch: Batch) -> Batch:
        return {name: value.to(self._accelerator.device) for name, value in batch.items()}

    def _autocast(self) -> Any:
        device = self._accelerator.device
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=pick_dtype(device) == torch.bfloat16)


def _decay_groups(model: Any, decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices only, not on biases and norms: Devlin 2019's own code."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
