"""Shared devices of posts, what people take them with, access that ends by itself, and how much of
the audit a log server was told.

Old code goes on: it writes none of it, and knows no device's session.
"""

from alembic import op

from migrations.tenancy import begin, grant_app, seen_where, wall

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLES = ("shared_device", "person_badge", "person_pin", "delegation")


def upgrade() -> None:
    """Make the tables and the columns of sessions on shared devices."""
    begin()
    op.execute(UP)
    grant_app(*TABLES, "audit_told")
    wall("audit_told")
    seen_where("audit_told", "false")


def downgrade() -> None:
    """Drop them, and end what the version before would let go on for ever or without limits."""
    begin()
    op.execute(DOWN)


UP = """
CREATE TABLE shared_device (
    uid UUID NOT NULL PRIMARY KEY,
    project_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    node_id BIGINT,
    modules TEXT[],
    idle_s INTEGER NOT NULL,
    made_by BIGINT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    code_hash BYTEA UNIQUE,
    code_expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    credential_hash BYTEA UNIQUE,
    enrolled_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX shared_device_project ON shared_device (project_id);
CREATE TABLE person_badge (
    badge_hash BYTEA NOT NULL PRIMARY KEY,
    project_id INTEGER NOT NULL,
    person_id BIGINT NOT NULL,
    made_by BIGINT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX person_badge_person ON person_badge (project_id, person_id);
CREATE TABLE person_pin (
    person_id BIGINT NOT NULL PRIMARY KEY,
    pin_hash TEXT NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL
);
ALTER TABLE sign_in_session ADD COLUMN device_uid UUID, ADD COLUMN tap_hash BYTEA,
    ADD COLUMN node_id BIGINT, ADD COLUMN within BIGINT;
CREATE INDEX sign_in_session_device ON sign_in_session (device_uid)
    WHERE device_uid IS NOT NULL;
ALTER TABLE membership ADD COLUMN ends_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE invitation ADD COLUMN ends_at TIMESTAMP WITH TIME ZONE;
CREATE TABLE delegation (
    uid UUID NOT NULL PRIMARY KEY,
    project_id INTEGER NOT NULL,
    given_by BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    permissions TEXT[] NOT NULL,
    node_id BIGINT,
    modules TEXT[],
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_to TIMESTAMP WITH TIME ZONE NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX delegation_person ON delegation (person_id);
CREATE INDEX delegation_project ON delegation (project_id);
CREATE TABLE audit_told (
    project_id INTEGER NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
)
"""
DOWN = """
DELETE FROM sign_in_session WHERE device_uid IS NOT NULL;
DELETE FROM membership WHERE ends_at IS NOT NULL;
DELETE FROM invitation WHERE ends_at IS NOT NULL;
ALTER TABLE membership DROP COLUMN ends_at;
ALTER TABLE invitation DROP COLUMN ends_at;
DROP INDEX sign_in_session_device;
ALTER TABLE sign_in_session DROP COLUMN device_uid, DROP COLUMN tap_hash,
    DROP COLUMN node_id, DROP COLUMN within;
DROP TABLE audit_told, delegation, person_pin, person_badge, shared_device
"""
