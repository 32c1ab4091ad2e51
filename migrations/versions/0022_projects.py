"""Projects that people make themselves: what they look like, what they may use, when they rest or
end, and who operates the platform.

Old code goes on: every new column of `project` has a default or may be null. It knows no quotas.
"""

from alembic import op

from migrations.tenancy import begin, grant_app, seen_where, wall

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make columns and tables; administrators may look after their project."""
    begin()
    op.execute(UP)
    wall("project_logo")
    grant_app("project_logo", "platform_operator", "project_quota", "project_use")
    op.execute("GRANT SELECT ON project_quota TO kw_ingest")
    op.execute("GRANT SELECT, INSERT, UPDATE ON project_use TO kw_ingest")
    seen_where("project_logo", "true")
    op.execute(f"UPDATE project_role SET permissions = permissions || '{{project}}' {READY_MADE}")


def downgrade() -> None:
    """Take it back: projects stay, without their looks."""
    begin()
    op.execute("UPDATE project_role SET permissions = array_remove(permissions, 'project')")
    op.execute(DOWN)


READY_MADE = """
WHERE ready_made AND slug = 'administrator' AND NOT 'project' = ANY (permissions)
"""
UP = """
ALTER TABLE project
    ADD COLUMN template TEXT,
    ADD COLUMN created_by BIGINT,
    ADD COLUMN accent TEXT,
    ADD COLUMN languages TEXT[] DEFAULT '{en,zh-CN}' NOT NULL,
    ADD COLUMN energy_unit TEXT DEFAULT 'kWh' NOT NULL,
    ADD COLUMN standards JSONB DEFAULT '{}' NOT NULL,
    ADD COLUMN suspended_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN suspended_takes_data BOOLEAN DEFAULT true NOT NULL,
    ADD COLUMN delete_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN stored_bytes BIGINT DEFAULT 0 NOT NULL;
CREATE TABLE project_logo (
    project_id INTEGER NOT NULL PRIMARY KEY,
    content BYTEA NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE TABLE platform_operator (
    person_id BIGINT NOT NULL PRIMARY KEY,
    since TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE TABLE project_quota (
    project_id INTEGER NOT NULL PRIMARY KEY,
    points_per_s INTEGER DEFAULT 0 NOT NULL,
    storage_mb INTEGER DEFAULT 0 NOT NULL,
    people INTEGER DEFAULT 0 NOT NULL,
    messages_per_day INTEGER DEFAULT 0 NOT NULL
);
CREATE TABLE project_use (
    project_id INTEGER NOT NULL,
    day DATE NOT NULL,
    points BIGINT DEFAULT 0 NOT NULL,
    refused BIGINT DEFAULT 0 NOT NULL,
    refused_at TIMESTAMP WITH TIME ZONE,
    messages BIGINT DEFAULT 0 NOT NULL,
    messages_refused BIGINT DEFAULT 0 NOT NULL,
    PRIMARY KEY (project_id, day)
)
"""
DOWN = """
DROP TABLE project_logo, platform_operator, project_quota, project_use;
ALTER TABLE project DROP COLUMN template, DROP COLUMN created_by, DROP COLUMN accent,
    DROP COLUMN languages, DROP COLUMN energy_unit, DROP COLUMN standards,
    DROP COLUMN suspended_at, DROP COLUMN suspended_takes_data, DROP COLUMN delete_at,
    DROP COLUMN stored_bytes
"""
