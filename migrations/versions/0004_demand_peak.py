"""Keep the highest demand of each hour: a month's maximum is never read from its samples again."""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import begin, grant_app, wall

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table inside the wall."""
    begin()
    op.create_table(
        "demand_peak",
        sa.Column("project_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("node_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("start_ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kw", sa.Numeric, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "node_id", "start_ts"),
    )
    wall("demand_peak")
    grant_app("demand_peak")


def downgrade() -> None:
    """Forget the maxima; they are computed anew."""
    begin()
    op.drop_table("demand_peak")
