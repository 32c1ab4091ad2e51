"""Closed days of readings as arrays, and the samples on their way into them.

Old code goes on: it neither reads nor writes them; nothing is moved before new code runs.
"""

from alembic import op

from migrations.tenancy import begin, grant_app, wall

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ("reading_day", "reading_late")


def upgrade() -> None:
    """Make both tables."""
    begin()
    op.execute(UP)
    for table in TABLES:
        wall(table)
    grant_app(*TABLES)
    op.execute("GRANT SELECT, INSERT ON reading_late TO kw_ingest")


def downgrade() -> None:
    """Drop them, unless they hold what is nowhere else."""
    begin()
    op.execute(DOWN)


UP = """
CREATE TABLE reading_day (
    project_id INTEGER NOT NULL,
    point_id BIGINT NOT NULL,
    day DATE NOT NULL,
    count INTEGER NOT NULL,
    first_ts TIMESTAMP WITH TIME ZONE NOT NULL,
    unit_us BIGINT NOT NULL,
    base BIGINT NOT NULL,
    divisor DOUBLE PRECISION NOT NULL,
    times_2 SMALLINT[],
    times_4 INTEGER[],
    times_8 BIGINT[],
    values_2 SMALLINT[],
    values_4 INTEGER[],
    values_8 BIGINT[],
    floats_4 REAL[],
    floats_8 DOUBLE PRECISION[],
    quality_from INTEGER[],
    quality SMALLINT[],
    PRIMARY KEY (project_id, point_id, day)
);
CREATE TABLE reading_late (
    project_id INTEGER NOT NULL,
    point_id BIGINT NOT NULL,
    ts TIMESTAMP WITH TIME ZONE NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    quality SMALLINT NOT NULL,
    PRIMARY KEY (project_id, point_id, ts)
);
"""
DOWN = """
ALTER TABLE reading_day NO FORCE ROW LEVEL SECURITY;
ALTER TABLE reading_late NO FORCE ROW LEVEL SECURITY;
DO $$ BEGIN
    IF EXISTS (SELECT FROM reading_day) OR EXISTS (SELECT FROM reading_late) THEN
        RAISE EXCEPTION 'reading_day or reading_late holds readings that are nowhere else: move '
            'them back first (backend.acquisition.cold.expand) or delete them on purpose';
    END IF;
END $$;
DROP TABLE reading_day, reading_late;
"""
