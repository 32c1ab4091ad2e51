"""Months of the audit that were moved into files, and the only statement that moves them.

Old code goes on: it neither reads the table nor calls the function. The way back is refused while
entries stand in files, because the table alone would then look tampered with.
"""

from alembic import op

from migrations.tenancy import begin, seen_where, wall

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, which nobody but the owner writes, and the function, which only it calls."""
    begin()
    op.execute(TABLE)
    op.execute("GRANT SELECT ON audit_file TO kw_app")
    wall("audit_file")
    seen_where("audit_file", "true")
    op.execute(MOVE)
    op.execute(f"REVOKE ALL ON FUNCTION {SIGNATURE} FROM PUBLIC")


def downgrade() -> None:
    """Drop both, unless entries were moved."""
    # Not `begin`: whether there are rows of any project is seen as the owner, without the wall.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE audit_file NO FORCE ROW LEVEL SECURITY")
    op.execute(REFUSE)
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    op.execute("DROP TABLE audit_file")


TABLE = """
CREATE TABLE audit_file (
    project_id INTEGER NOT NULL,
    last_number BIGINT NOT NULL,
    first_number BIGINT NOT NULL,
    month TEXT NOT NULL,
    before_hash BYTEA NOT NULL,
    head_hash BYTEA NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    moved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (project_id, last_number),
    UNIQUE (project_id, month)
)
"""
SIGNATURE = "audit_move_out(integer, text, bigint, bytea, text, bigint, timestamptz)"
# Whoever calls it needs the rights themselves (SECURITY INVOKER): kw_owner alone has them. What it
# is told is compared with the rows; the six months are those of the database's own clock.
MOVE = """
CREATE FUNCTION audit_move_out(
    project integer, of_month text, upto bigint, head bytea, file_sha256 text, file_bytes bigint,
    moved timestamptz
) RETURNS bigint LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    begun bigint;
    before bytea;
    gone bigint;
BEGIN
    SELECT f.last_number + 1, f.head_hash INTO begun, before FROM audit_file f
    WHERE f.project_id = project ORDER BY f.last_number DESC LIMIT 1;
    begun := coalesce(begun, 1);
    IF NOT EXISTS (SELECT FROM audit a WHERE a.project_id = project AND a.number > upto) THEN
        RAISE 'the newest entry of the audit stays in the table';
    END IF;
    IF NOT EXISTS (SELECT FROM audit a
                   WHERE a.project_id = project AND a.number = upto AND a.hash = head) THEN
        RAISE 'entry % has another hash', upto;
    END IF;
    IF EXISTS (SELECT FROM audit a WHERE a.project_id = project AND a.number <= upto
               AND a.at > clock_timestamp() - interval '6 months') THEN
        RAISE 'entries of the last six months stay in the table';
    END IF;
    INSERT INTO audit_file (project_id, last_number, first_number, month, before_hash, head_hash,
        sha256, bytes, moved_at)
    VALUES (project, upto, begun, of_month, coalesce(before, ''::bytea), head,
        file_sha256, file_bytes, moved);
    DELETE FROM audit a WHERE a.project_id = project AND a.number <= upto;
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF gone <> upto - begun + 1 THEN
        RAISE 'entries % to % are not whole', begun, upto;
    END IF;
    RETURN gone;
END
$$
"""
REFUSE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM audit_file) THEN
        RAISE 'Entries of the audit stand in files; the version before cannot read them.';
    END IF;
END $$
"""
