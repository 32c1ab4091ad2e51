"""Let people ask things of gateways: commands, configuration documents, profiles; audit them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from migrations.tenancy import begin, grant_app, wall

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NEW = ("command", "audit", "gateway_config", "device_profile")
POINT = ("write_min", "write_max", "write_step")
STATE = ("software", "config_version", "config_hash", "backlog", "standing", "granted_until")


def upgrade() -> None:
    """Make the tables inside the wall; nobody may change what the audit says."""
    begin()
    _make_command()
    _make_audit()
    _make_configuration()
    for name in POINT:
        op.add_column("point", sa.Column(name, sa.Double, nullable=True))
    op.add_column("gateway_state", sa.Column("software", sa.Text, nullable=True))
    op.add_column("gateway_state", sa.Column("config_version", sa.BigInteger, nullable=True))
    op.add_column("gateway_state", sa.Column("config_hash", sa.Text, nullable=True))
    op.add_column("gateway_state", sa.Column("backlog", sa.BigInteger, nullable=True))
    op.add_column("gateway_state", sa.Column("standing", pg.JSONB, nullable=True))
    op.add_column("gateway_state", sa.Column("granted_until", _instant(), nullable=True))
    for table in NEW:
        wall(table)
    grant_app("command", "gateway_config", "device_profile")
    op.execute("GRANT SELECT, INSERT ON audit TO kw_app, kw_ingest")
    op.execute("GRANT SELECT, UPDATE ON command, gateway_config TO kw_ingest")
    op.execute("GRANT SELECT, INSERT, UPDATE ON event_counter TO kw_ingest")
    op.execute("GRANT INSERT ON event TO kw_ingest")


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _key(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, autoincrement=False, nullable=False)


def _project() -> "sa.Column[int]":
    return sa.Column("project_id", sa.Integer, autoincrement=False, nullable=False)


def _make_command() -> None:
    op.create_table(
        "command",
        _project(),
        sa.Column("id", sa.BigInteger, sa.Identity(always=False), nullable=False),
        sa.Column("uid", pg.UUID(as_uuid=True), nullable=False),
        sa.Column("gateway_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, server_default="write", nullable=False),
        sa.Column("device_id", sa.BigInteger, nullable=True),
        sa.Column("point", sa.Text, nullable=True),
        sa.Column("value", sa.Double, nullable=True),
        sa.Column("expected", sa.Double, nullable=True),
        sa.Column("params", pg.JSONB, nullable=True),
        sa.Column("not_after", _instant(), nullable=False),
        sa.Column("person_id", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("sent_at", _instant(), nullable=True),
        sa.Column("state", sa.Text, server_default="waiting", nullable=False),
        sa.Column("code", sa.Text, nullable=True),
        sa.Column("old_value", sa.Double, nullable=True),
        sa.Column("read_value", sa.Double, nullable=True),
        sa.Column("answer", pg.JSONB, nullable=True),
        sa.Column("state_at", _instant(), nullable=True),
        sa.Column("finished_at", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id"),
        sa.UniqueConstraint("project_id", "uid"),
    )
    op.create_index("command_gateway", "command", ["project_id", "gateway_id", "id"])


def _make_audit() -> None:
    op.create_table(
        "audit",
        _project(),
        _key("number"),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("person_id", sa.BigInteger, nullable=True),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("old", sa.Text, nullable=True),
        sa.Column("new", sa.Text, nullable=True),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "number"),
    )
    op.create_index("audit_ref", "audit", ["project_id", "ref"])


def _make_configuration() -> None:
    op.create_table(
        "gateway_config",
        _project(),
        _key("gateway_id"),
        _key("version"),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("note", sa.Text, server_default="", nullable=False),
        sa.Column("person_id", sa.BigInteger, nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("sent_at", _instant(), nullable=True),
        sa.Column("state", sa.Text, server_default="waiting", nullable=False),
        sa.Column("state_at", _instant(), nullable=True),
        sa.Column("problems", pg.JSONB, nullable=True),
        sa.PrimaryKeyConstraint("project_id", "gateway_id", "version"),
    )
    op.create_table(
        "device_profile",
        _project(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("person_id", sa.BigInteger, nullable=False),
        sa.Column("uploaded_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name"),
    )


def downgrade() -> None:
    """Forget what was asked of gateways, and the audit with it."""
    begin()
    op.execute("REVOKE ALL ON event, event_counter FROM kw_ingest")
    for name in POINT:
        op.drop_column("point", name)
    for name in STATE:
        op.drop_column("gateway_state", name)
    for table in NEW:
        op.drop_table(table)
