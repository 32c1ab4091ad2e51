"""How people prove who they are besides a password: passkeys, second factors with recovery codes,
identities at providers, and the steps of signing in that have begun.

Old code goes on: it begins sessions that are neither strong nor freshly proved, and asks for no
second factor; the way back is refused while somebody has one, who would then need it no more.
"""

from alembic import op

from migrations.tenancy import begin, grant_app

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    begin()
    op.execute(UP)
    grant_app(
        "passkey",
        "sign_in_step",
        "second_factor",
        "recovery_code",
        "identity_provider",
        "linked_identity",
    )


def downgrade() -> None:
    """Take them back, unless a second factor would then be asked for no more."""
    begin()
    op.execute(REFUSE)
    op.execute(DOWN)


UP = """
CREATE TABLE passkey (
    credential_id BYTEA NOT NULL PRIMARY KEY,
    uid UUID NOT NULL UNIQUE,
    person_id BIGINT NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    copied_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX passkey_person ON passkey (person_id);
CREATE TABLE sign_in_step (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    person_id BIGINT,
    sealed BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE INDEX sign_in_step_end ON sign_in_step (expires_at);
CREATE TABLE second_factor (
    person_id BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    last_step BIGINT DEFAULT 0 NOT NULL
);
CREATE TABLE recovery_code (
    person_id BIGINT NOT NULL,
    code_hash BYTEA NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (person_id, code_hash)
);
CREATE TABLE identity_provider (
    slug TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name JSONB NOT NULL,
    client_id TEXT NOT NULL,
    options JSONB NOT NULL,
    sealed BYTEA,
    secret_from TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL
);
CREATE TABLE linked_identity (
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    uid UUID NOT NULL UNIQUE,
    person_id BIGINT NOT NULL,
    shown TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX linked_identity_person ON linked_identity (person_id);
ALTER TABLE sign_in_session ADD COLUMN strong BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN proved_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE project_role ADD COLUMN second_factor_since TIMESTAMP WITH TIME ZONE
"""
REFUSE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM second_factor WHERE confirmed_at IS NOT NULL)
        OR EXISTS (SELECT FROM project_role WHERE second_factor_since IS NOT NULL) THEN
        RAISE EXCEPTION 'people have second factors, or roles ask for them, and the version before '
            'does not know that: remove them first';
    END IF;
END $$
"""
DOWN = """
ALTER TABLE project_role DROP COLUMN second_factor_since;
ALTER TABLE sign_in_session DROP COLUMN strong, DROP COLUMN proved_at;
DROP TABLE passkey, sign_in_step, second_factor, recovery_code, identity_provider, linked_identity
"""
