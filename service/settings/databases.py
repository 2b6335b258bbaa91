"""Settings of the database: its addresses and the pool of connections."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from service.settings.secrets import Secret


class DatabaseSettings(BaseSettings):
    """The part of the settings that says how to reach PostgreSQL."""

    database_url: Secret = Field(
        default=SecretStr("postgresql+psycopg://localhost/tunehouse"),
        description="PostgreSQL 15 or newer. It holds everything that must not be lost.\n"
        "Always, outside `tunehouse up`.",
    )
    direct_database_url: Secret | None = Field(
        default=None,
        description="The same database past the pooler, for what needs a connection of its own: "
        "notifications, the gateway's two statements, and `tunehouse migrate`.\n"
        "When `TUNEHOUSE_DATABASE_URL` leads to pgbouncer in transaction mode, or to a pooler like it.",
    )
    reports_database_url: Secret | None = Field(
        default=None,
        description="A read replica, for reports of costs and usage and for exports.\n"
        "When long reports slow the primary. Figures are then as old as the replica's lag.",
    )
    migrate_database_url: Secret | None = Field(
        default=None,
        description="The same database as the owner of its tables, for `tunehouse migrate` and "
        "`tunehouse archive-ledger` alone.\n"
        "Always in production: without it, api and workers own the tables and could rewrite history.",
    )
    db_pool_size: int = Field(
        default=40,
        ge=1,
        description="Database connections per process.\n"
        "Keep it at 40 or more: an api process answers 32 requests and checks 8 keys at a time. With "
        "fewer, they wait for each other.",
    )
    db_pool_timeout_s: float = Field(
        default=5.0,
        gt=0,
        description="How long a request waits for a database connection before it gets a 503.\n"
        "Raise it to ride out short peaks; lower it to fail faster.",
    )
