"""The messages of steps in the event log."""

from __future__ import annotations

from collections.abc import Mapping

MAX_EVENTS = 200  # events of a job besides those at the end of an epoch; training itself reports every step

_NAMES = {
    "train_loss": "training loss",
    "valid_loss": "validation loss",
    "full_valid_loss": "full validation loss",
    "full_valid_mean_token_accuracy": "validation accuracy",
    "full_valid_macro_f1": "macro-F1",
    "train_reward_margin": "reward margin",
}


def has_event(step: int, total: int) -> bool:
    """Whether a step gets an event: all of a short job, evenly spread ones of a long one."""
    return total <= MAX_EVENTS or step * MAX_EVENTS // total != (step - 1) * MAX_EVENTS // total


def describe(metrics: Mapping[str, float], note: str = "") -> str:
    """OpenAI's sentence, with the learning rate and the time left behind it."""
    parts = [f"{label}={metrics[key]:.2f}" for key, label in _NAMES.items() if key in metrics]
    parts.append(f"learning rate={metrics['learning_rate']:.1e}")
    parts.append(f"ETA {metrics['eta_s']:.0f} s")
    head = f"Step {int(metrics['step'])}/{int(metrics['total_steps'])}: "
    return head + ", ".join(parts) + (f"; {note}" if note else "")
