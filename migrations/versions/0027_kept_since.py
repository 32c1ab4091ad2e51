"""When an account that a version replaced had been accounted. Old code neither reads nor writes it.

Null for what was kept before.
"""

from alembic import op

from migrations.tenancy import begin

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    begin()
    op.execute("ALTER TABLE account_history ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE")


def downgrade() -> None:
    """Drop it."""
    begin()
    op.execute("ALTER TABLE account_history DROP COLUMN updated_at")
