"""Settings of what is offered: the providers, and models that the sandbox stands in for."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings

from service.settings.providers import ProviderSettings, check_names


class OfferingSettings(BaseSettings):
    """The part of the settings that says which models there are."""

    providers: Annotated[list[ProviderSettings], AfterValidator(check_names)] = Field(
        default_factory=list,
        description="The providers that train and serve models; see below.\n"
        "Always. Without any, nothing can be trained or served.",
    )
    sandbox_stand_ins: str = Field(
        default="",
        description="OpenAI's bases, separated by commas, whose names the sandbox answers to.\n"
        "For CI that runs offline with the names of its real models.",
    )

    @property
    def stand_in_names(self) -> list[str]:
        """The names in `sandbox_stand_ins`."""
        return [name.strip() for name in self.sandbox_stand_ins.split(",") if name.strip()]

    @model_validator(mode="after")
    def _is_sandbox_alone(self) -> Self:
        """Refuse to mix real and simulated models of one name."""
        kinds = {one.kind for one in self.providers}
        if self.stand_in_names and kinds - {"trainer"}:
            raise ValueError(
                "TUNEHOUSE_SANDBOX_STAND_INS cannot be set beside providers other than a trainer: a request "
                "for a real model could be answered by a simulated one. Remove one of them"
            )
        return self
