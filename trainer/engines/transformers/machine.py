"""The model on its device: forward, backward and update, over micro-batches and processes.

With several devices, `accelerate launch` starts a process for each, and they split each batch.
"""

from __future__ import annotations

import gc
from typing import Any

import torch
from accelerate import Accelerator

from trainer.engines.transformers import objectives, rates, snapshot
from trainer.engines.transformers.data.batches import TrainingBatches
from trainer.engines.transformers.models import count_parameters, pick_dtype
from trainer.engines.transformers.score import Score
from trainer.settings import OfferedBase
from trainer.storage.records import PlanRecord

_CHECKPOINTS_FROM = 1_000_000_000  # parameters; recomputing activations costs a third more time

Batch = dict[str, Any]


class Machine:
    """One model, its optimiser and its device."""

    def __init__(self, model: Any, objective: str, plan: PlanRecord, accelerator: Accelerator) -> None:
        self._accelerator, self._objective = accelerator, objective
        self._beta = plan.extra.get("beta", rates.DPO_BETA)
        self._references: dict[int, Any] = {}
        if accelerator.device.type == "cuda" and count_parameters(model) >= _CHECKPOINTS_FROM:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            model.enable_input_require_grads()
        self.bare = model.to(accelerator.device)
        self._model = accelerator.prepare_model(self.bare)
        groups = _decay_groups(self.bare, rates.WEIGHT_DECAY[objective])
        self._optimizer = torch.optim.AdamW(groups, lr=0.0, fused=True)  # as transformers' Trainer does
        self._pad_id = getattr(model.config, "pad_token_id", None) or 0

    @staticmethod
    def weights_dtype(accelerator: Accelerator, base: OfferedBase) -> Any:
        """bfloat16 for frozen weights where the device has it; float32 for trained ones."""
        return pick_dtype(accelerator.device) if base.tuning == "lora" else torch.float32

    @property
    def is_main(self) -> bool:
        """Whether this process writes files."""
        return bool(self._accelerator.is_main_process)

    def train(self, batches: TrainingBatches, examples: list[int], rate: float, seed: int) -> Score:
        """One optimiser step over the examples, in as many micro-batches as needed."""
        torch.manual_seed(seed)
        self._model.train()
        self._optimizer.zero_grad()
        mine, n_pieces = self._share(batches, examples)
        total = self._count(batches, examples)
        score = Score()
        for at in range(n_pieces):
            piece = mine[at] if at < len(mine) else examples[:1]
            sums = self._compute(batches, piece)
            # Processes average their gradients, and a piece that only keeps step has no weight.
            scale = self._accelerator.num_processes / total if at < len(mine) else 0.0
            self._accelerator.backward(sums.loss * scale)
            if at < len(mine):
                score.add(sums)
        torch.nn.utils.clip_grad_norm_(self._learning(), rates.CLIP_NORM)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        return self._gather(score)

    def validate(self, batches: TrainingBatches) -> Score:
        """Loss and predictions over the whole validation set, without dropout."""
        self._model.eval()
        score = Score()
        with torch.no_grad():
            for number, piece in enumerate(batches.whole()):
                if number % self._accelerator.num_processes == self._accelerator.process_index:
                    score.add(self._compute(batches, piece, model=self.bare))
        return self._gather(score)

    def remember_reference(self, batches: TrainingBatches) -> None:
        """The starting model's log likelihood of every answer, once; no second model is held in memory."""
        self._model.eval()
        found = []
        with torch.no_grad():
            for piece in batches.whole():
                batch = self._to_device(batches.pack.batch(piece, self._pad_id))
                with self._autocast():
                    found.append(objectives.log_likelihoods(self.bare, batch))
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

    def _compute(self, batches: TrainingBatches, piece: list[int], model: Any = None) -> objectives.Sums:
        batch = self._to_device(batches.pack.batch(piece, self._pad_id))
        with self._autocast():
            if self._objective == "classify":
                return objectives.classify(model or self._model, batch)
            if self._objective == "dpo":
                rows = [example * 2 + i for example in piece for i in (0, 1)]
                batch["reference"] = self._references[id(batches.pack)][rows]
                return objectives.dpo(model or self._model, batch, self._beta)
            return objectives.supervised(model or self._model, batch)

    def _share(self, batches: TrainingBatches, examples: list[int]) -> tuple[list[list[int]], int]:
        n, index = self._accelerator.num_processes, self._accelerator.process_index
        shares = [batches.pieces(examples[i::n]) for i in range(n)]
        return shares[index], max(map(len, shares))

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
