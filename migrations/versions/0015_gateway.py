"""Let a settlement be one statement where there is nothing to tell."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    # Whoever settles without a transaction cannot append the event of a threshold; then nothing happens.
    op.execute(
        """
        CREATE FUNCTION ledger_settle_untold(subjects jsonb, charges jsonb) RETURNS void
        LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM FROM ledger_settle(subjects, charges);
            IF FOUND THEN
                RAISE restrict_violation USING MESSAGE = 'a threshold was crossed, which must be told of';
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION ledger_settle_untold")
