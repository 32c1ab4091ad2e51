"""What taking an applied restatement back needs. Old code neither reads nor writes it."""

from alembic import op

from migrations.tenancy import begin

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    begin()
    op.execute("ALTER TABLE restatement ADD COLUMN undo JSONB")


def downgrade() -> None:
    """Drop it."""
    begin()
    op.execute("ALTER TABLE restatement DROP COLUMN undo")
