"""Keep when a gateway last had to give up messages."""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import begin

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the instant beside the count."""
    begin()
    op.add_column(
        "gateway_state", sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    """Forget it; the count stays."""
    begin()
    op.drop_column("gateway_state", "dropped_at")
