"""How far a restatement is, what it stands on, and the months of history found by version."""

from alembic import op

from migrations.tenancy import begin

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the dry run, the decision and the work that can be taken up again need."""
    begin()
    op.execute(
        "ALTER TABLE restatement ADD COLUMN work JSONB,"
        " ADD COLUMN started_at"
        " TIMESTAMP WITH TIME ZONE, ADD COLUMN answer TEXT, ADD COLUMN fault JSONB"
    )
    op.execute("CREATE INDEX restatement_open ON restatement (project_id, state)")
    op.execute(
        "CREATE INDEX account_history_month ON account_history (project_id, version)"
        " WHERE period = 4"
    )


def downgrade() -> None:
    """Drop them."""
    begin()
    op.execute("DROP INDEX restatement_open, account_history_month")
    op.execute(
        "ALTER TABLE restatement DROP COLUMN work,"
        " DROP COLUMN started_at, DROP COLUMN answer, DROP COLUMN fault"
    )
