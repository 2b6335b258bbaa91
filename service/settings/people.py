"""Settings of the pages for people."""

from pydantic import Field
from pydantic_settings import BaseSettings


class PeopleSettings(BaseSettings):
    """The part of the settings that bounds sessions."""

    session_idle_s: float = Field(
        default=3600.0,
        ge=60,
        description="How long a person stays signed in without opening a page.\n"
        "Lower it on shared computers.",
    )
    session_s: float = Field(
        default=12 * 3600.0,
        ge=60,
        description="How long a person stays signed in at most.\nLower it to make people sign in more often.",
    )
