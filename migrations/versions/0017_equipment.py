"""When a meter has to be calibrated again; equipment with its states and their hours.

Old code goes on: the new column may be null.
"""

from alembic import op

from migrations.tenancy import begin, grant_app, wall

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = ("equipment", "equipment_interval", "equipment_hour")


def upgrade() -> None:
    """Make the tables and the column."""
    begin()
    op.execute(UP)
    for table in TABLES:
        wall(table)
    grant_app(*TABLES)


def downgrade() -> None:
    """Drop them."""
    begin()
    op.execute(DOWN)


UP = """
ALTER TABLE meter ADD COLUMN calibrated_until DATE;
CREATE TABLE equipment (
    project_id INTEGER NOT NULL,
    node_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    meter_id BIGINT NOT NULL,
    status_point_id BIGINT,
    standby_kw NUMERIC NOT NULL,
    load_kw NUMERIC NOT NULL,
    rated_kw NUMERIC,
    dwell_s BIGINT NOT NULL,
    twin_group TEXT,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (project_id, node_id)
);
CREATE TABLE equipment_interval (
    project_id INTEGER NOT NULL,
    node_id BIGINT NOT NULL,
    start_ts TIMESTAMP WITH TIME ZONE NOT NULL,
    end_ts TIMESTAMP WITH TIME ZONE NOT NULL,
    state SMALLINT NOT NULL,
    PRIMARY KEY (project_id, node_id, start_ts)
);
CREATE TABLE equipment_hour (
    project_id INTEGER NOT NULL,
    node_id BIGINT NOT NULL,
    start_ts TIMESTAMP WITH TIME ZONE NOT NULL,
    off_s BIGINT NOT NULL,
    idle_s BIGINT NOT NULL,
    load_s BIGINT NOT NULL,
    unknown_s BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    run_qty BIGINT NOT NULL,
    idle_qty BIGINT NOT NULL,
    idle_cost NUMERIC,
    samples BIGINT NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (project_id, node_id, start_ts)
);
"""
DOWN = """
DROP TABLE equipment_hour, equipment_interval, equipment;
ALTER TABLE meter DROP COLUMN calibrated_until;
"""
