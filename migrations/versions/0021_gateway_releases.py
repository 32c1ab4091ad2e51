"""Releases of the gateway's software, and who may bring them. Old code does neither."""

from alembic import op

from migrations.tenancy import begin, grant_app, seen_where, wall

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; it stays closed to members of a part."""
    begin()
    op.execute(UP)
    wall("gateway_release")
    grant_app("gateway_release")
    seen_where("gateway_release", "false")
    op.execute(f"UPDATE project_role SET permissions = permissions || '{{update}}' {READY_MADE}")


def downgrade() -> None:
    """Drop it: whoever has the files brings them again."""
    begin()
    op.execute("UPDATE project_role SET permissions = array_remove(permissions, 'update')")
    op.execute("DROP TABLE gateway_release")


READY_MADE = """
WHERE ready_made AND NOT 'update' = ANY (permissions)
  AND slug IN ('administrator', 'system_administrator', 'integrator')
"""
UP = """
CREATE TABLE gateway_release (
    project_id INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    version TEXT NOT NULL,
    min_wire TEXT NOT NULL,
    content BYTEA NOT NULL,
    person_id BIGINT NOT NULL,
    uploaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (project_id, sha256)
)
"""
