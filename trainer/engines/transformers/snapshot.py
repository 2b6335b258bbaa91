"""Snapshots of a run, from which it continues exactly after a pause or a crash."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

State = dict[str, Any]
_NAME = "snapshot.pt"


def trained_part(model: Any) -> State:
    """The trained parameters; all others belong to the base."""
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def put_back(model: Any, part: State) -> None:
    """Set the parameters that learn."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in part.items():
            parameters[name].copy_(value)


def write_state(path: Path, state: State) -> None:
    """Write a state to a file, atomically."""
    temporary = path.with_suffix(".part")
    try:
        torch.save(state, temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_state(path: Path) -> State | None:
    """The state in a file; None if it is missing or damaged, and the run restarts from further back."""
    try:
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError):
        return None
    return state


def snapshot_path(folder: Path) -> Path:
    """The file of the newest snapshot."""
    return folder / _NAME


def epoch_path(folder: Path, step: int) -> Path:
    """The weights at the end of an epoch that may yet become a checkpoint."""
    return folder / f"epoch-{step}.pt"


def best_path(folder: Path) -> Path:
    """The weights of the best epoch so far."""
    return folder / "best.pt"
