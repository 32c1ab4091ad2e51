"""Keep what gateways say of their data budget."""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import begin

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NEW = ("data_bytes", "data_forecast", "data_budget")


def upgrade() -> None:
    """Add bytes used, their forecast and the limit of the running month."""
    begin()
    for name in NEW:
        op.add_column("gateway_state", sa.Column(name, sa.BigInteger, nullable=True))


def downgrade() -> None:
    """Forget them; the next birth says them again."""
    begin()
    for name in reversed(NEW):
        op.drop_column("gateway_state", name)
