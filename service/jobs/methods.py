"""Methods of training and their hyperparameters on the wire."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from service.core.http.wire import JsonObject, WireIn

Auto = Literal["auto"]
Epochs = Auto | Annotated[int, Field(ge=1, le=50)]
BatchSize = Auto | Annotated[int, Field(ge=1, le=256)]
RateMultiplier = Auto | Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class Hyperparameters(WireIn):
    """The hyperparameters of every method; with "auto" the provider chooses."""

    n_epochs: Epochs = "auto"
    """Passes over the training file, 1 to 50. With "auto" the provider chooses."""
    batch_size: BatchSize = "auto"
    """Examples per step, 1 to 256. With "auto" the provider chooses."""
    learning_rate_multiplier: RateMultiplier = "auto"
    """Factor on the learning rate, above 0 and at most 1,000. With "auto" the provider chooses."""


class DpoHyperparameters(Hyperparameters):
    """The hyperparameters of preference tuning."""

    beta: Auto | Annotated[float, Field(gt=0, le=2)] = "auto"
    """Weight of staying close to the reference model, above 0 to 2. With "auto" the provider chooses."""


class ReinforcementHyperparameters(Hyperparameters):
    """The hyperparameters of reinforcement tuning."""

    reasoning_effort: Literal["default", "low", "medium", "high"] = "default"
    """How much the model reasons before it answers, in training and evaluation."""
    compute_multiplier: Auto | Annotated[float, Field(gt=0.00001, le=10)] = "auto"
    """Factor on the exploration of answers, above 0.00001 and at most 10; more costs more."""
    eval_interval: Auto | Annotated[int, Field(ge=1)] = "auto"
    """Steps between two evaluations, at least 1. With "auto" the provider chooses."""
    eval_samples: Auto | Annotated[int, Field(ge=1)] = "auto"
    """Answers per example in an evaluation, at least 1. With "auto" the provider chooses."""


class Supervised(WireIn):
    """Learn from example answers."""

    hyperparameters: Hyperparameters = Field(default_factory=Hyperparameters)
    """Those that you leave out are chosen by the provider."""


class Dpo(WireIn):
    """Learn from preferred and rejected answers."""

    hyperparameters: DpoHyperparameters = Field(default_factory=DpoHyperparameters)
    """Those that you leave out are chosen by the provider."""


class Reinforcement(WireIn):
    """Learn from a grader's scores."""

    grader: JsonObject
    """The grader, as OpenAI defines it. It goes to the provider unchanged."""
    hyperparameters: ReinforcementHyperparameters = Field(default_factory=ReinforcementHyperparameters)
    """Those that you leave out are chosen by the provider."""
    response_format: JsonObject | None = None
    """The JSON schema that answers must follow, as in a chat request; null for free text."""


class Method(WireIn):
    """A method and its settings."""

    type: Literal["supervised", "dpo", "reinforcement"]
    """The method. The training file's format must fit it."""
    supervised: Supervised | None = None
    """Settings of the method `supervised`; null means its defaults."""
    dpo: Dpo | None = None
    """Settings of the method `dpo`; null means its defaults."""
    reinforcement: Reinforcement | None = None
    """Settings of the method `reinforcement`, which needs a grader."""

    @model_validator(mode="after")
    def _settings_belong_to_the_type(self) -> "Method":
        given = {name for name in ("supervised", "dpo", "reinforcement") if getattr(self, name) is not None}
        if stray := sorted(given - {self.type}):
            raise ValueError(f"remove '{stray[0]}' or set 'type' to it: the type is '{self.type}'")
        if self.type == "reinforcement" and self.reinforcement is None:
            raise ValueError("'reinforcement' needs a grader: send it as method.reinforcement.grader")
        return self

    @property
    def settings(self) -> Supervised | Dpo | Reinforcement:
        """The settings of the chosen method, or its defaults."""
        return (
            self.supervised
            or self.dpo
            or self.reinforcement
            or (Dpo() if self.type == "dpo" else Supervised())
        )
