"""Default limits of teams and keys, which admins can override for each."""

from decimal import Decimal

from pydantic import Field
from pydantic_settings import BaseSettings


class TeamSettings(BaseSettings):
    """Rate limits and quotas; None means no limit."""

    key_requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Requests per minute and key. Without it, a key is limited only by the provider.\n"
        "To keep one key from using up its team's share.",
    )
    key_tokens_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Tokens per minute and key, input and output together.\n"
        "To keep one key from using up its team's share.",
    )
    team_requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Requests per minute and team. Without it, one team can use up the provider's limit for "
        "all.\n"
        "When several teams share one provider account.",
    )
    team_tokens_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Tokens per minute and team, input and output together.\n"
        "When several teams share one provider account.",
    )
    default_team_budget_usd: Decimal | None = Field(
        default=None,
        ge=0,
        max_digits=14,
        decimal_places=2,
        description="The monthly budget that a new team gets, in US dollars. Without it, a new team can "
        "spend without limit until an admin sets its budget.\nSet it wherever teams are created by a script.",
    )
    team_storage_bytes: int | None = Field(
        default=2**40,
        ge=0,
        description="Bytes that the files of a team may take. An admin can set this and the other quotas "
        "per team.\nTo fit your storage.",
    )
    team_files: int | None = Field(default=100_000, ge=0, description="Files that a team may keep.\nRarely.")
    team_endpoints: int | None = Field(
        default=50, ge=0, description="Webhook endpoints of a team; each event may call all of them.\nRarely."
    )
    team_keys: int | None = Field(
        default=500, ge=0, description="Working keys that a team may have.\nWhen a team makes a key per run."
    )
    team_queued_jobs: int | None = Field(
        default=1000, ge=0, description="Unfinished fine-tuning jobs of a team.\nFor teams that sweep."
    )
