"""Keep when a device went silent, as its gateway said it."""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import begin

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the instant beside that of the last birth."""
    begin()
    op.add_column("device", sa.Column("died_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Forget it; the next death says it again."""
    begin()
    op.drop_column("device", "died_at")
