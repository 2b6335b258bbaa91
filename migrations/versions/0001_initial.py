"""The schema of the first release."""

from alembic import op

from migrations.scripts import run_functions, run_tables

revision = "0001"
down_revision = None

# Files in `initial/`, ordered so that a table comes after those it refers to.
TABLES = (
    "work",
    "teams",
    "people",
    "events",
    "catalog",
    "files",
    "ledger",
    "models",
    "jobs",
    "gateway",
    "comparisons",
    "model_migrations",
    "webhooks",
    "audit",
)


def upgrade() -> None:
    run_tables(op.get_bind(), *TABLES)
    run_functions(op.get_bind(), "periods")  # first, because the other files use it
    run_functions(op.get_bind())


def downgrade() -> None:
    """Drop all tables and functions, except Alembic's own table and those of extensions."""
    op.execute(
        """
        DO $$
        DECLARE
            name text;
        BEGIN
            FOR name IN SELECT format('%I', tablename) FROM pg_tables
                        WHERE schemaname = current_schema() AND tablename <> 'alembic_version'
            LOOP
                EXECUTE 'DROP TABLE IF EXISTS ' || name || ' CASCADE';  -- partitions go with their table
            END LOOP;
            FOR name IN SELECT p.oid::regprocedure::text FROM pg_proc p
                        WHERE p.pronamespace = current_schema()::regnamespace
                          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
            LOOP
                EXECUTE 'DROP FUNCTION ' || name || ' CASCADE';
            END LOOP;
        END $$
        """
    )
