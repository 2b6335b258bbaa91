"""The metrics and the message of a simulated step, with OpenAI's field names and wording."""

from __future__ import annotations

from collections.abc import Mapping

from trainer.engines.sandbox.curves import SimulatedCurve
from trainer.storage.records import PlanRecord


def measure_step(
    curve: SimulatedCurve, method: str, plan: PlanRecord, step: int, *, is_epoch_end: bool
) -> dict[str, float]:
    """The numbers of one step; the full validation pass happens at the end of an epoch only."""
    metrics: dict[str, float] = {"step": step, "total_steps": plan.total_steps}
    if method == "reinforcement":
        metrics["train_reward_mean"] = curve.reward(step, "train")
        if plan.extra["validates"]:
            metrics["valid_reward_mean"] = curve.reward(step, "valid")
            metrics["full_valid_mean_parse_error"] = 0.0
        return metrics
    metrics["train_loss"] = curve.loss(step, "train")
    metrics["train_mean_token_accuracy"] = curve.accuracy(metrics["train_loss"])
    if plan.extra["validates"]:
        metrics["valid_loss"] = curve.loss(step, "valid", lag=0.08)
        metrics["valid_mean_token_accuracy"] = curve.accuracy(metrics["valid_loss"])
        if is_epoch_end:
            metrics["full_valid_loss"] = curve.loss(step, "full", lag=0.08)
            metrics["full_valid_mean_token_accuracy"] = curve.accuracy(metrics["full_valid_loss"])
    return metrics


def describe_step(method: str, metrics: Mapping[str, float]) -> str:
    """The event's message, with two decimals as at OpenAI."""
    head = f"Step {int(metrics['step'])}/{int(metrics['total_steps'])}"
    if method == "reinforcement":
        names = {
            "train_reward_mean": "train mean reward",
            "valid_reward_mean": "full validation mean reward",
            "full_valid_mean_parse_error": "full validation mean parse error",
        }
        return f"{head} , " + _list_values(names, metrics)
    names = {
        "train_loss": "training loss",
        "valid_loss": "validation loss",
        "full_valid_loss": "full validation loss",
    }
    return f"{head}: " + _list_values(names, metrics)


def _list_values(names: Mapping[str, str], metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{label}={metrics[key]:.2f}" for key, label in names.items() if key in metrics)
