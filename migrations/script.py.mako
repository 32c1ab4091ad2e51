"""${message}."""

from alembic import op

from migrations.tenancy import begin

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """${message}."""
    begin()
    op.execute("""
    """)


def downgrade() -> None:
    """Take it back."""
    begin()
    op.execute("""
    """)
