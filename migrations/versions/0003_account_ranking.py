"""Rank days, months and years only: the index over every quarter hour cost more than the accounts.

Measured with 50 meters: hours summed from quarter hours 25 times as fast, because no lookup of one
account is served by an index that holds all scopes of that time.
"""

from alembic import op

from migrations.tenancy import begin

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = "account (project_id, scope, period, energy, start_ts, qty DESC)"


def upgrade() -> None:
    """Keep the index for periods that are ranked."""
    begin()
    op.execute("DROP INDEX account_ranking")
    op.execute(f"CREATE INDEX account_ranking ON {COLUMNS} WHERE period >= 3")


def downgrade() -> None:
    """Index every period again."""
    begin()
    op.execute("DROP INDEX account_ranking")
    op.execute(f"CREATE INDEX account_ranking ON {COLUMNS}")
