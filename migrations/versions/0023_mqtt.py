"""MQTT for third parties: credentials as rows, who serves a project, whose request a command was.

Old code knows none of it: brokers then let in gateways alone, as before.
"""

from alembic import op

from migrations.tenancy import begin, grant_app, seen_where, wall

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

TABLES = ("mqtt_credential", "mqtt_lease", "mqtt_request")


def upgrade() -> None:
    """Make the tables; members of a part see no credential."""
    begin()
    op.execute(UP)
    for table in TABLES:
        wall(table)
    for table in ("mqtt_credential", "mqtt_lease"):
        seen_where(table, "false")
    # Written with the command itself, whose device must be in the member's part.
    seen_where("mqtt_request", "true", "INSERT")
    grant_app(*TABLES)
    op.execute("GRANT SELECT ON mqtt_credential TO kw_ingest")


def downgrade() -> None:
    """Drop them: third parties are not let in any more."""
    begin()
    op.execute(f"DROP TABLE {', '.join(TABLES)}")


UP = """
CREATE TABLE mqtt_credential (
    project_id INTEGER NOT NULL,
    uid UUID NOT NULL,
    person_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    secret TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    node_id BIGINT,
    publish TEXT[] NOT NULL,
    subscribe TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (project_id, uid)
);
CREATE TABLE mqtt_lease (
    project_id INTEGER NOT NULL,
    owner TEXT NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (project_id)
);
CREATE TABLE mqtt_request (
    project_id INTEGER NOT NULL,
    uid UUID NOT NULL,
    credential UUID NOT NULL,
    correlation TEXT NOT NULL,
    PRIMARY KEY (project_id, uid)
)
"""
