"""Roles as rows, memberships limited to a part of the project and what limited members see, keys
of programs, invitations, and tries to sign in that failed.

Old code goes on: it writes memberships without limits, reads roles from its own list, and never
turns into kw_limited.
"""

from alembic import op

from migrations.tenancy import among, begin, grant_app, not_seen, open_module, seen_where

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ALL = "true"
NOTHING = "false"


def _of_scope(*modules: str) -> str:
    scopes = f"(scope = 1 AND {among('scope_id', 'meters')})"
    scopes += f" OR (scope = 2 AND {among('scope_id', 'nodes')})"
    return " AND ".join([*(open_module(one) for one in modules), f"({scopes})"])


def _in(module: str, rule: str) -> str:
    return f"{open_module(module)} AND {rule}"


_OCCURRENCES = (
    "occurrence_id IN (SELECT o.id FROM alarm_occurrence o WHERE o.project_id = {}.project_id)"
)
_DEFINITIONS = (
    "definition_id IN (SELECT d.id FROM alarm_definition d WHERE d.project_id = {}.project_id)"
)
RULES: dict[str, tuple[str, str]] = {
    # What the plant is.
    "tree": (ALL, ""),
    "node": (among("id", "nodes"), ""),
    "node_meter": (f"{among('node_id', 'nodes')} AND {among('meter_id', 'meters')}", ""),
    "meter": (among("id", "meters"), ""),
    "meter_source": (among("meter_id", "meters"), ""),
    "device": (among("id", "devices"), ""),
    "point": (among("id", "points"), ""),
    "conversion": (among("node_id", "nodes"), ""),
    "supply_contract": (among("node_id", "nodes"), ""),
    "shed_item": (among("node_id", "nodes"), ""),
    # Its calendar, prices and factors hold for everybody.
    "calendar_period": (ALL, ""),
    "shift_period": (among("node_id", "line"), ""),
    "shift_pattern": (among("node_id", "line"), ""),
    "operating_state": (among("node_id", "line"), ""),
    "tariff": (ALL, ""),
    "tariff_slot": (ALL, ""),
    "factor": (ALL, ""),
    # Figures, and how far they are.
    "account": (_of_scope("energy"), ""),
    "account_history": (_of_scope("energy"), ""),
    "demand_peak": (_in("energy", among("node_id", "nodes")), ""),
    "register_judgement": (_in("energy", among("point_id", "points")), ""),
    "stale": (_of_scope(), ""),
    "dirty": (among("point_id", "points"), "INSERT"),
    "account_rate": (ALL, ""),
    "regroup": (ALL, ""),
    "restatement": (NOTHING, ""),
    # Values, gateways, commands.
    "reading": (among("point_id", "points"), "INSERT"),
    "reading_day": (among("point_id", "points"), ""),
    "reading_late": (among("point_id", "points"), ""),
    "last_value": (among("point_id", "points"), "INSERT, UPDATE"),
    "gateway": (_in("devices", among("id", "gateways")), ""),
    "gateway_state": (_in("devices", among("gateway_id", "gateways")), ""),
    "command": (_in("devices", among("device_id", "devices")), "INSERT"),
    "point_alias": (NOTHING, ""),
    "reading_quarantine": (NOTHING, ""),
    "gateway_config": (NOTHING, ""),
    "device_profile": (NOTHING, ""),
    "enrolment_code": (NOTHING, ""),
    "enrolment_event": (NOTHING, ""),
    "gateway_certificate": (NOTHING, ""),
    # Alarms.
    "alarm_definition": (
        _in("alarms", f"({among('node_id', 'nodes')} OR {among('meter_id', 'meters')})"),
        "",
    ),
    "alarm_occurrence": (_DEFINITIONS.format("alarm_occurrence"), "UPDATE"),
    "alarm_transition": (_DEFINITIONS.format("alarm_transition"), "INSERT"),
    "alarm_ack": (_OCCURRENCES.format("alarm_ack"), "INSERT"),
    "alarm_lease": (NOTHING, ""),
    "push_subscription": (ALL, "INSERT, UPDATE, DELETE"),
    # Occurrence 0 is a test that a person sends to themselves.
    "notification": (
        f"occurrence_id = 0 OR {_OCCURRENCES.format('notification')}",
        "INSERT, UPDATE",
    ),
    # Equipment.
    "equipment": (_in("equipment", among("node_id", "nodes")), ""),
    "equipment_interval": (_in("equipment", among("node_id", "nodes")), ""),
    "equipment_hour": (_in("equipment", among("node_id", "nodes")), ""),
    # What people record.
    "hand_reading": (_in("records", among("meter_id", "meters")), "INSERT, UPDATE"),
    "register_event": (among("point_id", "points"), "INSERT, UPDATE"),
    "stock_document": (_in("records", among("meter_id", "meters")), ""),
    "stock_rule": (_in("records", among("meter_id", "meters")), ""),
    "import_job": (NOTHING, ""),
    "sheet_import": (NOTHING, ""),
    # Told by permission, not by place.
    "event": (ALL, "INSERT"),
    "event_counter": (ALL, "INSERT, UPDATE"),
    "audit": (ALL, "INSERT"),
}
"""What members see who are limited to a part of a project, and what they may do besides."""
GLOBAL = ("project", "person", "membership", "project_role", "energy_type")
"""Read by statements of tenant tables too; they hold no figures."""


def upgrade() -> None:
    """Make roles and limits, and open the part of each table that belongs to a sight."""
    begin()
    op.execute(KNOWN_ROLE)
    op.execute(UP)
    for table, (rule, also) in RULES.items():
        seen_where(table, rule, also)
    grant_app("project_role", "api_key", "invitation", "sign_in_failure")
    op.execute(f"GRANT SELECT ON {', '.join(GLOBAL)} TO kw_limited")


def downgrade() -> None:
    """Take it back, unless somebody would then see more than they were given."""
    begin()
    op.execute(REFUSE)
    for table in RULES:
        not_seen(table)
    op.execute(f"REVOKE ALL ON {', '.join(GLOBAL)} FROM kw_limited")
    op.execute(DOWN)


KNOWN_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kw_limited') THEN
        RAISE EXCEPTION 'The database has no role kw_limited yet: run kilowise db init once as '
            'superuser, or hand the output of kilowise db init --print-sql to your administrator';
    END IF;
END $$
"""
UP = """
CREATE TABLE project_role (
    project_id INTEGER NOT NULL,
    slug TEXT NOT NULL,
    name JSONB NOT NULL,
    permissions TEXT[] NOT NULL,
    ready_made BOOLEAN DEFAULT false NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (project_id, slug)
);
ALTER TABLE membership ADD COLUMN node_id BIGINT, ADD COLUMN modules TEXT[];
ALTER TABLE sign_in_session ADD COLUMN uid UUID DEFAULT gen_random_uuid() NOT NULL,
    ADD COLUMN address TEXT DEFAULT '' NOT NULL;
CREATE INDEX sign_in_session_person ON sign_in_session (person_id);
CREATE TABLE api_key (
    key_hash BYTEA NOT NULL PRIMARY KEY,
    uid UUID NOT NULL UNIQUE,
    project_id INTEGER NOT NULL,
    person_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    permissions TEXT[] NOT NULL,
    node_id BIGINT,
    modules TEXT[],
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX api_key_project ON api_key (project_id);
CREATE TABLE invitation (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    uid UUID NOT NULL UNIQUE,
    project_id INTEGER NOT NULL,
    role TEXT NOT NULL,
    node_id BIGINT,
    modules TEXT[],
    note TEXT DEFAULT '' NOT NULL,
    invited_by BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE,
    accepted_by BIGINT,
    revoked_at TIMESTAMP WITH TIME ZONE
);
CREATE INDEX invitation_project ON invitation (project_id);
CREATE TABLE sign_in_failure (
    login TEXT NOT NULL,
    address TEXT NOT NULL,
    failures SMALLINT NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (login, address)
);
INSERT INTO project_role (project_id, slug, name, permissions, ready_made)
SELECT p.id, r.slug, r.name::jsonb, string_to_array(r.permissions, ' '), true
FROM project p CROSS JOIN (VALUES
    ('manager', '{"en": "Manager", "zh-CN": "经理"}',
     'read acknowledge demonstrate write audit plan model restate approve record'),
    ('shift_leader', '{"en": "Shift leader", "zh-CN": "班长"}',
     'read acknowledge demonstrate record'),
    ('shift_staff', '{"en": "Shift staff", "zh-CN": "值班员"}', 'read acknowledge record'),
    ('energy_engineer', '{"en": "Energy engineer", "zh-CN": "能源工程师"}',
     'read acknowledge import plan model restate record'),
    ('accountant', '{"en": "Accountant", "zh-CN": "会计"}', 'read approve record'),
    ('auditor', '{"en": "Auditor", "zh-CN": "审计员"}', 'read audit'),
    ('integrator', '{"en": "Integrator", "zh-CN": "集成商"}',
     'read configure support enrol import model keys'),
    ('administrator', '{"en": "Administrator", "zh-CN": "管理员"}',
     'read acknowledge import demonstrate write configure support audit enrol plan model restate'
     ' approve record people keys'),
    ('system_administrator', '{"en": "System administrator", "zh-CN": "系统管理员"}',
     'read import write configure support enrol plan model keys'),
    ('security_administrator', '{"en": "Security administrator", "zh-CN": "安全管理员"}',
     'read people'),
    ('audit_administrator', '{"en": "Audit administrator", "zh-CN": "审计管理员"}', 'read audit')
) AS r (slug, name, permissions)
"""
REFUSE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM membership WHERE node_id IS NOT NULL OR modules IS NOT NULL) THEN
        RAISE EXCEPTION 'membership has limits that the version before does not know: end those '
            'memberships first';
    END IF;
END $$
"""
DOWN = """
DROP TABLE project_role, api_key, invitation, sign_in_failure;
DROP INDEX sign_in_session_person;
ALTER TABLE sign_in_session DROP COLUMN uid, DROP COLUMN address;
ALTER TABLE membership DROP COLUMN node_id, DROP COLUMN modules
"""
