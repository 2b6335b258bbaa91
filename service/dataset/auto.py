"""Estimate "auto" hyperparameters, and recommend others.

Epochs follow the heuristic of OpenAI's cookbook (`Chat_finetuning_data_prep.ipynb`): three; more for few
examples (until 100 are seen, but at most 25 epochs), fewer for very many (at most 25,000 seen). Ten examples
give 10 epochs and a hundred give 3, which real jobs confirm. The provider decides: a job's resolved
hyperparameters replace this estimate.
"""

import msgspec

_TARGET_EPOCHS = 3
_MIN_SEEN, _MAX_SEEN = 100, 25_000
_MAX_EPOCHS = 25
# The legacy fine-tunes API documented a batch of about 0.2 % of the examples, 256 at most.
_BATCH_SHARE, _MAX_BATCH = 0.002, 256


class Advice(msgspec.Struct, frozen=True):
    """A recommended value for a hyperparameter, and why."""

    name: str
    value: float | str
    reason: str


def auto_epochs(examples: int) -> int:
    """Return the epochs that "auto" is expected to choose for this number of examples."""
    if examples < 1:
        return _TARGET_EPOCHS
    if examples * _TARGET_EPOCHS < _MIN_SEEN:
        return min(_MAX_EPOCHS, _MIN_SEEN // examples)
    if examples * _TARGET_EPOCHS > _MAX_SEEN:
        return max(1, _MAX_SEEN // examples)
    return _TARGET_EPOCHS


def auto_batch_size(examples: int) -> int:
    """Return the batch size that "auto" is expected to choose: 1 up to 500 examples, then 0.2 % of them."""
    return max(1, min(_MAX_BATCH, round(examples * _BATCH_SHARE)))


def advise(format_name: str, examples: int) -> list[Advice]:
    """Return recommended hyperparameters, each with its reason."""
    epochs, batch = auto_epochs(examples), auto_batch_size(examples)
    seen = f"{examples} examples seen {epochs} times make {examples * epochs} steps at batch size 1"
    advice = [
        Advice("n_epochs", epochs, f'{seen}; the provider\'s "auto" chooses the same'),
        Advice("batch_size", batch, "about 0.2 % of the examples; larger ones average away rare cases"),
        Advice(
            "learning_rate_multiplier",
            "auto",
            "change it only if the losses suggest it: halve it if the validation loss rises early, "
            "double it if the training loss hardly falls",
        ),
    ]
    if format_name == "completion":
        advice.append(
            Advice(
                "prompt_loss_weight",
                0.01,
                "keeps some of the prompt's loss, which stabilises training on short completions",
            )
        )
    if format_name == "preference":
        advice.append(
            Advice("beta", 0.1, "the usual default; a lower value follows the preferences more closely")
        )
    return advice
