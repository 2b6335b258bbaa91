"""What "auto" hyperparameters come to, and what we would advise.

Epochs follow the heuristic of OpenAI's cookbook (`Chat_finetuning_data_prep.ipynb`): three, more for
few examples (towards 100 seen, 25 epochs at most), fewer for very many (25,000 seen at most). Ten
examples give 10 epochs and a hundred give 3, which real jobs confirm. The provider has the last word: a
job's resolved hyperparameters replace this estimate.
"""

import msgspec

_TARGET_EPOCHS = 3
_MIN_SEEN, _MAX_SEEN = 100, 25_000
_MAX_EPOCHS = 25
# The legacy fine-tunes API documented a batch of about 0.2 % of the examples, 256 at most.
_BATCH_SHARE, _MAX_BATCH = 0.002, 256


class Advice(msgspec.Struct, frozen=True):
    """A hyperparameter, the value we would start from, and why."""

    name: str
    value: float | str
    reason: str


def auto_epochs(examples: int) -> int:
    """The epochs that "auto" is expected to choose for so many examples."""
    if examples < 1:
        return _TARGET_EPOCHS
    if examples * _TARGET_EPOCHS < _MIN_SEEN:
        return min(_MAX_EPOCHS, _MIN_SEEN // examples)
    if examples * _TARGET_EPOCHS > _MAX_SEEN:
        return max(1, _MAX_SEEN // examples)
    return _TARGET_EPOCHS


def auto_batch_size(examples: int) -> int:
    """The batch size that "auto" is expected to choose: 1 up to 500 examples, then 0.2 % of them."""
    return max(1, min(_MAX_BATCH, round(examples * _BATCH_SHARE)))


def advise(format_name: str, examples: int) -> list[Advice]:
    """Hyperparameters to start from, each with its reason."""
    epochs, batch = auto_epochs(examples), auto_batch_size(examples)
    seen = f"{examples} examples seen {epochs} times make {examples * epochs} steps at batch size 1"
    advice = [
        Advice("n_epochs", epochs, f'{seen}; the provider\'s "auto" chooses the same'),
        Advice("batch_size", batch, "about 0.2 % of the examples; larger ones average away rare cases"),
        Advice(
            "learning_rate_multiplier",
            "auto",
            "change it only when the losses say so: halve it when validation loss rises early, "
            "double it when training loss hardly falls",
        ),
    ]
    if format_name == "completion":
        advice.append(
            Advice(
                "prompt_loss_weight",
                0.01,
                "keeps a little of the prompt's loss, which steadies training on short completions",
            )
        )
    if format_name == "preference":
        advice.append(Advice("beta", 0.1, "a usual start; lower follows the preferences more closely"))
    return advice
