"""The job queue: procrastinate's own schema in `jobs`, used by kw_app as a non-owner.

Its migrations up to 03.04 are applied in their order, so the result does not depend on the version
that happens to be installed; a later one is a migration of ours.
"""

from importlib import resources

from alembic import op

from migrations.tenancy import begin

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP_TO = "03.04.00_50"


def upgrade() -> None:
    """Make the schema and everything of procrastinate in it."""
    begin()
    # Enum values can only be used once committed, so each file commits; a half-made schema of an
    # interrupted run holds no jobs yet.
    folder = resources.files("procrastinate") / "sql" / "migrations"
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS jobs CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA jobs")
        connection.exec_driver_sql("SET search_path = jobs")
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.name.endswith(".sql") and file.name[: len(UP_TO)] <= UP_TO:
                connection.exec_driver_sql(file.read_text(encoding="utf-8").replace("%", "%%"))
        connection.exec_driver_sql("RESET search_path")
    op.execute("GRANT USAGE ON SCHEMA jobs TO kw_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO kw_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO kw_app")
    op.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs TO kw_app")


def downgrade() -> None:
    """Drop the schema with all jobs."""
    begin()
    op.execute("DROP SCHEMA jobs CASCADE")
