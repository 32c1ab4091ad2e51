"""Accounts that strangers ask for and an operator decides on. Old code knows of none of it."""

from alembic import op

from migrations.tenancy import begin, grant_app

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    begin()
    op.execute(UP)
    grant_app("sign_up")


def downgrade() -> None:
    """Forget who asked; who was let in stays a person."""
    begin()
    op.execute("DROP TABLE sign_up")


UP = """
CREATE TABLE sign_up (
    uid UUID NOT NULL PRIMARY KEY,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    locale TEXT NOT NULL,
    network TEXT NOT NULL,
    password_hash TEXT,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state TEXT NOT NULL,
    decided_by BIGINT,
    decided_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX sign_up_state ON sign_up (state, asked_at);
"""
