"""Enrolment of gateways: one-time codes, the certificates issued, and who did what."""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import begin, grant_app, wall

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("enrolment_code", "gateway_certificate", "enrolment_event")


def upgrade() -> None:
    """Make the tables inside the wall; ingest may read which certificates are admitted."""
    begin()
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "enrolment_code",
        *_keys(),
        sa.Column("code_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("ended_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id"),
        sa.UniqueConstraint("project_id", "code_hash"),
    )
    op.create_table(
        "gateway_certificate",
        *_keys(),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("issued_at", instant, nullable=False),
        sa.Column("not_after", instant, nullable=False),
        sa.Column("revoked_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id"),
        sa.UniqueConstraint("project_id", "fingerprint"),
    )
    op.create_table(
        "enrolment_event",
        *_keys(),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("person_id", sa.BigInteger, nullable=True),
        sa.Column("address", sa.Text, nullable=False, server_default=""),
        sa.Column("detail", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("project_id", "id"),
    )
    for table in TABLES:
        wall(table)
    grant_app(*TABLES)
    op.execute("GRANT SELECT ON gateway_certificate TO kw_ingest")


def downgrade() -> None:
    """Forget who was enrolled; gateways fall back to their secrets."""
    begin()
    for table in TABLES:
        op.drop_table(table)


def _keys() -> tuple[sa.Column[int], ...]:
    return (
        sa.Column("project_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger, sa.Identity(always=False), nullable=False),
        sa.Column("gateway_id", sa.BigInteger, nullable=False),
    )
