"""Answers to requests with an Idempotency-Key, for a day. Old code neither reads nor writes it."""

from alembic import op

from migrations.tenancy import begin, grant_app, seen_where, wall

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; members of a part ask and write their own rows, whose bodies are sealed."""
    begin()
    op.execute(ANSWERED)
    op.execute("CREATE INDEX answered_request_at ON answered_request (project_id, at)")
    wall("answered_request")
    grant_app("answered_request")
    seen_where("answered_request", "true", "INSERT, UPDATE")


def downgrade() -> None:
    """Forget them: a repeat acts twice again."""
    begin()
    op.execute("DROP TABLE answered_request")


ANSWERED = """
CREATE TABLE answered_request (
    project_id INTEGER NOT NULL,
    person_id BIGINT NOT NULL,
    credential TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BYTEA NOT NULL,
    status SMALLINT NOT NULL,
    headers JSONB NOT NULL,
    body BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (project_id, person_id, credential, key)
)
"""
