"""Projects that people make themselves: what they look like and who operates the platform.

Old code goes on: every new column of `project` has a default or may be null.
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
    grant_app("project_logo", "platform_operator")
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
    ADD COLUMN standards JSONB DEFAULT '{}' NOT NULL;
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
)
"""
DOWN = """
DROP TABLE project_logo, platform_operator;
ALTER TABLE project DROP COLUMN template, DROP COLUMN created_by, DROP COLUMN accent,
    DROP COLUMN languages, DROP COLUMN energy_unit, DROP COLUMN standards
"""
