"""Weeks and shifts as periods of accounts; a shift knows the business day that it belongs to.

Old code goes on: a shift that it writes has no day, and it never asks for weeks.
"""

from alembic import op

from migrations.tenancy import begin

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the day; null where old code laid the shift."""
    begin()
    op.execute(UP)


def downgrade() -> None:
    """Drop what only new code reads."""
    begin()
    op.execute(DOWN)


UP = """
ALTER TABLE shift_period ADD COLUMN day DATE;
"""
DOWN = """
ALTER TABLE shift_period NO FORCE ROW LEVEL SECURITY;
DELETE FROM shift_period WHERE shift = '';
ALTER TABLE shift_period FORCE ROW LEVEL SECURITY, DROP COLUMN day;
ALTER TABLE calendar_period NO FORCE ROW LEVEL SECURITY;
DELETE FROM calendar_period WHERE period > 5;
ALTER TABLE calendar_period FORCE ROW LEVEL SECURITY;
ALTER TABLE account NO FORCE ROW LEVEL SECURITY;
DELETE FROM account WHERE period > 5;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
"""
