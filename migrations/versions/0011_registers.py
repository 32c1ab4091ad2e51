"""Events of registers that answer one another, and meters that were read from another register.

Old code goes on: it knows neither the column nor the table.
"""

from alembic import op

from migrations.tenancy import begin, grant_app, wall

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("meter_source",)


def upgrade() -> None:
    """Make the column, the index and the table."""
    begin()
    op.execute(UP)
    for table in TABLES:
        wall(table)
    grant_app(*TABLES)
    op.execute("GRANT SELECT ON meter_source TO kw_ingest")
    op.execute("GRANT INSERT ON register_event TO kw_ingest")


def downgrade() -> None:
    """Drop them."""
    begin()
    op.execute("REVOKE INSERT ON register_event FROM kw_ingest")
    op.execute(DOWN)


UP = """
ALTER TABLE register_event ADD COLUMN answers BIGINT;
ALTER TABLE device ADD COLUMN serial TEXT, ADD COLUMN ratio TEXT;
CREATE INDEX register_event_point ON register_event (project_id, point_id, ts);
CREATE TABLE meter_source (
    project_id INTEGER NOT NULL,
    meter_id BIGINT NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE DEFAULT '1970-01-01 00:00:00+00' NOT NULL,
    valid_to TIMESTAMP WITH TIME ZONE,
    point_id BIGINT NOT NULL,
    PRIMARY KEY (project_id, meter_id, valid_from)
);
CREATE INDEX meter_source_point ON meter_source (project_id, point_id);
CREATE INDEX meter_point ON meter (project_id, point_id) WHERE point_id IS NOT NULL;
CREATE INDEX meter_device ON meter (project_id, device_id);
"""
DOWN = """
DROP TABLE meter_source;
DROP INDEX register_event_point, meter_point, meter_device;
ALTER TABLE device DROP COLUMN serial, DROP COLUMN ratio;
ALTER TABLE register_event DROP COLUMN answers;
"""
